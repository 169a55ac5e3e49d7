"""R11: the record of a decision is small, and the decision can be made again from it alone.

Fleets here are many times larger than a record: a replay that gives the same answer proves that no team outside the
record made a difference.
"""

from __future__ import annotations

import json
import random
from dataclasses import replace
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.dispatch import CaseFacts, Handler, Prepared, recommend_and_record, replay
from gridsvc.evidence.chain import canonical
from gridsvc.law import Condition, Need, PlanBook, ResponseClass
from gridsvc.teams.model import AVAILABLE, Team, TeamKind, TeamState, TeamStatus
from tests.worlds import toy

CARDS = {
    "leak": toy.LEAK,
    "noise": toy.NOISE,
    "crowd": replace(
        toy.LEAK, type="crowd", needs=(Need("bureau", count=2), Need("brigade-ecology", count=2, staff=3)),
        partners=(Need("partner-fire", count=3),), township_need=Need("township", count=2),
        conditions=(Condition("rural", (Need("neighbour-township", count=2),), response_class=ResponseClass.RURAL),),
    ),
    "worklist": replace(
        toy.NOISE, type="worklist", matters=(toy.ECOLOGY_MATTER.key, toy.EMERGENCY_MATTER.key),
        needs=(Need("brigade-ecology", count=2, skills=frozenset({"hazmat"})),),
    ),
}  # fmt: skip
KINDS = [
    (TeamKind.SQUADRON, "bureau"), (TeamKind.TOWNSHIP, ""), (TeamKind.BRIGADE, "brigade-emergency"),
    (TeamKind.BRIGADE, "brigade-ecology"), (TeamKind.REGIONAL, "bureau"), (TeamKind.PARTNER, "partner-fire"),
    (TeamKind.DEPARTMENT, "dept-ecology"),
]  # fmt: skip
TOWNSHIPS = (toy.T1, toy.T2, toy.T3)


def _random_team(number: int, rng: random.Random, kinds: list[tuple[TeamKind, str]]) -> Team:
    kind, unit = rng.choice(kinds)
    township = rng.choice(TOWNSHIPS)
    gear: dict[str, Any] = rng.choice([{}, toy.HAZMAT, {"skills": toy.HAZMAT["skills"]}])
    return Team(
        f"team-{number:04}",
        "",
        unit or f"township-{township}",
        kind,
        119.6,
        29.1,
        township=township,
        areas=(rng.choice(["A1", "A2", "A3", "A4"]),),
        region=rng.choice([toy.R1, toy.R2]),
        staff_needed=rng.choice([1, 2, 3]),
        turnout_s=rng.choice([None, None, 0, 200]),
        **gear,
    )


@cache
def fleet(seed: int) -> Prepared:
    """Sixty to two hundred teams; in every third fleet only some kinds of teams, in any number."""
    rng = random.Random(seed)
    kinds = rng.sample(KINDS, 4) if seed % 3 == 0 else KINDS
    teams = [_random_team(number, rng, kinds) for number in range(rng.randint(60, 200))]
    return Prepared.of(teams, toy.CATALOGUE, PlanBook(CARDS), toy.CLOCKS)


def _random_states(size: int, rng: random.Random) -> list[TeamState]:
    free = rng.choice([0.05, 0.3, 0.7, 1.0])
    found = []
    for _ in range(size):
        status = TeamStatus.AVAILABLE if rng.random() < free else rng.choice(list(TeamStatus))
        state = TeamState(
            status,
            "another" if status is TeamStatus.ENGAGED else None,
            rng.choice([None, None, 0, 2, 3]),
            position_age_s=rng.choice([None, None, 60.0, 1800.5]),
            on_road=rng.random() < 0.2,
            on_drill=rng.random() < 0.3,
        )
        found.append(AVAILABLE if rng.random() < 0.2 and free > 0.1 else state)
    return found


def _random_travel(size: int, rng: random.Random) -> list[int | None]:
    step_ms, reachable = rng.choice([1, 1000, 60_000, 900_000]), rng.choice([0.02, 0.5, 1.0])
    return [
        rng.randrange(0, 2_000_000, step_ms) if rng.random() < reachable else None for _ in range(size)
    ]  # large steps: many teams arrive at the same moment


def _random_facts(prepared: Prepared, rng: random.Random) -> CaseFacts:
    several = rng.random() < 0.2
    matter = rng.choice(toy.MATTERS).key if rng.random() < 0.15 else None
    return toy.case(
        rng.choice([0.5, 6.0, 9.5, 12.0]),
        rng.choice(sorted(CARDS)),
        matter=matter,
        alarm=rng.choice([1, 1, 2]),
        owned_level="district" if several else rng.choice(["village", "village", "regional", None]),
        townships=TOWNSHIPS[: rng.randint(2, 3)] if several else (),
        major=rng.random() < 0.1,
        excluded=frozenset(rng.sample(prepared.team_ids, rng.choice([0, 3, 20]))),
        local_time=rng.choice([toy.NOON, toy.NOON, toy.BEFORE_APPROVAL]),
        drill=rng.random() < 0.2,
        response_class=rng.choice(list(ResponseClass)),
        rules=rng.choice([1, 2, 2]),
    )


