"""Smaller covering problems with the same answer: equal demands merged, dominated sites and demands dropped.

The rules are those of set covering (Toregas and ReVelle, Binary solutions to a class of location problems, Geographical
Analysis 5, 1973).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy import sparse

    Flags = NDArray[np.bool_]
    Numbers = NDArray[np.intp]

_MOST_COMPARED = 6_000
"""Beyond so many rows or columns the pairs are not compared: they would take more memory than they save."""


class Merged(NamedTuple):
    """Demands that the same sites reach are one: `cover` (sites, groups), `group` (demands,) the column of each."""

    cover: Flags
    group: Numbers

    def weights(self, weight: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of the demands' weights, (demands,), in each group."""
        return np.asarray(np.bincount(self.group, weights=weight, minlength=self.cover.shape[1]), np.float64)


def merge_equal(cover: sparse.csr_array) -> Merged:
    """Merge the demands that are reached by exactly the same sites."""
    columns = cover.tocsc()
    columns.sort_indices()
    if cover.shape[0] * cover.shape[1] <= 64_000_000:
        packed = np.packbits(cover.toarray().astype(bool).T, axis=1)
        keys = np.ascontiguousarray(packed).view(np.dtype((np.void, packed.shape[1]))).ravel()
        _, first, group = np.unique(keys, return_index=True, return_inverse=True)
    else:  # by two random sums of the sites, which are equal for different sets once in 2^126
        draw = np.random.default_rng(20_210_701).integers(1, 1 << 62, (cover.shape[0], 2))
        sums = np.column_stack([(columns.T @ draw[:, k]) for k in range(2)])
        _, first, group = np.unique(sums, axis=0, return_index=True, return_inverse=True)
    kept = columns[:, first].toarray().astype(bool)
    return Merged(kept, np.asarray(group, np.intp).ravel())


class Reduced(NamedTuple):
    """What is left of a covering problem: `sites` and `demands` by number, and the sites that every answer has."""

    sites: Numbers
    demands: Numbers
    forced: Numbers


def reduce_covering(cover: Flags, *, fixed: Numbers) -> Reduced:
    """Reduce `cover`, (sites, demands), every demand of which is reached; `fixed` sites are open already."""
    sites, demands = np.arange(cover.shape[0]), np.arange(cover.shape[1])
    forced = [int(s) for s in fixed]
    demands = demands[~cover[fixed].any(axis=0)]
    sites = np.setdiff1d(sites, fixed)
    while len(demands):
        before = len(sites), len(demands)
        left = cover[np.ix_(sites, demands)]
        only = np.flatnonzero(left.sum(axis=0) == 1)
        if len(only):
            must = np.unique(left[:, only].argmax(axis=0))
            forced += sites[must].tolist()
            demands = demands[~left[must].any(axis=0)]
            sites = np.delete(sites, must)
            continue
        demands = demands[~_dominated(left.T, drop_subset=False)]
        left = cover[np.ix_(sites, demands)]
        sites = sites[~_dominated(left, drop_subset=True) & left.any(axis=1)]
        if (len(sites), len(demands)) == before:
            break
    if not len(demands):
        sites = sites[:0]
    return Reduced(sites, demands, np.array(sorted(forced), np.intp))


def _dominated(sets: Flags, *, drop_subset: bool) -> Flags:
    """Return which rows of `sets` another row makes superfluous; of equal rows the first is kept."""
    if len(sets) > _MOST_COMPARED or not len(sets):
        return np.zeros(len(sets), bool)
    size = sets.sum(axis=1)
    common = sets.astype(np.float32) @ sets.astype(np.float32).T
    within = common == size[:, None]  # [a, b]: a is a subset of b
    np.fill_diagonal(within, val=False)
    equal = within & within.T
    earlier = np.tril(np.ones_like(equal), -1)  # [a, b]: b comes before a
    worse = (within & ~equal) if drop_subset else (within & ~equal).T
    found: Flags = (worse | (equal & earlier)).any(axis=1)
    return found
