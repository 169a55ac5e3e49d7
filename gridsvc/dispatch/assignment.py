"""Which team fills which slot: one team one slot, exact, lexicographic (R8)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

Cost = tuple[int, int, tuple[int, ...]]


def assign(options: Sequence[Sequence[int]], arrival: Sequence[int], loss: Sequence[int]) -> list[int | None]:
    """Fill slots with teams, one team one slot.

    options: per slot the numbers of the teams that may fill it, slots in order of importance. arrival, loss: per team
    number, arrival in ms and coverage loss in millionths; integers, so that sums and ties are exact.

    Best in this order: slots filled, an earlier slot before a later one (which also fills the most); the last
    arrival; the sum of losses; the sum of arrivals; the team numbers in slot order. The caller limits the options of
    the lead's slot to the earliest, so the lead comes before all of these.

    Returns
    -------
    The team of each slot, None where the slot stays empty.
    """
    chosen: list[int | None] = [None] * len(options)
    groups = []
    for group in _groups(options):
        if filled := _fillable([options[slot] for slot in group]):
            slots = [group[position] for position in filled]
            groups.append((slots, [options[slot] for slot in slots]))
    latest = max((_earliest_full(wanted, arrival) for _, wanted in groups), default=0)
    for slots, wanted in groups:
        in_time = [[team for team in each if arrival[team] <= latest] for each in wanted]
        for slot, team in zip(slots, _cheapest(in_time, arrival, loss), strict=True):
            chosen[slot] = team
    return chosen


def _groups(options: Sequence[Sequence[int]]) -> list[list[int]]:
    """Slots that share no team are independent: group those that do."""
    group_of_team: dict[int, int] = {}
    groups: dict[int, list[int]] = {}
    for slot, teams in enumerate(options):
        met = sorted({group_of_team[team] for team in teams if team in group_of_team})
        merged = [each for group in met for each in groups.pop(group)] + [slot]
        groups[slot] = merged
        for each in merged:
            for team in options[each]:
                group_of_team[team] = slot
    return [sorted(group) for group in groups.values()]


def _fillable(wanted: Sequence[Sequence[int]]) -> list[int]:
    """Positions that can be filled at the same time, an earlier one before a later one: greedy augmenting paths."""
    if len(wanted) == 1:
        return [0] if wanted[0] else []
    holder: dict[int, int] = {}
    return [position for position in range(len(wanted)) if _augment(position, wanted, holder, set())]


def _augment(position: int, wanted: Sequence[Sequence[int]], holder: dict[int, int], tried: set[int]) -> bool:
    for team in wanted[position]:
        if team not in tried:
            tried.add(team)
            if team not in holder or _augment(holder[team], wanted, holder, tried):
                holder[team] = position
                return True
    return False


def _earliest_full(wanted: Sequence[Sequence[int]], arrival: Sequence[int]) -> int:
    """Return the smallest last arrival with which all these slots can be filled."""
    if len(wanted) == 1:
        return min(arrival[team] for team in wanted[0])
    moments = sorted({arrival[team] for teams in wanted for team in teams})
    low, high = 0, len(moments) - 1
    while low < high:
        middle = (low + high) // 2
        in_time = [[team for team in teams if arrival[team] <= moments[middle]] for teams in wanted]
        if len(_fillable(in_time)) == len(wanted):
            high = middle
        else:
            low = middle + 1
    return moments[low]


def _cheapest(wanted: Sequence[Sequence[int]], arrival: Sequence[int], loss: Sequence[int]) -> list[int]:
    """Fill all these slots at the smallest (sum of losses, sum of arrivals, team numbers in slot order)."""
    if len(wanted) == 1:
        return [min(wanted[0], key=lambda team: (loss[team], arrival[team], team))]
    # With k slots at most k - 1 teams are taken by others, so a slot never needs more than its k best.
    best = [sorted(teams, key=lambda team: (loss[team], arrival[team], team))[: len(wanted)] for teams in wanted]
    if all(each == best[0] for each in best):
        return sorted(best[0])
    slots_of: dict[int, list[int]] = {}
    for slot, teams in enumerate(best):
        for team in teams:
            slots_of.setdefault(team, []).append(slot)
    no_teams = (-1,) * len(wanted)
    found: dict[int, Cost] = {0: (0, 0, no_teams)}
    for team in sorted(slots_of):
        for filled, (losses, arrivals, teams_chosen) in list(found.items()):
            for slot in slots_of[team]:
                if filled >> slot & 1:
                    continue
                cost = (
                    losses + loss[team],
                    arrivals + arrival[team],
                    (*teams_chosen[:slot], team, *teams_chosen[slot + 1 :]),
                )
                now = filled | 1 << slot
                if now not in found or cost < found[now]:
                    found[now] = cost
    return list(found[(1 << len(wanted)) - 1][2])
