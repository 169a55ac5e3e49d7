"""Calibrate on recorded trips, and refuse it where it is no better than the network alone on trips not seen.

What a fit is worth is measured on the latest quarter of the trips, which nothing was fitted to and no level chosen by.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.roads.calibration.factors import (
    CLASS_ROWS,
    FEWEST_FOR_GROUPS,
    TIME_OF_HOUR,
    TIMES_OF_DAY,
    Factors,
    Trips,
    choose,
    fit,
    lengths_of,
    unfitted,
)
from gridsvc.roads.calibration.model import LEVELS, Calibration, LengthBand

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_TRIPS = 80
"""Below this nothing is fitted: the latest quarter, on which a fit is judged, would be fewer than 20."""
FEWEST_SINCE = 20
LATEST_SHARE = 0.25
LEAST_COVERAGE = 0.8
"""Of the 90 % range on the latest trips; a range that holds less often is not put in force."""
REFUSED = ("worse", "range-too-narrow")


@dataclass(frozen=True, slots=True)
class Score:
    """What predictions were worth.

    Mean absolute error, mean error (above 0 = trips took longer), the shares of trips that kept to the p50, the p90 and
    the 90 % range, and the range's mean width.
    """

    trips: int
    mae_s: float
    mean_error_s: float
    within_p50: float
    within_p90: float
    coverage: float
    width_s: float


@dataclass(frozen=True, slots=True)
class Fallback:
    """What has no factor of its own, the level that stands in for it, and why: `too-few` trips, or `no-better`."""

    what: str
    instead: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of calibrating.

    outcome: `fitted`; `range-only`: factors are no better, so that the network's times stay, with a range of recorded
    ratios; `too-few`; or refused: `worse` where that range does not hold either, `range-too-narrow`. uncalibrated,
    calibrated: on the latest trips, None where there were too few. levels: mean absolute error of each level by
    cross-fitting. worse_at: times of day and classes where calibrating is worse.
    """

    outcome: str
    trips: int
    calibration: Calibration | None
    uncalibrated: Score | None
    calibrated: Score | None
    levels: dict[str, float]
    worse_at: tuple[dict[str, Any], ...]
    fallbacks: tuple[Fallback, ...]

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values, the calibration by its digest."""
        result = asdict(replace(self, calibration=None))
        result["calibration"] = None if self.calibration is None else self.calibration.version
        result["worse_at"] = list(self.worse_at)
        result["fallbacks"] = [asdict(each) for each in self.fallbacks]
        return result


def calibrate(trips: Trips, about: dict[str, Any] | None = None) -> Verdict:
    """Fit and judge; `about` is kept with the calibration as evidence (span, network)."""
    late = latest(trips) if len(trips) >= FEWEST_TRIPS else np.zeros(len(trips), bool)
    early, later = trips.take(~late), trips.take(late)
    if not len(early) or not len(later):
        return Verdict("too-few", len(trips), None, None, None, {}, (), (Fallback("district", LEVELS[0], "too-few"),))
    level, errors, held_out = choose(early)
    fitted, lengths = fit(early, level), lengths_of(early, held_out)
    calibrated = score(later, fitted.travel_s(later), lengths)
    raw = score(later, later.total_s, around_network(early))
    worse_at = _worse_at(later, _times(lengths, fitted.travel_s(later), "p50"))
    outcome = "fitted"
    if calibrated.mae_s >= raw.mae_s:
        outcome = "range-only" if raw.coverage >= LEAST_COVERAGE else "worse"
    elif calibrated.coverage < LEAST_COVERAGE:
        outcome = "range-too-narrow"
    if outcome in REFUSED:
        return Verdict(outcome, len(trips), None, raw, calibrated, errors, worse_at, _fallbacks(fitted, len(early)))
    if outcome == "range-only":
        factors, lengths = unfitted(trips), around_network(trips)
    else:
        level, errors, held_out = choose(trips)
        factors, lengths = fit(trips, level), lengths_of(trips, held_out)
    evidence = dict(about or {}) | {
        "outcome": outcome,
        "trips": len(trips),
        "cases": len(np.unique(trips.case)),
        "levels": errors,
        "uncalibrated": asdict(raw),
        "calibrated": asdict(calibrated),
        "worse_at": list(worse_at),
    }
    hours = {
        name: tuple(None if np.isnan(h) else round(float(h), 4) for h in factors.hours[row])
        for row, name in enumerate(CLASS_ROWS)
    }
    made = Calibration(
        level=factors.level,
        factors={group: round(float(f), 4) for group, f in zip(trips.groups, factors.factor, strict=True)},
        start_s=round(factors.start_s, 2),
        hours=hours,
        lengths=lengths,
        evidence=evidence,
    )
    return Verdict(outcome, len(trips), made, raw, calibrated, errors, worse_at, _fallbacks(factors, len(trips)))


def around_network(trips: Trips) -> tuple[LengthBand, ...]:
    """Return ratios about the network's own time, which stays the p50."""
    return tuple(
        replace(band, p05=min(band.p05, 1.0), p50=1.0, p90=max(band.p90, 1.0), p95=max(band.p95, 1.0))
        for band in lengths_of(trips, trips.total_s)
    )