def check_replay(seed: int) -> None:
    """Decide a random case over a random fleet, write the record as an event keeps it, and decide again from it."""
    rng = random.Random(seed)
    prepared = fleet(rng.randrange(24))
    states, travel_ms = _random_states(len(prepared.teams), rng), _random_travel(len(prepared.teams), rng)
    loss = rng.choice([None, [rng.choice([0.0, 0.5, rng.random()]) for _ in prepared.teams]])
    facts = _random_facts(prepared, rng)
    if rng.random() < 0.5:
        first = recommend_and_record(prepared, facts, states, travel_ms, loss).recommendation
        sent = [each for each in first.team if rng.random() < 0.7]
        facts = replace(facts, alarm=2, held={each.slot: each.team_id for each in sent})
    decided, record, verdicts = recommend_and_record(prepared, facts, states, travel_ms, loss)
    again = replay(prepared, json.loads(canonical(record)))
    assert replace(again, considered_counts={}) == replace(decided, considered_counts={})
    assert len(verdicts) == len(prepared.teams)
    assert sum(decided.considered_counts.values()) == len(prepared.teams) - len(decided.considered)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.integers(0, 2**32))
def test_r11_a_decision_is_made_again_from_its_record_alone(seed: int) -> None:
    check_replay(seed)


def test_r11_a_thousand_seeded_decisions_are_made_again() -> None:
    for seed in range(1000):
        check_replay(seed)


def fleet_of(size: int) -> Prepared:
    """The teams of the toy district, and copies of them until there are so many."""
    copies = [replace(toy.TEAMS[n % len(toy.TEAMS)], id=f"copy-{n:04}") for n in range(size - len(toy.TEAMS))]
    return Prepared.of([*toy.TEAMS, *copies], toy.CATALOGUE, toy.PLANS, toy.CLOCKS)


def record_length(size: int) -> tuple[int, int]:
    prepared = fleet_of(size)
    travel_ms = [1000 * (number % 1999) for number in range(size)]
    decided, record, _ = recommend_and_record(prepared, toy.case(7), [AVAILABLE] * size, travel_ms)
    return len(canonical(record)), len(canonical(decided.as_json()))


def test_r11_nothing_that_is_written_grows_with_the_fleet() -> None:
    (small, small_answer), (large, large_answer) = record_length(200), record_length(2000)
    assert small < 3 * record_length(20)[0]
    assert large < 1.1 * small
    assert large < 1.2 * record_length(74)[0]
    assert large_answer < 1.1 * small_answer


def test_r11_a_record_without_teams_replays() -> None:
    nobody = Prepared.of([], toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
    decided, record, _ = recommend_and_record(nobody, toy.case(7), [], [], [])
    assert replay(nobody, record) == decided


def test_r11_a_record_of_the_first_version_gives_what_the_first_rules_said() -> None:
    # It has every travel time, the states of the teams that were not simply available, and no `rules`. Before approval
    # the area's squadron led the department's routine case: the second version of the rules changed that.
    record: dict[str, Any] = {
        "versions": toy.PREPARED.versions,
        "case": {
            "type": "noise",
            "local_time": "2021-12-31T12:00:00+08:00",
            "response_class": "rural",
            "regional": toy.R1,
            "township": toy.T2,
            "area": "A2",
            "village": "V2",
            "owned_level": "village",
            "major": False,
            "alarm": 1,
            "held": {},
            "excluded": [],
        },
        "states": {"town-t2": {"status": "engaged", "incident_id": "another"}},
        "travel_ms": [60_000 * abs(toy.KM[team_id] - 7) for team_id in toy.PREPARED.team_ids],
        "coverage_loss": None,
    }
    answer = replay(toy.PREPARED, record)
    assert [(each.slot, each.team_id, each.response_s) for each in answer.team] == [
        ("1", "sq-a2", 165),
        ("township", "town-t2", None),
    ]
    assert [(each.slot, each.reason) for each in answer.unfilled] == [("dept-ecology", "no-such-unit")]
    assert answer.handler == Handler("sq-a2", "bureau", "area-squadron")
    second = replay(toy.PREPARED, record | {"case": record["case"] | {"rules": 2}})
    assert (second.lead, second.handler) == (None, None)
    assert [(each.slot, each.unit) for each in second.unfilled] == [("1", "dept-ecology")]
