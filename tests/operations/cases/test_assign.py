"""Orders under contention: nobody is sent twice, what is answered is what is stored, what was shown is found again."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from gridsvc.cases.decide import Report
from gridsvc.db.cases import turns
from gridsvc.db.cases.engagements import TeamsTakenError
from gridsvc.db.session.idempotency import RequestKey
from gridsvc.errors import Conflict, InvalidInput, Unavailable
from gridsvc.operations.cases import assign, steps
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.cases.read import get_case, list_case_events
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.evidence.replay import replay
from tests.worlds.district import TEAM_IDS, open_toy, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.session.idempotency import KeptAnswer
    from gridsvc.operations.runtime.service import Service


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Service]:
    opened = open_toy(url, tmp_path, pool=12)
    yield opened
    opened.database.close()


def rows(service: Service, query: str) -> list[tuple[Any, ...]]:
    with service.database.transaction() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def step(service: Service, case: object, word: str = "assign", **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(step_incident(service, UUID(str(case)), Step(word, **more), actor="test").body)
    return found


def missing(answer: dict[str, Any]) -> dict[str, str]:
    return {each["team_id"]: each["reason"] for each in answer["differs"]["missing"]}


LIVE = "select team_id, incident_id from engagement where until is null and engaging"


def test_eight_dispatchers_after_the_same_teams_send_nobody_twice(service: Service) -> None:
    cases = [report(service, km=1.0 + n % 3) for n in range(24)]
    told, together = {}, threading.Barrier(8)

    def dispatcher(mine: list[str]) -> None:
        together.wait()
        for case in mine:
            try:
                told[case] = step(service, case)["sent"]
            except Conflict:
                continue
            if case in mine[::2]:
                step(service, case, "cancel")

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(dispatcher, [cases[n::8] for n in range(8)]))
    assert told
    live = rows(service, LIVE)
    assert len({team for team, _ in live}) == len(live)
    ever = rows(service, "select incident_id::text, team_id::text from engagement")
    assert {(case, team) for case, sent in told.items() for team in sent} == set(ever)


def test_orders_take_turns_so_that_each_is_decided_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [report(service, km=1.0 + n % 3) for n in range(24)]
    decided, real, together = count(), assign.choose, threading.Barrier(8)  # type: ignore[attr-defined]

    def counted(*given: Any) -> Any:
        next(decided)
        return real(*given)

    monkeypatch.setattr(assign, "choose", counted)

    def dispatcher(mine: list[str]) -> None:
        together.wait()
        for case in mine:
            with suppress(Conflict):
                step(service, case)
            step(service, case, "cancel")

    with ThreadPoolExecutor(8) as crowd:
        list(crowd.map(dispatcher, [cases[n::8] for n in range(8)]))
    assert next(decided) == len(cases)


def test_an_order_goes_without_its_turn_where_a_process_hangs_with_it(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "WAIT_MS", 200)
    case, routine = report(service), report(service, "noise")
    with service.database.transaction() as other:
        other.execute(text("select 1 from district for no key update"))
        assert step(service, case)["sent"]
        assert step(service, routine)["work_list"]  # a routine case waits for no turn
        assert step(service, case, "cancel")["status"] == "cancelled"
        report(service)  # nor does a report


@pytest.mark.parametrize("drill", [False, True])
def test_an_order_that_waits_for_its_turn_holds_its_case_but_no_drill(service: Service, drill: bool) -> None:
    """An order in its turn may take a team from a drill, and waits for nothing that waits for its turn."""
    case = report(service, drill=drill)
    free = f"select 1 from incident where id = '{case}' for no key update skip locked"
    waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    with ThreadPoolExecutor(1) as crowd, service.database.transaction() as other:
        other.execute(text("select 1 from district for no key update"))
        order = crowd.submit(step, service, case)
        while rows(service, waits) != [(1,)]:
            assert not order.done(), order.result()
        assert rows(service, free) == ([(1,)] if drill else [])
        other.rollback()
        assert order.result(timeout=30)["sent"]


def test_an_order_whose_team_was_taken_begins_again_and_leaves_nothing_of_the_first_try(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, other = report(service), report(service, km=2.0)
    choose = assign.choose  # type: ignore[attr-defined]
    taken: list[str] = []

    def then_taken(*given: Any) -> Any:
        choice = choose(*given)
        if not taken:  # a named order takes no turn
            assert choice.recommendation.lead is not None
            taken.append(choice.recommendation.lead.team_id)
            step(service, other, team_id=UUID(taken[0]), note="it is near")
        return choice

    monkeypatch.setattr(assign, "choose", then_taken)
    key = RequestKey("test", "taken", b"digest")
    sent = json.loads(step_incident(service, UUID(case), Step("assign"), actor="test", request=key).body)
    assert taken[0] not in sent["sent"]
    assert missing(sent) == {taken[0]: "engaged"}
    assert sorted(str(team) for team, _ in rows(service, LIVE)) == sorted([*sent["sent"], taken[0]])
    assert len(list_case_events(service, UUID(case))["items"]) == 2
    again = step_incident(service, UUID(case), Step("assign"), actor="test", request=key)
    assert json.loads(again.body) == sent


def test_an_emergency_does_not_wait_for_a_team_that_somebody_else_is_sending(service: Service) -> None:
    case = report(service)
    lead = get_case(service, UUID(case))["recommendation"]["lead"]["team_id"]
    with service.database.transaction() as other:
        other.execute(text("select 1 from team where id = :id for no key update"), {"id": UUID(lead)})
        told = step(service, case)
    assert told["sent"]
    assert lead not in told["sent"]
    assert told["differs"]["missing"] == [{"slot": "1", "team_id": lead, "reason": "engaged", "incident_id": None}]
    assert replay(service, UUID(case)).same


def test_a_team_that_was_waited_for_begins_after_it_had_ended_elsewhere(service: Service) -> None:
    first, second = report(service, km=1.0), report(service, km=2.0)
    team = step(service, first)["sent"][0]
    with ThreadPoolExecutor(1) as crowd, service.database.engine.connect() as other, other.begin():
        other.execute(text("select set_config('gridsvc.district', district, true) from district_version"))
        other.execute(text("select id from team where id = :t for no key update"), {"t": team})
        order = crowd.submit(step, service, second, team_id=UUID(team))
        waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        while rows(service, waits) != [(1,)]:
            assert not order.done(), order.result()
        step(service, first, "cancel")
        other.rollback()
        order.result(timeout=30)
    spans = rows(service, f"select since, until from engagement where team_id = '{team}' order by since")
    assert len(spans) == 2
    assert spans[0][1] <= spans[1][0]


def test_r7_a_team_outside_the_slots_goes_with_a_reason_and_is_marked(service: Service) -> None:
    case = report(service)
    for reason in (None, "", " \t　"):
        with pytest.raises(InvalidInput, match="give the reason in `note`") as refused:
            step(service, case, team_id=UUID(TEAM_IDS["sq-a4"]), note=reason)
        assert refused.value.kind == "outside-slots"
        assert refused.value.parameters == {"team_id": TEAM_IDS["sq-a4"], "field": "note"}
    assert not rows(service, "select 1 from engagement")
    sent = step(service, case, team_id=UUID(TEAM_IDS["sq-a4"]), note="it has the pump")
    assert [(each["team_id"], each["outside_slots"]) for each in sent["assignments"]] == [(TEAM_IDS["sq-a4"], True)]
    assert sent["lead_wanted"]
    event = list_case_events(service, UUID(case))["items"][-1]
    assert (event["kind"], event["note"]) == ("assign", "it has the pump")
    assert get_case(service, UUID(case))["assignments"] == sent["assignments"]


def test_r7_neither_the_recommended_teams_nor_those_of_an_emergency_under_way_need_a_reason(service: Service) -> None:
    case, taking = report(service), report(service, km=2.0)
    shown = get_case(service, UUID(case))["recommendation"]
    lead, members = shown["lead"]["team_id"], {each["team_id"] for each in shown["members"]}
    step(service, taking, team_id=UUID(lead))
    sent = step(service, case)  # another leads now
    assert lead not in sent["sent"]
    step(service, taking, "cancel")
    late = step(service, case, team_id=UUID(lead))  # the dispatcher saw it recommended: it may follow
    marked = {each["team_id"]: each["outside_slots"] for each in late["assignments"]}
    assert not any(marked.values())
    assert {lead, *members} <= set(marked)
    step(service, case, team_id=UUID(TEAM_IDS["sq-a4"]), note="it has the pump")
    for team in (lead, TEAM_IDS["sq-a4"]):
        there = step(service, case, "on_scene", team_id=UUID(team))["assignments"]
        assert [each["on_scene_at"] is not None for each in there if each["team_id"] == team] == [True]


def test_r7_a_substitute_that_is_proposed_needs_no_reason(service: Service) -> None:
    case, other = report(service), report(service)
    team = next(each["team_id"] for each in get_case(service, UUID(case))["recommendation"]["members"])
    step(service, other, team_id=UUID(team))
    sent = step(service, case)
    [substitute] = [each["substitute"]["team_id"] for each in sent["unfilled"] if "substitute" in each]
    after = step(service, case, team_id=UUID(substitute))
    assert [a["outside_slots"] for a in after["assignments"] if a["team_id"] == substitute] == [False]


def test_an_order_that_never_gets_its_teams_ends_and_writes_nothing(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def taken(*_given: Any) -> None:
        raise TeamsTakenError

    case = report(service)
    monkeypatch.setattr(steps, "assign", taken)
    with pytest.raises(Unavailable):
        step(service, case)
    assert not rows(service, LIVE)
    assert get_case(service, UUID(case))["status"] == "triggered"


def test_a_team_that_went_off_duty_after_the_choice_is_not_sent(
    service: Service, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = report(service)
    chosen: list[str] = []
    choose = assign.choose  # type: ignore[attr-defined]

    def then_off_duty(*given: Any) -> Any:
        choice = choose(*given)
        if not chosen:
            assert choice.recommendation.lead is not None
            chosen.append(choice.recommendation.lead.team_id)
            with service.database.transaction() as other:
                other.execute(text("update team set on_duty = false where id = :id"), {"id": UUID(chosen[0])})
        return choice

    monkeypatch.setattr(assign, "choose", then_off_duty)
    sent = step(service, case)["sent"]
    assert sent
    assert chosen[0] not in sent


def test_the_answer_of_a_step_is_the_case_as_it_is_read_again(service: Service) -> None:
    case = report(service)
    team = UUID(step(service, case)["sent"][0])
    steps = [
        ("acknowledge", team),
        ("en_route", team),
        ("on_scene", team),
        ("handle", None),
        ("clear", team),
        ("feedback", None),
        ("archive", None),
        ("reopen", None),
        ("cancel", None),
    ]
    for word, who in steps:
        told = step(service, case, word, team_id=who)
        told.pop("legal_team_steps", None)
        again = get_case(service, UUID(case))
        assert {key: again[key] for key in told} == told, word


def test_twins_under_one_key_make_one_case(service: Service) -> None:
    key = RequestKey("test", "twins", b"digest")
    together = threading.Barrier(6)

    def twin(_n: int) -> KeptAnswer:
        together.wait()
        return report_incident(service, Report(type="leak", lon=119.61, lat=29.1001), actor="test", request=key)

    with ThreadPoolExecutor(6) as crowd:
        answers = {answer.body for answer in crowd.map(twin, range(6))}
    assert len(answers) == 1
    assert rows(service, "select count(*) from incident") == [(1,)]
    assert rows(service, "select count(*) from incident_event where kind = 'report'") == [(1,)]
    with pytest.raises(InvalidInput):
        report_incident(
            service,
            Report(type="leak", lon=119.61, lat=29.1001),
            actor="test",
            request=RequestKey("test", "twins", b"another"),
        )


def test_an_order_is_compared_with_the_recommendation_that_was_shown(service: Service) -> None:
    case = report(service)
    shown = get_case(service, UUID(case))
    lead = shown["recommendation"]["lead"]["team_id"]
    first = step(service, case)
    assert first["differs"] == {"added": [], "missing": []}
    step(service, case, "decline", team_id=UUID(lead), note="flat tyre")
    against_report = step(service, case)
    assert missing(against_report)[lead] == "declined"
    assert against_report["sent"]
    for team in against_report["sent"]:
        step(service, case, "decline", team_id=UUID(team), note="flat tyre")
    # what the second order recommended is what was sent then, without the first lead
    shown_later = UUID(against_report["recommendation_id"])
    try:
        third = step(service, case, recommendation_id=shown_later)
    except Conflict:
        pytest.fail("the toy has more squadrons than that")
    assert lead not in missing(third)
    assert set(against_report["sent"]) <= set(missing(third))


def test_a_recommendation_that_is_not_kept_with_the_case_is_refused(service: Service) -> None:
    case, other = report(service), report(service, km=5.0)
    foreign = get_case(service, UUID(other))["recommendation_id"]
    for unknown in (uuid4(), UUID(foreign)):
        with pytest.raises(InvalidInput, match="recommendation_id"):
            step(service, case, recommendation_id=unknown)
    own = get_case(service, UUID(case))["recommendation_id"]
    assert step(service, case, recommendation_id=UUID(own))["sent"]


def test_what_is_only_asked_has_no_recommendation_to_name(service: Service) -> None:
    assert "recommendation_id" not in recommend(service, Report(type="leak", lon=119.61, lat=29.1001))
