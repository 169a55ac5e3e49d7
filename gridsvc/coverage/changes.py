"""What changes when the posts are others: the demand gained and lost, with the interval of the difference."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coverage.model import read_cover, read_weight
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

    from gridsvc.coverage.model import Cover

    Flags = NDArray[np.bool_]

_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """Which demand some posts reach and others do not, (demands,) each, and its weight.

    before, after: reached by the posts of before, and of after. total, gained, lost: weights. share: (gained - lost) /
    total. low, high: its 95 % interval where the weights count cases, each a trial that both sets of posts are tried
    on; None where they count something else.
    """

    before: Flags
    after: Flags
    total: float
    gained: float
    lost: float
    low: float | None
    high: float | None

    @property
    def share(self) -> float:
        """The share of the demand that is reached more; negative = less."""
        return (self.gained - self.lost) / self.total if self.total else 0.0


def compare(
    cover: Cover, weight: ArrayLike, before: Iterable[int], after: Iterable[int], *, cases: bool = True
) -> Change:
    """Return what changes if the posts `before` are replaced by those `after`: a post added, moved or closed.

    Parameters
    ----------
    cover
        (sites, demands), true where the site reaches the demand; dense or scipy sparse.
    weight
        (demands,), 0 or more.
    before, after
        Row numbers of sites.
    cases
        Whether the weights count cases, so that the difference has an interval.
    """
    reach = read_cover(cover)
    value = read_weight(weight, reach.shape[1])
    reached = []
    for sites in (before, after):
        rows = sorted({int(site) for site in sites})
        if rows and not 0 <= rows[0] <= rows[-1] < reach.shape[0]:
            wrong = rows[0] if rows[0] < 0 else rows[-1]
            raise InvalidInput(
                f"Site {wrong} does not exist; there are {reach.shape[0]}. Give row numbers from 0.",
                kind="unknown-site",
                site=wrong,
                sites=reach.shape[0],
            )
        reached.append(np.asarray(reach[rows].sum(axis=0)).ravel() > 0 if rows else np.zeros(reach.shape[1], bool))
    return change_of(reached[0], reached[1], value, cases=cases)


def change_of(before: Flags, after: Flags, weight: NDArray[np.float64], *, cases: bool = True) -> Change:
    """Return the change between two sets of reached demand, (demands,) each."""
    total = float(weight.sum())
    gained, lost = float(weight[after & ~before].sum()), float(weight[before & ~after].sum())
    low, high = paired_interval(gained, lost, total) if cases and total >= 1 else (None, None)
    return Change(before, after, total, gained, lost, low, high)


def paired_interval(gained: float, lost: float, n: float) -> tuple[float, float]:
    """Return the 95 % interval of the difference of two shares of the same `n` cases, -1 to 1.

    The adjusted Wald interval of paired data: Bonett and Price, Adjusted Wald confidence interval for a difference of
    binomial proportions based on paired data, Journal of Educational and Behavioral Statistics 37, 2012.
    """
    more, less = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    half = _NORMAL_95 * sqrt(max(0.0, more + less - (more - less) ** 2) / (n + 2))
    middle = more - less
    return max(-1.0, middle - half), min(1.0, middle + half)
