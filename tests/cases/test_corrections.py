"""Corrections of a case, on paper: what changes, what stays, what is refused (R3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from gridsvc.cases.answer import answer_json
from gridsvc.cases.corrections import check_correction, place_of_person
from gridsvc.cases.decide import Classes
from gridsvc.cases.events import Reported, apply
from gridsvc.cases.model import Status, Unknown
from gridsvc.errors import IllegalStep, InvalidInput
from gridsvc.grids.ownership import Owner, Ownership, Rule, Share
from gridsvc.law import ResponseClass
from tests.worlds import toy
from tests.worlds.toy_cases import START, at, moved, ordered, place, reported, step, team_step

NEW = UUID(int=77)


def test_a_corrected_case_keeps_its_clock_its_steps_and_its_teams() -> None:
    case = reported(where=place(1))
    case = apply(step(case, "accept", 1), ordered(step(case, "accept", 1), 2, "1", "township"))
    case = team_step(case, 10, "en_route", 3)
    event = moved(case, 13, 4, NEW)
    after = apply(case, event)
    assert after.place == place(13)
    assert (after.reported_at, after.triggered_at, after.number) == (START, START, case.number)
    assert (after.status, after.clocks, after.engagements) == (case.status, case.clocks, case.engagements)
    assert after.decision.event_id == NEW
    assert (event.was, event.was_target_s) == (place(1), case.target_s)
    assert after.correction is not None
    assert (after.correction.kind, after.correction.by, after.correction.at) == ("place", "somebody", at(4))
    # The next event comes after the correction, whatever the clock says.
    assert after.next_moment(at(2)) > at(4)


def test_the_target_is_that_of_the_new_class() -> None:
    case = reported(where=place(1, response_class=ResponseClass.URBAN))
    assert (case.target_s, apply(case, moved(case, 13, 4, NEW)).target_s) == (300, 900)


def test_teams_that_do_not_belong_there_are_named() -> None:
    case = reported(where=place(1))
    sent = ordered(case, 2, "1", "township", "reinforcement x")
    team = case.decision.recommendation.team
    known = {each.slot: each.team_id for each in team}
    event = moved(case, 7, 4, NEW)
    answer = answer_json(apply(apply(case, sent), event), event, NEW, at(4))
    # the toy's teams have names, the engaged ones numbers: all but the one outside the slots are wrong
    assert [each["slot"] for each in answer["teams_wrong"]] == ["1", "township"]
    now = {each["slot"]: each["team_id"] for each in answer["teams_missing"]}
    assert (known["1"], now["1"]) == ("sq-a1", "sq-a2")
    assert now["township"] == "town-t2"
    assert answer["before"]["owners"]["township"]["code"] == toy.T1
    # While no team is on the case none is missing: the recommendation says who would go.
    assert answer_json(apply(case, event), event, NEW, at(4))["teams_missing"] == []


def test_what_was_unknown_of_the_report_alone_stays_unknown() -> None:
    case = replace(reported(), unknown=(Unknown("travel_s", "no-roads"), Unknown("reported_at", "wrong-clock")))
    assert apply(case, moved(case, 7, 4, NEW)).unknown == (Unknown("reported_at", "wrong-clock"),)


@pytest.mark.parametrize("name", ["triggered_at", "reported_at", "number", "id", "type", "drill"])
def test_a_correction_that_changes_what_it_must_not_cannot_follow(name: str) -> None:
    case, event = reported(), moved(reported(), 7, 4, NEW)
    other: dict[str, Any] = {
        "triggered_at": at(1),
        "reported_at": at(1),
        "number": 99,
        "id": NEW,
        "type": "noise",
        "drill": True,
    }
    forged = replace(event, case=replace(event.case, **{name: other[name]}))
    with pytest.raises(ValueError, match=name):
        apply(case, forged)


def test_a_correction_does_not_come_before_the_report() -> None:
    with pytest.raises(ValueError, match="before the report"):
        apply(None, moved(reported(), 7, 4, NEW))
    assert apply(None, Reported(reported())) == reported()


def test_a_closed_case_is_not_corrected_and_a_reason_is_needed() -> None:
    closed = replace(reported(), status=Status.ARCHIVED)
    with pytest.raises(IllegalStep) as refused:
        check_correction(closed, "place", "wrong house")
    assert refused.value.parameters["legal"] == ["reopen"]
    with pytest.raises(InvalidInput) as silent:
        check_correction(reported(), "owner", "  ")
    assert silent.value.kind == "reason-missing"


CLASSES = Classes(toy.CLOCKS.response_classes, {toy.T1: "111", toy.T2: "220"})


def named(township: str | None, village: str | None = None, code: str | None = None) -> Ownership:
    town, place_ = (None if each is None else Owner(each, each) for each in (township, village))
    return Ownership("330703", (Owner("R1", "R1"), town, None, place_), Rule.GAP, 3, urban_rural_code=code)


def test_the_owner_that_a_person_names_decides_class_and_township() -> None:
    uncertain = place(
        1, radius_m=300.0, confirm=True, shares=(Share(place(1).owners, 0.6), Share(place(7).owners, 0.4))
    )
    found = place_of_person(uncertain, named(toy.T1, "V1", "111"), CLASSES)
    assert (found.rule, found.response_class, found.townships) == ("person", ResponseClass.URBAN, (toy.T1,))
    assert (found.confirm, found.question, found.shares) == (False, None, uncertain.shares)
    assert place_of_person(uncertain, named(toy.T2), CLASSES).response_class is ResponseClass.RURAL


def test_under_a_region_the_townships_and_the_class_stay() -> None:
    urban = place(1, response_class=ResponseClass.URBAN)
    found = place_of_person(urban, named(None), CLASSES)
    assert (found.townships, found.response_class) == ((toy.T1,), ResponseClass.URBAN)
    assert found.code(1) is None
