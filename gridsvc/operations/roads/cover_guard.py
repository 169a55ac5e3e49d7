"""Roads that do not cover their district: those of another place, and those that leave townships without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import bearing_deg, distance_m
from gridsvc.db.grids import generations as store
from gridsvc.errors import InvalidInput
from gridsvc.roads.network.road_cover import BARE_M, count_words, cover_of, list_bare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from gridsvc.grids.levels import Grid
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.network.road_cover import RoadCover

_COMPASS = ("north", "north-east", "east", "south-east", "south", "south-west", "west", "north-west")


def list_present_grids(connection: Connection, district: str) -> list[Grid]:
    """Return the grids in force, else those of the draft, else none."""
    number = store.find_in_force(connection, district)
    if number is None:
        draft = store.find_draft(connection, district)
        number = None if draft is None else draft.number
    return [] if number is None else store.list_grids(connection, district, number)


def check_cover(
    source: str, network: RoadNetwork, district: str, grids: Sequence[Grid], *, accept_uncovered: bool
) -> RoadCover | None:
    """Compare a network with the grids of its district; None where the district has none.

    Raises
    ------
    InvalidInput
        `roads-elsewhere`: no grid has a road near it. `roads-missing`: a township is bare by a quarter or more, and
        that is not accepted.
    """
    cover = cover_of(network, grids)
    if not cover.grids:
        return None
    if cover.is_elsewhere:
        raise _elsewhere(source, network, district, grids)
    if cover.uncovered and not accept_uncovered:
        raise _missing(source, district, cover)
    return cover


def _elsewhere(source: str, network: RoadNetwork, district: str, grids: Sequence[Grid]) -> InvalidInput:
    roads = network.bounds
    own = tuple(float(each) for each in shapely.total_bounds([grid.geometry for grid in grids]))
    lon, lat = (roads[0] + roads[2]) / 2, (roads[1] + roads[3]) / 2
    home = (own[0] + own[2]) / 2, (own[1] + own[3]) / 2
    near = float(np.clip(lon, own[0], own[2])), float(np.clip(lat, own[1], own[3]))
    away_m = distance_m(*near, float(np.clip(near[0], roads[0], roads[2])), float(np.clip(near[1], roads[1], roads[3])))
    turn = _COMPASS[round(bearing_deg(*home, lon, lat) / 45) % 8]
    where = f"{away_m / 1000:.0f} km {turn} of it" if away_m >= BARE_M else "beside it"
    return InvalidInput(
        f"No place of district {district} is within {BARE_M / 1000:.0f} km of a road of {source}: the roads lie "
        f"{where} ({_box(roads)}; the district: {_box(own)}). Load roads of the district, or name by --district the "
        "district of these roads.",
        kind="roads-elsewhere",
        source=source,
        district=district,
        roads_bounds=list(roads),
        district_bounds=list(own),
        away_m=round(away_m, 0),
        direction=turn,
        bare_m=BARE_M,
    )


def _missing(source: str, district: str, cover: RoadCover) -> InvalidInput:
    gone = cover.uncovered
    inner = f" No road is that near to the middle of {count_words(cover.bare_grids)}." if cover.bare_grids else ""
    return InvalidInput(
        f"{source} has no roads for {len(gone)} of {len(cover.grids)} {cover.level} grids of district {district}; "
        f"farther than {BARE_M / 1000:.0f} km from each of its roads: {list_bare(gone)}.{inner} Load roads of a wider "
        "area; or, where there are none, the same with --accept-uncovered.",
        kind="roads-missing",
        source=source,
        district=district,
        bare_m=BARE_M,
        cover=cover.as_json(),
        retry=[["--accept-uncovered"]],
    )


def _box(bounds: Sequence[float]) -> str:
    west, south, east, north = bounds
    return f"{west:.2f} to {east:.2f} east, {south:.2f} to {north:.2f} north"
