"""The emergencies of the past as calls: when, where, of which type, and how long everything took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from gridsvc.db.cases.columns import list_case_columns, list_team_columns
from gridsvc.db.session.scope import whole_district
from gridsvc.simulation.arrivals import Durations
from gridsvc.simulation.model import DAY_S
from gridsvc.teams.model import TeamKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.dispatch import Prepared
    from gridsvc.json_types import Json

    Floats = NDArray[np.float64]

LEAST_SAMPLES = 20
"""Of fewer recorded times a planning value is used instead."""
SCENE_S, MEMBER_SCENE_S = 2400.0, 1800.0
"""Planning values where too few were recorded."""
_LONGEST_S = 6 * 3600.0
_MISSING = np.iinfo(np.int64).min


class Case(NamedTuple):
    """One emergency; day counts from the first case's, second is of the day, both local."""

    id: str
    reported_us: int
    day: int
    second: float
    lon: float
    lat: float
    type: str
    response_class: str


class Lead(NamedTuple):
    """What was recorded of the lead of a case, seconds; NaN = not stamped, or not to be had.

    response_s: from the report to the scene.
    """

    handling_s: float
    turnout_factor: float
    travel_factor: float
    scene_s: float
    response_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Past:
    """Emergencies, oldest first, with what was recorded of each; member_scene_s: of the other teams, by case."""

    cases: tuple[Case, ...]
    leads: tuple[Lead, ...]
    member_scene_s: tuple[tuple[float, ...], ...]

    @property
    def days(self) -> int:
        """Days from the first case to the last one, both included."""
        return self.cases[-1].day + 1 if self.cases else 0

    def part(self, first: int, last: int) -> Past:
        """Return some of the cases, by number."""
        return Past(self.cases[first:last], self.leads[first:last], self.member_scene_s[first:last])

    def durations(self, handling_s: float) -> tuple[Durations, dict[str, Json]]:
        """Return what calls draw from, and what is said of it; `handling_s`: planning value of the clock policy."""
        leads = np.array(self.leads, np.float64).reshape(-1, len(Lead._fields))
        planned = {"handling_s": handling_s, "scene_s": SCENE_S, "member_scene_s": MEMBER_SCENE_S,
                   "turnout_factor": 1.0, "travel_factor": 1.0}  # fmt: skip
        found, words = {}, {}
        for name, value in planned.items():
            samples = (
                np.array([s for each in self.member_scene_s for s in each], np.float64)
                if name == "member_scene_s"
                else leads[:, Lead._fields.index(name)]
            )
            samples = samples[np.isfinite(samples)]
            enough = len(samples) >= LEAST_SAMPLES
            found[name] = samples if enough else np.array([value])
            words[name] = {
                "recorded": len(samples),
                "assumed": not enough,
                "p50": round(float(np.quantile(found[name], 0.5)), 3),
                "p90": round(float(np.quantile(found[name], 0.9)), 3),
            }
        return Durations(**found), words


def read_past(connection: Connection, district: str, time_zone: str, prepared: Prepared) -> Past:
    """Return the emergencies of a district without drills, cancelled cases and repeated reports, oldest first.

    A case counts if its type has a run card with a target for its class.
    """
    with whole_district(connection):
        rows = [
            row for piece in list_case_columns(connection, district, None, None) for row in zip(*piece, strict=True)
        ]
        teams = [
            row for piece in list_team_columns(connection, district, None, None) for row in zip(*piece, strict=True)
        ]
    kept = [row for row in rows if row[14] and not (row[11] or row[12] or row[13]) and row[15] >= 0
            and row[21] in prepared.plans.plans and np.isfinite([row[16], row[17]]).all()]  # fmt: skip
    kept.sort(key=lambda row: (row[2], row[0]))
    zone = ZoneInfo(time_zone)
    cases = _cases(kept, zone)
    of_case: dict[str, list[tuple[Any, ...]]] = {}
    for row in teams:
        of_case.setdefault(row[0], []).append(row)
    busy = _busy_leads(prepared, teams)
    squadrons = sum(team.kind is TeamKind.SQUADRON for team in prepared.teams)
    leads, members = [], []
    for case in cases:
        rows_of = sorted(of_case.get(case.id, ()), key=lambda row: row[4])
        lead = next((row for row in rows_of if row[3] and row[7] != _MISSING), None)
        waited = busy(case.reported_us) >= squadrons
        leads.append(_lead(case, lead, rows_of, prepared, waited=waited))
        members.append(() if lead is None else tuple(_member_scenes(lead, rows_of)))
    return Past(cases, tuple(leads), tuple(members))


def _cases(rows: Sequence[tuple[Any, ...]], zone: ZoneInfo) -> tuple[Case, ...]:
    cases: list[Case] = []
    first: datetime | None = None
    for row in rows:
        local = datetime.fromtimestamp(row[2] / 1e6, UTC).astimezone(zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
        first = midnight if first is None else first
        second = (local.replace(tzinfo=None) - midnight).total_seconds()
        day = round((midnight - first).total_seconds() / DAY_S)
        cases.append(Case(row[0], row[2], day, second, row[16], row[17], row[21], row[20] or "rural"))
    return tuple(cases)


def _busy_leads(prepared: Prepared, teams: Sequence[tuple[Any, ...]]) -> Callable[[int], int]:
    """Return a function of a time: how many squadrons were on a case then."""
    squadrons = {team.id for team in prepared.teams if team.kind is TeamKind.SQUADRON}
    own = [(row[4], row[8]) for row in teams if row[1] in squadrons and row[8] != _MISSING]
    since, until = (np.sort(np.array([row[at] for row in own], np.int64)) for at in (0, 1))
    return lambda at_us: int(np.searchsorted(since, at_us, "right") - np.searchsorted(until, at_us, "right"))


def _lead(
    case: Case, lead: tuple[Any, ...] | None, rows: Sequence[tuple[Any, ...]], prepared: Prepared, *, waited: bool
) -> Lead:
    """Return what the stamps say; the handling of a case for which no lead was free is not call handling."""
    nan = float("nan")
    handling_s = _between(case.reported_us, rows[0][4]) if rows and not waited else nan
    if lead is None:
        return Lead(handling_s, nan, nan, nan, nan)
    number = prepared.index.get(lead[1])
    turnout_s = nan if number is None else prepared.turnout_ms[number] / 1000
    out_s, drive_s = _between(lead[4], lead[6]), _between(lead[6], lead[7])
    return Lead(
        handling_s,
        out_s / turnout_s if turnout_s > 0 else nan,
        drive_s / lead[10] if lead[10] >= 1.0 and drive_s > 0 else nan,
        _between(lead[7], lead[8]),
        _between(case.reported_us, lead[7]),
    )


def _member_scenes(lead: tuple[Any, ...], rows: Sequence[tuple[Any, ...]]) -> list[float]:
    scenes = [_between(max(row[7], lead[7]), row[8]) for row in rows if not row[3] and row[7] != _MISSING]
    return [seconds for seconds in scenes if np.isfinite(seconds)]


def _between(start_us: int, end_us: int) -> float:
    """Return seconds, NaN where a stamp is missing or they cannot be true."""
    if _MISSING in (start_us, end_us):
        return float("nan")
    seconds = (end_us - start_us) / 1e6
    return float(seconds) if 0 <= seconds <= _LONGEST_S else float("nan")
