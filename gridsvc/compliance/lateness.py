"""Causes of late responses, counted: how many cases, how many seconds, and what would have met the target."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from gridsvc.compliance.causes import Cause
from gridsvc.compliance.classes import NO_CLASS, class_order
from gridsvc.compliance.proportions import Proportion
from gridsvc.compliance.quantiles import CONFIDENCE, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from gridsvc.compliance.causes import LateCase
    from gridsvc.json_types import Json


AS_REPORTED = "as-reported"
"""The policy of causes: each case is late by the clock policy that it was reported under."""


@dataclass(frozen=True, slots=True)
class CauseCount:
    """One cause: the late cases whose main cause it is, of all late ones; its seconds over all of them.

    seconds: its share of all seconds of lateness, with an interval from the spread over the cases; None of one case.
    `touched`: cases in which it has a part at all.
    """

    cause: Cause
    main: Proportion
    touched: int
    overrun_s: float
    seconds: Share

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {
            "cause": str(self.cause),
            "main": self.main.as_json(),
            "touched": self.touched,
            "overrun_s": round(self.overrun_s, 1),
            "seconds_share": None if self.seconds.value is None else round(self.seconds.value, 4),
            "seconds_low": None if self.seconds.low is None else round(self.seconds.low, 4),
            "seconds_high": None if self.seconds.high is None else round(self.seconds.high, 4),
        }


@dataclass(frozen=True, slots=True)
class RemedyCount:
    """One kind of remedy: in how many of the late cases where it is known the target would have been met."""

    kind: str
    met: Proportion

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {"kind": self.kind, "met": self.met.as_json()}


@dataclass(frozen=True, slots=True)
class Lateness:
    """Why cases were late: of one group, or of all. `uncertain`: cases with a stamp missing or impossible."""

    late: int
    causes: tuple[CauseCount, ...]
    remedies: tuple[RemedyCount, ...]
    uncertain: int

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {
            "late": self.late,
            "uncertain": self.uncertain,
            "causes": [each.as_json() for each in self.causes],
            "remedies": [each.as_json() for each in self.remedies],
        }


def count_causes(cases: Sequence[LateCase]) -> Lateness:
    """Count the causes of late cases: every cause is named, those without a case too, in the order of `Cause`."""
    whole_s = np.array([each.overrun_s for each in cases])
    main = Counter(each.main for each in cases)
    parts_s = {cause: np.array([each.parts_s.get(cause, 0.0) for each in cases]) for cause in Cause}
    causes = tuple(
        CauseCount(
            cause,
            Proportion.of(main[cause], len(cases)),
            int((part_s > 0).sum()),
            float(part_s.sum()),
            _share_of_seconds(part_s, whole_s),
        )
        for cause, part_s in parts_s.items()
    )
    return Lateness(len(cases), causes, _count_remedies(cases), sum(each.uncertain for each in cases))


def by_class(cases: Iterable[LateCase]) -> dict[str, Lateness]:
    """Count the causes of each response class of late cases, urban first."""
    found: dict[str, list[LateCase]] = {}
    for each in cases:
        found.setdefault(str(each.case.place.response_class or NO_CLASS), []).append(each)
    return {kind: count_causes(found[kind]) for kind in sorted(found, key=class_order)}


def _share_of_seconds(part_s: NDArray[np.float64], whole_s: NDArray[np.float64]) -> Share:
    """Return a ratio of sums over cases with the interval of its linearisation (Cochran 1977, section 6.8)."""
    count, sum_s = len(whole_s), float(whole_s.sum())
    if not sum_s or count < 2:  # one case says nothing of others
        return Share(None, None, None)
    share = float(part_s.sum()) / sum_s
    error = float(np.sqrt(count / (count - 1) * np.square(part_s - share * whole_s).sum())) / sum_s
    half = float(ndtri((1 + CONFIDENCE) / 2)) * error
    return Share(share, max(0.0, share - half), min(1.0, share + half))


def _count_remedies(cases: Iterable[LateCase]) -> tuple[RemedyCount, ...]:
    met, known = Counter[str](), Counter[str]()
    for case in cases:
        for remedy in case.remedies:
            known[remedy.kind] += 1
            met[remedy.kind] += remedy.meets_target
    return tuple(RemedyCount(kind, Proportion.of(met[kind], known[kind])) for kind in sorted(known))
