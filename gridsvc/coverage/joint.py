"""Whole joint teams: where each kind of team should stand so that most cases have every member in time.

After the FLEET model: Schilling, Elzinga, Cohon, Church and ReVelle, The TEAM and FLEET models for simultaneous
facility and equipment siting, Transportation Science 13, 1979. A case counts only if all that it needs is in reach.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import sparse

from gridsvc.coverage.highs import Program, solve
from gridsvc.coverage.model import out_of_time
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Flags = NDArray[np.bool_]
    Numbers = NDArray[np.intp]


class Member(NamedTuple):
    """What a case needs: so many teams of any of some kinds, by number."""

    kinds: tuple[int, ...]
    number: int = 1


class JointDemand(NamedTuple):
    """Cases at a place, by number, with all that each needs; no needs = whole already."""

    place: int
    weight: float
    needs: tuple[Member, ...]


@dataclass(frozen=True, slots=True, eq=False)
class JointPlan:
    """Where teams stand.

    teams: (kinds, sites) how many of each kind stand where. whole: (demands,) which cases have all that they need.
    objective: the weight of these. `bound`: no plan has more. `optimal`: objective and bound agree.
    """

    teams: NDArray[np.intp]
    whole: Flags
    objective: float
    bound: float
    optimal: bool

    @property
    def gap(self) -> float:
        """How far objective and bound differ, as a share of the objective: 0 = proved optimal."""
        return abs(self.bound - self.objective) / max(abs(self.objective), 1e-12)


def joint_teams(
    reach: Flags, today: Numbers, demands: Sequence[JointDemand], *, time_limit_s: float = 60.0
) -> JointPlan:
    """Return where the teams of today should stand so that the greatest weight of cases is whole in time.

    Parameters
    ----------
    reach
        (kinds, sites, places), true where a team of the kind is in time from the site.
    today
        (kinds, sites), how many teams of each kind stand where today; as many of a kind are placed at most.

    Raises
    ------
    InvalidInput
        For shapes that do not fit, or a need of a kind that does not exist.
    """
    kinds, sites, places = _shape(reach, today)
    for demand in demands:
        if not 0 <= demand.place < places or any(not 0 <= k < kinds for need in demand.needs for k in need.kinds):
            raise InvalidInput(
                f"A demand names place {demand.place} or a kind of team that does not exist; there are {places} places "
                f"and {kinds} kinds.",
                kind="bad-matrix",
                name="demands",
                place=demand.place,
                places=places,
                kinds=kinds,
            )
    weight = np.array([demand.weight for demand in demands], np.float64)
    whole = whole_of(reach, today, demands)
    counts = today.sum(axis=1)
    if not len(demands) or not counts.sum():
        held = float(weight[whole].sum())
        return JointPlan(today.copy(), whole, held, held, optimal=True)
    program = _program(reach, counts, demands, weight)
    start = np.concatenate([today.ravel().astype(np.float64), whole.astype(np.float64)])
    solution = solve(program, time_limit_s=time_limit_s, start=start)
    if solution.x is None:
        raise out_of_time()
    teams = np.rint(solution.x[: kinds * sites]).astype(np.intp).reshape(kinds, sites)
    whole = whole_of(reach, teams, demands)
    objective, total = float(weight[whole].sum()), float(weight.sum())
    bound = min(-solution.bound, total) if np.isfinite(solution.bound) else total
    optimal = bound <= objective + 1e-6 * max(total, 1.0)
    return JointPlan(teams, whole, objective, objective if optimal else bound, optimal)


def whole_of(reach: Flags, teams: Numbers, demands: Sequence[JointDemand]) -> Flags:
    """Return which demands have all that they need from teams that stand so, (demands,)."""
    near = np.einsum("ks,ksp->kp", teams, reach.astype(np.intp))
    return np.array(
        [all(near[list(need.kinds), demand.place].sum() >= need.number for need in demand.needs) for demand in demands],
        bool,
    )


def _shape(reach: Flags, today: Numbers) -> tuple[int, int, int]:
    if reach.ndim != 3 or today.shape != reach.shape[:2]:
        raise InvalidInput(
            f"`reach` has the shape {reach.shape} and `today` {today.shape}. Give (kinds, sites, places) and (kinds, "
            "sites).",
            kind="bad-matrix",
            name="reach",
            shape=list(reach.shape),
            today=list(today.shape),
        )
    return reach.shape


def _program(reach: Flags, counts: Numbers, demands: Sequence[JointDemand], weight: NDArray[np.float64]) -> Program:
    """Maximise the weight of whole cases: number * y <= teams in reach, for each need; teams of a kind <= counts."""
    kinds, sites, _ = reach.shape
    stands = kinds * sites
    rows: list[tuple[NDArray[np.intp], int, int]] = []
    for at, demand in enumerate(demands):
        for need in demand.needs:
            near = [kind * sites + np.flatnonzero(reach[kind, :, demand.place]) for kind in need.kinds]
            rows.append((np.concatenate(near) if near else np.zeros(0, np.intp), at, need.number))
    pointers = np.concatenate([[0], np.cumsum([len(near) + 1 for near, _, _ in rows])])
    columns = np.concatenate([np.append(near, stands + at) for near, at, _ in rows]) if rows else np.zeros(0, np.intp)
    values = [np.append(np.full(len(near), -1.0), float(number)) for near, _, number in rows]
    needs = sparse.csr_array(
        (np.concatenate(values) if rows else np.zeros(0), columns, pointers), shape=(len(rows), stands + len(demands))
    )
    fleet = sparse.hstack([sparse.kron(sparse.eye_array(kinds), np.ones((1, sites))),
                           sparse.csr_array((kinds, len(demands)))])  # fmt: skip
    several = np.array([any(need.number > 1 for need in demand.needs) for demand in demands], bool)
    return Program(
        cost=np.concatenate([np.zeros(stands), -weight]),
        rows=sparse.csr_array(sparse.vstack([needs, fleet], format="csr")),
        row_low=np.full(len(rows) + kinds, -np.inf),
        row_high=np.concatenate([np.zeros(len(rows)), counts.astype(np.float64)]),
        low=np.zeros(stands + len(demands)),
        high=np.concatenate([np.repeat(counts, sites).astype(np.float64), np.ones(len(demands))]),
        integer=np.concatenate([np.ones(stands, bool), several]),
    )
