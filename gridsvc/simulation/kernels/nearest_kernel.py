"""Compiled discrete events of a fleet: each slot takes the lawful free team that is there first (the plain rule)."""

from __future__ import annotations

import numpy as np
from numba import njit, types

from gridsvc.numba_types import b1, borrowed, float64, i8, int64
from gridsvc.simulation.kernels.arguments import (
    answered_type,
    calls_type,
    play_type,
    slots_type,
    standing_type,
    teams_type,
    way_type,
)

_HOUR_S = 3600.0


@njit(way_type(teams_type, standing_type, play_type, int64, int64, float64), cache=True, nogil=True)
def way_now(teams, standing, play, team, place, now_s):
    """Return turnout and travel of a team to a place in seconds if it is sent now, travel inf = it cannot be sent."""
    teams, standing = borrowed(teams), borrowed(standing)
    away_s = now_s - standing.until_s[team]
    if away_s < 0.0 or not teams.on_duty[team, int(now_s / _HOUR_S) % teams.on_duty.shape[1]]:
        return 0.0, np.inf
    home_s = teams.to_s[team, place]
    at = standing.at[team]
    if at >= 0:
        back_s = teams.back_s[team, at]
        if away_s < back_s:
            if not play.redirect:
                return 0.0, np.inf
            done = away_s / back_s
            onward_s = teams.between_s[at, place]
            if done > 0.0:
                onward_s = onward_s * (1.0 - done) + home_s * done
            return min(teams.turnout_s[team], play.turnout_on_road_s), onward_s
    return teams.turnout_s[team], home_s


@njit(int64(teams_type, slots_type, calls_type, standing_type, play_type, int64, float64, i8), cache=True, nogil=True)
def choose(teams, slots, calls, standing, play, call, now_s, chosen):
    """Choose a team for each slot of a call, -1 = none; return whether the lead's is filled."""
    teams, slots, calls, standing = borrowed(teams), borrowed(slots), borrowed(calls), borrowed(standing)
    first = slots.first[calls.form[call]]
    count = slots.first[calls.form[call] + 1] - first
    for slot in range(count):
        group = slots.group[first + slot]
        best, best_s = -1, np.inf
        for team in range(len(teams.turnout_s)):
            if not slots.may[group, team]:
                continue
            turnout_s, travel_s = way_now(teams, standing, play, team, calls.place[call], now_s)
            if turnout_s + travel_s >= best_s:
                continue
            taken = False
            for earlier in range(slot):
                taken = taken or chosen[earlier] == team
            if not taken:
                best, best_s = team, turnout_s + travel_s
        chosen[slot] = best
        if slot == 0 and best < 0:
            return 0
    return count


@njit(
    types.void(teams_type, calls_type, standing_type, play_type, answered_type, int64, float64, i8),
    cache=True,
    nogil=True,
)
def send(teams, calls, standing, play, answered, call, now_s, chosen):
    """Send the chosen teams of a call, the lead first, and note when they arrive and are free again."""
    teams, calls = borrowed(teams), borrowed(calls)
    standing, answered = borrowed(standing), borrowed(answered)
    place = calls.place[call]
    turnout_factor, travel_factor = calls.factors[call, 0], calls.factors[call, 1]
    answered.ordered_s[call] = now_s
    lead_s, full_s, unfilled = np.inf, 0.0, 0
    for slot in range(len(chosen)):
        team = chosen[slot]
        if team < 0:
            unfilled += 1
            continue
        turnout_s, travel_s = way_now(teams, standing, play, team, place, now_s)
        there_s = now_s + turnout_s * turnout_factor + travel_s * travel_factor
        if slot == 0:
            lead_s = there_s
        full_s = max(full_s, there_s)
        until_s = max(there_s, lead_s) + calls.factors[call, 2 if slot == 0 else 3]
        standing.busy_s[team] += until_s - now_s
        standing.until_s[team] = until_s
        standing.at[team] = place
    answered.lead_s[call] = lead_s
    answered.full_s[call] = full_s if unfilled == 0 else np.inf
    answered.lead[call] = chosen[0]
    answered.unfilled[call] = unfilled


@njit(float64(teams_type, standing_type, float64), cache=True, nogil=True)
def next_change(teams, standing, now_s):
    """Return the next moment at which a team is free, is back, or begins its hours of duty."""
    teams, standing = borrowed(teams), borrowed(standing)
    soonest = np.inf
    hours = teams.on_duty.shape[1]
    for team in range(len(teams.turnout_s)):
        until_s = standing.until_s[team]
        if until_s > now_s:
            soonest = min(soonest, until_s)
        elif standing.at[team] >= 0:
            back_s = until_s + teams.back_s[team, standing.at[team]]
            if back_s > now_s:
                soonest = min(soonest, back_s)
        hour = int(now_s / _HOUR_S)
        if not teams.on_duty[team, hour % hours]:
            for later in range(1, hours):
                if teams.on_duty[team, (hour + later) % hours]:
                    soonest = min(soonest, (hour + later) * _HOUR_S)
                    break
    return soonest


@njit(int64(calls_type, i8, int64, int64), cache=True, nogil=True)
def enqueue(calls, waiting, count, call):
    """Put a call behind those of its rank; return how many wait then."""
    place = count
    while place > 0 and calls.rank[waiting[place - 1]] > calls.rank[call]:
        waiting[place] = waiting[place - 1]
        place -= 1
    waiting[place] = call
    return count + 1


@njit(
    int64(teams_type, slots_type, calls_type, standing_type, play_type, answered_type, int64, b1),
    cache=True,
    nogil=True,
)
def play_calls(teams, slots, calls, standing, play, answered, widest, hopeless):
    """Play all calls; return the most that waited at once, or -1 where more than `play.most_waiting` did.

    widest: the most slots of a form. hopeless: calls that no team can ever lead.
    """
    teams, slots, calls = borrowed(teams), borrowed(slots), borrowed(calls)
    standing, answered = borrowed(standing), borrowed(answered)
    n = len(calls.order)
    chosen = np.empty(widest, np.int64)
    # the calls that are tried at one moment: those that wait, or a new one in the last place
    waiting = np.empty(play.most_waiting + 2, np.int64)
    count, longest, at = 0, 0, 0
    now_s = 0.0
    while at < n or count > 0:
        call_s = calls.ready_s[calls.order[at]] if at < n else np.inf
        free_s = next_change(teams, standing, now_s) if count > 0 else np.inf
        now_s = min(call_s, free_s)
        if now_s == np.inf:
            break
        first, new = 0, free_s > call_s
        if new:
            waiting[count] = calls.order[at]
            first, at = count, at + 1
        kept = first
        for place in range(first, count + new):
            call = waiting[place]
            filled = 0 if hopeless[call] else choose(teams, slots, calls, standing, play, call, now_s, chosen)
            if filled:
                send(teams, calls, standing, play, answered, call, now_s, chosen[:filled])
            elif not new:
                waiting[kept] = call
                kept += 1
            elif play.queue and not hopeless[call]:
                kept = enqueue(calls, waiting, count, call)
        count = kept
        longest = max(longest, count)
        if count > play.most_waiting:
            return -1
    return longest
