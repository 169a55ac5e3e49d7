"""What somebody with every key of the database can do, and how the verification names it (R11, R18)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import text

from gridsvc.db.evidence import events
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.errors import InvalidInput
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.evidence import verify
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.law.in_force import put_law
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, as_superuser, report

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.operations.runtime.service import Service


@pytest.fixture
def worked(service: Service) -> list[UUID]:
    """Three cases that went through steps, sealed."""
    cases = [UUID(report(service, kind)) for kind in ("noise", "noise", "leak")]
    for case in cases[:2]:
        for step in ("accept", "assign", "handle", "feedback", "archive"):
            step_incident(service, case, Step(step), actor="test")
    seal_all(service.database)
    return cases


def wrong(service: Service, **more: Any) -> str | None:
    return next((r.wrong for r in verify.verify(service, **more) if r.wrong), None)


def harm(url: str, statement: str, *values: object) -> None:
    with as_superuser(url) as superuser:
        assert superuser.execute(statement, values).rowcount > 0


def test_what_nobody_touched_holds(service: Service, worked: list[UUID]) -> None:
    (told,) = verify.verify(service)
    with service.database.transaction() as connection:
        of_cases = connection.scalar(text("select count(*) from incident_event where incident_id is not null"))
    assert (told.faults, told.cases, of_cases, told.unsealed) == ((), 3, 13, 0)
    assert told.sealed > 13  # with the digests of rows


def test_the_application_itself_may_not_change_evidence(service: Service, worked: list[UUID]) -> None:
    from sqlalchemy.exc import ProgrammingError

    for table in ("incident_event", "event_seal"):
        for statement in (f"delete from {table}", f"update {table} set district = district"):
            with pytest.raises(ProgrammingError, match="permission denied"), service.database.transaction() as c:
                c.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("update incident_event set body = replace(body, 'test', 'tess') where kind = 'handle'", "was changed"),
        ("update event_seal set hash = sha256('x') where position = 4", "position 4"),
        ("delete from event_seal where position = 5", "position 5 is missing"),
        ("delete from incident_event where id = (select event_id from event_seal where position = 6)", "is gone"),
        ("update incident_event set kind = 'cancel' where kind = 'archive'", "columns say other"),
        ("update incident_event set incident_id = (select max(id::text)::uuid from incident)", "columns say other"),
        ("update incident_event set at = at - interval '1 h' where kind = 'accept'", "columns say other"),
        ("update incident set status = 'cancelled', cancelled_at = now() where status = 'archived'", "status"),
        ("update incident set accepted_at = accepted_at - interval '5 min' where status = 'archived'", "accepted_at"),
        ("update incident set triggered_at = triggered_at + interval '5 min'", "triggered_at"),
        ("update incident set township = '330703102000'", "township"),
        ("update incident set geom = st_setsrid(st_makepoint(119, 29), 4326)", "geom"),
        ("update incident set drill = true", "drill"),
        ("update incident set owners = owners || '{\"township\": null}'", "owners"),
        ("update incident set timing = 'met'", "timing"),
        ("update incident set due_at = due_at + interval '5 min'", "due_at"),
        ("update incident set report_event = id", "report_event"),
        ("update engagement set travel_s = 1", "travel_s"),
        ("update engagement set until = until + interval '1 h'", "until"),
        ("update engagement set on_scene_at = since", "on_scene_at"),
        ("delete from engagement", "is gone"),
    ],
)  # fmt: skip
def test_a_change_is_named(service: Service, worked: list[UUID], url: str, statement: str, words: str) -> None:
    harm(url, statement)
    assert words in (wrong(service) or "")


def test_a_forged_engagement_is_named(service: Service, worked: list[UUID], url: str) -> None:
    harm(
        url,
        "insert into engagement (district, id, incident_id, drill, team_id, slot, lead, engaging, since, until,"
        " outcome) select district, gen_random_uuid(), id, false, %s, 'x', false, false, now(), now(), 'cleared'"
        " from incident limit 1",
        TEAM_IDS["fire-1"],
    )
    assert "was never ordered" in (wrong(service) or "")


def test_a_removed_case_is_named(service: Service, worked: list[UUID], url: str) -> None:
    harm(url, "delete from incident where id = %s", worked[2])
    assert "no row" in (wrong(service) or "")


def test_an_event_written_past_the_chain_is_named(service: Service, worked: list[UUID], url: str) -> None:
    harm(
        url,
        "insert into incident_event (district, id, kind, at, body) values (%s, gen_random_uuid(), 'x', now(), '{}')",
        DISTRICT,
    )
    assert "outside the chain" in (wrong(service) or "")


def test_an_event_removed_before_its_seal_leaves_its_mark(service: Service, worked: list[UUID], url: str) -> None:
    report(service)
    harm(url, "delete from incident_event e using event_unsealed u where u.event_id = e.id")
    assert "removed before it had its seal" in (wrong(service) or "")


def test_a_tail_that_was_cut_off_is_seen_by_the_anchor_alone(service: Service, worked: list[UUID], url: str) -> None:
    anchor = json.loads(json.dumps(verify.anchor(service)))
    assert wrong(service, anchor=anchor) is None
    harm(url, "delete from incident where id = %s", worked[2])
    harm(url, "delete from incident_event where incident_id = %s", worked[2])
    harm(url, "delete from event_seal s where not exists (select from incident_event e where e.id = s.event_id)")
    with as_superuser(url) as superuser:  # and the chain sealed anew over what is left
        superuser.execute("delete from event_seal")
        superuser.execute("insert into event_unsealed select district, id from incident_event")
    seal_all(service.database)
    assert wrong(service) is None
    assert "anchor" in (wrong(service, anchor=anchor) or "")


def test_a_chain_that_went_on_holds_with_the_anchor_of_before(service: Service, worked: list[UUID]) -> None:
    anchor = verify.anchor(service)
    report(service)
    seal_all(service.database)
    assert wrong(service, anchor=anchor) is None


def test_a_district_that_vanished_is_named_by_the_anchor(service: Service, worked: list[UUID]) -> None:
    anchor = verify.anchor(service)
    anchor["districts"]["330799"] = {"position": 3, "hash": "00"}
    assert "does not exist" in (wrong(service, anchor=anchor) or "")


def test_an_anchor_that_is_none_is_refused(service: Service) -> None:
    with pytest.raises(InvalidInput, match="no file"):
        verify.verify(service, anchor={"x": 1})


def test_an_event_that_is_not_sealed_yet_is_no_fault(service: Service, worked: list[UUID]) -> None:
    report(service)
    (told,) = verify.verify(service)
    assert (told.wrong, told.unsealed, told.cases) == (None, 1, 4)
    assert 0 <= told.unsealed_s < 3600
    seal_all(service.database)
    assert verify.verify(service)[0].unsealed == 0


def test_every_fault_is_named_not_the_first_alone(service: Service, worked: list[UUID], url: str) -> None:
    harm(url, "update incident set handled_at = handled_at + interval '7 s' where id = any(%s)", worked[:2])
    harm(url, "update event_seal set hash = sha256('x') where position = 6")
    harm(url, "delete from event_seal where position = 9")
    harm(url, "update document set source = 'x' where kind = 'plans'")
    (told,) = verify.verify(service)
    for words in (str(worked[0]), str(worked[1]), "position 6", "position 9 is missing", "document plans"):
        assert any(words in fault for fault in told.faults), words
    assert told.fault_count == len(told.faults)


# replay


def dispatched(service: Service) -> UUID:
    case = UUID(report(service))
    step_incident(service, case, Step("assign"), actor="test")
    return case


def test_a_dispatch_is_recomputed_after_law_and_teams_have_changed(service: Service) -> None:
    from dataclasses import replace

    case = dispatched(service)
    clocks = replace(toy.CLOCKS, default_policy="order")
    plans = type(toy.PLANS)({"noise": toy.NOISE})

    def change(connection: Connection) -> None:
        from gridsvc.db.teams import replace_teams

        put_law(connection, DISTRICT, plans=plans, clocks=clocks)
        replace_teams(connection, DISTRICT, [], [replace(toy.TEAMS[3], id=TEAM_IDS["sq-a4"], name="new")], {})

    service.database.run(change)
    outcome = replay(service, case)
    assert outcome.same, outcome
    assert outcome.dispatches == 2


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("update document set content = replace(content, '应急', '应忌') where kind = 'catalogue'", "catalogue"),
        ("update document set content = replace(content, '\"sq-a1\"', '\"sq-a9\"') where kind = 'teams'", "teams"),
        ("update incident set owners = jsonb_set(owners, '{township,name}', '\"x\"')", "the case's owners"),
        ("update incident_event set body = replace(body, '\"alarm\":1', '\"alarm\":2')", ""),
    ],
)  # fmt: skip
def test_a_tampered_input_is_named(service: Service, url: str, statement: str, named: str) -> None:
    case = dispatched(service)
    with as_superuser(url) as superuser:
        if not superuser.execute(statement).rowcount:
            pytest.fail("nothing was tampered with")
    outcome = replay(service, case)
    assert not outcome.same
    assert any(named in each for each in (*outcome.tampered, *outcome.differs)), outcome


def test_times_of_an_earlier_program_are_named_and_not_taken_for_tampering(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = dispatched(service)
    monkeypatch.setattr("gridsvc.operations.evidence.replay.TRAVEL_RULES", 99)
    outcome = replay(service, case)
    assert outcome.same
    assert outcome.not_recomputed == ("travel times",)


@pytest.mark.parametrize("kind", ["catalogue", "plans", "clock_policies", "teams"])
def test_half_a_document_is_named_and_not_read(service: Service, url: str, kind: str) -> None:
    case = dispatched(service)
    harm(url, "update document set content = left(content, length(content) / 2) where kind = %s", kind)
    outcome = replay(service, case)
    assert outcome.tampered == (kind,)


def test_an_event_that_cannot_be_read_is_named_by_a_replay(service: Service, url: str) -> None:
    case = dispatched(service)
    harm(url, "update incident_event set body = left(body, 300) where kind = 'report'")
    assert replay(service, case).tampered == ("the events of the case",)


def test_steps_have_the_history_that_the_verification_tells(service: Service) -> None:
    """Every step there is, back-filled and reopened ones too: rows and events agree."""
    from datetime import timedelta

    case = dispatched(service)
    with service.database.transaction() as connection:
        order = json.loads(events.list_incident_events(connection, DISTRICT, case)[1][0])["data"]
        team = UUID(order["engagements"][0]["team_id"])
        now = connection.execute(text("select clock_timestamp()")).scalar_one()
    steps = [
        Step("acknowledge", team_id=team),
        Step("en_route", team_id=team),
        Step("on_scene", team_id=team, at=now + timedelta(milliseconds=1)),
        Step("handle"),
        Step("clear", team_id=team),
        Step("feedback"),
        Step("reopen"),
        Step("feedback"),
        Step("archive"),
        Step("reopen"),
    ]
    for step in steps:
        step_incident(service, case, step, actor="test")
    other = UUID(report(service))
    step_incident(service, other, Step("accept"), actor="test")
    step_incident(service, other, Step("assign", team_id=UUID(TEAM_IDS["sq-a4"]), note="asked for"), actor="test")
    step_incident(service, other, Step("decline", team_id=UUID(TEAM_IDS["sq-a4"]), note="flat tyre"), actor="test")
    step_incident(service, other, Step("cancel"), actor="test")
    step_incident(service, other, Step("reopen"), actor="test")
    seal_all(service.database)
    assert wrong(service) is None


def test_a_report_as_json_has_its_first_fault_and_all(service: Service, worked: list[UUID], url: str) -> None:
    assert verify.verify(service)[0].as_json()["wrong"] is None
    harm(url, "update incident set handled_at = handled_at + interval '7 s' where id = any(%s)", worked[:2])
    told = json.loads(json.dumps(verify.verify(service)[0].as_json()))
    assert told["wrong"] == told["faults"][0]
    assert (len(told["faults"]), told["fault_count"]) == (2, 2)
