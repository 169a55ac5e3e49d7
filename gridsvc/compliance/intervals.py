"""The intervals of a response: what each is, and what became of each in every case.

An interval that cannot be measured is counted by its reason, never dropped: its stamp is missing, its end is before its
start, or it has not ended yet.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.cases.model import LEFT, Outcome
from gridsvc.cases.timing import SentColumns, stopped_columns
from gridsvc.compliance.history import SECOND_US
from gridsvc.times import MISSING, to_us

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.compliance.history import History


class Interval(StrEnum):
    """A part of a response. The first three are per team and case, the others per case and from the report on."""

    HANDLING = "handling"
    """From the report to the order."""
    TURNOUT = "turnout"
    """From the order to en route."""
    TRAVEL = "travel"
    """From en route to on scene."""
    RESPONSE_FIRST = "response_first"
    """To the first team on scene."""
    RESPONSE_LEAD = "response_lead"
    """To the lead on scene."""
    RESPONSE_FULL = "response_full"
    """To the whole joint team of the first order on scene."""


PER_TEAM = frozenset({Interval.HANDLING, Interval.TURNOUT, Interval.TRAVEL})
STOPS = {
    Interval.RESPONSE_FIRST: "first_on_scene",
    Interval.RESPONSE_LEAD: "lead_on_scene",
    Interval.RESPONSE_FULL: "full_team_on_scene",
}

PRESSED_TOGETHER_S = 1.0
"""Travel that takes no longer is doubtful: both buttons were pressed on the spot."""


class State(IntEnum):
    """What became of an interval."""

    COMPLETE = 0
    MISSING = 1
    """A stamp was never set."""
    IMPOSSIBLE = 2
    """It ends before it starts."""
    CENSORED = 3
    """It has not ended yet; its seconds are those until now."""
    RECALLED = 4
    """The team was recalled or left before it could end: it was never to end."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One interval in every case (or of every team on a case) that counts, k rows.

    case: (k,) the row of the case in the history. team: (k,) the row of the team there, -1 = of no single team.
    seconds: (k,) of complete and censored ones, NaN of the others. state: (k,) of State. `doubtful`: complete, but
    a stamp of it is in another interval of the same team that is impossible, or travel took a second at most.
    """

    interval: Interval
    case: NDArray[np.int64]
    team: NDArray[np.int64]
    seconds: NDArray[np.float64]
    state: NDArray[np.int8]
    doubtful: NDArray[np.bool_]


def sent_columns(history: History) -> SentColumns:
    """Return the teams as the evaluator takes them."""
    teams = history.teams
    return SentColumns(teams.case, teams.slot.codes, teams.lead, teams.since_us, teams.on_scene_us)


def measure(history: History, counted: NDArray[np.bool_]) -> list[Measured]:
    """Return every interval of the cases of a mask (n,)."""
    return [*_of_teams(history, counted), *(_of_cases(history, counted, each) for each in STOPS)]


def _of_teams(history: History, counted: NDArray[np.bool_]) -> list[Measured]:
    cases, teams = history.cases, history.teams
    rows = np.flatnonzero(counted[teams.case])
    case = teams.case[rows].astype(np.int64)
    stamps = (cases.received_us[case], teams.since_us[rows], teams.en_route_us[rows], teams.on_scene_us[rows])
    left = np.isin(teams.outcome.codes[rows], _codes(teams.outcome.words, LEFT | {Outcome.CANCELLED}))
    on_its_way = (teams.outcome.codes[rows] < 0) & cases.open[case]
    now_us = to_us(history.period.now)
    found, impossible = [], []
    for start_us, end_us in pairwise(stamps):
        seconds, state = _between(start_us, end_us, now_us, on_its_way)
        state[(state == State.MISSING) & (end_us == MISSING) & left] = State.RECALLED
        found.append((seconds, state))
        impossible.append(state == State.IMPOSSIBLE)
    handling, turnout, travel = (found[n][1] == State.COMPLETE for n in range(3))
    together = travel & (found[2][0] <= PRESSED_TOGETHER_S)
    doubtful = (handling & impossible[1], turnout & (impossible[0] | impossible[2]),
                travel & impossible[1] | together)  # fmt: skip
    return [
        Measured(interval, case, rows, seconds, state, doubt)
        for interval, (seconds, state), doubt in zip(
            (Interval.HANDLING, Interval.TURNOUT, Interval.TRAVEL), found, doubtful, strict=True
        )
    ]


def _of_cases(history: History, counted: NDArray[np.bool_], interval: Interval) -> Measured:
    cases, teams = history.cases, history.teams
    rows = np.flatnonzero(counted)
    end_us = stopped_columns(STOPS[interval], sent_columns(history), len(cases))
    seconds, state = _between(cases.received_us[rows], end_us[rows], to_us(history.period.now), cases.open[rows])
    state[(state == State.MISSING) & (end_us[rows] == MISSING) & cases.cancelled[rows]] = State.RECALLED
    out_of_order = (teams.en_route_us != MISSING) & (teams.on_scene_us != MISSING)
    out_of_order &= teams.on_scene_us < teams.en_route_us
    stopped = out_of_order & (teams.on_scene_us == end_us[teams.case])
    doubted = np.zeros(len(cases), dtype=bool)
    doubted[teams.case[stopped]] = True
    team = np.full(len(rows), -1, dtype=np.int64)
    return Measured(interval, rows, team, seconds, state, doubted[rows] & (state == State.COMPLETE))


def _between(
    start_us: NDArray[np.int64], end_us: NDArray[np.int64], now_us: int, goes_on: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
    """Return the seconds between stamps and what became of each."""
    known = (start_us != MISSING) & (end_us != MISSING)
    state = np.where(known, np.where(end_us < start_us, State.IMPOSSIBLE, State.COMPLETE), State.MISSING)
    waits = goes_on & (start_us != MISSING) & (end_us == MISSING) & (start_us <= now_us)
    state[waits] = State.CENSORED
    seconds = np.full(len(start_us), np.nan)
    complete = state == State.COMPLETE
    seconds[complete] = (end_us[complete] - start_us[complete]) / SECOND_US
    seconds[waits] = (now_us - start_us[waits]) / SECOND_US
    return seconds, state.astype(np.int8)


def _codes(words: tuple[str, ...], wanted: frozenset[Outcome]) -> list[int]:
    return [code for code, word in enumerate(words) if word in wanted]
