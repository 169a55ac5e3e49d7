"""Erasing: what is kept on a subject goes, wherever it was said, and the chain of events stays whole."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import psycopg
import pytest
from shapely.geometry import LineString

from gridsvc.access.scopes import Caller, Role, Scope
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.schema.migrate import upgrade
from gridsvc.db.session.connection import Database
from gridsvc.errors import NotFound
from gridsvc.operations.cases import timers
from gridsvc.operations.cases.read import list_case_events
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.evidence import erasure, verify
from gridsvc.operations.roads import closures
from gridsvc.operations.roads.closures import NewClosure
from gridsvc.operations.runtime.service import Service
from tests.operations.access.test_access import A, row_id, two_districts
from tests.worlds.district import DISTRICT, as_superuser, report, scalar, scratch_database, upgrade_to

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

LI = "李四"
NUMBER = "139 5799 1234"
MAIN_ROAD = LineString([(119.605, 29.1), (119.615, 29.1)])


def close(service: Service, reason: str) -> str:
    found: str = json.loads(
        closures.add_closure(service, NewClosure(MAIN_ROAD, factor=0.5, reason=reason), actor="test").body
    )["id"]
    return found


def reasons(service: Service) -> dict[str, str | None]:
    return {each["id"]: each["reason"] for each in closures.list_closures(service)["items"]}


def proposed(service: Service, case: str) -> uuid.UUID:
    """Have a card proposed on a case, as if nobody had looked at it for two weeks."""
    rule = {"step": "accept", "urgency": "routine", "warn_s": 1, "limit_s": 2, "again_s": 1e6, "cards_s": [0, 1e8, 1e8]}
    timers.put_timers(service, DISTRICT, {"rules": [rule]}, actor="test")
    aged = "update incident set triggered_at = triggered_at {} interval '14 days' where id = %s"
    with as_superuser(service.database.url) as superuser:
        superuser.execute(aged.format("-"), [case])
        service.cache.forget("timers-looked")
        timers.raise_alerts(service)
        superuser.execute(aged.format("+"), [case])
    return uuid.UUID(timers.list_proposals(service, incident_id=uuid.UUID(case))["items"][0]["id"])


def everywhere(url: str) -> str:
    """Return all text in the database but the personal tables, as a dump would have it."""
    with as_superuser(url) as connection:
        tables = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'"
            " and relname <> all (%s)",
            [
                [
                    "incident_personal",
                    "event_personal",
                    "closure_personal",
                    "learned_name",
                    "spatial_ref_sys",
                    "artifact_piece",
                ]
            ],
        ).fetchall()
        whole = [str(connection.execute(f"select t::text from {name} t").fetchall()) for (name,) in tables]
        kept = connection.execute("select convert_from(body, 'UTF8') from idempotency").fetchall()
    return "\n".join([*whole, str(kept)])


def said_everywhere(service: Service) -> tuple[str, str, uuid.UUID]:
    """Let 李四 be spoken of wherever there are free words; return (case, closure, proposal)."""
    from gridsvc.db.session.idempotency import RequestKey

    case = report(service, "noise", description=f"{LI} was there", reporter={"name": "王五", "phone": "13800001111"})
    step_incident(
        service, uuid.UUID(report(service)), Step("cancel", note=f"{LI} called it off: +86 {NUMBER}"), actor="t"
    )
    request = RequestKey("test", "closure", b"x")
    told = closures.add_closure(
        service, NewClosure(MAIN_ROAD, factor=0.0, reason=f"{LI} has fallen"), actor="t", request=request
    )
    card = proposed(service, case)
    timers.decide(service, card, "rejected", reason=f"{LI} was ill", actor="t", request=RequestKey("t", "card", b"y"))
    return case, json.loads(told.body)["id"], card


def test_free_words_lie_in_the_personal_tables_alone(service: Service, url: str) -> None:
    case, closure, card = said_everywhere(service)
    assert reasons(service)[closure] == f"{LI} has fallen"
    decided = timers.list_proposals(service, undecided=False)["items"]
    assert {each["id"]: each["reason"] for each in decided}[str(card)] == f"{LI} was ill"
    assert LI not in everywhere(url)
    engineer = service.seen_by(Caller.of("x", Role.ENGINEER, Scope(DISTRICT)))
    assert {each["reason"] for each in timers.list_proposals(engineer, undecided=False)["items"]} == {None}
    notes = {item["kind"]: item.get("note") for item in list_case_events(service, uuid.UUID(case))["items"]}
    assert notes["decide"] == f"{LI} was ill"


def test_an_erased_closure_still_closes_and_proves_itself(service: Service, url: str) -> None:
    closure = close(service, f"{LI} has fallen")
    others = close(service, "flood")
    assert erasure.erase(service, closure)["closures"] == [closure]
    assert reasons(service) == {closure: None, others: "flood"}
    with pytest.raises(NotFound):
        erasure.erase(service, closure)
    seal_all(service.database)
    assert [told.wrong for told in verify.verify(service)] == [None]
    with as_superuser(url) as connection:
        bodies = connection.execute("select body from incident_event where kind = 'closure'").fetchall()
    assert all(json.loads(body)["data"]["reason_digest"] for (body,) in bodies)


@pytest.mark.parametrize(("subject", "count"), [(LI, 4), (NUMBER.replace(" ", ""), 1), ("+86 139-5799-1234", 1)])
def test_what_others_said_of_a_subject_goes_only_when_it_is_asked_for(
    service: Service, url: str, subject: str, count: int
) -> None:
    case, closure, _ = said_everywhere(service)
    close(service, "李四维 and 913957991234 are others' words: a longer number is another number")
    found = 1 if subject == LI else 0  # within a longer name it is found, too: look with --dry-run first
    plain = erasure.erase(service, subject)
    assert (plain["rows"], plain["erased"], plain["mentioned"]) == (0, False, count + found)
    looked = erasure.erase(service, subject, mentions=True, dry_run=True)
    done = erasure.erase(service, subject, mentions=True)
    assert done["rows"] == looked["rows"] == count + found
    with pytest.raises(NotFound):
        erasure.erase(service, subject, mentions=True)
    with as_superuser(url) as connection:
        left = str(
            [
                connection.execute(f"select * from {name}_personal").fetchall()
                for name in ("incident", "event", "closure")
            ]
        )
    assert (LI if subject == LI else NUMBER) not in left
    if subject == LI:
        assert done["cases"] == [case]
        assert closure in done["closures"]
    else:
        assert "has fallen" in left
    seal_all(service.database)
    assert [told.wrong for told in verify.verify(service)] == [None]


def test_one_letter_is_no_name(service: Service) -> None:
    said_everywhere(service)
    with pytest.raises(NotFound):
        erasure.erase(service, "李", mentions=True)


def test_the_migration_takes_words_along_that_were_there(empty_database: str) -> None:
    """From the schema before: a closure's reason, and that of a decision, move with their rows."""
    upgrade_to(empty_database, "0004")
    plain = empty_database.replace("+psycopg", "")
    closure, card, event = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    with psycopg.connect(plain.replace("gridsvc_owner@", "postgres@"), autocommit=True) as connection:
        two_districts(connection, before_0010=True)
        connection.execute(
            'insert into closure (district, id, geom, factor, profiles, "from", reason)'
            " values (%s, %s, ST_SetSRID(ST_Point(119.5, 29.5), 4326), 0, '{normal}', now(), 'flood')",
            (A, closure),
        )
        connection.execute(
            "insert into proposal (district, id, kind, incident_id, subject, proposed_at, decision, decided_by,"
            " decided_at, reason) values (%s, %s, 'red-card', %s, 's', now(), 'rejected', 'Wang', now(), 'ill')",
            (A, card, row_id(A, "T1", "case")),
        )
        connection.execute(
            "insert into incident_event (district, id, incident_id, kind, at, body)"
            " values (%s, %s, %s, 'decide', now(), %s)",
            (A, event, row_id(A, "T1", "case"), json.dumps({"data": {"proposal_id": str(card)}})),
        )
        upgrade(empty_database)
        assert connection.execute("select closure_id, reason from closure_personal").fetchall() == [(closure, "flood")]
        assert connection.execute("select event_id, note from event_personal").fetchall() == [(event, "ill")]
        assert connection.execute("select decided_event from proposal").fetchall() == [(event,)]


