"""When the clock of a case would stop, from where its teams are: for previews, nothing is decided by it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from gridsvc.cases.timing import Timeliness, evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from gridsvc.cases.model import Case
    from gridsvc.json_types import Json


@dataclass(frozen=True, slots=True)
class Expected:
    """When the clock would stop, and whether that is too late; None: not known, or no target applies."""

    arrival_at: datetime | None
    late: bool | None

    def as_json(self) -> dict[str, Json]:
        """Return `expected` of the interface."""
        return {"arrival_at": None if self.arrival_at is None else self.arrival_at.isoformat(), "late": self.late}


def expect(case: Case, now: datetime, seconds: Mapping[str, tuple[float, float | None]]) -> Expected:
    """Return when the clock of a case would stop if the teams that are on it drive on, or those recommended go now.

    Parameters
    ----------
    seconds
        By team id, (turnout, travel to the place of the case); travel None: unreachable. A team that is on its way has
        its turnout behind it. A team without an entry is taken as unreachable.
    """
    timing = evaluate(case)
    outcome = timing.at(now)
    if outcome is None:
        return Expected(None, None)
    if timing.arrived_at is not None:
        return Expected(timing.arrived_at, outcome is Timeliness.LATE)
    going = [(str(each.team_id), each.lead, each.en_route_at is not None) for each in case.live if each.engaging]
    if not going:
        recommended = case.decision.recommendation
        going = [(each.team_id, each is recommended.lead, False) for each in recommended.team]
    needed = [each for each in going if each[1]] if case.clock.stop == "lead_on_scene" else going
    arrivals = []
    for team_id, _, on_its_way in needed:
        turnout_s, travel_s = seconds.get(team_id, (0.0, None))
        arrivals.append(None if travel_s is None else travel_s + (0.0 if on_its_way else turnout_s))
    known = [each for each in arrivals if each is not None]
    whole = case.clock.stop == "full_team_on_scene"
    if not known or (whole and len(known) < len(arrivals)):
        return Expected(None, True if outcome is Timeliness.LATE else None)
    arrival_at = now + timedelta(seconds=max(known) if whole else min(known))
    assert case.target_s is not None
    due_at = timing.due_at or now + timedelta(seconds=case.target_s)
    return Expected(arrival_at, arrival_at > due_at)
