"""Causes of late responses, counted: how many cases, how many seconds, and what would have met the target."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.compliance.causes import Cause
from gridsvc.compliance.proportions import Proportion

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gridsvc.compliance.causes import LateCase
    from gridsvc.json_types import Json


@dataclass(frozen=True, slots=True)
class CauseCount:
    """One cause: the late cases whose main cause it is, of all late ones; its seconds over all of them.

    `seconds_share`: of all seconds of lateness. `touched`: cases in which it has a part at all.
    """

    cause: Cause
    main: Proportion
    touched: int
    overrun_s: float
    seconds_share: float

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {
            "cause": str(self.cause),
            "main": self.main.as_json(),
            "touched": self.touched,
            "overrun_s": round(self.overrun_s, 1),
            "seconds_share": round(self.seconds_share, 4),
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
    whole_s = sum(each.overrun_s for each in cases)
    main = Counter(each.main for each in cases)
    seconds: dict[Cause, float] = defaultdict(float)
    touched: Counter[Cause] = Counter()
    for each in cases:
        for cause, part_s in each.parts_s.items():
            seconds[cause] += part_s
            touched[cause] += part_s > 0
    causes = tuple(
        CauseCount(
            cause,
            Proportion.of(main[cause], len(cases)),
            touched[cause],
            seconds[cause],
            seconds[cause] / whole_s if whole_s else 0.0,
        )
        for cause in Cause
    )
    return Lateness(len(cases), causes, _count_remedies(cases), sum(each.uncertain for each in cases))


def _count_remedies(cases: Iterable[LateCase]) -> tuple[RemedyCount, ...]:
    met, known = Counter[str](), Counter[str]()
    for case in cases:
        for remedy in case.remedies:
            known[remedy.kind] += 1
            met[remedy.kind] += remedy.meets_target
    return tuple(RemedyCount(kind, Proportion.of(met[kind], known[kind])) for kind in sorted(known))
