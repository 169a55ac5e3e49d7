"""A share of counted cases with its interval; small counts are not ranked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

from scipy.stats import beta

CONFIDENCE = 0.95
LEAST_RANKED = 30
"""Groups with fewer cases are shown in the order of their names, never ranked by their share."""


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `n` cases; low and high: exact 95 % interval (Clopper, Pearson 1934). None where n is 0."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, count: int, n: int) -> Share:
        """Return the share of a count."""
        if n == 0:
            return cls(0, 0, None, None, None)
        low, high = interval(count, n)
        return cls(count, n, count / n, low, high)

    @property
    def ranked(self) -> bool:
        """Whether there are enough cases to compare it with others."""
        return self.n >= LEAST_RANKED

    def excludes(self, nominal: float) -> bool:
        """Whether a nominal share is outside the interval."""
        return self.low is not None and self.high is not None and not self.low <= nominal <= self.high

    def as_json(self) -> dict[str, float | int | None]:
        """Return plain JSON values, shares to four digits."""
        return {
            "count": self.count,
            "n": self.n,
            "share": None if self.share is None else round(self.share, 4),
            "low": None if self.low is None else round(self.low, 4),
            "high": None if self.high is None else round(self.high, 4),
        }


@lru_cache(maxsize=4096)
def interval(count: int, n: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the exact (Clopper-Pearson) interval of a share `count / n`, n > 0."""
    tail = (1 - confidence) / 2
    low = 0.0 if count == 0 else float(beta.ppf(tail, count, n - count + 1))
    high = 1.0 if count == n else float(beta.ppf(1 - tail, count + 1, n - count))
    return low, high


def differs(first: Share, second: Share) -> bool:
    """Say whether two shares differ: Newcombe's interval (1998, method 10) of the difference leaves out 0."""
    if first.n == 0 or second.n == 0:
        return False
    (p1, l1, h1), (p2, l2, h2) = (_wilson(each.count, each.n) for each in (first, second))
    gap = p1 - p2
    low = gap - sqrt((p1 - l1) ** 2 + (h2 - p2) ** 2)
    high = gap + sqrt((h1 - p1) ** 2 + (p2 - l2) ** 2)
    return not low <= 0 <= high


def _wilson(count: int, n: int) -> tuple[float, float, float]:
    z, p = 1.959963984540054, count / n
    middle, half = p + z * z / (2 * n), z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return p, (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
