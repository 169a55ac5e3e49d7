"""A retired team leaves the roster in force (R11); cases that name it keep their version of the roster."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from gridsvc.api.app import create_app
from gridsvc.db.evidence.documents import get_document
from gridsvc.db.teams import list_roster, list_states, replace_teams
from gridsvc.operations.evidence.replay import replay
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, open_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service

LEAD = TEAM_IDS["sq-a2"]
"""The squadron that leads a leak at kilometre 4.6."""


@pytest.fixture
def service(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[Service]:
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path)
        yield service
        service.database.close()


@pytest.fixture
def web(service: Service) -> Iterator[TestClient]:
    with TestClient(
        create_app(service, sign_in=False), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        yield client


def report(web: TestClient) -> dict[str, Any]:
    answer = web.post("/incidents", json={"type": "leak", "location": {"lon": 119.646, "lat": 29.1}})
    assert answer.status_code == 201, answer.text
    case: dict[str, Any] = answer.json()
    return case


def load_without(service: Service, team_id: str) -> None:
    """Load the roster of the district without one team."""
    left = [replace(team, id=TEAM_IDS[team.id]) for team in toy.TEAMS if TEAM_IDS[team.id] != team_id]
    service.database.run(lambda connection: replace_teams(connection, DISTRICT, [], left, {}))


def retire(web: TestClient, team_id: str) -> Any:
    return web.patch(f"/teams/{team_id}", json={"retired": True}, headers={"Idempotency-Key": f"retire {team_id}"})


def roster_of(service: Service, case: dict[str, Any]) -> set[str]:
    """The ids of the teams in the roster that a case was decided from."""

    def work(connection: Connection) -> str:
        return get_document(connection, DISTRICT, "teams", case["versions"]["roster"])

    return {team["id"] for team in json.loads(service.database.run(work))}


@pytest.mark.parametrize("how", ["load", "patch"])
def test_a_retired_team_is_not_in_the_roster_in_force(service: Service, web: TestClient, how: str) -> None:
    before = report(web)
    assert before["recommendation"]["lead"]["team_id"] == LEAD

    if how == "load":
        load_without(service, LEAD)
    else:
        answer = retire(web, LEAD)
        assert (answer.status_code, answer.json()) == (200, {"team_id": LEAD, "on_duty": False, "retired": True})
        assert retire(web, LEAD).json() == answer.json()  # a retry gets the first answer

    with service.database.transaction() as connection:
        roster = [team.id for team in list_roster(connection, DISTRICT)]
        states = [team_id for team_id, _ in list_states(connection, DISTRICT, before["triggered_at"])]
    assert LEAD not in roster
    assert states == roster
    assert LEAD not in {team["id"] for team in web.get("/teams").json()["items"]}
    after = report(web)
    assert after["recommendation"]["lead"]["team_id"] not in {LEAD, None}
    assert LEAD not in roster_of(service, after)

    # The case of before keeps its roster, and is decided from it again.
    assert LEAD in roster_of(service, before)
    assert replay(service, UUID(before["id"])).same


def test_a_team_that_is_retired_on_its_way_ends_its_case(service: Service, web: TestClient) -> None:
    case = report(web)
    steps = f"/incidents/{case['id']}/steps"
    ordered = web.post(steps, json={"step": "assign"})
    assert ordered.status_code == 200, ordered.text
    load_without(service, LEAD)
    for step in ("acknowledge", "en_route", "on_scene", "clear"):
        done = web.post(steps, json={"step": step, "team_id": LEAD})
        assert done.status_code == 200, done.text
    [lead] = [each for each in done.json()["assignments"] if each["team_id"] == LEAD]
    assert lead["outcome"] == "cleared"
    assert replay(service, UUID(case["id"])).same


def test_a_retired_team_is_not_put_on_duty(web: TestClient) -> None:
    assert retire(web, LEAD).status_code == 200
    answer = web.patch(f"/teams/{LEAD}", json={"on_duty": True})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("team-retired")
    assert "puts it back" in answer.json()["detail"]


def test_a_load_with_the_team_puts_it_back(service: Service, web: TestClient) -> None:
    retire(web, LEAD)
    teams = [replace(team, id=TEAM_IDS[team.id]) for team in toy.TEAMS]
    service.database.run(lambda connection: replace_teams(connection, DISTRICT, [], teams, {}))
    assert report(web)["recommendation"]["lead"]["team_id"] == LEAD


@pytest.mark.parametrize("body", [{}, {"on_duty": True, "retired": True}, {"retired": False}])
def test_one_change_at_a_time(web: TestClient, body: dict[str, bool]) -> None:
    assert web.patch(f"/teams/{LEAD}", json=body).status_code == 422
