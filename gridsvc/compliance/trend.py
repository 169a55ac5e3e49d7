"""A control chart of the share in time: when it changed, by rules that are named.

The chart is Laney's p' chart [1]_: its limits allow for the number of cases in each period and for what varies between
periods anyway. A point beyond three sigma is a signal. Eight points in a row on one side of the centre line [2]_ begin
a new level, if the shares before and after it differ by more than their 95 % interval.

References
----------
.. [1] D. B. Laney: Improved control charts for attributes. Quality Engineering 14 (2002).
.. [2] L. S. Nelson: The Shewhart control chart - tests for special causes. Journal of Quality Technology 16 (1984).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.compliance.groups import Grouping
from gridsvc.compliance.outcomes import LATE, MET
from gridsvc.compliance.quantiles import Difference, difference, wilson

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.compliance.history import History
    from gridsvc.compliance.outcomes import Judged
    from gridsvc.json_types import Json

UNITS = ("month", "week", "day")
BASELINE = 12
"""The first periods of a level, which give its centre and limits."""
LEAST_PERIODS = 12
RUN = 8
SIGMAS = 3
_MOVING_RANGE = 1.128
"""The mean moving range of two values of a normal distribution, in sigma (d2)."""


@dataclass(frozen=True, slots=True)
class Point:
    """A period with cases: how many were decided and met, and where the chart expects the share.

    signal: `low` or `high`, beyond the limits; None = within them.
    """

    period: str
    count: int
    met: int
    centre: float
    low: float
    high: float

    @property
    def share(self) -> float:
        """Met among the decided ones."""
        return self.met / self.count

    @property
    def signal(self) -> str | None:
        """Where the share is beyond the limits."""
        if self.share < self.low - 1e-12:
            return "low"
        return "high" if self.share > self.high + 1e-12 else None


@dataclass(frozen=True, slots=True)
class Change:
    """A new level from a period on: (met, decided) of the level before, and of the first 8 periods of this one.

    These are the counts by which the change was found.
    """

    period: str
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def difference(self) -> Difference:
        """The share after minus the share before."""
        return difference(wilson(*self.before), wilson(*self.after))

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        (met_before, decided_before), (met, decided), changed = self.before, self.after, self.difference
        return {
            "since": self.period,
            "decided_before": decided_before,
            "met_before": met_before,
            "before": round(met_before / decided_before, 6),
            "decided": decided,
            "met": met,
            "after": round(met / decided, 6),
            "difference": round(met / decided - met_before / decided_before, 6),
            "difference_low": None if changed.low is None else round(changed.low, 6),
            "difference_high": None if changed.high is None else round(changed.high, 6),
        }


@dataclass(frozen=True, slots=True)
class Trend:
    """The chart: its points in order of time, and the periods at which the level changed."""

    unit: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...]

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {
            "unit": self.unit,
            "chart": "laney-p",
            "rules": {"limits_sigma": SIGMAS, "run": RUN, "baseline": BASELINE},
            "points": [
                {
                    "period": each.period,
                    "decided": each.count,
                    "met": each.met,
                    "met_share": round(each.share, 6),
                    "centre": round(each.centre, 6),
                    "low": round(each.low, 6),
                    "high": round(each.high, 6),
                    "signal": each.signal,
                }
                for each in self.points
            ],
            "changes": [each.as_json() for each in self.changes],
        }


def trend(history: History, judged: Judged, unit: str | None = None) -> Trend | None:
    """Return the chart of the share in time; None where there are fewer than 12 periods with cases.

    unit: one of UNITS, None = the longest one that gives 12 periods.
    """
    rows = np.flatnonzero(judged.counts & ((judged.outcome == MET) | (judged.outcome == LATE)))
    for each in UNITS if unit is None else (unit,):
        # Days of many years are no groups for a person to read: a week is the least that a long period has.
        if each == "day" and unit is None and _span_days(history, rows) > 400:
            continue
        groups = Grouping(history, [each]).cases(rows)
        if len(groups.keys) >= LEAST_PERIODS:
            decided = np.bincount(groups.codes, minlength=len(groups.keys))
            met = np.bincount(groups.codes[judged.outcome[rows] == MET], minlength=len(groups.keys))
            return chart([str(key[0]) for key in groups.keys], decided, met, each)
    return None


def _span_days(history: History, rows: NDArray[np.int64]) -> float:
    at_us = history.cases.received_us[rows]
    return float((at_us.max() - at_us.min()) / 86_400_000_000) if len(rows) else 0.0


def chart(periods: list[str], decided: NDArray[np.int64], met: NDArray[np.int64], unit: str) -> Trend:
    """Return the chart of counts by period; every period has cases."""
    points: list[Point] = []
    changes: list[Change] = []
    start, end = 0, len(periods)
    while start < end:
        of_level = slice(start, min(start + BASELINE, end))
        centre, spread = _level(decided[of_level], met[of_level])
        turn = _turn(decided[start:], met[start:], centre)
        stop = end if turn is None else start + turn
        for n in range(start, stop):
            half = SIGMAS * spread / np.sqrt(decided[n])
            low, high = max(0.0, centre - half), min(1.0, centre + half)
            points.append(Point(periods[n], int(decided[n]), int(met[n]), centre, low, high))
        if turn is not None:
            changes.append(Change(periods[stop], *_sides(decided[start:], met[start:], turn)))
        start = stop
    return Trend(unit, tuple(points), tuple(changes))


def _level(decided: NDArray[np.int64], met: NDArray[np.int64]) -> tuple[float, float]:
    """Return the centre of a level, and sigma of a period with one case."""
    centre = float(met.sum() / decided.sum())
    sigma = np.sqrt(centre * (1 - centre) / decided)
    if len(decided) < 2 or centre in {0.0, 1.0}:
        return centre, float(np.sqrt(centre * (1 - centre)))
    z = (met / decided - centre) / sigma
    between = float(np.abs(np.diff(z)).mean()) / _MOVING_RANGE
    # Fewer than 12 periods say little about how periods vary: never narrower than chance alone.
    return centre, float(np.sqrt(centre * (1 - centre))) * max(between, 1.0)


def _turn(decided: NDArray[np.int64], met: NDArray[np.int64], centre: float) -> int | None:
    """Return at which point of a level the next one begins, None = it goes on to the end."""
    side = np.sign(met / decided - centre)
    begin, length, last = 0, 0, 0.0
    for n, each in enumerate(side.tolist()):
        if each == 0:
            continue  # a point on the line neither breaks a run nor adds to it
        begin, length = (begin, length + 1) if each == last else (n, 1)
        last = each
        if length >= RUN:
            # A run from the start is the old level, and the line is drawn through both: the new one begins behind it.
            turn = begin if begin > 0 else _end_of_run(side, each)
            if turn is not None:
                before, after = _sides(decided, met, turn)
                if difference(wilson(*before), wilson(*after)).changed:
                    return turn
    return None


def _end_of_run(side: NDArray[np.float64], of: float) -> int | None:
    other = np.flatnonzero(side == -of)
    return int(other[0]) if len(other) else None


def _sides(decided: NDArray[np.int64], met: NDArray[np.int64], turn: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (met, decided) of the points of a level before its turn, and of the run behind it."""
    behind = slice(turn, turn + RUN)
    before = int(met[:turn].sum()), int(decided[:turn].sum())
    return before, (int(met[behind].sum()), int(decided[behind].sum()))
