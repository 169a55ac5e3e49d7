"""Arrays that the kernel takes together: one named tuple for each group, and its numba type (see `numba_types`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from numba import types

from gridsvc.numba_types import f8, float64, i8, int64, named, read_b1_2d, read_f8, read_f8_2d, read_i8

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int64]
    Flags = NDArray[np.bool_]


class Teams(NamedTuple):
    """Seconds to and from every place [team, place], from place to place, turnout [team], on duty [team, hour]."""

    to_s: Floats
    back_s: Floats
    between_s: Floats
    turnout_s: Floats
    on_duty: Flags


class Slots(NamedTuple):
    """The slots of each form, CSR, each with its row of `may` [group, team]."""

    first: Numbers
    group: Numbers
    may: Flags


class Calls(NamedTuple):
    """A row a call; `order` lists them by the moment `ready_s` at which a team can be sent, `rank` who goes first."""

    order: Numbers
    ready_s: Floats
    place: Numbers
    form: Numbers
    rank: Numbers
    factors: Floats
    """[call, 4]: of turnout, of travel; seconds of the lead on the scene, of the other teams."""


class Play(NamedTuple):
    """1 = calls wait for a team; 1 = a team is sent on its way back; its turnout then; how many calls may wait."""

    queue: int
    redirect: int
    turnout_on_road_s: float
    most_waiting: int


class Answered(NamedTuple):
    """Of each call: when its teams were ordered, when the lead and the last team arrived, who led, slots left empty."""

    ordered_s: Floats
    lead_s: Floats
    full_s: Floats
    lead: Numbers
    unfilled: Numbers


class Standing(NamedTuple):
    """Of each team: busy until when, at which place then (-1 = it was at its station), and seconds busy in all."""

    until_s: Floats
    at: Numbers
    busy_s: Floats


teams_type = named(Teams, read_f8_2d, read_f8_2d, read_f8_2d, read_f8, read_b1_2d)
slots_type = named(Slots, read_i8, read_i8, read_b1_2d)
calls_type = named(Calls, read_i8, read_f8, read_i8, read_i8, read_i8, read_f8_2d)
play_type = named(Play, int64, int64, float64, int64)
answered_type = named(Answered, f8, f8, f8, i8, i8)
standing_type = named(Standing, f8, i8, f8)
way_type = types.UniTuple(float64, 2)
