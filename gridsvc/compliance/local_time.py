"""Times of a day in a time zone, for columns: what the clock on the wall said, and the other way round.

Every rule of the time zone counts, summer time included: an hour that comes twice, and one that does not come.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from gridsvc.times import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_QUARTER_US = 900_000_000
"""No time zone has changed its offset within a quarter of an hour since 1937."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of the clock on the wall
_MICROSECOND = timedelta(microseconds=1)


def to_local(at_us: NDArray[np.int64], time_zone: str) -> NDArray[np.int64]:
    """Return microseconds of the clock on the wall, (n,), from microseconds in UTC; MISSING stays."""
    zone = ZoneInfo(time_zone)
    known = at_us != MISSING
    quarters, of_each = np.unique(at_us[known] // _QUARTER_US, return_inverse=True)
    offsets = np.array([_offset_us(quarter, zone) for quarter in quarters.tolist()], dtype=np.int64)
    local = np.full(len(at_us), MISSING, dtype=np.int64)
    local[known] = at_us[known] + (offsets[of_each] if len(offsets) else 0)
    return local


def _offset_us(quarter: int, zone: ZoneInfo) -> int:
    offset = (_EPOCH + quarter * _QUARTER_US * _MICROSECOND).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // _MICROSECOND


class Moments(NamedTuple):
    """Columns of times that were read from the clock on the wall.

    at_us: a column a step, (n,) each, in UTC, MISSING = none. `twice`: (n,) rows with a time in an hour that comes
    twice; `never`: (n,) rows with one in an hour that does not come.
    """

    at_us: list[NDArray[np.int64]]
    twice: NDArray[np.bool_]
    never: NDArray[np.bool_]


def from_local(steps: Sequence[NDArray[np.int64]], time_zone: str) -> Moments:
    """Return times in UTC from the clock on the wall; the columns are the steps of a row in their order.

    An hour that comes twice at the end of summer time leaves a choice: the steps of the row that are certain decide,
    by the shortest way from and to them, and where none is certain it is the first of the two hours. A time that does
    not come is taken as the clock would have shown it without the change.
    """
    zone = ZoneInfo(time_zone)
    pairs = [_both(column, zone) for column in steps]
    twice = np.zeros(len(steps[0]), dtype=bool)
    never = np.zeros(len(steps[0]), dtype=bool)
    for first, second in pairs:
        twice |= first < second
        never |= first > second
    chosen = [first.copy() for first, _ in pairs]
    for row in np.flatnonzero(twice).tolist():
        best = _shortest([(int(first[row]), int(second[row])) for first, second in pairs])
        for column, at in zip(chosen, best, strict=True):
            column[row] = at
    return Moments(chosen, twice, never)


def _both(local: NDArray[np.int64], zone: ZoneInfo) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return both times that a clock on the wall may have meant; they are equal but in the hours of a change."""
    known = local != MISSING
    quarters, of_each = np.unique(local[known] // _QUARTER_US, return_inverse=True)
    found = []
    for fold in (0, 1):
        offsets = np.array([_wall_offset_us(each, zone, fold) for each in quarters.tolist()], dtype=np.int64)
        at_us = np.full(len(local), MISSING, dtype=np.int64)
        at_us[known] = local[known] - (offsets[of_each] if len(offsets) else 0)
        found.append(at_us)
    return found[0], found[1]


def _wall_offset_us(quarter: int, zone: ZoneInfo, fold: int) -> int:
    wall = (_NAIVE_EPOCH + quarter * _QUARTER_US * _MICROSECOND).replace(tzinfo=zone, fold=fold)
    offset = wall.utcoffset()
    assert offset is not None
    return offset // _MICROSECOND


def _shortest(pairs: list[tuple[int, int]]) -> list[int]:
    """Return a time of each pair: in order of the steps where that can be, and as close together as can be."""
    chosen = [first for first, _ in pairs]
    certain = [n for n, (first, second) in enumerate(pairs) if first != MISSING and first >= second]
    known = [n for n, (first, _) in enumerate(pairs) if first != MISSING]
    start = certain[0] if certain else known[0]
    later = chosen[start]
    for n in range(start - 1, -1, -1):
        first, second = pairs[n]
        if first != MISSING:
            chosen[n] = second if first < second <= later else first
            later = chosen[n]
    earlier = chosen[start]
    for n in range(start + 1, len(pairs)):
        first, second = pairs[n]
        if first != MISSING:
            chosen[n] = second if first < earlier <= second else first
            earlier = chosen[n]
    return chosen


class WallClock(NamedTuple):
    """Parts of the clock on the wall, (n,) each: hour 0 to 23, weekday 1 (Monday) to 7, and words of the date."""

    hour: NDArray[np.int64]
    weekday: NDArray[np.int64]
    day: NDArray[np.int64]
    """Days since 1970."""
    month: NDArray[np.int64]
    """Months since 1970."""


def wall_clock(local: NDArray[np.int64]) -> WallClock:
    """Return the parts of times on the wall; none of them is MISSING."""
    stamps = local.view("datetime64[us]")
    day = stamps.astype("datetime64[D]").astype(np.int64)
    hour = (local - day * 86_400_000_000) // 3_600_000_000
    month = stamps.astype("datetime64[M]").astype(np.int64)
    return WallClock(hour, (day + 3) % 7 + 1, day, month)
