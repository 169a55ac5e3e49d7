"""Figures of the intervals: count, mean, quantiles with intervals, share in time, and what is not known beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.compliance.intervals import PER_TEAM, State
from gridsvc.compliance.quantiles import Quantile, Share, least_count, quantile, quantile_among, share
from gridsvc.compliance.survival import survival, survival_quantile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from gridsvc.compliance.groups import Grouping, Value
    from gridsvc.compliance.history import History
    from gridsvc.compliance.intervals import Interval, Measured
    from gridsvc.json_types import Json


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of an interval in a group of cases."""

    complete: int
    missing: int
    impossible: int
    censored: int
    recalled: int
    doubtful: int

    @property
    def unknown(self) -> int:
        """Those that ended, nobody knows when."""
        return self.missing + self.impossible


@dataclass(frozen=True, slots=True)
class InTime:
    """How many responses were within the target of their case.

    `hits` of `count` complete ones. `unknown`: without a time, or still open and not yet late; `surely_late`: still
    open, and the target has passed.
    """

    hits: int
    count: int
    unknown: int
    surely_late: int

    @property
    def share(self) -> Share:
        """Of the complete ones."""
        return share(self.hits, self.count)

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The share if all that is unknown were late, and if it were in time."""
        every = self.count + self.unknown + self.surely_late
        return (None, None) if every == 0 else (self.hits / every, (self.hits + self.unknown) / every)


@dataclass(frozen=True, slots=True)
class Figure:
    """The figures of one interval in one group of cases; seconds.

    p90_if_late_s, p90_if_in_time_s: P90 if every missing and impossible one were late, or in time; None = beyond what
    was recorded. `open_p50`, `open_p90`: with the open cases as censored, None where there are none. `in_time` None:
    the interval has no target.
    """

    group: dict[str, Value]
    interval: Interval
    counts: Counts
    mean_s: float | None
    max_s: float | None
    p50: Quantile
    p90: Quantile
    p90_if_late_s: float | None
    p90_if_in_time_s: float | None
    open_p50: Quantile | None
    open_p90: Quantile | None
    in_time: InTime | None

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values; what the sample does not support is null."""
        counts, reached = self.counts, self.in_time
        row: dict[str, Json] = {
            "group": dict(self.group),
            "interval": str(self.interval),
            "n": counts.complete,
            "missing": counts.missing,
            "censored": counts.censored,
            "mean_s": _seconds(self.mean_s),
            "p50_s": _seconds(self.p50.value),
            "p90_s": _seconds(self.p90.value),
            "p90_low_s": _seconds(self.p90.low),
            "p90_high_s": _seconds(self.p90.high),
            "within_target_share": None if reached is None else _part(reached.share.value),
            "impossible": counts.impossible,
            "recalled": counts.recalled,
            "doubtful": counts.doubtful,
            "max_s": _seconds(self.max_s),
            "p50_low_s": _seconds(self.p50.low),
            "p50_high_s": _seconds(self.p50.high),
            "p90_if_unknown_late_s": _seconds(self.p90_if_late_s),
            "p90_if_unknown_in_time_s": _seconds(self.p90_if_in_time_s),
        }
        for name, found in (("p50", self.open_p50), ("p90", self.open_p90)):
            row[f"{name}_with_open_s"] = None if found is None else _seconds(found.value)
        row["p90_with_open_low_s"] = None if self.open_p90 is None else _seconds(self.open_p90.low)
        row["p90_with_open_high_s"] = None if self.open_p90 is None else _seconds(self.open_p90.high)
        if reached is not None:
            low, high = reached.bounds
            row |= {
                "within_target": reached.hits,
                "with_target": reached.count,
                "within_target_low": _part(reached.share.low),
                "within_target_high": _part(reached.share.high),
                "within_target_if_unknown_late": _part(low),
                "within_target_if_unknown_in_time": _part(high),
            }
        return row


def figures(history: History, measured: list[Measured], grouping: Grouping) -> list[Figure]:
    """Return the figures of each interval in each group, by interval, then group."""
    return [each for of in measured for each in _of_interval(history, of, grouping)]


def _of_interval(history: History, of: Measured, grouping: Grouping) -> Iterator[Figure]:
    groups = grouping.measured(of)
    target_s = np.full(len(of.case), -1.0) if of.interval in PER_TEAM else history.cases.target_s[of.case].astype(float)
    order = np.lexsort((of.seconds, of.state, groups.codes))
    bounds = np.searchsorted(groups.codes[order], np.arange(len(groups.keys) + 1))
    for group in range(len(groups.keys)):
        rows = order[bounds[group] : bounds[group + 1]]
        yield _figure(groups.name(group), of, rows, target_s[rows])
    if not groups.keys:
        yield from () if groups.dimensions else (_figure({}, of, order, target_s),)


def _figure(name: dict[str, Value], of: Measured, rows: NDArray[np.int64], target_s: NDArray[np.float64]) -> Figure:
    """Return the figures of rows that are sorted by state, then by seconds."""
    state, seconds = of.state[rows], of.seconds[rows]
    per_state = np.bincount(state, minlength=len(State))
    counts = Counts(
        complete=int(per_state[State.COMPLETE]),
        missing=int(per_state[State.MISSING]),
        impossible=int(per_state[State.IMPOSSIBLE]),
        censored=int(per_state[State.CENSORED]),
        recalled=int(per_state[State.RECALLED]),
        doubtful=int(of.doubtful[rows].sum()),
    )
    ended, waiting = seconds[state == State.COMPLETE], seconds[state == State.CENSORED]
    with_open = survival(ended, waiting) if len(waiting) else None
    return Figure(
        group=name,
        interval=of.interval,
        counts=counts,
        mean_s=float(ended.sum() / len(ended)) if len(ended) else None,
        max_s=float(ended[-1]) if len(ended) else None,
        p50=quantile(ended, 0.5),
        p90=quantile(ended, 0.9),
        p90_if_late_s=_bound(ended, above=counts.unknown),
        p90_if_in_time_s=_bound(ended, below=counts.unknown),
        open_p50=None if with_open is None else survival_quantile(with_open, 0.5),
        open_p90=None if with_open is None else survival_quantile(with_open, 0.9),
        in_time=None if of.interval in PER_TEAM or not (target_s >= 0).any() else in_time(state, seconds, target_s),
    )


def _bound(ended: NDArray[np.float64], *, below: int = 0, above: int = 0) -> float | None:
    if len(ended) < least_count(0.9):
        return None
    return quantile_among(ended, 0.9, below=below, above=above)


def in_time(state: NDArray[np.int8], seconds: NDArray[np.float64], target_s: NDArray[np.float64]) -> InTime:
    """Return how many responses were within their targets; those without a target are not among them."""
    timed = target_s >= 0
    complete = timed & (state == State.COMPLETE)
    open_ones = timed & (state == State.CENSORED)
    passed = open_ones & (seconds > target_s)
    unknown = timed & ((state == State.MISSING) | (state == State.IMPOSSIBLE))
    return InTime(
        hits=int((complete & (seconds <= target_s)).sum()),
        count=int(complete.sum()),
        unknown=int(unknown.sum() + open_ones.sum() - passed.sum()),
        surely_late=int(passed.sum()),
    )


def _seconds(value: float | None) -> float | None:
    """Return seconds to a thousandth."""
    return None if value is None else round(value, 3)


def _part(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
