"""Are predictions honest: the response that was predicted at the order against the one that was recorded.

A prediction is honest if what it says with 90 % happens in 90 % of the cases (Gneiting, Balabdaoui, Raftery 2007,
Probabilistic forecasts, calibration and sharpness). Each share has its exact interval; a calibration no longer holds
where the 99 % interval of the last months leaves out the nominal share.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.compliance.proportions import LEAST_RANKED, Proportion, interval
from gridsvc.compliance.quantiles import quantile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridsvc.compliance.quantiles import Quantile
    from gridsvc.json_types import Json

RANGE = 0.9
"""Nominal share of responses between p05 and p95."""
WARNED_MONTHS = 3
WARNING_CONFIDENCE = 0.99
LEVELS = (0.05, 0.5, 0.9, 0.95)
"""Nominal shares of responses that do not exceed p05, p50, p90, p95."""


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """Cases with a predicted and a recorded response of the lead, n rows.

    month: (n,) `2026-03`, local. `response_class`: (n,). predicted_s: (n,) seconds, of the roads alone where no
    calibration was in force. quantiles_s: (n, 4) at LEVELS, NaN = no range. recorded_s: (n,). target_s: (n,).
    """

    month: Sequence[str]
    response_class: Sequence[str]
    predicted_s: NDArray[np.float64]
    quantiles_s: NDArray[np.float64]
    recorded_s: NDArray[np.float64]
    target_s: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.recorded_s)


@dataclass(frozen=True, slots=True)
class Coverage:
    """What predictions were worth in one month and class; None = all of them.

    `in_time`: of those predicted to meet the target, how many met it; `late`: of those predicted to miss it, how many
    missed it. `ratio`: median of recorded / predicted, with its interval. levels: at LEVELS, the share of recorded
    responses that did not exceed the predicted quantile. within: between p05 and p95, nominally 90 %.
    """

    month: str | None
    response_class: str | None
    n: int
    ratio: Quantile
    in_time: Proportion
    late: Proportion
    levels: tuple[Proportion, ...]
    within: Proportion

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        p05, p50, p90, p95 = (each.as_json() for each in self.levels)
        return {
            "month": self.month,
            "class": self.response_class,
            "n": self.n,
            "ratio": _rounded(self.ratio.value),
            "ratio_low": _rounded(self.ratio.low),
            "ratio_high": _rounded(self.ratio.high),
            "predicted_in_time": self.in_time.as_json(),
            "predicted_late": self.late.as_json(),
            "p05": p05,
            "p50": p50,
            "p90": p90,
            "p95": p95,
            "range_90": self.within.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Warned:
    """A prediction that no longer holds in one class: what, its nominal share, and the share in the last months."""

    what: str
    response_class: str
    nominal: float
    share: Proportion
    months: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {
            "what": self.what,
            "class": self.response_class,
            "nominal": self.nominal,
            "share": self.share.as_json(),
            "months": list(self.months),
        }


@dataclass(frozen=True, slots=True)
class Honesty:
    """Predictions of a period: whole classes first, then by month; warnings; cases left out, by reason."""

    classes: tuple[Coverage, ...]
    months: tuple[Coverage, ...]
    warnings: tuple[Warned, ...]
    left_out: dict[str, int]

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values; `reliability` by class: nominal share, and how many did not exceed it."""
        return {
            "classes": [each.as_json() for each in self.classes],
            "months": [each.as_json() for each in self.months],
            "reliability": [
                {"class": each.response_class, "nominal": nominal, **share.as_json()}
                for each in self.classes
                for nominal, share in zip(LEVELS, each.levels, strict=True)
            ],
            "warnings": [each.as_json() for each in self.warnings],
            "left_out": dict(self.left_out),
        }


def judge_predictions(cases: Predicted, left_out: dict[str, int] | None = None) -> Honesty:
    """Compare predicted with recorded responses by class, by month and class, and warn where they no longer hold."""
    kinds = sorted(set(cases.response_class), reverse=True)
    of_class = np.array(cases.response_class, dtype=object)
    of_month = np.array(cases.month, dtype=object)
    months = sorted(set(cases.month))
    classes = tuple(_coverage(cases, of_class == kind, None, kind) for kind in kinds)
    by_month = tuple(
        _coverage(cases, (of_class == kind) & (of_month == month), month, kind) for month in months for kind in kinds
    )
    newest = tuple(months[-WARNED_MONTHS:])
    recent = np.isin(of_month.astype(str), newest)
    warnings = tuple(
        warned
        for kind in kinds
        for warned in _warnings(_coverage(cases, (of_class == kind) & recent, None, kind), newest)
    )
    return Honesty(classes, tuple(each for each in by_month if each.n), warnings, left_out or {})


def _coverage(cases: Predicted, rows: NDArray[np.bool_], month: str | None, kind: str | None) -> Coverage:
    recorded_s, predicted_s = cases.recorded_s[rows], cases.predicted_s[rows]
    quantiles_s, target_s = cases.quantiles_s[rows], cases.target_s[rows]
    hopeful, met = predicted_s <= target_s, recorded_s <= target_s
    ranged = np.isfinite(quantiles_s).all(axis=1)
    below = recorded_s[:, None] <= quantiles_s
    n = int(ranged.sum())
    between = ranged & below[:, 3] & (recorded_s >= quantiles_s[:, 0])
    positive = predicted_s > 0
    return Coverage(
        month,
        kind,
        len(recorded_s),
        quantile(np.sort(recorded_s[positive] / predicted_s[positive]), 0.5),
        Proportion.of(int((hopeful & met).sum()), int(hopeful.sum())),
        Proportion.of(int((~hopeful & ~met).sum()), int((~hopeful).sum())),
        tuple(Proportion.of(int((below[:, level] & ranged).sum()), n) for level in range(len(LEVELS))),
        Proportion.of(int(between.sum()), n),
    )


def _warnings(recent: Coverage, months: tuple[str, ...]) -> list[Warned]:
    named = [("p50", 0.5, recent.levels[1]), ("p90", 0.9, recent.levels[2]), ("range_90", RANGE, recent.within)]
    found = []
    for what, nominal, share in named:
        if share.n < LEAST_RANKED:
            continue
        low, high = interval(share.count, share.n, WARNING_CONFIDENCE)
        if not low <= nominal <= high:
            found.append(Warned(what, str(recent.response_class), nominal, share, months))
    return found


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
