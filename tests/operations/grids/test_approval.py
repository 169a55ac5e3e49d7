"""Generations are listed, approved now or for a time, and taken back; the jobs of that do their work once (PostGIS)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from gridsvc.access.scopes import Caller, Role, Scope
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.jobs import jobs as store
from gridsvc.db.session.idempotency import RequestKey
from gridsvc.errors import BlockedByFaults, Conflict, NotAllowed, NotFound
from gridsvc.operations.grids import approval, generations
from gridsvc.operations.jobs.jobs import run_attempt
from gridsvc.operations.jobs.schedule import take_effect
from tests.operations.grids.test_generations import DISTRICT, TOWNS, load, service, write
from tests.operations.grids.test_review import moved

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.db.session.idempotency import KeptAnswer
    from gridsvc.operations.runtime.service import Service

__all__ = ["service"]


@pytest.fixture
def reviewed(service: Service, tmp_path: Path) -> Service:
    """Generation 1 in force, and a draft, number 2."""
    load(service, write(tmp_path / "t.geojson", TOWNS))
    generations.activate(service, DISTRICT, 1, approved_by="Zhang")
    load(service, write(tmp_path / "new.geojson", moved()))
    return service


def states(service: Service) -> dict[int, str]:
    return {each["generation"]: each["state"] for each in approval.list_generations(service, DISTRICT)["items"]}


def value(answer: KeptAnswer) -> dict[str, Any]:
    return json.loads(answer.body)  # type: ignore[no-any-return]


def work(service: Service) -> list[str]:
    """Run the jobs that wait, as the background process does; return how each ended."""
    ended = []
    while (job := service.database.run(lambda connection: store.claim_job(connection, "test"))) is not None:
        run_attempt(service, job.id, job.attempt)
        with service.database.transaction() as connection:
            ended.append(store.get_job(connection, job.id).state)
    return ended


def activate(service: Service, number: int, at: Any = None, **more: Any) -> dict[str, Any]:
    return value(approval.ask_activation(service, DISTRICT, number, at, asked_by="Wang", **more))


def test_what_is_there_is_listed(reviewed: Service) -> None:
    listed = approval.list_generations(reviewed, DISTRICT)
    assert (listed["in_force"], listed["rollback_to"], listed["work"]) == (1, None, None)
    draft, first = listed["items"]
    assert (draft["generation"], draft["state"], draft["in_force"]) == (2, "draft", [])
    assert draft["loads"][-1] == {"level": "township", "file": "new.geojson", "crs": "WGS-84"}
    assert draft["grids"] == {"regional": 0, "township": 3, "area": 0, "village": 0}
    assert (first["state"], first["in_force"][0]["approved_by"], first["in_force"][0]["until"]) == (
        "in-force", "Zhang", None,
    )  # fmt: skip


def test_an_approved_generation_is_put_in_force_by_its_job_and_taken_back(reviewed: Service) -> None:
    asked = activate(reviewed, 2)
    assert (asked["generation"], asked["planned_for"], asked["job"]["state"]) == (2, None, "waiting")
    assert activate(reviewed, 2)["job"]["id"] == asked["job"]["id"]  # it waits already
    assert states(reviewed) == {2: "draft", 1: "in-force"}
    assert work(reviewed) == ["done"]
    listed = approval.list_generations(reviewed, DISTRICT)
    assert (listed["in_force"], listed["rollback_to"], listed["work"]["id"]) == (2, 1, asked["job"]["id"])
    assert states(reviewed) == {2: "in-force", 1: "past"}
    assert listed["items"][0]["in_force"][0]["approved_by"] == "Wang"
    back = value(approval.ask_rollback(reviewed, DISTRICT, 2, asked_by="Li"))
    assert (back["generation"], back["job"]["kind"]) == (1, "rollback-grids")
    assert work(reviewed) == ["done"]
    assert states(reviewed) == {2: "past", 1: "in-force"}
    assert approval.list_generations(reviewed, DISTRICT)["items"][1]["in_force"][-1]["approved_by"] == "Li"


def test_a_job_that_is_run_again_does_nothing_more(reviewed: Service) -> None:
    activate(reviewed, 2)
    work(reviewed)
    for _ in range(2):  # a second order of a generation that is taken back already, as after a crash
        reviewed.database.run(
            lambda c: store.add_job(c, "rollback-grids", {"district": DISTRICT, "from": 2}, asked_by="Li")
        )
    assert work(reviewed) == ["done", "done"]
    assert states(reviewed) == {2: "past", 1: "in-force"}


def test_a_later_time_is_scheduled_and_may_be_cancelled(reviewed: Service) -> None:
    with reviewed.database.transaction() as connection:
        now = get_versions(connection, DISTRICT).now
    at = now + timedelta(days=7)
    assert activate(reviewed, 2, at) == {
        "district": DISTRICT, "generation": 2, "planned_for": at.isoformat(), "job": None,
    }  # fmt: skip
    item = approval.list_generations(reviewed, DISTRICT)["items"][0]
    assert (item["state"], item["blocking"]) == ("planned", False)
    assert item["planned"] == {"at": at.isoformat(), "by": "Wang"}
    assert take_effect(reviewed) is None
    approval.cancel_activation(reviewed, DISTRICT, 2)
    assert states(reviewed) == {2: "draft", 1: "in-force"}
    with pytest.raises(NotFound, match="No activation of generation 2 is scheduled"):
        approval.cancel_activation(reviewed, DISTRICT, 2)
    soon = now + timedelta(seconds=1.5)
    activate(reviewed, 2, soon)
    while take_effect(reviewed) is None:
        pass
    assert work(reviewed) == ["done"]
    assert states(reviewed)[2] == "in-force"
    assert approval.list_generations(reviewed, DISTRICT)["items"][0]["in_force"][0]["from"] == soon.isoformat()


def test_a_retry_gets_the_first_answer_also_after_the_work_is_done(reviewed: Service) -> None:
    key = RequestKey("Wang", "a", b"0" * 32)
    first = activate(reviewed, 2, request=key)
    work(reviewed)
    assert activate(reviewed, 2, request=key) == first
    assert work(reviewed) == []


def test_what_may_not_be_approved_is_refused(reviewed: Service, tmp_path: Path) -> None:
    with pytest.raises(Conflict, match="in force already"):
        activate(reviewed, 1)
    with pytest.raises(NotFound):
        activate(reviewed, 9)
    with pytest.raises(Conflict, match="no earlier generation"):
        approval.ask_rollback(reviewed, DISTRICT, 1, asked_by="Li")
    with pytest.raises(Conflict) as other:
        approval.ask_rollback(reviewed, DISTRICT, 2, asked_by="Li")
    assert other.value.parameters == {"generation": 2, "in_force": 1}
    over = {
        name: shape if name != "傅村镇" else shapely.box(119.65, 29.0, 119.8, 29.2) for name, shape in TOWNS.items()
    }
    load(reviewed, write(tmp_path / "over.geojson", over))
    with reviewed.database.transaction() as connection:
        later = get_versions(connection, DISTRICT).now + timedelta(days=1)
    with pytest.raises(BlockedByFaults):
        activate(reviewed, 2, later)
    assert activate(reviewed, 2)["job"]["state"] == "waiting"
    assert work(reviewed) == ["failed"]
    failed = approval.list_generations(reviewed, DISTRICT)["work"]
    assert "blocking faults" in failed["error"]
    assert states(reviewed) == {2: "draft", 1: "in-force"}


def test_who_may_approve(reviewed: Service) -> None:
    for role in (Role.DISPATCHER, Role.SUPERVISOR, Role.PLANNER, Role.OFFICER):
        caller = reviewed.seen_by(Caller.of("x", role))
        assert approval.list_generations(caller, DISTRICT)["in_force"] == 1
        for refused in (activate, lambda who, n: approval.ask_rollback(who, DISTRICT, n, asked_by="x"),
                        lambda who, n: approval.cancel_activation(who, DISTRICT, n)):  # fmt: skip
            with pytest.raises(NotAllowed):
                refused(caller, 2)
    with pytest.raises(NotAllowed) as one:
        activate(reviewed.seen_by(Caller.of("x", Role.ENGINEER, Scope(DISTRICT))), 2)
    assert one.value.kind == "whole-service"
    assert activate(reviewed.seen_by(Caller.of("x", Role.ENGINEER)), 2)["job"]["state"] == "waiting"
