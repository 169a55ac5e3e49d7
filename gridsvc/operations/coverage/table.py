"""Who covers what in a district: prepared for each version of law, roads and closures, the demand of each day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coverage.counts import FreeCover
from gridsvc.coverage.lawful import Expected, Place, columns_of
from gridsvc.errors import GridsvcError, NotFound
from gridsvc.operations.coverage.demand import Demand, demand_of, village_demand
from gridsvc.operations.roads.team_times import PROFILE
from gridsvc.operations.roads.weights import weights_now
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import snap
from gridsvc.teams.model import TeamStatus

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from gridsvc.coverage.lawful import Columns
    from gridsvc.dispatch import Prepared
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.search.weights import Weights
    from gridsvc.teams.model import TeamState

    Floats = NDArray[np.float64]

_MOST_SECONDS = 20_000_000
"""Of teams times places: 80 MB."""


@dataclass(frozen=True, slots=True, eq=False)
class CoverTable:
    """The columns of a district's demand, the teams that cover them from their stations, and how fast.

    places: owners of each place of the demand. seconds: (teams, places) of driving, inf = no way. ready_s: (teams,)
    call handling and turnout. stations_s: (teams, teams) of driving between stations.
    """

    demand: Demand
    places: tuple[Place, ...]
    columns: Columns
    seconds: NDArray[np.float32]
    ready_s: Floats
    stations_s: NDArray[np.float32]
    free: FreeCover

    @property
    def cache_bytes(self) -> int:
        """What it holds of the process's memory, for the cache."""
        return int(self.seconds.nbytes * 2 + self.stations_s.nbytes + len(self.columns.weight) * 200)


def find_loss(service: Service, view: DistrictView, states: Sequence[TeamState]) -> list[float] | None:
    """Return the share of the demand that would be in nobody's reach if a team left, for each team (R8, R12).

    states: in the order of `prepared.teams`. None where there is nothing to compute it from: no grids, no roads, no
    demand, or more teams and places than fit. Never raises: a case is decided without it (R10).
    """
    try:
        table = find_table(service, view)
    except GridsvcError:
        return None
    if table is None or table.free.total == 0.0:
        return None
    losses: list[float] = (table.free.losses(free_now(states)) / table.free.total).tolist()
    return losses


def free_now(states: Sequence[TeamState]) -> NDArray[np.bool_]:
    """Return which teams could be sent, (teams,): available, and with a position that is not stale."""
    return np.fromiter((s.status is TeamStatus.AVAILABLE and not s.is_stale() for s in states), bool, len(states))


def get_table(service: Service, view: DistrictView) -> CoverTable:
    """Return the table of a district; NotFound where it has no grids, roads or demand."""
    table = find_table(service, view)
    if table is None:
        raise NotFound(
            f"District {view.code} has no grids, roads or teams in force, or too many teams and places, so that it is "
            "not known who covers what. `gridsvc doctor` says what is missing.",
            kind="no-cover",
            district=view.code,
        )
    return table


def find_table(service: Service, view: DistrictView) -> CoverTable | None:
    """Return the table of a district; None where it has no grids, roads, law or demand, or is too large."""
    if view.index is None or view.network is None or view.law is None or not view.law.prepared.teams:
        return None
    weights = weights_now(service, view, view.network, PROFILE)
    day, demand = _demand(service, view)
    if len(demand.cells) * len(view.law.prepared.teams) > _MOST_SECONDS or not len(demand.cell):
        return None
    version = (view.code, view.index.generation, view.versions.network, view.law.prepared.version, weights.version, day)
    return service.cached("cover", version, lambda: make_table(view, demand, weights))


def make_table(view: DistrictView, demand: Demand, weights: Weights) -> CoverTable:
    """Return the table of a demand on the roads of a district."""
    law = view.law
    assert view.network is not None
    assert law is not None
    places = owners_of(view, demand)
    columns = columns_today(law.prepared, view.local_time(view.versions.now), demand, places)
    stations = snap(view.network, law.station_lon, law.station_lat)
    seconds = matrix(view.network, stations, snap(view.network, demand.lon, demand.lat), weights)
    handling_s = law.clocks.get(law.clocks.default_policy).handling_s
    ready_s = handling_s + np.array(law.prepared.turnout_ms) / 1000
    teams = range(len(law.prepared.teams))
    covered = [np.flatnonzero(columns.covered_by(team, seconds[team], float(ready_s[team]))) for team in teams]
    return CoverTable(
        demand,
        places,
        columns,
        seconds.astype(np.float32),
        ready_s,
        matrix(view.network, stations, stations, weights).astype(np.float32),
        FreeCover(covered, columns.weight),
    )


def columns_today(
    prepared: Prepared,
    now: datetime,
    demand: Demand,
    places: Sequence[Place],
    classes: Collection[str] = (),
    *,
    hourly: bool = False,
) -> Columns:
    """Return the columns of a demand by the law at noon of the local day of `now`.

    `classes`: of these alone. `hourly`: with their weight by hour.
    """
    hours = demand.hour.tolist() if hourly else [-1] * len(demand.cell)
    rows = zip(demand.cell.tolist(), demand.type, demand.response_class, demand.weight.tolist(), hours, strict=True)
    wanted = (Expected(*row) for row in rows if not classes or row[2] in classes)
    return columns_of(prepared, places, wanted, now.replace(hour=12, minute=0, second=0, microsecond=0))


def owners_of(view: DistrictView, demand: Demand) -> tuple[Place, ...]:
    """Return the owners of the places of a demand."""
    assert view.index is not None
    places = []
    for lon, lat in zip(demand.lon.tolist(), demand.lat.tolist(), strict=True):
        owners = view.index.locate(lon, lat).owners
        places.append(Place(*(None if owner is None else owner.code for owner in owners)))
    return tuple(places)


def _demand(service: Service, view: DistrictView) -> tuple[str, Demand]:
    """Return the demand of the cases before today, and its version; of the villages where there are none.

    The first use in a process waits for it. On another day the one of the day before is used until the new one is read.
    """
    day = view.local_time(view.versions.now).replace(hour=0, minute=0, second=0, microsecond=0)
    name = day.date().isoformat()

    def load() -> Demand:
        with service.database.transaction() as connection:
            return demand_of(connection, view.code, until=day.astimezone(UTC))

    known: tuple[str, Demand] | None = service.recall("demand").get(view.code, (0.0, None))[1]
    if known is None or known[0] != name:
        found = service.cached("demand", (view.code, name), load) if known is None else (
            service.prepared("demand", (view.code, name), load)
        )  # fmt: skip
        if found is not None:
            known = (name, found)
            service.remember("demand", view.code, known)
    assert known is not None
    if len(known[1].cell):
        return known
    assert view.index is not None
    assert view.law is not None
    version = f"{view.index.generation}/{view.law.prepared.version}"
    villages = service.cached("village demand", (view.code, version), lambda: village_demand(view))
    return f"villages {version}", villages
