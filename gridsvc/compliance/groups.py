"""What figures are divided by: dimensions of a case, of a team on it, and of the clock on the wall at its report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.compliance.local_time import to_local, wall_clock
from gridsvc.errors import InvalidInput
from gridsvc.times import MISSING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from gridsvc.compliance.history import CaseColumns, History
    from gridsvc.compliance.intervals import Measured
    from gridsvc.compliance.labels import Labels

OF_CASE: dict[str, Callable[[CaseColumns], Labels]] = {
    "regional": lambda cases: cases.regional,
    "township": lambda cases: cases.township,
    "area": lambda cases: cases.area,
    "village": lambda cases: cases.village,
    "class": lambda cases: cases.response_class,
    "type": lambda cases: cases.type,
}
OF_TEAM = ("unit", "team")
OF_CLOCK = ("hour", "weekday", "day", "week", "month", "year")
DIMENSIONS = (*OF_CASE, *OF_TEAM, "lead", *OF_CLOCK)
"""What `by` takes. `unit` and `team` of a response are those of its lead; `lead` is the lead team everywhere."""

MOST_DIMENSIONS = 3
MOST_GROUPS = 5000

Value = str | int | None


@dataclass(frozen=True, slots=True, eq=False)
class Column:
    """The group of each row by one dimension: `codes` (n,) are positions in `values`, which are in their order."""

    codes: NDArray[np.int64]
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Groups:
    """The group of each row by several dimensions.

    codes: (n,) positions in `keys`. keys: a value a dimension, in order; None = it has none (nobody was sent).
    """

    codes: NDArray[np.int64]
    keys: tuple[tuple[Value, ...], ...]
    dimensions: tuple[str, ...]

    def name(self, group: int) -> dict[str, Value]:
        """Return {dimension: value} of a group."""
        return dict(zip(self.dimensions, self.keys[group], strict=True))


class Grouping:
    """The groups of the cases of a history, and of the teams on them, by some dimensions.

    Raises
    ------
    InvalidInput
        For more groups than a person can read.
    """

    def __init__(self, history: History, dimensions: Sequence[str]) -> None:
        self._history = history
        self.dimensions = tuple(dimensions)
        self._lead = _lead_rows(history) if {"unit", "team", "lead"} & set(dimensions) else np.empty(0, np.int64)
        self._of_case = {each: self._case_column(each) for each in dimensions}

    def cases(self, rows: NDArray[np.int64]) -> Groups:
        """Return the groups of some cases, by their rows."""
        return _combined([_taken(self._of_case[each], rows) for each in self.dimensions], self.dimensions, len(rows))

    def measured(self, of: Measured) -> Groups:
        """Return the groups of an interval's rows: by the team itself where the interval is of one."""
        columns = []
        for each in self.dimensions:
            if each in OF_TEAM and len(of.team) and of.team[0] >= 0:
                columns.append(_of_labels(self._team_labels(each).take(of.team)))
            else:
                columns.append(_taken(self._of_case[each], of.case))
        return _combined(columns, self.dimensions, len(of.case))

    def _team_labels(self, dimension: str) -> Labels:
        return self._history.teams.unit if dimension == "unit" else self._history.teams.team

    def _case_column(self, dimension: str) -> Column:
        cases = self._history.cases
        if dimension in OF_CASE:
            return _of_labels(OF_CASE[dimension](cases))
        if dimension in OF_CLOCK:
            return _of_clock(cases.received_us, self._history.period.time_zone, dimension)
        labels = self._team_labels("unit" if dimension == "unit" else "team")
        codes = np.full(len(cases), -1, dtype=np.int32)
        known = self._lead >= 0
        codes[known] = labels.codes[self._lead[known]]
        return _of_labels(type(labels)(codes, labels.words))


