"""The joint team against the oracle: random small worlds, every way to fill the slots tried."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from math import inf
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from gridsvc.dispatch import CaseFacts, ChosenTeam, Prepared, Recommendation, Unfilled, recommend
from gridsvc.law import (
    Catalogue,
    ClockPolicy,
    ClockRules,
    Competence,
    CompetenceLevel,
    Field,
    LeadRule,
    Matter,
    Need,
    PlanBook,
    ResponseClass,
    ResponseClassMapping,
    ResponsePlan,
    Unit,
    UnitKind,
    Urgency,
)
from gridsvc.teams.model import Team, TeamKind, TeamState, TeamStatus
from tests.oracles import joint_team as oracle

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Drawn = tuple[oracle.World, str, ResponseClass]

CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=CHINA)
HANDLING_S = 45
TARGET_S = {ResponseClass.URBAN: 300, ResponseClass.RURAL: 900}

T1, T2, T3 = "330703101000", "330703102000", "330703103000"
REGION = {T1: "R1", T2: "R1", T3: "R2"}
AREA = {T1: "A1", T2: "A2", T3: "A3"}
B1, B2, FIRE = "brigade-1", "brigade-2", "partner-fire"

UNITS = (
    Unit("bureau", "bureau", UnitKind.BUREAU), Unit(B1, B1, UnitKind.BRIGADE), Unit(B2, B2, UnitKind.BRIGADE),
    Unit("department", "department", UnitKind.DEPARTMENT), Unit(FIRE, FIRE, UnitKind.PARTNER),
)  # fmt: skip
MATTERS = {unit: Matter(unit, "field", "department", 1) for unit in ("bureau", B1, B2)}
DELEGATED = Matter("bureau", "delegated", "department", 1)
CATALOGUE = Catalogue(
    units=UNITS,
    fields=(Field("field", "field", None), Field("delegated", "delegated", None)),
    matters=(*MATTERS.values(), DELEGATED),
    competences=(
        *(Competence(m.key, CompetenceLevel.DISTRICT, m.unit, None, None, "test") for m in MATTERS.values()),
        Competence(DELEGATED.key, CompetenceLevel.DISTRICT, "bureau", None, None, "test"),
        Competence(DELEGATED.key, CompetenceLevel.TOWNSHIP, None, date(2020, 1, 1), None, "test"),
    ),
)
LAWS = {
    "plain": oracle.Law(),
    "one-unit": oracle.Law(units=(B1,)),
    "two-units": oracle.Law(units=(B1, B2)),
    "partner": oracle.Law(units=(B1,), partners=(FIRE,)),
    "two-of-one-unit": oracle.Law(units=(B1, B1)),
    "skilled": oracle.Law(units=(B1,), skill="hazmat"),
}
ROUTINE = {"routine": oracle.Law(), "routine-delegated": oracle.Law(delegated=True)}


def plan(name: str, law: oracle.Law) -> ResponsePlan:
    matters = (
        (DELEGATED.key,)
        if law.delegated
        else (MATTERS["bureau"].key, *(MATTERS[u].key for u in sorted(set(law.units))))
    )
    skills = frozenset() if law.skill is None else frozenset({law.skill})
    needs = tuple(Need(unit, count=n, skills=skills) for unit, n in Counter(law.units).items() if n > 1 or skills)
    routine = name in ROUTINE
    return ResponsePlan(
        type=name, name=name, name_en=name, field="urban-management", priority=1, matters=matters, clock_policy="lead",
        urgency=Urgency.ROUTINE if routine else Urgency.EMERGENCY, lead=LeadRule.AREA if routine else LeadRule.FASTEST,
        needs=needs, partners=tuple(Need(unit) for unit in law.partners), target_s={} if routine else TARGET_S,
        working_days=3 if routine else None,
    )  # fmt: skip


PLANS = PlanBook({name: plan(name, law) for name, law in (LAWS | ROUTINE).items()})
CLOCKS = ClockRules(
    policies={"lead": ClockPolicy("lead", "lead", "received", "lead_on_scene", 90, HANDLING_S)},
    default_policy="lead",
    response_classes=ResponseClassMapping("all", "all", frozenset({"111"})),
)

KINDS = st.one_of(
    st.tuples(st.just(TeamKind.SQUADRON), st.sampled_from([T1, T2, T3])),
    st.tuples(st.just(TeamKind.TOWNSHIP), st.sampled_from([T1, T1, T2, T3])),
    st.tuples(st.just(TeamKind.BRIGADE), st.sampled_from([B1, B1, B2])),
    st.tuples(st.just(TeamKind.REGIONAL), st.sampled_from(["R1", "R2"])),
    st.tuples(st.just(TeamKind.PARTNER), st.just(FIRE)),
)
FREE, ENGAGED = TeamState(), TeamState(status=TeamStatus.ENGAGED, incident_id="another")
STATES = st.sampled_from([
    FREE, FREE, FREE, TeamState(on_road=True), TeamState(staff_present=2), TeamState(position_age_s=1800.0),
    ENGAGED, dataclasses.replace(ENGAGED, on_drill=True), dataclasses.replace(ENGAGED, on_drill=True, on_road=True),
    TeamState(status=TeamStatus.OFF_DUTY), TeamState(status=TeamStatus.OUT_OF_SERVICE),
    TeamState(staff_present=0), TeamState(position_age_s=1801.0),
    dataclasses.replace(ENGAGED, staff_present=0, position_age_s=1801.0),
])  # fmt: skip
PLACES = st.sampled_from([
    oracle.Place("village", "R1", (T1,), "A1"),
    oracle.Place("village", "R1", (T1,), "A1"),
    oracle.Place("regional", "R1", (T1, T2), None),
    oracle.Place("district", None, (T1, T3), None),
])  # fmt: skip


def make_team(number: int, kind: TeamKind, where: str) -> Team:
    facts: dict[TeamKind, dict[str, Any]] = {
        TeamKind.SQUADRON: {"unit": "bureau", "township": where, "areas": (AREA.get(where, ""),)},
        TeamKind.TOWNSHIP: {"unit": f"township-{where}", "township": where},
        TeamKind.BRIGADE: {"unit": where, "skills": frozenset({"hazmat"} if number % 2 else ())},
        TeamKind.REGIONAL: {"unit": "bureau", "region": where, "represents": ("bureau", B1)},
        TeamKind.PARTNER: {"unit": FIRE},
    }
    return Team(id=f"{number}-{kind}-{where}", name=str(number), kind=kind, lon=119.6, lat=29.1, **facts[kind])


@st.composite
def worlds(draw: st.DrawFn, laws: Mapping[str, oracle.Law] = LAWS) -> Drawn:
    """A world, and the type and class of the case."""
    kinds = draw(st.lists(KINDS, min_size=2, max_size=8))
    teams = [make_team(number, *kind) for number, kind in enumerate(kinds)]
    states = [draw(STATES) for _ in teams]
    travel_s = [draw(st.sampled_from([None, 60.0, 120.0, 120.0, 240.0, 600.0, 1000.0])) for _ in teams]
    most_loss = draw(st.sampled_from([0, 3]))
    loss = [float(draw(st.integers(0, most_loss))) for _ in teams]
    name, place = draw(st.sampled_from(sorted(laws))), draw(PLACES)
    response_class = draw(st.sampled_from(list(ResponseClass)))
    law = dataclasses.replace(laws[name], major=draw(st.sampled_from([False, False, False, True])))
    drill = draw(st.sampled_from([False, False, True]))
    declined = frozenset(draw(st.sets(st.sampled_from([team.id for team in teams]), max_size=1)))
    world = oracle.World(
        teams, states, travel_s, loss, place, law, TARGET_S[response_class], HANDLING_S, drill, declined
    )  # fmt: skip
    return world, name, response_class


def decide(world: oracle.World, name: str, response_class: ResponseClass) -> Recommendation:
    """Return the recommendation, and what the oracle knows each slot by: its unit and whether it leads."""
    prepared = Prepared.of(world.teams, CATALOGUE, PLANS, CLOCKS)
    order = [number_of(world, team_id) for team_id in prepared.team_ids]
    states = [world.states[n] for n in order]
    travel_s = [world.travel_s[n] for n in order]
    loss = [world.loss[n] for n in order]
    place = world.place
    single = place.owned_level == "village"
    case = CaseFacts(
        type=name, local_time=NOON, response_class=response_class, regional=place.regional,
        township=place.townships[0] if single else None, area=place.area, village="V" if single else None,
        owned_level=place.owned_level, major=world.law.major, excluded=world.declined, drill=world.drill,
        townships=() if single else place.townships,
    )  # fmt: skip
    return recommend(prepared, case, states, travel_s, loss if any(loss) else None)


def sent(answer: Recommendation) -> list[ChosenTeam]:
    return [*([answer.lead] if answer.lead else []), *answer.members]


def slots_of(slots: Sequence[ChosenTeam | Unfilled]) -> list[ChosenTeam | Unfilled]:
    return list(slots)


def number_of(world: oracle.World, team_id: str) -> int:
    return next(n for n, team in enumerate(world.teams) if team.id == team_id)


CHECK = settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)  # fmt: skip


@CHECK
@given(worlds())
def test_the_slots_are_those_of_the_law(drawn: Drawn) -> None:
    world = drawn[0]
    answer = decide(*drawn)
    members = Counter(each.unit for each in [*slots_of(answer.members), *slots_of(answer.unfilled)] if each.slot != "1")
    assert members == Counter(slot.unit for slot in oracle.slots(world) if not slot.is_lead)
    assert (answer.lead is None) is ("1" in {each.slot for each in answer.unfilled})


@CHECK
@given(worlds())
def test_every_team_that_is_sent_may_and_can_go_and_fills_one_slot(drawn: Drawn) -> None:
    world = drawn[0]
    answer = decide(*drawn)
    ids = [each.team_id for each in sent(answer)]
    assert len(set(ids)) == len(ids)
    for each in sent(answer):
        number = number_of(world, each.team_id)
        is_lead = each is answer.lead
        lawful = [slot for slot in oracle.slots(world) if slot.is_lead is is_lead and number in slot.lawful]
        assert lawful, (each.team_id, each.slot)
        assert not oracle.obstacles(world, number), each.team_id
        assert each.response_s == oracle.response_s(world, number)


@CHECK
@given(worlds())
def test_no_other_joint_team_is_better(drawn: Drawn) -> None:
    world = drawn[0]
    answer = decide(*drawn)
    numbers = [number_of(world, each.team_id) for each in sent(answer)]
    lead = numbers[0] if answer.lead else None
    found = oracle.value(world, [lead, *(numbers[1:] if answer.lead else numbers)])
    assert found == oracle.best(world)


@CHECK
@given(worlds())
def test_the_target_is_judged_for_the_lead_for_each_member_and_for_the_team(drawn: Drawn) -> None:
    world = drawn[0]
    answer = decide(*drawn)
    late = {each.team_id: oracle.response_s(world, number_of(world, each.team_id)) > world.target_s
            for each in sent(answer)}  # fmt: skip
    assert answer.meets_target is (answer.lead is not None and not late[answer.lead.team_id])
    for member in answer.members:
        assert member.late is late[member.team_id], member.team_id
    whole = answer.lead is not None and not answer.unfilled and not any(late.values())
    assert answer.team_meets_target is whole
    times = [oracle.response_s(world, number_of(world, each.team_id)) for each in sent(answer)]
    assert answer.full_team_response_s == (None if answer.unfilled else max(times))


@CHECK
@given(worlds())
def test_an_empty_or_late_slot_is_offered_the_nearest_lawful_substitute(drawn: Drawn) -> None:
    """Of the teams that no other slot was offered; what a late member is offered arrives earlier than it."""
    world = drawn[0]
    answer = decide(*drawn)
    late = [each for each in sent(answer) if (each.response_s or inf) > world.target_s]
    used = {number_of(world, each.team_id) for each in sent(answer)}
    in_need = [*slots_of(late), *slots_of(answer.unfilled)]
    offered = [each.substitute for each in in_need if each.substitute is not None]
    assert len({each.team_id for each in offered}) == len(offered)
    for substitute in offered:
        number = number_of(world, substitute.team_id)
        assert number not in used
        # A team that lacks only a fresh position, or the skill, may be offered: `why` says so.
        assert oracle.obstacles(world, number) <= {substitute.why} & {"stale-position", "skill"}
    for slot in in_need:
        is_lead = slot.slot == "1"
        elsewhere = {number_of(world, each.team_id) for each in offered if each is not slot.substitute}
        nearest_s = oracle.nearest_substitute_s(world, slot.unit, is_lead=is_lead, used=used | elsewhere)
        own_s = getattr(slot, "response_s", inf)
        if slot.substitute is None:
            assert nearest_s >= own_s, slot
        else:
            assert slot.substitute.response_s is not None
            assert slot.substitute.response_s <= nearest_s
            assert slot.substitute.response_s < own_s


@CHECK
@given(worlds())
def test_every_verdict_is_true(drawn: Drawn) -> None:
    world = drawn[0]
    answer = decide(*drawn)
    listed = oracle.slots(world)
    places = slot_numbers(world, answer, listed)
    named, counted = verdicts(answer)
    rest = [n for n in range(len(world.teams)) if world.teams[n].id not in named]
    assert sum(counted.values()) == len(rest)
    for team_id, verdict in named.items():
        assert oracle.is_true(world, number_of(world, team_id), verdict, places, listed), (team_id, verdict)
    fits = oracle.can_be_matched(world, rest, sorted(counted.elements()), places, listed)
    assert fits, (counted, [world.teams[n].id for n in rest])


@CHECK
@given(worlds())
def test_every_empty_slot_has_a_true_reason(drawn: Drawn) -> None:
    world = drawn[0]
    answer = decide(*drawn)
    used = {number_of(world, each.team_id) for each in sent(answer)}
    for empty in answer.unfilled:
        slot = next(each for each in oracle.slots(world) if each.is_lead is (empty.slot == "1") and (
            each.is_lead or each.unit == empty.unit))  # fmt: skip
        assert oracle.is_reason(world, slot, empty.reason, used), empty


def verdicts(answer: Recommendation) -> tuple[dict[str, str], Counter[str]]:
    """Return the verdict of each team that is named, and how many others have each verdict."""
    return {each.team_id: each.verdict for each in answer.considered}, Counter(answer.considered_counts)


def slot_numbers(world: oracle.World, answer: Recommendation, listed: Sequence[oracle.Wanted]) -> dict[int, int]:
    """Return the team number by slot number, for the teams that are sent."""
    places: dict[int, int] = {}
    for each in sent(answer):
        free = [s for s, slot in enumerate(listed)
                if s not in places and slot.unit == each.unit and slot.is_lead is (each is answer.lead)]  # fmt: skip
        assert free, each.slot
        places[free[0]] = number_of(world, each.team_id)
    return places


@CHECK
@given(worlds(LAWS | ROUTINE))
def test_the_handler_is_who_keeps_the_case(drawn: Drawn) -> None:
    world = drawn[0]
    answer = decide(*drawn)
    expected = oracle.handlers(world)
    assume(expected)
    assert answer.handler is not None
    assert answer.handler.team_id in {world.teams[number].id for number in expected}


@CHECK
@given(worlds(ROUTINE))
def test_a_routine_case_is_led_by_who_handles_it(drawn: Drawn) -> None:
    """R7: it goes onto a work list, so that engaged teams may lead as well; teams off duty are left open."""
    world = drawn[0]
    answer = decide(*drawn)
    expected = oracle.handlers(world)
    able = [n for n in expected if world.states[n].status in {TeamStatus.AVAILABLE, TeamStatus.ENGAGED}]
    assume(any(world.teams[n].id not in world.declined for n in able))
    assert answer.lead is not None
    assert answer.lead.team_id in {world.teams[number].id for number in expected}
    assert answer.meets_target is None


@CHECK
@given(worlds())
def test_a_team_taken_from_a_drill_is_marked(drawn: Drawn) -> None:
    world = drawn[0]
    for each in sent(decide(*drawn)):
        state = world.states[number_of(world, each.team_id)]
        assert (each.preempts is not None) is (state.status is TeamStatus.ENGAGED and state.on_drill)
