"""Quantiles and shares of a sample with intervals that assume no distribution.

A quantile is an order statistic: the smallest recorded value that a share p of the sample does not exceed. Its interval
is of order statistics too, with ranks from the binomial distribution [1]_. The interval of a share is that of Clopper
and Pearson [2]_. A quantile is given only where the sample can bound it: P90 from 29 values on from above, from 36 on
from both sides.

References
----------
.. [1] H. A. David, H. N. Nagaraja: Order Statistics, 3rd edition, 2003, section 7.1.
.. [2] C. J. Clopper, E. S. Pearson: The use of confidence or fiducial limits illustrated in the case of the binomial.
   Biometrika 26 (1934).
.. [3] R. G. Newcombe: Interval estimation for the difference between independent proportions. Statistics in Medicine 17
   (1998), method 10. G. Y. Zou, A. Donner: Construction of confidence limits about effect measures. Statistics in
   Medicine 27 (2008).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import bdtr, betaincinv, ndtri

if TYPE_CHECKING:
    from numpy.typing import NDArray

CONFIDENCE = 0.95
"""Of every interval, two-sided or one-sided."""

_ROUNDING = 1e-9


class Quantile(NamedTuple):
    """A quantile of a sample with its interval; None = the sample is too small for it.

    `low` None with `high` not None: the interval has one side, the quantile is at most `high`.
    """

    value: float | None
    low: float | None
    high: float | None


class Share(NamedTuple):
    """A share with its interval, 0 to 1; all None for an empty sample."""

    value: float | None
    low: float | None
    high: float | None


class Difference(NamedTuple):
    """A later value minus an earlier one, with its interval; None = it cannot be given."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def changed(self) -> bool | None:
        """Whether the interval excludes zero; None where there is no interval."""
        if self.low is None or self.high is None:
            return None
        return self.low > 0 or self.high < 0


NO_QUANTILE = Quantile(None, None, None)


def rank_of(p: float, count: int) -> int:
    """Return the rank, from 1, of the quantile `p` (0 to 1) in a sample."""
    return max(1, math.ceil(p * count - _ROUNDING))


def least_count(p: float, *, sides: int = 1) -> int:
    """Return how many values bound the quantile `p` (0 to 1) from above (sides=1), or from both sides (sides=2).

    Where p is under a half, the side from below needs more, and counts.
    """
    tail = (1 - CONFIDENCE) / sides
    return math.ceil(math.log(tail) / math.log(p if sides == 1 else max(p, 1 - p)) - _ROUNDING)


def interval_ranks(p: float, count: int) -> tuple[int | None, int | None]:
    """Return the ranks, from 1, of the two values that bound the quantile `p` with 95 %; None = no value does.

    Of a sample that is too small for two sides, the bound from above alone may have all of the 5 %.
    """
    if count >= least_count(p, sides=2):
        tail = (1 - CONFIDENCE) / 2
        return _lower_rank(p, count, tail), _upper_rank(p, count, tail)
    return None, _upper_rank(p, count, 1 - CONFIDENCE)


def _lower_rank(p: float, count: int, tail: float) -> int | None:
    """Return the largest rank r with P(B < r) <= tail, B binomial: so many values lie below the quantile."""
    ranks = np.arange(*_window(p, count), dtype=np.int64)
    good = ranks[bdtr(ranks - 1.0, count, p) <= tail]
    return int(good[-1]) if len(good) else None


def _upper_rank(p: float, count: int, tail: float) -> int | None:
    """Return the smallest rank r with P(B >= r) <= tail."""
    ranks = np.arange(*_window(p, count), dtype=np.int64)
    good = ranks[1.0 - bdtr(ranks - 1.0, count, p) <= tail]
    return int(good[0]) if len(good) else None


def _window(p: float, count: int) -> tuple[int, int]:
    """Return the ranks among which both bounds are: five standard deviations round the quantile."""
    spread = 5 * math.sqrt(count * p * (1 - p)) + 5
    return max(1, math.floor(p * count - spread)), min(count, math.ceil(p * count + spread)) + 1


def quantile(ordered: NDArray[np.float64], p: float) -> Quantile:
    """Return the quantile `p` (0 to 1) of sorted values, all None where they cannot bound it."""
    count = len(ordered)
    if count < least_count(p):
        return NO_QUANTILE
    low, high = interval_ranks(p, count)
    at = [None if rank is None else float(ordered[rank - 1]) for rank in (low, high)]
    return Quantile(float(ordered[rank_of(p, count) - 1]), *at)


def quantile_among(ordered: NDArray[np.float64], p: float, *, below: int = 0, above: int = 0) -> float | None:
    """Return the quantile of sorted values and of so many more below or above all of them; None = it is one of those.

    For the bounds of missing values: all in time, or all late.
    """
    rank = rank_of(p, len(ordered) + below + above) - below
    return float(ordered[rank - 1]) if 1 <= rank <= len(ordered) else None


def share(hits: int, count: int) -> Share:
    """Return hits / count with its interval."""
    if count == 0:
        return Share(None, None, None)
    tail = (1 - CONFIDENCE) / 2
    low = 0.0 if hits == 0 else float(betaincinv(hits, count - hits + 1, tail))
    high = 1.0 if hits == count else float(betaincinv(hits + 1, count - hits, 1 - tail))
    return Share(hits / count, low, high)


def difference(before: Quantile | Share, after: Quantile | Share) -> Difference:
    """Return after - before, with an interval made of the two intervals [3]_; two one-sided ones give none."""
    if before.value is None or after.value is None:
        return Difference(None, None, None)
    value = after.value - before.value
    if None in (before.low, before.high, after.low, after.high):
        return Difference(value, None, None)
    assert before.low is not None
    assert before.high is not None
    assert after.low is not None
    assert after.high is not None
    low = value - math.hypot(after.value - after.low, before.high - before.value)
    high = value + math.hypot(after.high - after.value, before.value - before.low)
    return Difference(value, low, high)


def wilson(hits: int, count: int) -> Share:
    """Return hits / count with the score interval of Wilson: what the difference of two shares is made of."""
    if count == 0:
        return Share(None, None, None)
    z = float(ndtri(1 - (1 - CONFIDENCE) / 2))
    found = hits / count
    middle = (found + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(found * (1 - found) / count + z * z / (4 * count * count))
    return Share(found, max(0.0, middle - half), min(1.0, middle + half))
