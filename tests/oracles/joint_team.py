"""Which joint team the rules ask for, by trying every one: slow, plain, written from DESIGN R3, R6 to R9 and R16 alone.

It shares types with `gridsvc.dispatch` and none of its code. What the rules leave open (ties, the words for a team with
two obstacles) is left open here too: the oracle returns the best values that any lawful team reaches, and judges
whether a statement about a team is true, instead of naming one answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import inf
from typing import TYPE_CHECKING

from gridsvc.teams.model import TeamKind, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gridsvc.teams.model import Team, TeamState

TURNOUT_S = {"squadron": 60, "brigade": 90, "township": 60, "regional": 90, "department": 120, "partner": 60}
ON_ROAD_TURNOUT_S = 15
STALE_AFTER_S = 1800
OBSTACLES = {
    "off-duty", "out-of-service", "engaged", "understaffed", "stale-position", "out-of-reach", "declined", "skill",
}  # fmt: skip
"""What keeps a team that may go by law from going."""


@dataclass(frozen=True)
class Place:
    """Where a case is: the level that owns it, the owners, and every township that it touches."""

    owned_level: str
    regional: str | None
    townships: tuple[str, ...]
    area: str | None


@dataclass(frozen=True)
class Law:
    """What the law asks for: units of matters that are not the bureau's, partners of the plan, and who has the power.

    `delegated`: the matter of the case is delegated to the township. `major`: the case is 重大复杂. `skill`: what the
    teams of `units` must be able to do.
    """

    units: tuple[str, ...] = ()
    partners: tuple[str, ...] = ()
    delegated: bool = False
    major: bool = False
    skill: str | None = None


@dataclass(frozen=True)
class World:
    """One moment: teams with their states, seconds of travel (None: no road) and price in coverage."""

    teams: Sequence[Team]
    states: Sequence[TeamState]
    travel_s: Sequence[float | None]
    loss: Sequence[float]
    place: Place
    law: Law
    target_s: int
    handling_s: int
    drill: bool = False
    declined: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Wanted:
    """One slot of 1+X: the name of its unit, and the numbers of the teams that may fill it by law."""

    unit: str
    is_lead: bool
    lawful: tuple[int, ...]


@dataclass(frozen=True)
class Best:
    """The best values that a lawful joint team reaches, in the order of R8. `assembly_s`: latest of the teams sent."""

    lead_s: float
    filled: int
    assembly_s: float
    loss: float


def regional_leads(world: World) -> bool:
    """R3, R7: a case across townships or regional grids, or a major one, is led by a regional joint team."""
    return world.law.major or world.place.owned_level in {"regional", "district"}


def township_leads(world: World) -> bool:
    """R7: a delegated matter is led by the township's own team."""
    return world.law.delegated and not regional_leads(world)


def slots(world: World) -> list[Wanted]:
    """R7: "1", then one township slot for each township touched (R3), then the units of the matters, then partners."""
    wanted = []
    own = list(world.place.townships)
    if township_leads(world):
        wanted.append(_wanted(world, f"township-{own[0]}", is_lead=True))
        own = own[1:]
    else:
        wanted.append(_wanted(world, "bureau", is_lead=True))
    wanted += [_wanted(world, f"township-{code}") for code in own]
    wanted += [_wanted(world, unit) for unit in (*world.law.units, *world.law.partners)]
    return wanted


def _wanted(world: World, unit: str, *, is_lead: bool = False) -> Wanted:
    lawful = [n for n, team in enumerate(world.teams) if _may_fill(world, team, unit)]
    return Wanted(unit, is_lead, tuple(lawful))


def _may_fill(world: World, team: Team, unit: str) -> bool:
    if unit != "bureau":
        return team.unit == unit and team.kind is not TeamKind.REGIONAL
    if regional_leads(world):
        any_region = world.place.owned_level == "district"
        return team.kind is TeamKind.REGIONAL and (any_region or team.region == world.place.regional)
    return team.kind is TeamKind.SQUADRON


def obstacles(world: World, number: int) -> set[str]:
    """Everything that keeps a team from an emergency, law apart; empty for a team that can be sent."""
    team, state = world.teams[number], world.states[number]
    found = set()
    if state.status is TeamStatus.OFF_DUTY:
        found.add("off-duty")
    if state.status is TeamStatus.OUT_OF_SERVICE:
        found.add("out-of-service")
    if state.status is TeamStatus.ENGAGED and (world.drill or not state.on_drill):  # R16
        found.add("engaged")
    if state.staff_present is not None and state.staff_present < team.staff_needed:
        found.add("understaffed")
    if state.position_age_s is not None and state.position_age_s > STALE_AFTER_S:
        found.add("stale-position")
    if world.travel_s[number] is None:
        found.add("out-of-reach")
    if team.id in world.declined:
        found.add("declined")
    if world.law.skill is not None and team.unit in world.law.units and world.law.skill not in team.skills:
        found.add("skill")
    return found


def response_s(world: World, number: int) -> float:
    """R9: call handling, turnout, travel; infinite where no road is known."""
    travel_s = world.travel_s[number]
    if travel_s is None:
        return inf
    turnout_s = TURNOUT_S[str(world.teams[number].kind)]
    if world.states[number].on_road:
        turnout_s = min(turnout_s, ON_ROAD_TURNOUT_S)
    return world.handling_s + turnout_s + travel_s


def joint_teams(world: World) -> Iterator[tuple[int | None, ...]]:
    """Every way to fill the slots with teams that may and can: one team, one slot."""
    choices = [[None, *(n for n in slot.lawful if not obstacles(world, n))] for slot in slots(world)]
    for chosen in product(*choices):
        sent = [n for n in chosen if n is not None]
        if len(set(sent)) == len(sent):
            yield chosen


