"""Cases of the toy district (toy.py): reported at 8:00, ordered and walked through their steps by hand or at random."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.cases.corrections import corrected
from gridsvc.cases.decide import Identity, Report, facts_of, new_case
from gridsvc.cases.events import CORRECTIONS, Corrected, Ordered, Preempted, Reported, apply
from gridsvc.cases.model import Clock, Decision, Engagement, Place, Status
from gridsvc.cases.steps import legal_steps, legal_team_steps, take_step, take_team_step
from gridsvc.dispatch import milliseconds, recommend_and_record
from gridsvc.grids.ownership import Owner
from gridsvc.law import ResponseClass
from tests.worlds import toy

if TYPE_CHECKING:
    from gridsvc.cases.events import Event
    from gridsvc.cases.model import Case

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
CASE_ID, REPORT_EVENT = UUID(int=1), UUID(int=2)
VERSIONS = {"generation": 3, "network": "roads-1", "closures": 0, "roster": "ab12"}


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def place(km: float = 7, **changed: Any) -> Place:
    """A point on the road of the toy district."""
    codes = toy.owners(km)
    regional, township, area, village = (Owner(codes[key], key) for key in ("regional", "township", "area", "village"))
    known = Place(
        lon=round(119.6 + km / 100, 6),
        lat=29.1,
        owners=(regional, township, area, village),
        rule="interior",
        generation=3,
        response_class=ResponseClass.RURAL,
        owned_level="village",
        townships=(codes["township"],),
    )
    return replace(known, **changed)


def decide(where: Place, type_slug: str, event_id: UUID, **changed: Any) -> Decision:
    """The decision on a case, all teams of the toy district available."""
    facts = facts_of(where, type_slug, None, toy.NOON, drill=changed.get("drill", False))
    km = (where.lon - 119.6) * 100
    decided = recommend_and_record(toy.PREPARED, facts, toy.states(), milliseconds(toy.travel(round(km, 3))))
    return Decision(event_id, decided.recommendation, VERSIONS, decided.record)


def reported(type_slug: str = "leak", *, where: Place | None = None, clock: Clock | None = None, **said: Any) -> Case:
    """A case as its report makes it at 8:00: by default an emergency at km 7, target 900 s."""
    where, plan = where or place(), toy.PLANS.get(type_slug)
    identity = Identity("330703", CASE_ID, 17, synthetic=True, now=START)
    case = new_case(
        Report(type=type_slug, lon=where.lon, lat=where.lat, **said),
        identity,
        where,
        decide(where, type_slug, REPORT_EVENT, **said),
        plan=plan,
        policy=toy.CLOCKS.policies["lead"],
    )
    return case if clock is None else replace(case, clock=clock)


def engagement(number: int, slot: str, minutes: float, **stamps: float | bool) -> Engagement:
    """Team `number` in a slot since some minutes past eight; other stamps in minutes too."""
    clocks: dict[str, Any] = {
        name: at(value) for name, value in stamps.items() if name.endswith("_at") or name == "until"
    }
    return Engagement(
        UUID(int=100 + number),
        UUID(int=number),
        slot,
        slot == "1",
        bool(stamps.get("engaging", True)),
        60.0,
        165.25,
        at(minutes),
        **clocks,
    )


def ordered(case: Case, minutes: float, *slots: str, first: int = 10, decision: Decision | None = None) -> Ordered:
    """The order that sends a team to each slot: team `first` to the first, and so on."""
    change = take_step(case, "assign", at=None, now=at(minutes))
    sent = tuple(engagement(first + n, slot, minutes) for n, slot in enumerate(slots))
    return Ordered(at(minutes), change.status, change.stamps, sent, decision)


def step(case: Case, name: str, minutes: float) -> Case:
    return apply(case, take_step(case, name, at=None, now=at(minutes)))


def team_step(case: Case, number: int, name: str, minutes: float) -> Case:
    """Let team `number` take a step in its newest engagement."""
    mine = [each for each in case.engagements if each.team_id == UUID(int=number)][-1]
    return apply(case, take_team_step(case, mine, name, at=None, now=at(minutes), reason="flat tyre"))


def preempted(drill: Case, number: int, minutes: float) -> Preempted:
    """A live case takes team `number` from a drill."""
    held = next(each for each in drill.live if each.team_id == UUID(int=number))
    alone = len(drill.live) == 1 and drill.status is Status.ASSIGNED
    return Preempted(at(minutes), held.id, held.team_id, UUID(int=99), Status.ACCEPTED if alone else drill.status)


def moved(case: Case, km: float, minutes: float, event_id: UUID, kind: str = "place") -> Corrected:
    """A correction by somebody: the case is at another kilometre."""
    where = place(km)
    decision = decide(where, case.type, event_id, drill=case.drill)
    return corrected(case, kind, where, decision, by="somebody", at=at(minutes), duplicates=(), unknown=())


def random_walk(seed: int, steps: int = 25) -> list[Event]:
    """A report and legal steps after it, each a moment later; some are given late, by a wrong clock, or by a drill."""
    rng = random.Random(seed)
    drill = rng.random() < 0.3
    case = reported(rng.choice(["leak", "noise"]), drill=drill)
    events: list[Event] = [Reported(case)]
    minutes = 0.0
    for number in range(steps):
        minutes += rng.choice([0.01, 1.0, 7.5])
        event = _random_event(case, number, minutes, rng)
        events.append(event)
        case = apply(case, event)
    return events


def _random_event(case: Case, number: int, minutes: float, rng: random.Random) -> Event:
    if case.open and rng.random() < 0.1:
        return moved(case, rng.choice([1, 7, 9, 13]), minutes, UUID(int=3000 + number), rng.choice(CORRECTIONS))
    team_steps = [(each, name) for each in case.live for name in legal_team_steps(each)]
    said = rng.choice([None, None, at(rng.uniform(0, minutes))])
    if team_steps and rng.random() < 0.6:
        if case.drill and rng.random() < 0.3:
            return preempted(case, rng.choice(case.live).team_id.int, minutes)
        who, name = rng.choice(team_steps)
        known = (who.since, who.acknowledged_at, who.en_route_at, who.on_scene_at)
        late = None if said is None else max(said, *(each for each in known if each is not None))
        return take_team_step(case, who, name, at=late, now=at(minutes), reason="flat tyre")
    name = rng.choice(legal_steps(case.status))
    if name != "assign":
        return take_step(case, name, at=said, now=at(minutes))
    slots = rng.sample(["1", "township", "brigade-ecology", "partner-fire"], rng.randint(1, 3))
    decision = rng.choice([None, decide(case.place, case.type, UUID(int=1000 + number))])
    return ordered(case, minutes, *slots, first=10 + 10 * number, decision=decision)
