"""The dispatch rule of the service itself: who is sent is what `dispatch.recommend` answers (R6 to R8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.dispatch import recommend
from gridsvc.teams.model import AVAILABLE, TeamState, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gridsvc.dispatch import CaseFacts, Prepared
    from gridsvc.simulation.events import Rule, Stand

_ENGAGED = TeamState(status=TeamStatus.ENGAGED)
_OFF_DUTY = TeamState(status=TeamStatus.OFF_DUTY)
_RETURNING = TeamState(on_road=True)


def service_rule(prepared: Prepared, facts_of: Callable[[int, float], CaseFacts]) -> Rule:
    """Return the rule of the service.

    Parameters
    ----------
    facts_of
        Called with the row of a call and the seconds since the midnight at which the calls begin.

    A call without a lead waits, whatever else could be sent. Substitutes are not sent: a person decides on them. Of
    teams that arrive in the same millisecond the first by id goes, since losses of coverage are not computed.
    """

    def choose(call: int, now_s: float, stands: Sequence[Stand]) -> Sequence[int | None]:
        answer = recommend(
            prepared,
            facts_of(call, now_s),
            [_state(stand) for stand in stands],
            [stand.travel_s if np.isfinite(stand.travel_s) else None for stand in stands],
        )
        if answer.lead is None:
            return (None,)
        team = [prepared.index[each.team_id] for each in (answer.lead, *answer.members)]
        return [*team, *(None for _ in answer.unfilled)]

    return choose


def _state(stand: Stand) -> TeamState:
    if not stand.on_duty:
        return _OFF_DUTY
    if not stand.free:
        return _ENGAGED
    return _RETURNING if stand.returning else AVAILABLE
