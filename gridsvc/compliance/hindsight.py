"""The dispatch that would have been better in hindsight, counted.

A dispatch was decided by predicted times. Afterwards the recorded time of the team that went is compared with the
predicted one of another lawful team that was free at that moment: would that have been earlier, had it driven as
predicted? Since the recorded time of one team is compared with the predicted one of another, a few such cases are
expected even from the best rule; what counts is whether their share grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.compliance.proportions import Proportion
from gridsvc.compliance.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridsvc.compliance.quantiles import Quantile
    from gridsvc.json_types import Json


class Better(StrEnum):
    """Which other dispatch would have been earlier."""

    RECOMMENDED = "recommended-team"
    """A person sent another team than the recommended one."""
    RUNNER_UP = "next-team"
    """The recommended team went, and the next free team of its unit would have been earlier."""


@dataclass(frozen=True, slots=True)
class Dispatched:
    """One emergency whose lead has arrived; seconds from the report.

    recommended_s: predicted for the recommended lead; next_s: for the next free lawful team of its unit, None = none
    was recorded. `as_recommended`: whether the recommended lead went.
    """

    case_id: str
    target_s: float
    recorded_s: float
    recommended_s: float
    next_s: float | None
    as_recommended: bool

    @property
    def better(self) -> tuple[Better, float] | None:
        """The dispatch that would have been earlier, and its seconds; None where none is known."""
        if not self.as_recommended:
            return (Better.RECOMMENDED, self.recommended_s) if self.recommended_s < self.recorded_s else None
        if self.next_s is not None and self.next_s < self.recorded_s:
            return Better.RUNNER_UP, self.next_s
        return None


@dataclass(frozen=True, slots=True)
class HindsightCount:
    """One kind: of the cases where it is possible, how many would have been earlier, and how many in time.

    `in_time`: of the late ones of these cases, those that would have met their target. gained_s: median of the seconds
    gained, with its interval.
    """

    kind: Better
    earlier: Proportion
    in_time: Proportion
    gained_s: Quantile

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {
            "kind": str(self.kind),
            "earlier": self.earlier.as_json(),
            "in_time": self.in_time.as_json(),
            **{
                f"gained{end}_s": None if value is None else round(value, 1)
                for end, value in zip(("", "_low", "_high"), self.gained_s, strict=True)
            },
        }


def count_better(cases: Iterable[Dispatched]) -> tuple[HindsightCount, ...]:
    """Count, by kind, the dispatches that would have been better in hindsight."""
    known = list(cases)
    possible = {
        Better.RECOMMENDED: [each for each in known if not each.as_recommended],
        Better.RUNNER_UP: [each for each in known if each.as_recommended and each.next_s is not None],
    }
    return tuple(_count(kind, possible[kind]) for kind in Better)


def _count(kind: Better, cases: list[Dispatched]) -> HindsightCount:
    better = [(each, found[1]) for each in cases if (found := each.better) is not None]
    late = [each for each in cases if each.recorded_s > each.target_s]
    saved = sum(each.recorded_s > each.target_s >= seconds for each, seconds in better)
    return HindsightCount(
        kind,
        Proportion.of(len(better), len(cases)),
        Proportion.of(saved, len(late)),
        quantile(np.sort(np.array([each.recorded_s - seconds for each, seconds in better])), 0.5),
    )
