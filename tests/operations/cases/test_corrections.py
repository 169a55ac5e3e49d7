"""Corrections of stored cases: routed again under the lock, replayed, verified, out of scope, at the same time (R3)."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from gridsvc.access.scopes import OPERATOR, Caller, Role, Scope
from gridsvc.cases.decide import Report
from gridsvc.db.cases.incidents import find_case
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.session.idempotency import RequestKey
from gridsvc.errors import Conflict, IllegalStep, InvalidInput, NotAllowed, NotFound
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.operations.cases.considered import list_case_considered
from gridsvc.operations.cases.corrections import Why, correct_place, override_owner
from gridsvc.operations.cases.read import get_case, list_case_events
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.evidence import erasure, verify
from gridsvc.operations.evidence.replay import replay
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, as_superuser, load_toy, report, scalar

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.operations.runtime.service import Service

NAMES = {team_id: name for name, team_id in TEAM_IDS.items()}
WHY = Why("The caller is at the other end of the road")


def at_km(km: float, **more: Any) -> Report:
    return Report(lon=119.6 + km / 100, lat=29.1001, **more)


def move(service: Service, case: UUID, km: float, why: Why = WHY, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(correct_place(service, case, at_km(km), why, actor="Li Wei", **more).body)
    return found


def own(service: Service, case: UUID, code: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(override_owner(service, case, code, WHY, actor="Li Wei", **more).body)
    return found


ATTEMPTS: tuple[tuple[Callable[..., dict[str, Any]], float | str], ...] = ((move, 7.0), (own, toy.T2))


def codes(owners: dict[str, Any]) -> list[str | None]:
    return [None if owners[level] is None else owners[level]["code"] for level in LEVEL_KEYS]


def slots(teams: list[dict[str, Any]]) -> dict[str, str]:
    return {each["slot"]: NAMES[each["team_id"]] for each in teams}


def faults(service: Service) -> list[str]:
    seal_all(service.database)
    return [fault for chain in verify.verify(service) for fault in chain.faults]


def key(name: str) -> RequestKey:
    return RequestKey("Li Wei", name, b"0" * 32)


def test_a_corrected_case_is_routed_again_and_keeps_clock_and_teams(service: Service) -> None:
    case = UUID(report(service, km=1))
    before = get_case(service, case)
    sent = json.loads(step_incident(service, case, Step("assign"), actor="test").body)
    after = move(service, case, 7)
    assert codes(before["owners"]) == ["R1", toy.T1, "A1", "V1"]
    assert codes(after["owners"]) == ["R1", toy.T2, "A2", "V2"]
    assert codes(after["before"]["owners"]) == codes(before["owners"])
    road = after["location"].pop("road")
    assert after["location"] == {"lon": 119.6 + 7 / 100, "lat": 29.1001}
    assert (road["level"], road["offroad_m"]) == ("surface", pytest.approx(11.1, abs=0.1))
    for name in ("id", "number", "reported_at", "triggered_at", "assigned_at"):
        assert after[name] == sent[name]
    assert after["due_at"] == before["due_at"]
    # All stay; the squadron and the township of the old place do not belong there, those of the new one are missing.
    assert after["assignments"] == sent["assignments"]
    assert slots(after["teams_wrong"]) == {"1": "sq-a1", "township": "town-t1"}
    assert slots(after["teams_missing"]) == {"1": "sq-a2", "township": "town-t2"}
    assert NAMES[after["handler"]["team_id"]] == "sq-a2"
    assert NAMES[after["recommendation"]["lead"]["team_id"]] == "sq-a2"
    stored = get_case(service, case)
    assert (stored["owners"], stored["recommendation"]) == (after["owners"], after["recommendation"])
    assert stored["correction"] == {
        "kind": "place", "by": "Li Wei", "at": after["correction"]["at"], "event_id": after["recommendation_id"],
        "reason": WHY.reason,
    }  # fmt: skip
    event = list_case_events(service, case)["items"][-1]
    assert (event["kind"], event["actor"], event["note"]) == ("place", "Li Wei", WHY.reason)
    assert event["data"]["before"]["place"]["lon"] == before["location"]["lon"]
    assert event["data"]["case"]["place"]["lon"] == after["location"]["lon"]


def test_the_work_goes_on_at_the_new_place(service: Service) -> None:
    case = UUID(report(service, km=1))
    step_incident(service, case, Step("assign"), actor="test")
    first = move(service, case, 13)
    wrong = next(each["team_id"] for each in first["teams_wrong"] if NAMES[each["team_id"]] == "town-t1")
    step_incident(service, case, Step("withdraw", team_id=UUID(wrong), note="wrong township"), actor="test")
    sent = json.loads(step_incident(service, case, Step("assign"), actor="test").body)
    assert [NAMES[each] for each in sent["sent"]] == ["town-t3"]
    second = move(service, case, 7)
    assert codes(second["before"]["owners"]) == codes(first["owners"])
    assert replay(service, case).as_json() == {
        "incident_id": str(case), "same": True, "dispatches": 5, "differs": [], "tampered": [],
        "not_recomputed": [],
    }  # fmt: skip
    assert faults(service) == []
    items = list_case_considered(service, case)["items"]
    assert len(items) == len(toy.TEAMS)
    # Seconds are those to km 7: two kilometres of road, and 11 m on foot.
    assert next(each for each in items if NAMES[each["team_id"]] == "sq-a3")["travel_s"] == pytest.approx(120, abs=10)


def test_an_order_after_a_correction_may_be_compared_with_what_was_seen_before_it(service: Service) -> None:
    case = UUID(report(service, km=1))
    seen = UUID(get_case(service, case)["recommendation_id"])
    move(service, case, 7)
    sent = json.loads(step_incident(service, case, Step("assign", recommendation_id=seen), actor="test").body)
    assert slots(sent["differs"]["added"]) == {"1": "sq-a2", "township": "town-t2"}
    assert slots(sent["differs"]["missing"]) == {"1": "sq-a1", "township": "town-t1"}


def test_a_line_is_corrected_to_a_point_and_back_to_an_area(service: Service) -> None:
    case = UUID(report(service, km=1, radius_m=600.0))
    from shapely.geometry import box

    area = Report(extent=box(119.69, 29.09, 119.73, 29.11))
    whole = json.loads(correct_place(service, case, area, WHY, actor="x").body)
    assert (whole["ownership"]["rule"], codes(whole["owners"])) == ("district", [None] * 4)
    assert sum(each["share"] for each in whole["ownership"]["shares"]) == pytest.approx(1, abs=1e-3)
    assert "geometry" in whole["location"]
    point = move(service, case, 1)
    assert "geometry" not in point["location"]
    assert codes(point["owners"]) == ["R1", toy.T1, "A1", "V1"]
    assert replay(service, case).same
    assert faults(service) == []


@pytest.mark.parametrize("last", ["archive", "cancel"])
def test_a_closed_case_is_not_corrected(service: Service, last: str) -> None:
    case = UUID(report(service, "noise"))
    for step in ("accept", "assign", "handle", "feedback", last) if last == "archive" else (last,):
        step_incident(service, case, Step(step), actor="test")
    events = len(list_case_events(service, case)["items"])
    for correct, where in ATTEMPTS:
        with pytest.raises(IllegalStep) as refused:
            correct(service, case, where)
        assert refused.value.parameters["legal"] == ["reopen"]
    assert len(list_case_events(service, case)["items"]) == events
    step_incident(service, case, Step("reopen"), actor="test")
    assert codes(move(service, case, 7)["owners"])[1] == toy.T2


def test_what_cannot_be_corrected_is_refused_and_nothing_is_written(service: Service) -> None:
    case = UUID(report(service, km=1))
    load_toy(service, "330799", east_deg=0.5)
    with pytest.raises(Conflict) as elsewhere:
        correct_place(service, case, Report(lon=120.15, lat=29.1), WHY, actor="x")
    assert (elsewhere.value.kind, elsewhere.value.parameters["district"]) == ("other-district", "330799")
    with pytest.raises(InvalidInput, match="likely wrong coordinate"):
        correct_place(service, case, Report(lon=100.0, lat=29.1), WHY, actor="x")
    with pytest.raises(InvalidInput) as nowhere:
        correct_place(service, case, Report(), WHY, actor="x")
    assert nowhere.value.kind == "one-place"
    with pytest.raises(InvalidInput) as silent:
        move(service, case, 7, Why(" "))
    assert silent.value.kind == "reason-missing"
    with pytest.raises(NotFound):
        move(service, UUID(int=1), 7)
    with pytest.raises(NotFound) as unknown:
        own(service, case, "T9")
    assert unknown.value.kind == "no-grid"
    with pytest.raises(InvalidInput, match="level township"):
        own(service, case, toy.T2, level="village")
    assert [each["kind"] for each in list_case_events(service, case)["items"]] == ["report"]


def test_just_outside_the_district_it_waits_for_the_neighbour(service: Service) -> None:
    case = UUID(report(service, km=1))
    after = move(service, case, 18)
    assert (after["ownership"]["rule"], codes(after["owners"])) == ("outside", [None] * 4)
    assert faults(service) == []
    assert replay(service, case).same


def test_a_retry_gets_the_same_bytes_and_writes_nothing(service: Service) -> None:
    case = UUID(report(service, km=1))
    for (correct, where), later in zip(ATTEMPTS, ("accept", "assign"), strict=True):
        first = correct(service, case, where, request=key(str(where)))
        written = len(list_case_events(service, case)["items"])
        step_incident(service, case, Step(later), actor="test")  # what comes later is not in the answer
        assert correct(service, case, where, request=key(str(where))) == first
        assert len(list_case_events(service, case)["items"]) == written + 1
        with pytest.raises(InvalidInput) as reused:
            correct(service, case, where, request=RequestKey("Li Wei", str(where), b"1" * 32))
        assert reused.value.kind == "idempotency-key-reused"


def test_who_saw_an_older_state_is_told_so(service: Service) -> None:
    case = UUID(report(service, km=1))
    seen = UUID(get_case(service, case)["recommendation_id"])
    move(service, case, 7, replace(WHY, seen=seen))
    with pytest.raises(Conflict) as changed:
        move(service, case, 13, replace(WHY, seen=seen))
    assert (changed.value.kind, changed.value.parameters["by"]) == ("case-changed", "Li Wei")
    assert codes(get_case(service, case)["owners"])[1] == toy.T2


def test_of_two_dispatchers_at_once_one_wins(service: Service) -> None:
    case = UUID(report(service, km=1))

    def attempt(km: float) -> str:
        try:
            return str(codes(move(service, case, km)["owners"])[1])
        except Conflict as refused:
            return refused.kind

    waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with (
        ThreadPoolExecutor(3) as pool,
        as_superuser(service.database.url) as superuser,
        service.database.transaction() as connection,
    ):
        find_case(connection, case, lock=True)  # all have seen the case, and wait for it
        two = [pool.submit(attempt, km) for km in (7, 13)]
        step = pool.submit(step_incident, service, case, Step("accept"), actor="test")
        while scalar(superuser, waiting) < 3:
            assert [step.done(), *(each.done() for each in two)] == [False] * 3
            time.sleep(0.01)
        connection.rollback()
        answers = sorted(each.result() for each in two)
        assert step.result().status == 200  # a step needs no other state than it finds
    assert answers in (sorted([toy.T2, "case-changed"]), sorted([toy.T3, "case-changed"]))
    after = get_case(service, case)
    assert codes(after["owners"])[1] in answers
    assert after["status"] == "accepted"
    assert faults(service) == []


def test_an_owner_by_the_word_of_a_person_carries_who_and_why(service: Service) -> None:
    case = UUID(report(service, km=4.9, radius_m=300.0))
    asked = get_case(service, case)["ownership"]
    assert asked["confirm"]
    assert {codes(each["owners"])[1] for each in asked["question"]["choices"]} == {toy.T1, toy.T2}
    after = own(service, case, toy.T2, level="township")
    assert codes(after["owners"]) == ["R1", toy.T2, None, None]
    assert (after["ownership"]["rule"], after["ownership"]["confirm"]) == ("person", False)
    assert "question" not in after["ownership"]
    assert {k: v for k, v in after["location"].items() if k != "road"} == after["before"]["location"]
    assert after["recommendation"]["members"][0]["team_id"] == TEAM_IDS["town-t2"]
    shown = get_case(service, case)["correction"]
    assert (shown["kind"], shown["by"], shown["reason"]) == ("owner", "Li Wei", WHY.reason)
    assert replay(service, case).same
    assert faults(service) == []
    # The reason is a row of its own: it can be erased, and the chain holds.
    erasure.erase(service, str(case))
    assert get_case(service, case)["correction"]["reason"] is None
    assert faults(service) == []
    # Another place is decided by the grids again.
    assert codes(move(service, case, 1)["owners"])[3] == "V1"


def test_a_region_leads_a_case_that_a_person_gives_it(service: Service) -> None:
    case = UUID(report(service, "noise", km=1))
    after = own(service, case, "R1")
    assert codes(after["owners"]) == ["R1", None, None, None]
    assert NAMES[after["recommendation"]["lead"]["team_id"]] == "joint-r1"
    assert after["response_class"] == after["before"]["response_class"]


TAMPER = [
    ("update incident set geom = st_translate(geom, 0.01, 0)", "geom"),
    ("update incident set township = '330703101000'", "township"),
    ("update incident set owners = owners || '{\"village\": null}'", "owners"),
    ("update incident set report_event = (select id from incident_event where kind = 'report')", "report_event"),
    ("update incident set target_s = 1200", "target_s"),
]


def test_a_change_of_the_corrected_place_is_found(service: Service) -> None:
    case = UUID(report(service, km=1))
    move(service, case, 7)
    assert faults(service) == []
    for statement, column in TAMPER:
        with as_superuser(service.database.url) as superuser:
            superuser.execute("create table kept as select * from incident")
            superuser.execute(statement)
            assert any(column in fault for fault in faults(service)), statement
            assert not replay(service, case).same
            superuser.execute(
                "update incident as i set geom = k.geom, township = k.township, owners = k.owners,"
                " report_event = k.report_event, target_s = k.target_s from kept as k where k.id = i.id"
            )
            superuser.execute("drop table kept")
    assert faults(service) == []
    with as_superuser(service.database.url) as superuser:
        superuser.execute("update incident_event set body = replace(body, '119.6', '119.7') where kind = 'place'")
    assert any("was changed" in fault for fault in faults(service))


def test_who_is_limited_to_a_grid_may_give_a_case_away_and_then_sees_it_no_more(service: Service) -> None:
    case = UUID(report(service, km=1))
    scope = Scope(DISTRICT, toy.T1, ("R1", toy.T1, "A1", "V1"))
    t1 = service.seen_by(Caller.of("Li Wei", Role.DISPATCHER, scope))
    t2 = service.seen_by(
        Caller.of("Wang", Role.DISPATCHER, Scope(DISTRICT, toy.T2, ("R1", toy.T2, "A2", "A3", "V2", "V3")))
    )
    with pytest.raises(NotFound) as hidden:
        move(t2, case, 7)
    assert hidden.value.kind == "no-incident"
    with pytest.raises(NotFound) as beyond:
        own(t1, case, toy.T2)
    assert beyond.value.kind == "no-grid"
    first = move(t1, case, 7, request=key("a"))
    assert (codes(first["owners"]), first["ownership"]["rule"]) == ([None] * 4, "outside-scope")
    assert first["teams_missing"] == []
    with pytest.raises(NotFound):
        get_case(t1, case)
    assert move(t1, case, 7, request=key("a")) == first
    with pytest.raises(NotFound):
        move(t1, case, 7, request=key("b"))
    taken = get_case(t2, case)
    assert codes(taken["owners"])[1] == toy.T2
    assert all("before" not in each["data"] for each in list_case_events(t2, case)["items"])
    assert move(t2, case, 6)["before"]["owners"] == taken["owners"]
    assert faults(service.seen_by(OPERATOR)) == []


def test_an_officer_corrects_nothing(service: Service) -> None:
    case = UUID(report(service, km=1))
    officer = service.seen_by(Caller.of("Zhao", Role.OFFICER))
    for correct, where in ATTEMPTS:
        with pytest.raises(NotAllowed) as refused:
            correct(officer, case, where)
        assert refused.value.parameters["may"] == ["dispatcher", "supervisor", "admin"]
