"""Location set covering: the fewest sites that reach every demand.

Toregas, Swain, ReVelle and Bergman, The location of emergency service facilities, Operations Research 19, 1971.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from scipy import sparse

from gridsvc.coverage.highs import Program, solve
from gridsvc.coverage.model import Deadline, Limits, Plan, ascending, out_of_time, read_cover, refuse_unreachable
from gridsvc.coverage.reductions import merge_equal, reduce_covering
from gridsvc.coverage.sides import no_plan, with_sides
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.coverage.model import Cover

    Flags = NDArray[np.bool_]

_EPSILON = 1e-6


def lscp(cover: Cover, *, times: int = 1, limits: Limits | None = None) -> Plan:
    """Return the fewest sites that together reach every demand, each by `times` sites at least.

    Parameters
    ----------
    cover
        (sites, demands), true where the site reaches the demand; dense or scipy sparse.
    times
        2 = each demand has a backup (LSCP-B).

    Raises
    ------
    InvalidInput
        When the input is not usable, or a demand is out of reach of `times` sites; the demands are named.
    """
    limits = limits or Limits()
    matrix = read_cover(cover)
    limits.check(matrix.shape[0])
    if times < 1:
        raise InvalidInput(f"`times` is {times}. Give 1, or 2 for a backup.", kind="bad-times", times=times)
    merged = merge_equal(matrix).cover
    merged[list(limits.closed)] = False
    reached = np.asarray(matrix.sum(axis=0)).ravel() if not limits.closed else _reached(matrix, limits)
    refuse_unreachable(reached >= times, "Allow more sites or a longer time, or take these demands out.")
    deadline = Deadline(limits.time_limit_s)
    simple = times == 1 and not limits.sides
    found = _cover_once(merged, limits, deadline) if simple else _cover_often(merged, times, limits, deadline)
    return Plan(ascending(found.sites), float(len(found.sites)), float(found.bound), len(found.sites) <= found.bound)


def _reached(matrix: sparse.csr_array, limits: Limits) -> NDArray[np.intp]:
    kept = np.setdiff1d(np.arange(matrix.shape[0]), limits.closed)
    return np.asarray(matrix[kept].sum(axis=0)).ravel()


class Found(NamedTuple):
    """Sites that cover all, and the proved least number of sites."""

    sites: list[int]
    bound: int


def _cover_once(cover: Flags, limits: Limits, deadline: Deadline) -> Found:
    reduced = reduce_covering(cover, fixed=np.array(sorted(set(limits.fixed)), np.intp))
    sites, bound = reduced.forced.tolist(), len(reduced.forced)
    left = cover[np.ix_(reduced.sites, reduced.demands)]
    for rows, columns in _parts(left):
        part = _solve_part(left[np.ix_(rows, columns)], deadline)
        sites += reduced.sites[rows][part.sites].tolist()
        bound += part.bound
    return Found(sites, bound)


def _parts(cover: Flags) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Return the sites and demands of each part that shares no demand with another."""
    if not cover.size:
        return []
    sites = cover.shape[0]
    links = sparse.csr_array(cover.astype(np.int8))
    whole = sparse.block_array([[None, links], [links.T, None]], format="csr")
    count, label = sparse.csgraph.connected_components(cast("Any", whole), directed=False)
    parts = [(np.flatnonzero(label[:sites] == k), np.flatnonzero(label[sites:] == k)) for k in range(count)]
    return [(rows, columns) for rows, columns in parts if len(columns)]


def _solve_part(cover: Flags, deadline: Deadline) -> Found:
    known = greedy_cover(cover)
    start = np.zeros(len(cover))
    start[known] = 1.0
    program = covering_program(cover, 1)
    solution = solve(program, time_limit_s=deadline.left_s(), start=start)
    bound = int(np.ceil(solution.bound - _EPSILON)) if np.isfinite(solution.bound) else 1
    if solution.x is not None:
        chosen = np.flatnonzero(solution.x > 0.5).tolist()
        known = chosen if len(chosen) <= len(known) else known
    return Found(known, max(bound, 1))


