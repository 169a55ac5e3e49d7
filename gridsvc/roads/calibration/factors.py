"""Recorded trips, and the factors fitted to them.

Median regression on road groups (iteratively reweighted least squares), each group's factor pulled towards the
district's, which is pulled towards 1; a factor for each hour, pulled towards its time of day. Which of it is used is
decided by cross-fitting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from gridsvc.errors import InvalidInput
from gridsvc.roads.calibration.model import LEVELS, LengthBand

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEWEST_FOR_GROUPS = 150
FEWEST_ON_GROUP = 20
"""Trips of which at least a tenth is on a road group, for a factor of its own."""
FEWEST_AT_TIME = 30
"""Trips at a time of day, urban or rural, for factors of its hours."""
FEWEST_AT_LENGTH = 100
"""Trips of a length for quantiles of its own."""

PRIOR_TRIPS = 10
"""Every factor is fitted as if so many further trips had shown the one that it is pulled towards."""
FOLDS = 5
LEAST_FACTOR = 0.2
TIMES_OF_DAY = {"night": (22, 6), "morning": (6, 10), "day": (10, 16), "evening": (16, 22)}
LENGTHS_S = (0.0, 120.0, 240.0, 480.0)

TIME_OF_HOUR = np.array(
    [
        next(n for n, (a, b) in enumerate(TIMES_OF_DAY.values()) if (a <= h < b if a < b else h >= a or h < b))
        for h in range(24)
    ]
)
CLASS_ROWS = ("rural", "urban")
_LEAST_SCALE_S = 60.0
"""Errors count relative to the length of a trip, but no trip as shorter than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Trips:
    """Recorded trips, n of them.

    seconds: (n, groups) as the network has them. hour: (n,) 0 to 23, local. urban: (n,) bool, of the place driven to.
    observed_s: (n,) from en route to on scene, above 0. case: (n,) numbers; trips of one case share what happened to
    it and are never divided between fitting and judging. at_s: (n,) when they began, on one clock.
    """

    groups: tuple[str, ...]
    seconds: NDArray[np.float64]
    hour: NDArray[np.int64]
    urban: NDArray[np.bool_]
    observed_s: NDArray[np.float64]
    case: NDArray[np.int64]
    at_s: NDArray[np.float64]

    def __post_init__(self) -> None:
        n = len(self.observed_s)
        rows = (self.seconds, self.hour, self.urban, self.case, self.at_s)
        if any(len(row) != n for row in rows) or self.seconds.shape != (n, len(self.groups)):
            raise InvalidInput("The arrays of trips differ in length.")
        if n and not (self.observed_s.min() > 0 and self.total_s.min() > 0 and self.seconds.min() >= 0):
            raise InvalidInput("A trip takes time, recorded and on the network.")

    def __len__(self) -> int:
        return len(self.observed_s)

    @property
    def total_s(self) -> NDArray[np.float64]:
        """The time of the network, all groups together."""
        result: NDArray[np.float64] = self.seconds.sum(axis=1)
        return result

    def take(self, which: NDArray[np.bool_]) -> Trips:
        """Return some of the trips."""
        return Trips(
            self.groups,
            self.seconds[which],
            self.hour[which],
            self.urban[which],
            self.observed_s[which],
            self.case[which],
            self.at_s[which],
        )


@dataclass(frozen=True, slots=True, eq=False)
class Factors:
    """A fit: factor (groups,), start_s, hours (2, 24) rural and urban, NaN = too few trips at that time of day."""

    level: str
    factor: NDArray[np.float64]
    start_s: float
    hours: NDArray[np.float64]
    lacking: tuple[str, ...] = ()

    def travel_s(self, trips: Trips) -> NDArray[np.float64]:
        """Predict trips, (n,) seconds."""
        result: NDArray[np.float64] = (self.start_s + trips.seconds @ self.factor) * self.of_hours(trips)
        return result

    def of_hours(self, trips: Trips) -> NDArray[np.float64]:
        """Return the hour's factor of each trip, 1 where there is none."""
        result: NDArray[np.float64] = np.nan_to_num(self.hours[trips.urban.astype(int), trips.hour], nan=1.0)
        return result


def choose(trips: Trips) -> tuple[str, dict[str, float], NDArray[np.float64]]:
    """Choose the level with the least error on trips left out; return it, all errors, and its predictions of those."""
    cases, of = np.unique(trips.case, return_inverse=True)
    fold = (np.arange(len(cases)) % FOLDS)[of]
    held_out = {level: np.empty(len(trips)) for level in LEVELS[1:]}
    for level, predicted in held_out.items():
        for each in range(FOLDS):
            out = fold == each
            if out.any():
                predicted[out] = fit(trips.take(~out), level).travel_s(trips.take(out))
    errors = {level: round(float(np.abs(p - trips.observed_s).mean()), 3) for level, p in held_out.items()}
    best = min(errors, key=lambda level: (errors[level], LEVELS.index(level)))
    return best, errors, held_out[best]


def fit(trips: Trips, level: str) -> Factors:
    """Fit one level; what has too few trips falls back on the level before it."""
    n, groups = trips.seconds.shape
    overall = float(np.exp(_pulled(np.log(trips.observed_s / trips.total_s), 0.0)))
    nothing = np.full((2, 24), np.nan)
    flat = Factors("district", np.full(groups, overall), 0.0, nothing)
    if level == "district" or n < FEWEST_FOR_GROUPS:
        return flat
    share = trips.seconds / trips.total_s[:, None]
    known = (share >= 0.1).sum(axis=0) >= FEWEST_ON_GROUP
    lacking = tuple(group for group, fine in zip(trips.groups, known, strict=True) if not fine)
    factor, start_s = _regress(trips, np.ones(n), known, overall)
    fitted = Factors("class", factor, start_s, nothing, lacking)
    if level == "class":
        return fitted
    for _ in range(3):
        hours = _hours(trips, fitted)
        of_hours = replace(fitted, hours=hours).of_hours(trips)
        factor, start_s = _regress(trips, of_hours, known, overall)
        fitted = Factors("hour", factor, start_s, hours, lacking)
    return fitted


