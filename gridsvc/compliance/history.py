"""The cases of a period as columns: what every figure of compliance is made from.

A time is a number of microseconds since 1970 in UTC, MISSING where it was never stamped; so a column of times is a
NumPy column of `datetime64[us]` with the same bytes, and MISSING is its NaT. Rows are in no order that counts: no
figure depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.compliance.labels import Labels
from gridsvc.times import MISSING, from_us

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import ArrayLike, NDArray

    from gridsvc.law import ClockPolicy

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class RecordedPolicy:
    """A clock policy as some cases were reported under it; `version`: of the clock rules that hold it, a SHA-256."""

    policy: ClockPolicy
    version: str


@dataclass(frozen=True, slots=True, eq=False)
class CaseColumns:
    """A column a field of a case, n rows.

    id, number: (n,) object and int64 (-1 = none). Times: int64 microseconds, MISSING = not stamped; `received_us` is
    what the clock counts from, `assigned_us` the first order. `target_s`: int32, -1 = none (a routine case).
    `policy`: int16, the row of `History.policies`, -1 = none. `duplicate`: its source sent its reference before.
    `synthetic`: a made-up case of the demo. lon, lat: degrees WGS-84, NaN = unknown.
    """

    id: NDArray[np.object_]
    number: NDArray[np.int64]
    received_us: NDArray[np.int64]
    triggered_us: NDArray[np.int64]
    accepted_us: NDArray[np.int64]
    assigned_us: NDArray[np.int64]
    handled_us: NDArray[np.int64]
    feedback_us: NDArray[np.int64]
    archived_us: NDArray[np.int64]
    cancelled_us: NDArray[np.int64]
    open: NDArray[np.bool_]
    cancelled: NDArray[np.bool_]
    duplicate: NDArray[np.bool_]
    drill: NDArray[np.bool_]
    emergency: NDArray[np.bool_]
    synthetic: NDArray[np.bool_]
    target_s: NDArray[np.int32]
    policy: NDArray[np.int16]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    response_class: Labels
    type: Labels
    regional: Labels
    township: Labels
    area: Labels
    village: Labels
    timing: Labels
    """met, late, missing or open as the case's row says it; the figures evaluate it themselves."""

    def __len__(self) -> int:
        return len(self.received_us)


@dataclass(frozen=True, slots=True, eq=False)
class TeamColumns:
    """A column a field of a team's time on a case (an engagement), m rows.

    case: (m,) int32, the row of its case. `team` is its id, `unit` its unit. Times as in `CaseColumns`; `since_us` is
    the order. `slot`: what it fills; `lead`: whether it leads. predicted_travel_s, predicted_response_s: seconds as
    predicted at the order, NaN = unknown. `outcome`: how it ended, none = not yet.
    """

    case: NDArray[np.int32]
    team: Labels
    unit: Labels
    slot: Labels
    lead: NDArray[np.bool_]
    since_us: NDArray[np.int64]
    acknowledged_us: NDArray[np.int64]
    en_route_us: NDArray[np.int64]
    on_scene_us: NDArray[np.int64]
    until_us: NDArray[np.int64]
    outcome: Labels
    predicted_travel_s: NDArray[np.float64]
    predicted_response_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.case)


@dataclass(frozen=True, slots=True)
class Period:
    """From when (included) until when (excluded) cases were received, and at which moment they were looked at.

    since, until: None = without that end. `now`: open cases are censored there. All aware.
    """

    now: datetime
    time_zone: str
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The cases of a period and the teams that were sent to them; teams on work lists are not among these.

    source: `live` (the district's own cases), `imported` (an export that was loaded) or `file`. `names`: what a code
    or id is called, by dimension (`township`, `area`, `team`, `unit`, `type`, ...).
    """

    cases: CaseColumns
    teams: TeamColumns
    period: Period
    policies: tuple[RecordedPolicy, ...]
    source: str
    names: dict[str, dict[str, str]]

    def __len__(self) -> int:
        return len(self.cases)

    def settled(self) -> History:
        """Return the same cases, looked at from their newest stamp: the same events give the same report."""
        columns = [getattr(self.cases, each.name) for each in fields(self.cases) if each.name.endswith("_us")]
        columns += [getattr(self.teams, each.name) for each in fields(self.teams) if each.name.endswith("_us")]
        newest = max((int(np.max(column)) for column in columns if len(column)), default=MISSING)
        at = from_us(newest)
        return self if at is None else replace(self, period=replace(self.period, now=at))

    def select(self, wanted: ArrayLike) -> History:
        """Return the cases of a mask (n,), with their teams."""
        mask = np.asarray(wanted, dtype=bool)
        return self._of(np.flatnonzero(mask))

    def reordered(self, order: ArrayLike) -> History:
        """Return the same cases with their rows in another order, (n,) row numbers."""
        return self._of(np.asarray(order, dtype=np.int64))

    def _of(self, rows: NDArray[np.int64]) -> History:
        position = np.full(len(self.cases), -1, dtype=np.int32)
        position[rows] = np.arange(len(rows), dtype=np.int32)
        moved = position[self.teams.case]
        teams = _rows_of(self.teams, np.flatnonzero(moved >= 0))
        kept = moved[moved >= 0]
        return replace(self, cases=_rows_of(self.cases, rows), teams=replace(teams, case=kept))


def _rows_of(columns: Any, rows: NDArray[np.int64]) -> Any:  # noqa: ANN401 - the same type comes back
    taken = {}
    for each in fields(columns):
        column = getattr(columns, each.name)
        taken[each.name] = column.take(rows) if isinstance(column, Labels) else column[rows]
    return type(columns)(**taken)
