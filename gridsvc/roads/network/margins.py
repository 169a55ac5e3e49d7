"""Whether roads reach far enough beyond their district, and whose times are wrong where they do not (DESIGN 6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.roads.network.rim import WANTED_M, rim_of, seconds_from_rim
from gridsvc.roads.search.snapping import snap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.grids.levels import Grid
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.teams.model import Team

IN_TIME_S = 900.0
"""Who comes from beyond the end of the roads within this may be the one who should go."""

FARTHEST_STATION_M = 1_000.0
"""A post farther from any road of the network stands on roads that it does not hold."""


def margin(network: RoadNetwork, grids: Sequence[Grid], teams: Sequence[Team] = ()) -> dict[str, Any]:
    """Say how far a network reaches beyond grids.

    Returns wanted_m, least_m (over all grids), `grids`: those of the finest level that the end of the roads is within
    IN_TIME_S of (code, name, margin_m, rim_s), and `teams` whose stations are far from its roads (id, name, offroad_m).
    """
    finest = max(grid.level for grid in grids)
    own = [grid for grid in grids if grid.level == finest]
    rim = rim_of(network)
    corners, whose = shapely.get_coordinates([grid.geometry for grid in own], return_index=True)
    margin_m = np.full(len(own), np.inf)
    np.minimum.at(margin_m, whose, rim.margin_m(corners[:, 0], corners[:, 1]))
    seats = shapely.get_coordinates(shapely.point_on_surface([grid.geometry for grid in own]))
    rim_s = seconds_from_rim(network, rim, snap(network, seats[:, 0], seats[:, 1]))
    # a place without a road has no way either
    near = np.flatnonzero((margin_m < WANTED_M) & ((rim_s <= IN_TIME_S) | (margin_m <= 0)))
    stations = snap(network, [team.lon for team in teams], [team.lat for team in teams])
    offroad = [
        float(min(stations.offroad_m[a:b], default=np.inf))
        for a, b in zip(stations.first[:-1], stations.first[1:], strict=True)
    ]
    return {
        "wanted_m": WANTED_M,
        "least_m": round(float(margin_m.min()), 0),
        "grids": [
            {
                "code": own[i].code,
                "name": own[i].name,
                "margin_m": round(float(margin_m[i]), 0),
                "rim_s": None if np.isinf(rim_s[i]) else round(float(rim_s[i]), 1),
            }
            for i in near.tolist()
        ],
        "teams": [
            {"id": team.id, "name": team.name, "offroad_m": None if np.isinf(away) else round(away, 0)}
            for team, away in zip(teams, offroad, strict=True)
            if away > FARTHEST_STATION_M
        ],
    }


def in_words(margins: dict[str, Any]) -> list[str]:
    """Say a margin in a sentence or two; none where the roads reach far enough."""
    said = []
    if margins["grids"]:
        ends = f"{margins['least_m'] / 1000:.0f} km beyond the district, not {margins['wanted_m'] / 1000:.0f} km"
        whom = f"{_some('grid', margins['grids'])} within {IN_TIME_S / 60:.0f} minutes of their end"
        said.append(
            f"The roads reach only {ends}: for {whom} a quicker way round or a neighbour's team may be missing. "
            "Load roads of a wider area"
        )
    if margins["teams"]:
        said.append(
            f"{_some('team', margins['teams'])} more than {FARTHEST_STATION_M / 1000:.0f} km from any of these roads: "
            "their travel times are wrong. Load roads that reach their stations"
        )
    return said


def _some(word: str, named: Sequence[dict[str, Any]]) -> str:
    names = ", ".join(each["name"] for each in named[:3])
    return f"{len(named)} {word}{'' if len(named) == 1 else 's'} ({names}{', ...' if len(named) > 3 else ''})"
