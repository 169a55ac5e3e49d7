"""Rules over the open sites in any program, and why no plan keeps them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from gridsvc.coverage.highs import Program, solve, stacked
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridsvc.coverage.model import Limits, Side

    Flags = NDArray[np.bool_]

_ASKED_S = 20.0


def with_sides(program: Program, sides: Sequence[Side]) -> Program:
    """Return a program, the first variables of which are the sites, with the rules as further rows."""
    if not sides:
        return program
    factors = sparse.csr_array(np.array([side.factor for side in sides], np.float64))
    rest = len(program.cost) - factors.shape[1]
    block = sparse.hstack([factors, sparse.csr_array((len(sides), rest))]) if rest else factors
    return program._replace(
        rows=stacked(program.rows, block),
        row_low=np.concatenate([program.row_low, [side.least for side in sides]]),
        row_high=np.concatenate([program.row_high, [side.most for side in sides]]),
    )


def fewest_sites(limits: Limits, sites: int, *, cover: Flags | None = None, most_per_site: int = 1) -> int | None:
    """Return the smallest number of sites that keeps all limits and, if given, covers every demand; None = none does.

    `cover`: (sites, demands).
    """
    found = solve(_fewest(limits, sites, cover, most_per_site), time_limit_s=_ASKED_S)
    return None if found.x is None else round(float(found.x.sum()))


def most_sites(limits: Limits, sites: int, *, most_per_site: int = 1) -> int | None:
    """Return the greatest number of sites that keeps all limits; None = no number does."""
    program = _fewest(limits, sites, None, most_per_site)
    found = solve(program._replace(cost=-program.cost), time_limit_s=_ASKED_S)
    return None if found.x is None else round(float(found.x.sum()))


def _fewest(limits: Limits, sites: int, cover: Flags | None, most_per_site: int) -> Program:
    reach = np.zeros((sites, 0), bool) if cover is None else cover
    low, high = np.zeros(sites), np.full(sites, float(most_per_site))
    low[list(limits.fixed)], high[list(limits.closed)] = 1.0, 0.0
    program = Program(
        cost=np.ones(sites),
        rows=sparse.csr_array(reach.T.astype(np.float64)),
        row_low=np.ones(reach.shape[1]),
        row_high=np.full(reach.shape[1], np.inf),
        low=low,
        high=high,
        integer=np.ones(sites, bool),
    )
    return with_sides(program, limits.sides)


def no_plan(limits: Limits, sites: int, p: int, *, cover: Flags | None = None, most_per_site: int = 1) -> InvalidInput:
    """Return the refusal where no plan of `p` sites keeps all limits: with the number that would do, or the rules.

    A rule is named where leaving it out alone would help.
    """
    least = fewest_sites(limits, sites, cover=cover, most_per_site=most_per_site)
    most = most_sites(limits, sites, most_per_site=most_per_site)
    if least is not None and least > p:
        return InvalidInput(
            f"No plan of {p} posts keeps all rules. {least} posts would do.", kind="no-plan", p=p, fewest=least
        )
    if most is not None and most < p:
        return InvalidInput(
            f"No plan of {p} posts keeps all rules: they allow {most} at most. Lower `p`, or change the rules.",
            kind="no-plan",
            p=p,
            most=most,
        )
    names = []
    for number, side in enumerate(limits.sides):
        others = limits.sides[:number] + limits.sides[number + 1 :]
        without = type(limits)(limits.fixed, limits.closed, others, limits.time_limit_s)
        if (found := fewest_sites(without, sites, cover=cover, most_per_site=most_per_site)) is not None and found <= p:
            names.append(side.name)
    said = ", ".join(names) if names else ", ".join(side.name for side in limits.sides) or "the fixed sites"
    return InvalidInput(
        f"No number of posts keeps all rules. Change one of: {said}.", kind="no-plan", p=p, rules=said.split(", ")
    )
