"""What is left of a target to drive (R9), and whose arrival stops its clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.teams.model import TeamKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gridsvc.law import ClockPolicy, ResponseClass
    from gridsvc.teams.model import Team


@dataclass(frozen=True, slots=True)
class Budget:
    """One team's seconds of driving within the target of one class; 0 or less: none is left.

    `stops_clock`: this team's arrival is the one that the policy times.
    """

    team: Team
    response_class: ResponseClass
    target_s: int
    driving_s: int
    stops_clock: bool

    @property
    def minutes(self) -> float:
        """Minutes of driving, 0 where none are left."""
        return max(0, self.driving_s) / 60


def budgets_of(teams: Iterable[Team], policy: ClockPolicy, targets: Mapping[ResponseClass, int]) -> list[Budget]:
    """Return what every team has left to drive from its station: target less call handling and its own turnout (R9).

    In the order of the teams' ids, for each class of `targets` (seconds).
    """
    return [
        Budget(
            team,
            response_class,
            target_s,
            target_s - policy.handling_s - team.station_turnout_s,
            stops_clock(team, policy),
        )
        for response_class, target_s in sorted(targets.items())
        for team in sorted(teams, key=lambda each: each.id)
    ]


def stops_clock(team: Team, policy: ClockPolicy) -> bool:
    """Whether a team's arrival can be the one that is timed.

    A squadron leads an ordinary emergency (R7), and no joint team is complete without it; where the first on the
    scene counts, it may be anybody.
    """
    return policy.stop_event == "first_on_scene" or team.kind is TeamKind.SQUADRON