def latest(trips: Trips) -> NDArray[np.bool_]:
    """Mark the latest quarter, whole cases only."""
    begin = float(np.quantile(trips.at_s, 1.0 - LATEST_SHARE))
    cases, of = np.unique(trips.case, return_inverse=True)
    first_s = np.full(len(cases), np.inf)
    np.minimum.at(first_s, of, trips.at_s)
    late: NDArray[np.bool_] = (first_s >= begin)[of]
    return late


def _times(lengths: tuple[LengthBand, ...], travel_s: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    band = np.searchsorted([each.from_s for each in lengths], travel_s, side="right") - 1
    shares: NDArray[np.float64] = np.array([getattr(each, name) for each in lengths])
    return travel_s * shares[band]


def score(trips: Trips, travel_s: NDArray[np.float64], lengths: tuple[LengthBand, ...]) -> Score:
    """Judge predictions of trips and the ranges about them."""
    p05, p50, p90, p95 = (_times(lengths, travel_s, name) for name in ("p05", "p50", "p90", "p95"))
    return _scored(trips.observed_s, p05, p50, p90, p95)


def score_since(calibration: Calibration, trips: Trips) -> tuple[Score, Score] | None:
    """Judge a calibration, and the network alone, on trips that began after its last; None where they are too few."""
    until = calibration.evidence.get("until")
    since = trips.take(trips.at_s > datetime.fromisoformat(until).timestamp()) if until is not None else trips
    if len(since) < FEWEST_SINCE:
        return None
    result = [
        calibration.travel_range(dict(zip(since.groups, row, strict=True)), hour, CLASS_ROWS[urban])
        for row, hour, urban in zip(since.seconds.tolist(), since.hour.tolist(), since.urban.tolist(), strict=True)
    ]
    columns = np.array([(span.p05_s, span.p50_s, span.p90_s, span.p95_s) for span in result]).T
    return _scored(since.observed_s, *columns), score(since, since.total_s, around_network(since))


def _scored(
    seen: NDArray[np.float64],
    p05: NDArray[np.float64],
    p50: NDArray[np.float64],
    p90: NDArray[np.float64],
    p95: NDArray[np.float64],
) -> Score:
    return Score(
        trips=len(seen),
        mae_s=round(float(np.abs(p50 - seen).mean()), 2),
        mean_error_s=round(float((seen - p50).mean()), 2),
        within_p50=round(float((seen <= p50).mean()), 4),
        within_p90=round(float((seen <= p90).mean()), 4),
        coverage=round(float(((seen >= p05) & (seen <= p95)).mean()), 4),
        width_s=round(float((p95 - p05).mean()), 1),
    )


def _worse_at(trips: Trips, middle_s: NDArray[np.float64]) -> tuple[dict[str, Any], ...]:
    """Name times of day and classes where the latest trips were predicted worse than by the network alone."""
    result = []
    for row, name in enumerate(CLASS_ROWS):
        for number, time in enumerate(TIMES_OF_DAY):
            here = (trips.urban == bool(row)) & (TIME_OF_HOUR[trips.hour] == number)
            if not here.any():
                continue
            seen = trips.observed_s[here]
            ours, raw = (float(np.abs(p[here] - seen).mean()) for p in (middle_s, trips.total_s))
            if ours >= raw:
                result.append(
                    {
                        "response_class": name,
                        "time": time,
                        "trips": int(here.sum()),
                        "mae_s": round(ours, 2),
                        "uncalibrated_mae_s": round(raw, 2),
                    }
                )
    return tuple(result)


def _fallbacks(factors: Factors, n: int) -> tuple[Fallback, ...]:
    """Return what has no factor of its own, with what stands in for it."""
    few = "too-few" if n < FEWEST_FOR_GROUPS else "no-better"
    if factors.level == LEVELS[0]:
        return (Fallback("district", LEVELS[0], "no-better"),)
    if factors.level == "district":
        return Fallback("class", "district", few), Fallback("hour", "district", few)
    result = [Fallback(f"road group {group}", "district", "too-few") for group in factors.lacking]
    if factors.level == "class":
        return *result, Fallback("hour", "class", "no-better")
    for row, name in enumerate(CLASS_ROWS):
        for number, time in enumerate(TIMES_OF_DAY):
            if np.isnan(factors.hours[row, number == TIME_OF_HOUR]).any():
                result.append(Fallback(f"{name} {time}", "class", "too-few"))
    return tuple(result)