def unfitted(trips: Trips) -> Factors:
    """Return the network's own times as factors."""
    return Factors("uncalibrated", np.ones(len(trips.groups)), 0.0, np.full((2, 24), np.nan))


def _pulled(logs: NDArray[np.float64], towards: float) -> float:
    """Return the median, pulled as if PRIOR_TRIPS further trips had shown `towards`."""
    n = len(logs)
    return towards if n == 0 else (n * float(np.median(logs)) + PRIOR_TRIPS * towards) / (n + PRIOR_TRIPS)


def _regress(
    trips: Trips, of_hours: NDArray[np.float64], known: NDArray[np.bool_], overall: float
) -> tuple[NDArray[np.float64], float]:
    """Median regression of recorded times on the groups that are known and on a start; others get `overall`.

    A column counts 1 where the whole trip is on its group, so that each prior weighs as much as PRIOR_TRIPS trips.
    """
    scale = np.maximum(trips.total_s, _LEAST_SCALE_S)
    rest = trips.seconds[:, ~known].sum(axis=1) * overall
    columns = np.column_stack([trips.seconds[:, known], np.full(len(trips), _LEAST_SCALE_S)])
    x = columns * (of_hours / scale)[:, None]
    y = (trips.observed_s - rest * of_hours) / scale
    k = x.shape[1] - 1
    prior = np.append(np.full(k, overall), 0.0)
    least = np.append(np.full(k, LEAST_FACTOR), 0.0)
    weight = np.ones(len(y))
    result = np.maximum(prior, least)
    for _ in range(25):
        pull = PRIOR_TRIPS * float(weight.mean())
        normal = (x * weight[:, None]).T @ x + pull * np.eye(k + 1)
        right = x.T @ (weight * y) + pull * prior - normal @ least
        upper = cholesky(normal)
        before, result = result, least + nnls(upper, solve_triangular(upper, right, trans="T"))[0]
        if np.abs(result - before).max() < 1e-4:
            break
        weight = 1.0 / np.maximum(np.abs(y - x @ result), 0.02)
    factor = np.full(len(known), overall)
    factor[known] = result[:k]
    return factor, float(result[k] * _LEAST_SCALE_S)


def _hours(trips: Trips, fitted: Factors) -> NDArray[np.float64]:
    """Return the factors of the hours, each pulled to its time of day; their mean over the trips is 1."""
    ratio = np.log(trips.observed_s / replace(fitted, hours=np.full((2, 24), np.nan)).travel_s(trips))
    hours = np.full((2, 24), np.nan)
    counts = np.zeros((2, 24))
    for row in range(2):
        here = trips.urban == bool(row)
        for time in range(len(TIMES_OF_DAY)):
            there = here & (TIME_OF_HOUR[trips.hour] == time)
            if int(there.sum()) < FEWEST_AT_TIME:
                continue
            middle = _pulled(ratio[there], 0.0)
            for hour in np.flatnonzero(time == TIME_OF_HOUR):
                at = ratio[there & (trips.hour == hour)]
                hours[row, hour], counts[row, hour] = _pulled(at, middle), len(at)
    if counts.sum():
        hours -= np.nansum(hours * counts) / counts.sum()
    result: NDArray[np.float64] = np.exp(hours)
    return result


def lengths_of(trips: Trips, held_out_s: NDArray[np.float64]) -> tuple[LengthBand, ...]:
    """Return the quantiles of recorded over predicted by length; a length with too few trips joins the one before.

    held_out_s: (n,) predictions by fits that had not seen the trip. Ranks are those of split conformal prediction,
    rounded outwards, so that a new trip of the same kind is within with at least the probability named.
    """
    starts, numbers = [0.0], [np.flatnonzero(held_out_s < LENGTHS_S[1])]
    for n, begin in enumerate(LENGTHS_S[1:], start=1):
        end = LENGTHS_S[n + 1] if n + 1 < len(LENGTHS_S) else np.inf
        here = np.flatnonzero((held_out_s >= begin) & (held_out_s < end))
        if len(numbers[-1]) < FEWEST_AT_LENGTH or len(here) < FEWEST_AT_LENGTH:
            numbers[-1] = np.concatenate([numbers[-1], here])
        else:
            starts.append(begin)
            numbers.append(here)
    if len(numbers) > 1 and len(numbers[-1]) < FEWEST_AT_LENGTH:
        last = numbers.pop()
        starts.pop()
        numbers[-1] = np.concatenate([numbers[-1], last])
    bands = []
    for begin, here in zip(starts, numbers, strict=True):
        ratio = np.sort(trips.observed_s[here] / held_out_s[here])
        low, high = (round(rank(ratio, q), 4) for q in (0.05, 0.95))
        bands.append(
            LengthBand(begin, len(here), low, round(float(np.median(ratio)), 4), round(rank(ratio, 0.9), 4), high)
        )
    return tuple(bands)


def rank(ordered: NDArray[np.float64], share: float) -> float:
    """Return the conformal quantile of ordered values: rank ceil((n + 1) share), below one half floor."""
    n = len(ordered)
    place = np.ceil((n + 1) * share - 1e-9) if share > 0.5 else np.floor((n + 1) * share + 1e-9)
    return float(ordered[int(min(max(place, 1), n)) - 1])