def value(world: World, chosen: Sequence[int | None]) -> Best:
    """What a joint team is worth, in the order of R8; the lead stands first in `chosen`."""
    sent = [n for n in chosen if n is not None]
    lead_s = inf if chosen[0] is None else response_s(world, chosen[0])
    return Best(lead_s, len(sent), max((response_s(world, n) for n in sent), default=0.0),
                sum(world.loss[n] for n in sent))  # fmt: skip


def best(world: World) -> Best:
    """R8: earliest lead, then as many slots as can be filled, then earliest full assembly, then least loss of cover."""
    values = (value(world, chosen) for chosen in joint_teams(world))
    return min(values, key=lambda v: (v.lead_s, -v.filled, v.assembly_s, v.loss))


def nearest_substitute_s(world: World, unit: str, *, is_lead: bool, used: set[int]) -> float:
    """R7: the response of the nearest lawful substitute that is free; infinite where there is none.

    A neighbour township's team stands in for a township's; a regional joint team for a township's team, for the bureau,
    and for a unit whose officers it holds.
    """
    found = inf
    for number, team in enumerate(world.teams):
        if number in used or obstacles(world, number):
            continue
        if unit.startswith("township-"):
            fits = team.kind is TeamKind.TOWNSHIP or team.kind is TeamKind.REGIONAL
        elif is_lead:
            fits = team.kind is TeamKind.REGIONAL or (team.kind is TeamKind.SQUADRON and regional_leads(world))
        else:
            fits = team.kind is TeamKind.REGIONAL and unit in team.represents
        if fits and team.unit != (unit if unit != "bureau" else None):
            found = min(found, response_s(world, number))
    return found


def handlers(world: World) -> set[int]:
    """R7: the teams any of which keeps the case 承办; empty where the rules name none."""
    region = world.place.regional
    if regional_leads(world):
        return {
            n for n, team in enumerate(world.teams) if team.kind is TeamKind.REGIONAL and region in {None, team.region}
        }
    if township_leads(world):
        return {n for n, team in enumerate(world.teams) if team.unit == f"township-{world.place.townships[0]}"}
    area = world.place.area
    return {n for n, team in enumerate(world.teams) if team.kind is TeamKind.SQUADRON and area in team.areas}


def is_true(world: World, number: int, verdict: str, chosen: dict[int, int], listed: Sequence[Wanted]) -> bool:
    """Whether a verdict on a team is a true statement (R11); `chosen`: team number by slot number."""
    team = world.teams[number]
    mine = [s for s, slot in enumerate(listed) if number in slot.lawful]
    if number in chosen.values():
        place = next(s for s, n in chosen.items() if n == number)
        return verdict == ("chosen-lead" if listed[place].is_lead else "chosen-member")
    if verdict in {"slower", "coverage"}:
        if not mine or obstacles(world, number):
            return False
        return any(_is_worse(world, number, chosen, s, verdict) for s in mine if s in chosen)
    if verdict in OBSTACLES:
        return verdict in obstacles(world, number)
    if mine:
        return False  # no verdict of law is true of a team that may fill a slot
    regional = regional_leads(world)
    return {
        "not-competent": team.unit != "bureau" or (team.kind is TeamKind.REGIONAL),
        "not-called": team.kind is TeamKind.PARTNER and team.unit not in world.law.partners,
        "other-township": team.kind is TeamKind.TOWNSHIP and team.township not in world.place.townships,
        "other-region": team.kind is TeamKind.REGIONAL and team.region != world.place.regional,
        "not-regional": team.kind is TeamKind.REGIONAL and not regional,
        "regional-leads": team.kind is TeamKind.SQUADRON and regional,
        "other-area": False,
    }.get(verdict, False)


def _is_worse(world: World, number: int, chosen: dict[int, int], slot: int, verdict: str) -> bool:
    """Whether the team of a slot arrives no later ("slower"), or this one is no later but costs more ("coverage")."""
    rival = chosen[slot]
    mine_s, rival_s = response_s(world, number), response_s(world, rival)
    if verdict == "slower":
        return rival_s <= mine_s
    whole_team_s = max(response_s(world, each) for each in chosen.values())
    return mine_s <= (rival_s if slot == 0 else whole_team_s) and world.loss[number] > world.loss[rival]


def is_reason(world: World, slot: Wanted, reason: str, used: set[int]) -> bool:
    """Whether a slot is empty for this reason (R7)."""
    if reason == "no-such-unit":
        return not slot.lawful
    if reason == "no-further-team":
        return bool(slot.lawful) and any(n in used for n in slot.lawful)
    return any(reason in obstacles(world, n) for n in slot.lawful if n not in used)


def can_be_matched(world: World, numbers: Sequence[int], verdicts: Sequence[str], chosen: dict[int, int],
                   listed: Sequence[Wanted]) -> bool:  # fmt: skip
    """Whether verdicts that are only counted can be given to these teams so that each is true."""
    if not numbers:
        return not verdicts
    first, rest = numbers[0], numbers[1:]
    return any(
        is_true(world, first, verdict, chosen, listed)
        and can_be_matched(world, rest, _without(verdicts, verdict), chosen, listed)
        for verdict in sorted(set(verdicts))
    )


def _without(verdicts: Sequence[str], verdict: str) -> list[str]:
    at = list(verdicts).index(verdict)
    return [*verdicts[:at], *verdicts[at + 1 :]]
