"""A share of counted cases with its interval; small counts are not ranked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from scipy.special import betaincinv

CONFIDENCE = 0.95
LEAST_RANKED = 30
"""Of fewer cases nothing is concluded: no warning, no rank."""


@dataclass(frozen=True, slots=True)
class Proportion:
    """`count` of `n` cases; low and high: exact 95 % interval (Clopper, Pearson 1934). None where n is 0."""

    count: int
    n: int
    share: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, count: int, n: int) -> Proportion:
        """Return the share of a count."""
        if n == 0:
            return cls(0, 0, None, None, None)
        low, high = interval(count, n)
        return cls(count, n, count / n, low, high)

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
    low = 0.0 if count == 0 else float(betaincinv(count, n - count + 1, tail))
    high = 1.0 if count == n else float(betaincinv(count + 1, n - count, 1 - tail))
    return low, high
