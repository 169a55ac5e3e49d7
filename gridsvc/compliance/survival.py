"""Quantiles of times of which some have not ended: the product-limit estimate of Kaplan and Meier [1]_.

An open case has waited so long already: to leave it out makes a figure better than it is. Its interval comes from the
log-log transformation of Greenwood's variance [2]_.

References
----------
.. [1] E. L. Kaplan, P. Meier: Nonparametric estimation from incomplete observations. Journal of the American
   Statistical Association 53 (1958).
.. [2] R. Brookmeyer, J. Crowley: A confidence interval for the median survival time. Biometrics 38 (1982).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri

from gridsvc.compliance.quantiles import CONFIDENCE, NO_QUANTILE, Quantile, least_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-9


class Survival(NamedTuple):
    """The estimate after each distinct time at which something ended.

    times: (k,) s, increasing. `not_ended`: (k,) the share that has not ended by then. `log_log_error`: (k,) the
    standard error of log(-log(share)), NaN where the share is 0 or 1. `sample`: how many times it is made of.
    """

    times: NDArray[np.float64]
    not_ended: NDArray[np.float64]
    log_log_error: NDArray[np.float64]
    sample: int


def survival(ended_s: NDArray[np.float64], waiting_s: NDArray[np.float64]) -> Survival:
    """Return the estimate of times that ended, and of others that have lasted so long and have not."""
    both = np.concatenate([ended_s, waiting_s])
    ends = np.concatenate([np.ones(len(ended_s), dtype=bool), np.zeros(len(waiting_s), dtype=bool)])
    times, first = np.unique(both, return_inverse=True)
    ended = np.bincount(first[ends], minlength=len(times)).astype(np.float64)
    leaving = np.bincount(first, minlength=len(times)).astype(np.float64)
    at_risk = len(both) - np.concatenate([[0.0], np.cumsum(leaving)[:-1]]) if len(times) else np.empty(0)
    kept = ended > 0
    times, ended, at_risk = times[kept], ended[kept], at_risk[kept]
    not_ended = np.asarray(np.cumprod((at_risk - ended) / at_risk), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.cumsum(ended / (at_risk * (at_risk - ended)))
        error = np.asarray(np.sqrt(variance) / np.abs(np.log(not_ended)), dtype=np.float64)
    error[(not_ended <= 0) | (not_ended >= 1)] = np.nan
    return Survival(times, not_ended, error, len(both))


def survival_quantile(estimate: Survival, p: float) -> Quantile:
    """Return the time by which a share `p` (0 to 1) has ended; None where that is not yet known."""
    if estimate.sample < least_count(p):
        return NO_QUANTILE
    z = float(ndtri(1 - (1 - CONFIDENCE) / 2))
    value = _first(estimate.times, estimate.not_ended <= 1 - p + _ROUNDING)
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = (np.log(-np.log(estimate.not_ended)) - math.log(-math.log(1 - p))) / estimate.log_log_error
    inside = np.abs(distance) <= z
    if value is None or not inside.any():
        return Quantile(value, None, None)
    low = float(estimate.times[int(np.argmax(inside))])
    beyond = distance > z
    high = _first(estimate.times, beyond | (estimate.not_ended <= 0))
    return Quantile(value, min(low, value), None if high is None else max(high, value))


def _first(times: NDArray[np.float64], wanted: NDArray[np.bool_]) -> float | None:
    return float(times[int(np.argmax(wanted))]) if wanted.any() else None
