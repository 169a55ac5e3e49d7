"""The only place that calls HiGHS: a mixed integer program as arrays, its best answer and its proved bound.

HiGHS: Huangfu and Hall, Parallelizing the dual revised simplex method, Mathematical Programming Computation 10, 2018.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import highspy
import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


class Program(NamedTuple):
    """Minimise `cost` x with `row_low` <= `rows` x <= `row_high` and `low` <= x <= `high`.

    `integer`: (columns,) which x are integers.
    """

    cost: Floats
    rows: sparse.csr_array
    row_low: Floats
    row_high: Floats
    low: Floats
    high: Floats
    integer: NDArray[np.bool_]


class Solution(NamedTuple):
    """The best x found, None without one; `bound`: no x costs less; `infeasible`: it is proved that there is none."""

    x: Floats | None
    objective: float
    bound: float
    optimal: bool
    infeasible: bool


def solve(
    program: Program,
    *,
    time_limit_s: float,
    start: Floats | None = None,
    cutoff: float | None = None,
    relaxed: bool = False,
) -> Solution:
    """Solve a program on one thread with a fixed seed, so that the same input gives the same answer.

    `start`: a feasible x. `cutoff`: answers that cost this much or more are of no use. `relaxed`: as if no x had to be
    an integer.
    """
    solver = highspy.Highs()  # type: ignore[no-untyped-call]
    for option, value in (("output_flag", False), ("threads", 1), ("random_seed", 1), ("mip_rel_gap", 0.0),
                          ("mip_abs_gap", 1e-7), ("time_limit", max(float(time_limit_s), 0.01))):  # fmt: skip
        solver.setOptionValue(option, value)
    if cutoff is not None:
        solver.setOptionValue("objective_bound", float(cutoff))
    solver.passModel(_model(program, relaxed=relaxed))
    if start is not None and not relaxed:
        known = highspy.HighsSolution()
        known.col_value = start.tolist()
        solver.setSolution(known)
    solver.run()
    return _read(solver, relaxed=relaxed or not program.integer.any())


def _model(program: Program, *, relaxed: bool) -> highspy.HighsLp:
    lp = highspy.HighsLp()
    lp.num_col_, lp.num_row_ = len(program.cost), program.rows.shape[0]
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = program.cost, program.low, program.high
    lp.row_lower_, lp.row_upper_ = program.row_low, program.row_high
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = program.rows.indptr.astype(np.int32)
    lp.a_matrix_.index_ = program.rows.indices.astype(np.int32)
    lp.a_matrix_.value_ = program.rows.data.astype(np.float64)
    if not relaxed and program.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        lp.integrality_ = [kinds[int(i)] for i in program.integer]
    return lp


def _read(solver: highspy.Highs, *, relaxed: bool) -> Solution:
    status, info = solver.getModelStatus(), solver.getInfo()
    optimal = status == highspy.HighsModelStatus.kOptimal
    infeasible = status == highspy.HighsModelStatus.kInfeasible
    if infeasible or info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        bound = np.inf if infeasible else (-np.inf if relaxed else float(info.mip_dual_bound))
        return Solution(None, np.inf, bound, optimal=False, infeasible=infeasible)
    x = np.asarray(solver.getSolution().col_value)
    objective = float(info.objective_function_value)
    bound = (objective if optimal else -np.inf) if relaxed else float(info.mip_dual_bound)
    return Solution(x, objective, bound, optimal=optimal, infeasible=False)


def stacked(*blocks: object) -> sparse.csr_array:
    """Return sparse arrays one below the other."""
    return sparse.csr_array(sparse.vstack(cast("Sequence[Any]", blocks), format="csr"))
