"""What is simulated: a fleet on its travel times, the calls that come, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.teams.model import TURNOUT_ON_ROAD_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int64]
    Flags = NDArray[np.bool_]

HOUR_S = 3600.0
DAY_S = 86_400.0
MOST_WAITING = 10_000
"""Where more calls wait at once, the fleet cannot serve them, and the figures say nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Fleet:
    """Teams and how long they take, in seconds; t teams, p places.

    to_s: (t, p) from the team's station. back_s: (t, p) from the place back to it. between_s: (p, p). inf = no way.
    turnout_s: (t,) at the station. on_duty: (t, h) by hour, h = 24 from midnight or 168 from Monday's; None = always.
    """

    to_s: Floats
    back_s: Floats
    between_s: Floats
    turnout_s: Floats
    on_duty: Flags | None = None

    def __post_init__(self) -> None:
        teams, places = self.to_s.shape
        shapes = {"back_s": (teams, places), "between_s": (places, places), "turnout_s": (teams,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise _bad(name, f"has the shape {getattr(self, name).shape}, not {shape}")
        for name in ("to_s", "back_s", "between_s", "turnout_s"):
            values = getattr(self, name)
            if np.isnan(values).any() or (values < 0).any():
                raise _bad(name, "has numbers that are NaN or below 0")
        if not np.isfinite(self.turnout_s).all():
            raise _bad("turnout_s", "is not finite everywhere")
        if (np.isfinite(self.to_s) & ~np.isfinite(self.back_s)).any():
            raise _bad("back_s", "has no way back from a place that the team can reach")
        if self.on_duty is not None and (self.on_duty.ndim != 2 or len(self.on_duty) != teams):
            raise _bad("on_duty", f"has the shape {self.on_duty.shape}, not ({teams}, 24) or ({teams}, 168)")

    @property
    def duty(self) -> Flags:
        """(t, h) whether a team is on duty in each hour."""
        return np.ones((len(self.turnout_s), 1), bool) if self.on_duty is None else self.on_duty


@dataclass(frozen=True, slots=True, eq=False)
class Forms:
    """What calls need: each form a list of slots, the lead's first; each slot the teams that may fill it.

    slots: of each form, rows of `may`. may: (groups, t).
    """

    slots: tuple[tuple[int, ...], ...]
    may: Flags

    def __post_init__(self) -> None:
        if not all(self.slots) or not self.slots:
            raise _bad("slots", "has a form without a slot for the lead")
        if self.may.ndim != 2 or max(max(form) for form in self.slots) >= len(self.may):
            raise _bad("may", "has fewer rows than the slots name")

    @classmethod
    def any_team(cls, teams: int) -> Forms:
        """Return one form: one slot that every team may fill."""
        return cls(((0,),), np.ones((1, teams), bool))


@dataclass(frozen=True, slots=True, eq=False)
class Calls:
    """Calls, n rows, in the order of their time.

    time_s: (n,) since a local midnight, of Monday where duty is by week. place, form: (n,). rank: (n,) who of those
    that wait goes first, smaller first. kind: (n,) index of `kinds`, for figures. target_s: (n,), inf = none.
    handling_s: (n,) from the call until a team can be ordered. scene_s, member_scene_s: (n,) on the scene, of the lead
    and of the other teams from when both are there. turnout_factor, travel_factor: (n,) of the fleet's own times. All
    are properties of the call: two fleets that get the same calls differ by their posts alone (common random numbers).
    """

    time_s: Floats
    place: Numbers
    form: Numbers
    rank: Numbers
    kind: Numbers
    target_s: Floats
    handling_s: Floats
    scene_s: Floats
    member_scene_s: Floats
    turnout_factor: Floats
    travel_factor: Floats
    kinds: tuple[str, ...] = ("all",)

    def __post_init__(self) -> None:
        n = len(self.time_s)
        for name in ("handling_s", "scene_s", "member_scene_s", "turnout_factor", "travel_factor"):
            values = getattr(self, name)
            if len(values) != n or not np.isfinite(values).all() or (values < 0).any():
                raise _bad(name, f"is not {n} finite numbers of 0 or more")
        if n and (not np.isfinite(self.time_s).all() or self.time_s[0] < 0 or (np.diff(self.time_s) < 0).any()):
            raise _bad("time_s", "is not ascending from 0")

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def ready_s(self) -> Floats:
        """(n,) when a team can be ordered."""
        return self.time_s + self.handling_s


@dataclass(frozen=True, slots=True)
class Play:
    """How the fleet is used.

    queue: calls that find no lead wait; False: they are lost. redirect: a team on its way back is sent from where it
    is; False: it is free again at its station.
    """

    queue: bool = True
    redirect: bool = True
    turnout_on_road_s: float = float(TURNOUT_ON_ROAD_S)
    most_waiting: int = MOST_WAITING


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What became of n calls and t teams.

    response_s: (n,) from the call until the lead arrived, inf = nobody came. full_s: (n,) until the whole joint team
    was there, inf = a slot stayed empty. wait_s: (n,) until a lead was free, after call handling; inf = never. lead:
    (n,) team, -1 = none. unfilled: (n,) slots beside the lead that stayed empty. busy_s: (t,) from the order until the
    team was free again. longest_queue: most calls that waited at once.
    """

    response_s: Floats
    full_s: Floats
    wait_s: Floats
    lead: Numbers
    unfilled: Numbers
    busy_s: Floats
    longest_queue: int


def check_together(fleet: Fleet, forms: Forms, calls: Calls) -> None:
    """Raise InvalidInput where calls name places, forms or teams that are not there."""
    teams, places = fleet.to_s.shape
    if forms.may.shape[1] != teams:
        raise _bad("may", f"is of {forms.may.shape[1]} teams, the fleet has {teams}")
    for name, values, count in (("place", calls.place, places), ("form", calls.form, len(forms.slots)),
                                ("kind", calls.kind, len(calls.kinds))):  # fmt: skip
        if len(values) != len(calls) or (len(values) and not (values.min() >= 0 and values.max() < count)):
            raise _bad(name, f"is not {len(calls)} numbers from 0 to {count - 1}")


def list_hopeless(fleet: Fleet, forms: Forms, calls: Calls) -> Flags:
    """Return the calls that no team can ever lead, (n,): no lawful team has a way there and hours of duty."""
    ever = fleet.duty.any(axis=1)
    able = np.array([(forms.may[form[0]] & ever)[:, None] & np.isfinite(fleet.to_s) for form in forms.slots])
    somebody = np.asarray(able.any(axis=1), bool)
    hopeless: Flags = ~somebody[calls.form, calls.place]
    return hopeless


def overloaded(most: int) -> InvalidInput:
    """Return the refusal of a fleet that cannot serve its calls."""
    return InvalidInput(
        f"More than {most} calls wait at once: the fleet cannot serve so many. Simulate more teams or fewer calls.",
        kind="overloaded-fleet",
        waiting=most,
    )


def _bad(name: str, what: str) -> InvalidInput:
    return InvalidInput(f"`{name}` {what}. Correct it.", kind="bad-simulation", name=name, what=what)
