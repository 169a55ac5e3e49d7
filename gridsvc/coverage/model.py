"""The answer of a location model, what limits its search, and the checks of its input."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from scipy import sparse

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Cover = NDArray[np.bool_] | sparse.spmatrix | sparse.sparray


@dataclass(frozen=True, slots=True)
class Plan:
    """Sites to open, by row number and ascending; a model of fleets names a site once for each unit there.

    `objective` is that of the sites, computed from the input and not by the solver. `bound`: no plan can be better
    (greater where the model maximises, smaller where it minimises). `optimal`: objective and bound agree.
    `unreachable`: demands, by column, that no site reaches; models that minimise cost refuse them instead.
    """

    sites: tuple[int, ...]
    objective: float
    bound: float
    optimal: bool
    unreachable: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        # Plain values, whatever the model computed them with.
        object.__setattr__(self, "objective", float(self.objective))
        object.__setattr__(self, "bound", float(self.bound))
        object.__setattr__(self, "optimal", bool(self.optimal))

    @property
    def gap(self) -> float:
        """How far objective and bound differ, as a share of the objective: 0 = proved optimal."""
        if self.objective == self.bound:
            return 0.0
        return abs(self.bound - self.objective) / max(abs(self.objective), 1e-12)


@dataclass(frozen=True, slots=True)
class Side:
    """A rule over the open sites: `least` <= the sum of their `factor`s <= `most`.

    `factor`: one number for each site; a site with several units counts as often. A budget is a side whose factors are
    costs; half of the staff in townships is one whose factors are 1 in townships.
    """

    name: str
    factor: tuple[float, ...]
    least: float = -np.inf
    most: float = np.inf

    def value(self, sites: Sequence[int]) -> float:
        """Return the sum of the factors of open sites; a site named twice counts twice."""
        return float(sum(self.factor[site] for site in sites))

    def holds(self, sites: Sequence[int]) -> bool:
        """Whether open sites keep the rule."""
        return self.least - 1e-9 <= self.value(sites) <= self.most + 1e-9


@dataclass(frozen=True, slots=True)
class Limits:
    """What a plan must keep, by row number of the site, and how long the search may take.

    `fixed`: sites that stay open; `closed`: sites that must not be opened; `sides`: rules over the open sites;
    `time_limit_s` of wall clock, after which the best plan so far is returned with its bound.
    """

    fixed: tuple[int, ...] = ()
    closed: tuple[int, ...] = ()
    sides: tuple[Side, ...] = ()
    time_limit_s: float = 300.0

    def check(self, sites: int, p: int | None = None) -> None:
        """Raise InvalidInput for sites that do not exist, that contradict each other, or that are more than `p`."""
        for name in ("fixed", "closed"):
            for site in getattr(self, name):
                if not 0 <= site < sites:
                    raise InvalidInput(
                        f"`{name}` names site {site}, but there are {sites}. Give row numbers from 0.",
                        kind="unknown-site",
                        name=name,
                        site=site,
                        sites=sites,
                    )
        if both := sorted(set(self.fixed) & set(self.closed)):
            raise InvalidInput(
                f"Site {both[0]} is in `fixed` and in `closed`. Take it out of one.",
                kind="unknown-site",
                site=both[0],
                sites=sites,
            )
        for side in self.sides:
            if len(side.factor) != sites or not np.isfinite(side.factor).all():
                raise InvalidInput(
                    f"The rule `{side.name}` has {len(side.factor)} factors for {sites} sites. Give one finite number "
                    "for each.",
                    kind="bad-side",
                    name=side.name,
                    factors=len(side.factor),
                    sites=sites,
                )
        if p is not None and len(set(self.fixed)) > p:
            raise InvalidInput(
                f"{len(set(self.fixed))} sites are fixed, but only {p} may be open. Raise `p` or release sites.",
                kind="too-few-sites",
                fixed=len(set(self.fixed)),
                p=p,
            )


@dataclass(slots=True)
class Deadline:
    """The moment, by the monotonic clock, at which a search stops."""

    limit_s: float
    began_s: float = field(default_factory=time.monotonic)

    def left_s(self) -> float:
        """Return the seconds that are left, 0 at least."""
        return max(0.0, self.limit_s - (time.monotonic() - self.began_s))


def read_cover(cover: Cover, *, what: str = "cover") -> sparse.csr_array:
    """Return which site reaches which demand as a sparse array of ones, (sites, demands).

    Raises
    ------
    InvalidInput
        When it is not two-dimensional, has no site or demand, or holds NaN.
    """
    if not sparse.issparse(cover):
        dense = np.asarray(cover)
        if dense.dtype.kind == "f" and np.isnan(dense).any():
            raise InvalidInput(
                f"`{what}` holds NaN. Give true where a site reaches a demand.", kind="bad-matrix", name=what
            )
        if dense.ndim != 2 or not dense.size:
            raise _bad_shape(what, dense.shape)
        cover = sparse.csr_array(dense != 0)
    array = sparse.csr_array(cast("Any", cover))
    if array.ndim != 2 or not all(array.shape):
        raise _bad_shape(what, array.shape)
    if array.dtype.kind == "f" and np.isnan(array.data).any():
        raise InvalidInput(
            f"`{what}` holds NaN. Give true where a site reaches a demand.", kind="bad-matrix", name=what
        )
    array = array.astype(bool).astype(np.int32)
    array.eliminate_zeros()
    return array


def _bad_shape(what: str, shape: tuple[int, ...]) -> InvalidInput:
    return InvalidInput(
        f"`{what}` has the shape {tuple(shape)}. Give a row for each site and a column for each demand.",
        kind="bad-matrix",
        name=what,
        shape=list(shape),
    )


def read_cost(cost: ArrayLike) -> Floats:
    """Return costs as floats, (sites, demands); infinity = unreachable.

    Raises
    ------
    InvalidInput
        When it is not two-dimensional, is empty, or holds NaN or negative costs; the first such place is named.
    """
    array = np.asarray(cost, np.float64)
    if array.ndim != 2 or not array.size:
        raise _bad_shape("cost", array.shape)
    bad = np.isnan(array) | (array < 0)
    if bad.any():
        site, demand = (int(i) for i in np.argwhere(bad)[0])
        raise InvalidInput(
            f"The cost from site {site} to demand {demand} is {array[site, demand]}. Give 0 or more, or infinity where "
            "there is no way.",
            kind="bad-cost",
            site=site,
            demand=demand,
            value=str(array[site, demand]),
        )
    return array


def read_weight(weight: ArrayLike, demands: int, *, what: str = "weight") -> Floats:
    """Return the weight of each demand, or the capacity of each site, as floats, (n,).

    Raises
    ------
    InvalidInput
        When there is not one for each demand, or one is negative or not finite.
    """
    array = np.asarray(weight, np.float64)
    if array.shape != (demands,):
        raise InvalidInput(
            f"`{what}` has the shape {array.shape}, but there are {demands} demands. Give one number for each.",
            kind="bad-weight",
            name=what,
            shape=list(array.shape),
            demands=demands,
        )
    bad = np.flatnonzero(~np.isfinite(array) | (array < 0))
    if len(bad):
        raise InvalidInput(
            f"The {what} of demand {bad[0]} is {array[bad[0]]}. Give a finite number, 0 or more.",
            kind="bad-weight",
            name=what,
            demand=int(bad[0]),
            value=str(array[bad[0]]),
        )
    return array


def check_count(p: int, sites: int, *, name: str = "p") -> None:
    """Raise InvalidInput unless `p` is at least 1 and there are that many sites."""
    if p < 1 or p > sites:
        raise InvalidInput(
            f"`{name}` is {p}, but there are {sites} sites. Give 1 to {sites}.",
            kind="too-few-sites",
            name=name,
            p=p,
            sites=sites,
        )


def refuse_unreachable(reached: NDArray[np.bool_], cure: str) -> None:
    """Raise InvalidInput for demands, (demands,), that are not reached: a model that serves all has no plan then."""
    missing = np.flatnonzero(~reached)
    if len(missing):
        shown = ", ".join(map(str, missing[:10].tolist())) + (" ..." if len(missing) > 10 else "")
        raise InvalidInput(
            f"No open site can reach {len(missing)} demands (columns {shown}). {cure}",
            kind="demand-out-of-reach",
            demands=missing[:100].tolist(),
            count=len(missing),
            cure=cure,
        )


def out_of_time() -> InvalidInput:
    """Return the refusal where the time limit came before the first plan."""
    return InvalidInput("No plan was found before the time limit. Raise `time_limit_s`.", kind="no-plan")


def ascending(sites: Sequence[int] | NDArray[np.integer]) -> tuple[int, ...]:
    """Return site numbers as a plain ascending tuple."""
    return tuple(sorted(int(s) for s in sites))