@pytest.mark.parametrize("subject", ["13800001111", "138 0000 1111", "王T2", "case"])
def test_what_is_kept_on_a_subject_is_erased(cluster: EmbeddedCluster, tmp_path: Path, subject: str) -> None:
    with scratch_database(cluster) as url:
        with as_superuser(url) as connection:
            two_districts(connection)
            body = connection.execute("select district, id, body from incident_event order by 1, 2").fetchall()
        service = Service(Database(url), tmp_path)
        words = str(row_id(A, "T2", "case")) if subject == "case" else subject
        count = {"case": 1, "王T2": 2}.get(subject, 6)
        assert erasure.erase(service, words, dry_run=True)["rows"] == count
        told = erasure.erase(service, words)
        assert (told["rows"], told["erased"], len(told["cases"])) == (count, True, count)
        with pytest.raises(NotFound):
            erasure.erase(service, words)
        with as_superuser(url) as connection:
            left = scalar(connection, "select count(*) from incident_personal")
            after = connection.execute(
                "select district, id, body from incident_event where kind = 'report' order by 1, 2"
            ).fetchall()
            events = connection.execute("select body from incident_event where kind = 'erase'").fetchall()
        assert left == 6 - count
        assert after == body
        assert len(events) == count
        assert not any(subject in event[0] for event in events)
        service.database.close()
