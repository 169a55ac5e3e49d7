"""Met, late, missing and open by a clock policy, in each group of cases; and what the policy asks for beside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.cases.timing import OUTCOMES, ResponseColumns, Timeliness, evaluate_columns, stopped_columns
from gridsvc.compliance.counted import counted, dispatched_us
from gridsvc.compliance.intervals import sent_columns
from gridsvc.compliance.quantiles import Quantile, Share, least_count, quantile, share
from gridsvc.times import MISSING, to_us

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.compliance.groups import Grouping, Value
    from gridsvc.compliance.history import History
    from gridsvc.json_types import Json
    from gridsvc.law import ClockPolicy

MET, LATE, MISSED, OPEN = (OUTCOMES.index(each) for each in
                           (Timeliness.MET, Timeliness.LATE, Timeliness.MISSING, Timeliness.OPEN))  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Every case of a history by a policy: `outcome` (n,) positions in OUTCOMES, -1 = the target does not apply.

    seconds: (n,) from the start to the stop of the clock, NaN where one is not stamped or the stop is before the start.
    counts: (n,) whether the case counts.
    """

    policy: ClockPolicy
    outcome: NDArray[np.int8]
    seconds: NDArray[np.float64]
    counts: NDArray[np.bool_]


def judge(history: History, policy: ClockPolicy) -> Judged:
    """Evaluate every case under a clock policy, whichever it was reported under."""
    cases = history.cases
    start_us = cases.received_us if policy.start_event == "received" else dispatched_us(history)
    arrived_us = stopped_columns(policy.stop_event, sent_columns(history), len(cases))
    response = ResponseColumns(start_us, arrived_us, cases.target_s, cases.open, cases.cancelled)
    known = (start_us != MISSING) & (arrived_us != MISSING) & (arrived_us >= start_us)
    seconds = np.full(len(cases), np.nan)
    seconds[known] = (arrived_us[known] - start_us[known]) / 1_000_000
    outcome = evaluate_columns(response, to_us(history.period.now))
    return Judged(policy, outcome, seconds, counted(history, policy))


def judge_as_recorded(history: History) -> NDArray[np.int8]:
    """Return each case's outcome under the policy that it was reported under, (n,) as in `Judged.outcome`."""
    found = np.full(len(history.cases), -1, dtype=np.int8)
    for row, recorded in enumerate(history.policies):
        under = history.cases.policy == row
        found[under] = judge(history, recorded.policy).outcome[under]
    return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcomes of a group of cases by a clock policy.

    `not_timed`: cases that count and to which no target applies. `share`: of met among met and late. `percentile`: the
    quantile that the policy names, of the seconds of `timed` cases by its clock. `rank`: from and to which place the
    group can be, 1 = the best; None: it is not ranked, or is too small for it.
    """

    group: dict[str, Value]
    cases: int
    met: int
    late: int
    missing: int
    open: int
    not_timed: int
    asked: float
    share: Share
    percentile: Quantile
    timed: int
    target_s: int | None
    rank: tuple[int, int] | None = None

    @property
    def decided(self) -> int:
        """How many are met or late."""
        return self.met + self.late

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The share if every missing one were late, and if it were in time."""
        every = self.decided + self.missing
        return (None, None) if every == 0 else (self.met / every, (self.met + self.missing) / every)

    @property
    def reached(self) -> bool | None:
        """Whether the share that the policy asks for is reached; None = the cases do not show it, either way.

        With confidence, and whatever the missing ones were.
        """
        every = self.decided + self.missing
        worst, best = share(self.met, every), share(self.met + self.missing, every)
        if worst.low is not None and worst.low >= self.asked:
            return True
        if best.high is not None and best.high < self.asked:
            return False
        return None

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        low, high = self.bounds
        return {
            "group": dict(self.group),
            "cases": self.cases,
            "met": self.met,
            "late": self.late,
            "missing": self.missing,
            "open": self.open,
            "not_timed": self.not_timed,
            "target_s": self.target_s,
            "met_share": _part(self.share.value),
            "met_share_low": _part(self.share.low),
            "met_share_high": _part(self.share.high),
            "met_share_if_missing_late": _part(low),
            "met_share_if_missing_met": _part(high),
            "asked_share": _part(self.asked),
            "reached": self.reached,
            "percentile_n": self.timed,
            "percentile_s": _seconds(self.percentile.value),
            "percentile_low_s": _seconds(self.percentile.low),
            "percentile_high_s": _seconds(self.percentile.high),
            "rank_from": None if self.rank is None else self.rank[0],
            "rank_to": None if self.rank is None else self.rank[1],
        }


def outcomes(history: History, judged: Judged, grouping: Grouping) -> list[Outcome]:
    """Return the outcomes of the cases that count, in each group."""
    rows = np.flatnonzero(judged.counts)
    groups = grouping.cases(rows)
    if not len(rows):
        return [] if grouping.dimensions else [_outcome({}, history, judged, rows)]
    order = np.argsort(groups.codes, kind="stable")
    bounds = np.searchsorted(groups.codes[order], np.arange(len(groups.keys) + 1))
    return [
        _outcome(groups.name(group), history, judged, rows[order[bounds[group] : bounds[group + 1]]])
        for group in range(len(groups.keys))
    ]


def _outcome(name: dict[str, Value], history: History, judged: Judged, rows: NDArray[np.int64]) -> Outcome:
    outcome, asked = judged.outcome[rows], judged.policy.percentile / 100
    met, late, missing, still_open = (int((outcome == each).sum()) for each in (MET, LATE, MISSED, OPEN))
    seconds, target_s = np.sort(judged.seconds[rows]), history.cases.target_s[rows]
    timed = len(seconds) - int(np.isnan(seconds).sum())  # NaN is sorted last
    targets = np.unique(target_s[target_s >= 0])
    return Outcome(
        group=name,
        cases=len(rows),
        met=met,
        late=late,
        missing=missing,
        open=still_open,
        not_timed=int((outcome < 0).sum()),
        asked=asked,
        share=share(met, met + late),
        percentile=quantile(seconds[:timed], asked),
        timed=timed,
        target_s=int(targets[0]) if len(targets) == 1 else None,
    )


def ranked(found: list[Outcome]) -> list[Outcome]:
    """Return the same groups with their places; one with fewer cases than its percentile needs has none.

    A group is placed before another only where their intervals do not overlap: so many places it may have.
    """
    needed = least_count(found[0].asked, sides=2) if found else 0
    rows = [each for each in found if each.decided >= needed and None not in each.group.values()]
    places = {}
    for each in rows:
        better = sum(_surely_better(other, each) for other in rows)
        worse = sum(_surely_better(each, other) for other in rows)
        places[id(each)] = (1 + better, len(rows) - worse)
    return [replace(each, rank=places.get(id(each))) for each in found]


def _surely_better(one: Outcome, other: Outcome) -> bool:
    return one.share.low is not None and other.share.high is not None and one.share.low > other.share.high


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _part(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