def check_dimensions(dimensions: Sequence[str]) -> None:
    """Raise InvalidInput, with the cure, for dimensions that figures cannot be divided by."""
    for each in dimensions:
        if each not in DIMENSIONS:
            raise InvalidInput(
                f"`by` has {each[:40]!r}. Use up to {MOST_DIMENSIONS} of: {', '.join(DIMENSIONS)}.",
                kind="unknown-dimension",
                value=each[:40],
                known=list(DIMENSIONS),
                most=MOST_DIMENSIONS,
            )
    if len(set(dimensions)) < len(dimensions) or len(dimensions) > MOST_DIMENSIONS:
        raise InvalidInput(
            f"`by` names {len(dimensions)} dimensions. Name up to {MOST_DIMENSIONS}, each once.",
            kind="too-many-dimensions",
            count=len(dimensions),
            most=MOST_DIMENSIONS,
        )


def _lead_rows(history: History) -> NDArray[np.int64]:
    """Return the row of each case's first lead, else of the team that was sent first; -1 = nobody was sent."""
    teams = history.teams
    name_order = np.argsort(np.argsort(np.array(teams.team.words, dtype=object), kind="stable"), kind="stable")
    name = np.where(teams.team.codes < 0, -1, name_order[teams.team.codes] if len(name_order) else -1)
    order = np.lexsort((name, teams.since_us, ~teams.lead, teams.case))
    of_case = teams.case[order]
    first = np.ones(len(order), dtype=bool)
    first[1:] = of_case[1:] != of_case[:-1]
    found = np.full(len(history.cases), -1, dtype=np.int64)
    found[of_case[first]] = order[first]
    return found


def _of_labels(labels: Labels) -> Column:
    """Return the groups of words in the order of the words, those without one first."""
    words = np.array(labels.words, dtype=object)
    order = np.argsort(words, kind="stable")
    place = np.empty(len(words) + 1, dtype=np.int64)
    place[order] = np.arange(1, len(words) + 1)
    place[-1] = 0  # code -1
    return Column(place[labels.codes], (None, *words[order].tolist()))


def _of_clock(at_us: NDArray[np.int64], time_zone: str, dimension: str) -> Column:
    known = at_us != MISSING
    clock = wall_clock(to_local(at_us[known], time_zone))
    numbers = {
        "hour": clock.hour,
        "weekday": clock.weekday,
        "day": clock.day,
        "week": (clock.day + 3) // 7,
        "month": clock.month,
        "year": clock.month // 12 + 1970,
    }[dimension]
    found, place = np.unique(numbers, return_inverse=True)
    codes = np.zeros(len(at_us), dtype=np.int64)
    codes[known] = place + 1
    return Column(codes, (None, *(_shown(dimension, each) for each in found.tolist())))


def _shown(dimension: str, number: int) -> Value:
    """Return a part of a date as ISO 8601 has it; a week by its year and number."""
    if dimension == "day":
        return str(np.datetime64(number, "D"))
    if dimension == "month":
        return str(np.datetime64(number, "M"))
    if dimension == "week":
        year, week, _ = np.datetime64(number * 7 - 3, "D").item().isocalendar()
        return f"{year}-W{week:02}"
    return number


def _taken(column: Column, rows: NDArray[np.int64]) -> Column:
    return Column(column.codes[rows], column.values)


def _combined(columns: Sequence[Column], dimensions: tuple[str, ...], count: int) -> Groups:
    if not columns:
        return Groups(np.zeros(count, dtype=np.int64), ((),), ())
    code = np.zeros(count, dtype=np.int64)
    for column in columns:
        code = code * len(column.values) + column.codes
    found, codes = np.unique(code, return_inverse=True)
    if len(found) > MOST_GROUPS:
        raise InvalidInput(
            f"`by` gives {len(found)} groups; at most {MOST_GROUPS} are shown. Name fewer dimensions or a shorter "
            "period.",
            kind="too-many-groups",
            count=len(found),
            most=MOST_GROUPS,
        )
    keys = []
    for each in found.tolist():
        key: list[Value] = []
        for column in reversed(columns):
            each, at = divmod(each, len(column.values))  # noqa: PLW2901 - digits from the last
            key.append(column.values[at])
        keys.append(tuple(reversed(key)))
    return Groups(codes, tuple(keys), dimensions)
