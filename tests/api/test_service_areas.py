"""Service areas over HTTP: what is kept, of which versions, for whom."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
import shapely

from gridsvc.access.scopes import Role
from gridsvc.api.app import create_app
from gridsvc.db.session.connection import Database
from gridsvc.db.teams import replace_teams
from gridsvc.operations.access import keys
from gridsvc.operations.isochrones import export
from gridsvc.operations.isochrones.service_areas import draw_areas
from gridsvc.operations.roads import closures
from gridsvc.operations.roads.closures import NewClosure
from gridsvc.operations.runtime.service import Service
from tests.api.contract import CheckedClient
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, load_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from gridsvc.db.cluster.embedded import EmbeddedCluster


@pytest.fixture(scope="module")
def service(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with scratch_database(cluster) as url:
        service = Service(Database(url), tmp_path_factory.mktemp("areas"))
        load_toy(service)
        yield service
        service.database.close()


@pytest.fixture(scope="module")
def web(service: Service) -> Iterator[CheckedClient]:
    with CheckedClient(
        create_app(service, sign_in=False), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture(scope="module")
def drawn(service: Service, web: TestClient) -> dict[str, Any]:
    """What is told before anything is drawn; then everything is."""
    before = web.get("/service-areas").json()
    draw_areas(service, DISTRICT)
    found: dict[str, Any] = before
    return found


def names(features: list[dict[str, Any]]) -> list[str]:
    back = {number: name for name, number in TEAM_IDS.items()}
    return [back[each["properties"]["team_id"]] for each in features]


def test_nothing_is_told_as_such_before_it_is_drawn(drawn: dict[str, Any]) -> None:
    assert (drawn["complete"], drawn["stale"], drawn["features"]) == (False, False, [])
    assert "not drawn yet" in drawn["districts"][0]["words"]


def test_areas_are_geojson_with_what_they_were_drawn_from(web: TestClient, drawn: dict[str, Any]) -> None:
    answer = web.get("/service-areas")
    assert answer.headers["content-type"] == "application/geo+json"
    told = answer.json()
    assert (told["type"], told["complete"], told["stale"]) == ("FeatureCollection", True, False)
    assert len(told["features"]) == 44
    (own,) = web.get("/service-areas", params={"kind": "own", "class": "urban", "team_id": TEAM_IDS["sq-a2"]}).json()[
        "features"
    ]
    assert {key: own["properties"][key] for key in ("kind", "response_class", "team_id", "team", "k", "minutes")} == {
        "kind": "own",
        "response_class": "urban",
        "team_id": TEAM_IDS["sq-a2"],
        "team": "sq-a2",
        "k": None,
        "minutes": 3.25,
    }
    assert own["properties"]["versions"] == told["districts"][0]["versions"]
    assert own["properties"]["versions"]["closures_acting"] == 0
    shape = shapely.geometry.shape(own["geometry"])
    assert shape.is_valid
    # R9: 300 - 45 - 60 = 195 s of 58.4 s a hundredth of a degree
    assert shape.covers(shapely.Point(119.6 + 9.3 / 100, 29.1))
    assert not shape.covers(shapely.Point(119.6 + 9.4 / 100, 29.1))


def test_filters(web: TestClient, drawn: dict[str, Any]) -> None:
    first = web.get("/service-areas", params={"kind": "first", "class": "rural"}).json()["features"]
    assert sorted(names(first)) == ["sq-a1", "sq-a2", "sq-a3", "sq-a4"]
    ks = web.get("/service-areas", params={"kind": "reached_by", "class": "urban", "district": DISTRICT}).json()
    assert [each["properties"]["k"] for each in ks["features"]] == [1, 2, 3]
    assert (
        web.get("/service-areas", params={"kind": "reached_by", "team_id": TEAM_IDS["sq-a1"]}).json()["features"] == []
    )


@pytest.mark.parametrize(
    ("query", "status"),
    [({"kind": "all"}, 422), ({"class": "suburban"}, 422), ({"team_id": "nobody"}, 404),
     ({"team_id": str(uuid4())}, 404), ({"district": "999999"}, 404)],
)  # fmt: skip
def test_what_is_not_there_is_told(web: TestClient, drawn: dict[str, Any], query: dict[str, Any], status: int) -> None:
    answer = web.get("/service-areas", params=query)
    assert answer.status_code == status
    assert answer.json()["type"].startswith("urn:gridsvc:problem:")
    assert answer.json()["detail"]


def test_too_much_at_once_is_refused_with_the_cure(
    web: TestClient, drawn: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_BYTES", 1000)
    answer = web.get("/service-areas")
    assert answer.status_code == 413
    assert "team_id" in answer.json()["detail"]


def test_a_township_sees_the_areas_of_the_teams_that_it_sees(service: Service, drawn: dict[str, Any]) -> None:
    key = keys.add_key(service, "township", Role.OFFICER, district=DISTRICT, grid=toy.T1).text
    with CheckedClient(create_app(service), headers={"Authorization": f"Bearer {key}"}) as client:
        teams = {each["id"] for each in client.get("/teams").json()["items"]}
        told = client.get("/service-areas").json()
        foreign = client.get("/service-areas", params={"team_id": TEAM_IDS["sq-a2"]})
    assert {each["properties"]["team_id"] for each in told["features"]} == teams | {None}
    assert (told["complete"], told["stale"]) == (True, False)
    assert foreign.status_code == 404
    assert TEAM_IDS["sq-a2"] not in teams
    with CheckedClient(create_app(service)) as client:
        assert client.get("/service-areas").status_code == 401


def test_areas_of_older_versions_are_said_to_be_such_until_they_are_drawn(
    service: Service, web: TestClient, drawn: dict[str, Any]
) -> None:
    closures.add_closure(
        service, NewClosure(shapely.Point(119.6 + 8.5 / 100, 29.1), factor=0.0, reason="flood"), actor="test"
    )
    told = web.get("/service-areas", params={"kind": "first"}).json()
    assert (told["complete"], told["stale"]) == (True, True)
    assert "older" in told["districts"][0]["words"]
    assert told["features"][0]["properties"]["versions"]["closures"] == 0
    draw_areas(service, DISTRICT)
    told = web.get("/service-areas", params={"kind": "first"}).json()
    assert told["stale"] is False
    assert told["features"][0]["properties"]["versions"]["closures"] == 1
    assert told["features"][0]["properties"]["versions"]["closures_acting"] == 1


def test_a_team_without_minutes_has_no_shape_and_is_listed(
    service: Service, web: TestClient, drawn: dict[str, Any]
) -> None:
    teams = [replace(t, id=TEAM_IDS[t.id], turnout_s=300 if t.id == "sq-a1" else None) for t in toy.TEAMS]
    service.database.run(lambda c: replace_teams(c, DISTRICT, [], teams, {}))
    draw_areas(service, DISTRICT)
    query = {"team_id": TEAM_IDS["sq-a1"], "class": "urban"}
    (feature,) = web.get("/service-areas", params=query).json()["features"]
    assert feature["geometry"] is None
    assert feature["properties"]["minutes"] == 0
