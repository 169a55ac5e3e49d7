"""Demand on H3 cells: the emergencies of the past, or the villages where there are none yet."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC
from typing import TYPE_CHECKING, NamedTuple

import h3
import numpy as np

from gridsvc.db.cases.demand import list_emergencies, list_emergency_places, list_imported_emergencies
from gridsvc.db.session.scope import whole_district
from gridsvc.errors import InvalidInput
from gridsvc.grids.levels import Level
from gridsvc.grids.ownership import Rule
from gridsvc.law import Urgency

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.db.cases.demand import PastCase
    from gridsvc.json_types import Json
    from gridsvc.law import PlanBook
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

RESOLUTION = 8
"""Cells of 0.7 km2 on average."""
COARSEST, FINEST = 6, 10
LIVE, IMPORTED, BOTH, VILLAGES, POPULATION = "history", "imported", "both", "villages", "population"
SOURCES = (LIVE, IMPORTED, BOTH, VILLAGES, POPULATION)
"""The district's own cases; those that were loaded from other systems; both, a call that is in both once; the villages,
each as one case; the people of a file."""
CASES = frozenset((LIVE, IMPORTED, BOTH))
"""Sources whose weights count cases."""


class Inhabited(NamedTuple):
    """How many people live at a place, degrees WGS-84."""

    lon: float
    lat: float
    people: float


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """Demand in n rows over m cells.

    cells: (m,) H3 ids, or the codes of villages. lon, lat: (m,) the middle of the cell's cases, degrees WGS-84. cell:
    (n,) place in `cells`. type, response_class, hour (local, -1 = any): (n,). weight: (n,) how many cases.
    source: one of SOURCES. live, imported: how many cases of either are in it.
    """

    cells: tuple[str, ...]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    cell: NDArray[np.intp]
    type: tuple[str, ...]
    response_class: tuple[str, ...]
    hour: NDArray[np.int8]
    weight: NDArray[np.float64]
    source: str = LIVE
    live: int = 0
    imported: int = 0

    @property
    def cell_weight(self) -> NDArray[np.float64]:
        """(m,) the weight of each cell."""
        return np.bincount(self.cell, weights=self.weight, minlength=len(self.cells)).astype(np.float64)

    def as_json(self, plans: PlanBook) -> dict[str, Json]:
        """Return {source, live, imported, without_run_card}: where it is from; what has no run card counts nowhere."""
        without = sum(n for kind, n in zip(self.type, self.weight.tolist(), strict=True) if kind not in plans.plans)
        return {
            "source": self.source,
            "live": self.live,
            "imported": self.imported,
            "without_run_card": round(without),
        }


def demand_of(
    connection: Connection,
    district: str,
    *,
    resolution: int = RESOLUTION,
    since: datetime | None = None,
    until: datetime | None = None,
    hours: tuple[int, int] | None = None,
    source: str = LIVE,
) -> Demand:
    """Return the emergencies of a district as demand; it has no rows where there are none.

    Parameters
    ----------
    resolution
        Of the H3 cells, COARSEST to FINEST.
    source
        LIVE, IMPORTED or BOTH. Of imported cases those count whose position is in the district.
    hours
        (start, end), local, end exclusive; over midnight where start > end.

    Raises
    ------
    InvalidInput
        For another resolution.
    """
    _check_resolution(resolution)
    with whole_district(connection):
        live = [] if source == IMPORTED else list_emergencies(connection, district, since, until)
        imported = [] if source == LIVE else list_imported_emergencies(
            connection, district, since, until, without_live=source == BOTH
        )  # fmt: skip
    if hours is not None:
        live = [case for case in live if is_within(case.hour, hours)]
        imported = [case for case in imported if is_within(case.hour, hours)]
    found = on_cells([*live, *imported], resolution)
    return replace(found, source=source, live=len(live), imported=len(imported))


def _check_resolution(resolution: int) -> None:
    if not COARSEST <= resolution <= FINEST:
        raise InvalidInput(
            f"Demand has H3 cells of resolution {COARSEST} to {FINEST}, not {resolution}.",
            kind="cell-resolution",
            resolution=resolution,
            coarsest=COARSEST,
            finest=FINEST,
        )


def is_within(hour: int, hours: tuple[int, int]) -> bool:
    """Whether an hour is from the first of `hours` until before the second, over midnight where they are reversed."""
    start, end = hours
    return start <= hour < end if start <= end else hour >= start or hour < end


def on_cells(cases: Iterable[PastCase], resolution: int) -> Demand:
    """Return cases counted by cell, type, class and hour."""
    counts: dict[tuple[str, str, str, int], int] = {}
    middles: dict[str, list[float]] = {}
    for case in cases:
        cell = h3.latlng_to_cell(case.lat, case.lon, resolution)
        key = (cell, case.type, case.response_class or "rural", case.hour)
        counts[key] = counts.get(key, 0) + 1
        middle = middles.setdefault(cell, [0.0, 0.0, 0.0])
        middle[0] += case.lon
        middle[1] += case.lat
        middle[2] += 1.0
    cells = tuple(sorted(middles))
    at = {cell: number for number, cell in enumerate(cells)}
    sums = np.array([middles[cell] for cell in cells]).reshape(-1, 3)
    rows = sorted(counts)
    return Demand(
        cells,
        sums[:, 0] / sums[:, 2],
        sums[:, 1] / sums[:, 2],
        np.array([at[row[0]] for row in rows], np.intp),
        tuple(row[1] for row in rows),
        tuple(row[2] for row in rows),
        np.array([row[3] for row in rows], np.int8),
        np.array([counts[row] for row in rows], np.float64),
    )


def village_demand(view: DistrictView) -> Demand:
    """Return every village as one case, of the emergencies of the run cards in equal parts, at its middle.

    What stands in for a history that does not exist yet. Without villages it has no rows.
    """
    index, law = view.index, view.law
    if index is None or law is None:
        return on_cells((), RESOLUTION)
    table = index.grids
    rows = np.flatnonzero(np.asarray(table.levels) == Level.VILLAGE)
    types = [plan.type for plan in law.plans.plans.values() if plan.urgency is Urgency.EMERGENCY]
    if not len(rows) or not types:
        return on_cells((), RESOLUTION)
    middles = [index.shapes[row].representative_point() for row in rows]
    classes = _classes(view, rows.tolist())
    lon, lat = np.array([point.x for point in middles]), np.array([point.y for point in middles])
    return _in_equal_parts(
        [table.codes[row] for row in rows.tolist()], (lon, lat), classes, np.ones(len(rows)), types, VILLAGES
    )


def population_demand(view: DistrictView, people: Sequence[Inhabited], resolution: int = RESOLUTION) -> Demand:
    """Return the people in the district on H3 cells, of the emergencies of the run cards in equal parts.

    The place of a cell is the middle of its people; its class is that of the village there. Who lives outside of the
    district is not in it.

    Raises
    ------
    InvalidInput
        For another resolution than COARSEST to FINEST, and where nobody lives in the district.
    """
    _check_resolution(resolution)
    index, law = view.index, view.law
    assert index is not None
    assert law is not None
    given = np.array(people, np.float64).reshape(-1, 3)
    found = index.locate_many(given[:, 0], given[:, 1])
    inside = found.rule != Rule.OUTSIDE
    sums: dict[str, list[float]] = {}
    grids: dict[str, dict[int, float]] = {}
    for (lon, lat, n), row in zip(given[inside].tolist(), found.row[inside].tolist(), strict=True):
        if n <= 0:
            continue
        cell = h3.latlng_to_cell(lat, lon, resolution)
        sums.setdefault(cell, [0.0, 0.0, 0.0])
        for at, value in enumerate((lon * n, lat * n, n)):
            sums[cell][at] += value
        own = grids.setdefault(cell, {})
        own[row] = own.get(row, 0.0) + n
    types = [plan.type for plan in law.plans.plans.values() if plan.urgency is Urgency.EMERGENCY]
    if not sums or not types:
        raise InvalidInput(
            f"Of {len(people)} places with people none is in district {view.code}. Give its population, in WGS-84.",
            kind="no-population",
            places=len(people),
            district=view.code,
        )
    cells = sorted(sums)
    totals = np.array([sums[cell] for cell in cells])
    most = [min((-n, row) for row, n in grids[cell].items())[1] for cell in cells]
    middle = (totals[:, 0] / totals[:, 2], totals[:, 1] / totals[:, 2])
    return _in_equal_parts(cells, middle, _classes(view, most), totals[:, 2], types, POPULATION)


def _classes(view: DistrictView, rows: Sequence[int]) -> list[str]:
    """Return the response class of the finest grids of places, by the village's code or its township's seat (R15)."""
    assert view.index is not None
    assert view.law is not None
    table, mapping = view.index.grids, view.law.clocks.response_classes
    found = []
    for row in rows:
        _, township, _, village = view.index.chains[row].tolist()
        own = None if village < 0 else table.urban_rural_codes[village]
        seat = None if township < 0 else view.seat_codes.get(table.codes[township])
        found.append(str(mapping.class_of(own, seat)))
    return found


def _in_equal_parts(
    cells: Sequence[str],
    middle: tuple[NDArray[np.float64], NDArray[np.float64]],
    classes: Sequence[str],
    weight: NDArray[np.float64],
    types: Sequence[str],
    source: str,
) -> Demand:
    """Return the weight of each cell divided equally among types, at any hour."""
    n, kinds = len(cells), len(types)
    return Demand(
        tuple(cells),
        *middle,
        np.repeat(np.arange(n), kinds),
        tuple(types) * n,
        tuple(each for each in classes for _ in types),
        np.full(n * kinds, -1, np.int8),
        np.repeat(weight / kinds, kinds),
        source,
    )


class EmergencyPlaces(NamedTuple):
    """Where the emergencies before a day were: lon, lat in degrees, and how many cases, (n,) each."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    cases: NDArray[np.int64]


def emergency_places(service: Service, connection: Connection, district: str, now: datetime) -> EmergencyPlaces:
    """Return where the emergencies of a district were before the day (UTC) of `now`.

    The first use in a process waits for it. On another day those of the day before are used until the new are read.
    """
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

    def read(connection: Connection) -> EmergencyPlaces:
        with whole_district(connection):  # the cache is shared by all callers
            rows = list_emergency_places(connection, district, day)
        lon, lat, cases = (np.array([row[k] for row in rows], np.float64) for k in range(3))
        return EmergencyPlaces(lon, lat, cases.astype(np.int64))

    def load() -> EmergencyPlaces:
        with service.database.transaction() as own:
            return read(own)

    key = (district, day)
    known: tuple[datetime, EmergencyPlaces] | None = service.recall("emergency places").get(district, (0.0, None))[1]
    if known is not None and known[0] == day:
        return known[1]
    if known is None:
        found = service.cached("emergency places", key, lambda: read(connection))
    elif (newer := service.prepared("emergency places", key, load)) is not None:
        found = newer
    else:
        return known[1]
    service.remember("emergency places", district, (day, found))
    return found
