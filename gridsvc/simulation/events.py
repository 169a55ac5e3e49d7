"""Discrete events of a fleet under any rule of dispatch: slower than `nearest`, and its oracle under the plain rule."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np

from gridsvc.simulation.model import HOUR_S, Outcome, Play, check_together, list_hopeless, overloaded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.simulation.model import Calls, Fleet, Floats, Forms


@dataclass(frozen=True, slots=True)
class Stand:
    """How a team stands to one place at one moment.

    free: it can be sent. on_duty: in its hours. returning: it is on its way back. turnout_s, travel_s: if it is sent
    now; inf = no way.
    """

    free: bool
    on_duty: bool
    returning: bool
    turnout_s: float
    travel_s: float


class Rule(Protocol):
    """Who is sent to a call."""

    def __call__(self, call: int, now_s: float, stands: Sequence[Stand]) -> Sequence[int | None]:
        """Return the team of each slot, the lead's first; None in the lead's slot: the call waits.

        Parameters
        ----------
        call
            Its row.
        now_s
            Since the midnight at which the calls begin.
        stands
            Of every team to the place of the call.
        """
        ...


def nearest_rule(forms: Forms, calls: Calls) -> Rule:
    """Return the plain rule: slot by slot, of the free teams that may fill it the one that is there first."""

    def choose(call: int, now_s: float, stands: Sequence[Stand]) -> Sequence[int | None]:  # noqa: ARG001
        chosen: list[int | None] = []
        for group in forms.slots[calls.form[call]]:
            able = [
                (stand.turnout_s + stand.travel_s, team)
                for team, stand in enumerate(stands)
                if stand.free and forms.may[group, team] and team not in chosen and np.isfinite(stand.travel_s)
            ]
            chosen.append(min(able)[1] if able else None)
            if chosen[0] is None:
                break
        return chosen

    return choose


@dataclass(slots=True)
class _Run:
    """The fleet and the queue at one moment."""

    fleet: Fleet
    calls: Calls
    play: Play
    until_s: Floats
    at: list[int]
    busy_s: Floats
    found: dict[str, Floats]
    unfilled: list[int]
    lead: list[int]
    waiting: list[tuple[int, float, int]] = field(default_factory=list)
    longest: int = 0

    def stands(self, place: int, now_s: float) -> list[Stand]:
        return [self._stand(team, place, now_s) for team in range(len(self.at))]

    def _stand(self, team: int, place: int, now_s: float) -> Stand:
        fleet, at, away_s = self.fleet, self.at[team], now_s - float(self.until_s[team])
        duty = fleet.duty
        on_duty = bool(duty[team, int(now_s / HOUR_S) % duty.shape[1]])
        turnout_s, home_s = float(fleet.turnout_s[team]), float(fleet.to_s[team, place])
        back_s = 0.0 if at < 0 else float(fleet.back_s[team, at])
        if away_s < 0 or away_s >= back_s:
            return Stand(on_duty and away_s >= 0, on_duty, False, turnout_s, home_s)
        done = away_s / back_s
        onward_s = float(fleet.between_s[at, place])
        if done > 0:
            onward_s = onward_s * (1.0 - done) + home_s * done
        return Stand(
            on_duty and self.play.redirect, on_duty, True, min(turnout_s, self.play.turnout_on_road_s), onward_s
        )

    def offer(self, rule: Rule, call: int, now_s: float) -> bool:
        """Ask the rule, and send whom it names; return whether the call is served."""
        place = int(self.calls.place[call])
        stands = self.stands(place, now_s)
        chosen = rule(call, now_s, stands)
        if not chosen or chosen[0] is None:
            return False
        lead_s, latest_s, empty = np.inf, 0.0, 0
        for slot, team in enumerate(chosen):
            if team is None:
                empty += 1
                continue
            there_s = (
                now_s
                + stands[team].turnout_s * float(self.calls.turnout_factor[call])
                + stands[team].travel_s * float(self.calls.travel_factor[call])
            )
            lead_s = there_s if slot == 0 else lead_s
            latest_s = max(latest_s, there_s)
            scene_s = self.calls.scene_s if slot == 0 else self.calls.member_scene_s
            until_s = max(there_s, lead_s) + float(scene_s[call])
            self.busy_s[team] += until_s - now_s
            self.until_s[team], self.at[team] = until_s, place
        self.found["ordered_s"][call] = now_s
        self.found["lead_s"][call] = lead_s
        self.found["full_s"][call] = np.inf if empty else latest_s
        self.lead[call], self.unfilled[call] = chosen[0], empty
        return True

    def next_change(self, now_s: float) -> float:
        """Return the next moment at which a team is free, is back, or begins its hours of duty."""
        soonest, duty = np.inf, self.fleet.duty
        hours, hour = duty.shape[1], int(now_s / HOUR_S)
        for team, at in enumerate(self.at):
            back_s = 0.0 if at < 0 else float(self.fleet.back_s[team, at])
            moments = [float(self.until_s[team]), float(self.until_s[team]) + back_s]
            if not duty[team, hour % hours]:
                moments += [(hour + later) * HOUR_S for later in range(1, hours) if duty[team, (hour + later) % hours]]
            soonest = min([soonest, *(moment for moment in moments if moment > now_s)])
        return soonest

    def wait(self, call: int, ready_s: float) -> None:
        bisect.insort(self.waiting, (int(self.calls.rank[call]), ready_s, call))
        self.longest = max(self.longest, len(self.waiting))
        if len(self.waiting) > self.play.most_waiting:
            raise overloaded(self.play.most_waiting)


def simulate_by(fleet: Fleet, forms: Forms, calls: Calls, rule: Rule, play: Play | None = None) -> Outcome:
    """Play all calls under a rule and return what became of each; what holds of `nearest.simulate` holds here.

    Raises
    ------
    InvalidInput
        For arrays that do not fit each other, and where more than `play.most_waiting` calls wait at once.
    """
    play = play or Play()
    check_together(fleet, forms, calls)
    n, teams = len(calls), len(fleet.turnout_s)
    found = {name: np.full(n, np.inf) for name in ("ordered_s", "lead_s", "full_s")}
    run = _Run(
        fleet, calls, play, np.full(teams, -np.inf), [-1] * teams, np.zeros(teams), found, [0] * n, [-1] * n
    )  # fmt: skip
    ready_s = calls.ready_s
    hopeless = list_hopeless(fleet, forms, calls)
    order = [call for call in np.argsort(ready_s, kind="stable").tolist() if not hopeless[call]]
    at, now_s = 0, 0.0
    while at < len(order) or run.waiting:
        call_s = float(ready_s[order[at]]) if at < len(order) else np.inf
        free_s = run.next_change(now_s) if run.waiting else np.inf
        if min(call_s, free_s) == np.inf:
            break
        if free_s <= call_s:
            now_s = free_s
            run.waiting = [each for each in run.waiting if not run.offer(rule, each[2], now_s)]
            continue
        now_s, call = call_s, order[at]
        at += 1
        if not run.offer(rule, call, now_s) and play.queue:
            run.wait(call, now_s)
    return Outcome(
        found["lead_s"] - calls.time_s,
        found["full_s"] - calls.time_s,
        found["ordered_s"] - ready_s,
        np.array(run.lead, np.int64),
        np.array(run.unfilled, np.int64),
        run.busy_s,
        run.longest,
    )
