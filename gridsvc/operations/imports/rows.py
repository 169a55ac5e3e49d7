"""A history as the rows of the tables of imported cases, a piece at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.operations.imports.placing import PLACES
from gridsvc.times import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridsvc.compliance.history import History
    from gridsvc.compliance.labels import Labels
    from gridsvc.operations.imports.placing import Placed

Rows: TypeAlias = "Iterator[tuple[Any, ...]]"


def rows_of(history: History, placed: Placed, piece: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield the rows of so many cases, and those of their teams, in the order of db.cases.imported's columns."""
    by_case = np.argsort(history.teams.case, kind="stable")
    case_of = history.teams.case[by_case]
    for start in range(0, len(history.cases), piece):
        stop = min(start + piece, len(history.cases))
        first, last = np.searchsorted(case_of, (start, stop))
        yield _cases(history, placed, start, stop), _teams(history, by_case[first:last], int(first))


def _cases(history: History, placed: Placed, start: int, stop: int) -> Rows:
    cases, part = history.cases, slice(start, stop)
    grid = placed.row[part].tolist()
    nobody = (None,) * len(LEVEL_KEYS)
    owners = [nobody if row < 0 else placed.codes[row] for row in grid]
    return zip(
        range(start, stop),
        [_clean(each) for each in cases.id[part].tolist()],
        _times(cases.received_us[part]),
        _times(cases.assigned_us[part]),
        cases.cancelled[part].tolist(),
        cases.drill[part].tolist(),
        cases.emergency[part].tolist(),
        [None if each < 0 else each for each in cases.target_s[part].tolist()],
        _words(cases.type, part),
        _words(cases.response_class, part),
        [None if row < 0 else placed.classes[row] for row in grid],
        _degrees(cases.lon[part]),
        _degrees(cases.lat[part]),
        [PLACES[each] for each in placed.place[part].tolist()],
        *(tuple(each[level] for each in owners) for level in range(len(LEVEL_KEYS))),
        *(_words(getattr(cases, level), part) for level in LEVEL_KEYS),
        strict=True,
    )


def _teams(history: History, rows: NDArray[np.int64], first: int) -> Rows:
    teams = history.teams
    return zip(
        teams.case[rows].tolist(),
        range(first, first + len(rows)),
        _words(teams.team, rows),
        _words(teams.unit, rows),
        teams.lead[rows].tolist(),
        *(_times(getattr(teams, f"{name}_us")[rows]) for name in _TIMES),
        strict=True,
    )


_TIMES = ("since", "acknowledged", "en_route", "on_scene", "until")


def _times(at_us: NDArray[np.int64]) -> list[int | None]:
    return [None if each == MISSING else each for each in at_us.tolist()]


def _degrees(values: NDArray[np.float64]) -> list[float | None]:
    known = np.isfinite(values).tolist()
    return [value if good else None for value, good in zip(values.tolist(), known, strict=True)]


def _words(labels: Labels, rows: slice | NDArray[np.int64]) -> list[str | None]:
    words = [_clean(word) for word in labels.words]
    return [None if code < 0 else words[code] for code in labels.codes[rows].tolist()]


def _clean(word: str) -> str:
    """Return a word without NUL, which the database does not keep."""
    return word.replace("\0", "") if "\0" in word else word