def _cover_often(cover: Flags, times: int, limits: Limits, deadline: Deadline) -> Found:
    program = covering_program(cover, times)
    low = program.low.copy()
    low[list(limits.fixed)] = 1.0
    high = program.high.copy()
    high[list(limits.closed)] = 0.0
    everything = np.setdiff1d(np.arange(len(cover)), limits.closed)
    program = with_sides(program._replace(low=low, high=high), limits.sides)
    solution = solve(program, time_limit_s=deadline.left_s(), start=None if limits.sides else high)
    if solution.x is None and limits.sides:
        raise no_plan(limits, len(cover), len(everything), cover=cover) if solution.infeasible else out_of_time()
    sites = everything.tolist() if solution.x is None else np.flatnonzero(solution.x > 0.5).tolist()
    bound = int(np.ceil(solution.bound - _EPSILON)) if np.isfinite(solution.bound) else 1
    return Found(sites, bound)


def covering_program(cover: Flags, times: int) -> Program:
    """Return the program of the fewest sites that reach every demand of (sites, demands) `times` times."""
    sites, demands = cover.shape
    return Program(
        cost=np.ones(sites),
        rows=sparse.csr_array(cover.T.astype(np.float64)),
        row_low=np.full(demands, float(times)),
        row_high=np.full(demands, np.inf),
        low=np.zeros(sites),
        high=np.ones(sites),
        integer=np.ones(sites, bool),
    )


def greedy_cover(cover: Flags) -> list[int]:
    """Return sites that reach every demand: always the one that reaches most of the rest; then superfluous ones go."""
    left = np.ones(cover.shape[1], bool)
    chosen: list[int] = []
    while left.any():
        best = int(cover[:, left].sum(axis=1).argmax())
        chosen.append(best)
        left &= ~cover[best]
    for site in list(chosen):
        others = [s for s in chosen if s != site]
        if others and cover[others].any(axis=0).all():
            chosen = others
    return chosen


def cover_with_sides(cover: Flags, p: int, limits: Limits, deadline: Deadline) -> Found | None:
    """Return at most `p` sites that keep all limits and reach every demand; as `cover_within`."""
    if not cover.any(axis=0).all():
        return None
    program = covering_program(cover, 1)
    low, high = program.low.copy(), program.high.copy()
    low[list(limits.fixed)], high[list(limits.closed)] = 1.0, 0.0
    found = solve(with_sides(program._replace(low=low, high=high), limits.sides), time_limit_s=deadline.left_s())
    if found.infeasible or (np.isfinite(found.bound) and found.bound > p + _EPSILON):
        return None
    return Found(list(range(len(cover))) if found.x is None else np.flatnonzero(found.x > 0.5).tolist(), 0)


def cover_within(cover: Flags, p: int, fixed: NDArray[np.intp], deadline: Deadline) -> Found | None:
    """Return at most `p` sites that reach every demand; None where it is proved that there are none.

    `Found.bound` is above `p` nowhere; a search that ran out of time returns the sites it has, more than `p`.
    """
    if not cover.any(axis=0).all():
        return None
    reduced = reduce_covering(cover, fixed=fixed)
    forced = reduced.forced.tolist()
    room = p - len(forced)
    if room < 0 or (room == 0 and len(reduced.demands)):
        return None
    if not len(reduced.demands):
        return Found(forced, len(forced))
    left = cover[np.ix_(reduced.sites, reduced.demands)]
    known = greedy_cover(left)
    if len(known) > room:
        program = covering_program(left, 1)
        relaxed = solve(program, time_limit_s=deadline.left_s(), relaxed=True)
        if relaxed.x is not None and relaxed.bound > room + _EPSILON:
            return None
        exact = solve(program, time_limit_s=deadline.left_s())
        if np.isfinite(exact.bound) and exact.bound > room + _EPSILON:
            return None
        if exact.x is not None:
            known = np.flatnonzero(exact.x > 0.5).tolist()
    return Found(forced + reduced.sites[known].tolist(), len(forced))
