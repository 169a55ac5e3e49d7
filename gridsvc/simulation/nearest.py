"""The plain rule at full speed: of the lawful free teams the one that is there first, slot by slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.numba_types import read_only
from gridsvc.simulation.kernels.arguments import Answered, Slots, Standing, Teams
from gridsvc.simulation.kernels.arguments import Calls as CallArrays
from gridsvc.simulation.kernels.arguments import Play as PlayNumbers
from gridsvc.simulation.kernels.nearest_kernel import play_calls
from gridsvc.simulation.model import Outcome, Play, check_together, list_hopeless, overloaded

if TYPE_CHECKING:
    from gridsvc.simulation.model import Calls, Fleet, Forms


def simulate(fleet: Fleet, forms: Forms, calls: Calls, play: Play | None = None) -> Outcome:
    """Play all calls under the plain rule and return what became of each.

    A team is free from when it leaves the scene; on its way back it is somewhere between the scene and its station, and
    its time to a place is interpolated between the times from both, which is within min(driven, left to drive) of the
    truth. A call whose lead's slot no free team may fill waits, in the order of `rank`, then of time; other slots that
    find nobody stay empty. Decisions rest on the fleet's own times, what happens on the factors of the call too.

    Raises
    ------
    InvalidInput
        For arrays that do not fit each other, and where more than `play.most_waiting` calls wait at once.
    """
    play = play or Play()
    check_together(fleet, forms, calls)
    n, teams = len(calls), len(fleet.turnout_s)
    answered = Answered(
        np.full(n, np.inf), np.full(n, np.inf), np.full(n, np.inf), np.full(n, -1), np.zeros(n, np.int64)
    )
    standing = Standing(np.full(teams, -np.inf), np.full(teams, -1), np.zeros(teams))
    longest = play_calls(
        Teams(
            _as_floats(fleet.to_s),
            _as_floats(fleet.back_s),
            _as_floats(fleet.between_s),
            _as_floats(fleet.turnout_s),
            read_only(np.ascontiguousarray(fleet.duty)),
        ),
        _slots(forms),
        _call_arrays(calls),
        standing,
        PlayNumbers(int(play.queue), int(play.redirect), play.turnout_on_road_s, play.most_waiting),
        answered,
        max(len(form) for form in forms.slots),
        list_hopeless(fleet, forms, calls),
    )
    if longest < 0:
        raise overloaded(play.most_waiting)
    return Outcome(
        answered.lead_s - calls.time_s,
        answered.full_s - calls.time_s,
        answered.ordered_s - calls.ready_s,
        answered.lead,
        answered.unfilled,
        standing.busy_s,
        int(longest),
    )


def _as_floats(values: np.ndarray) -> np.ndarray:
    return read_only(np.ascontiguousarray(values, np.float64))


def _as_numbers(values: np.ndarray) -> np.ndarray:
    return read_only(np.ascontiguousarray(values, np.int64))


def _slots(forms: Forms) -> Slots:
    first = np.concatenate([[0], np.cumsum([len(form) for form in forms.slots])])
    group = np.array([group for form in forms.slots for group in form])
    return Slots(_as_numbers(first), _as_numbers(group), read_only(np.ascontiguousarray(forms.may)))


def _call_arrays(calls: Calls) -> CallArrays:
    ready_s = calls.ready_s
    factors = np.column_stack([calls.turnout_factor, calls.travel_factor, calls.scene_s, calls.member_scene_s])
    return CallArrays(
        _as_numbers(np.argsort(ready_s, kind="stable")),
        _as_floats(ready_s),
        _as_numbers(calls.place),
        _as_numbers(calls.form),
        _as_numbers(calls.rank),
        _as_floats(factors),
    )
