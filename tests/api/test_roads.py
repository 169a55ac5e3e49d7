"""Travel times, service areas and closures over HTTP, on the synthetic demo district."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork


@pytest.fixture(scope="module")
def network(service: Service) -> RoadNetwork:
    from gridsvc.operations.runtime.districts import list_views

    with service.database.transaction() as connection:
        found = list_views(service, connection)[0].network
    assert found is not None
    return found


@pytest.fixture(scope="module")
def corners(network: RoadNetwork) -> list[list[float]]:
    """Twelve junctions, far apart."""
    pick = np.linspace(0, len(network.junction_lon) - 1, 12).astype(int)
    lon, lat = network.junction_lon[pick] * 1e-7, network.junction_lat[pick] * 1e-7
    found: list[list[float]] = np.column_stack([lon, lat]).round(7).tolist()
    return found


@pytest.fixture
def tidy(web: TestClient) -> Iterator[None]:
    """End every closure after the test."""
    yield
    for item in web.get("/closures").json()["items"]:
        web.delete(f"/closures/{item['id']}")


def times(web: TestClient, origins: list[list[float]], destinations: list[list[float]], **more: Any) -> np.ndarray:
    answer = web.post("/travel-times", json={"origins": origins, "destinations": destinations, **more})
    assert answer.status_code == 200, answer.text
    return np.array([[np.inf if s is None else s for s in row] for row in answer.json()["seconds"]])


def test_travel_times(web: TestClient, corners: list[list[float]]) -> None:
    told = times(web, corners, corners)
    assert told.shape == (12, 12)
    assert (np.diag(told) == 0).all()
    assert (told[~np.eye(12, dtype=bool)] > 0).all()
    # nobody gains by a way round over a third place
    assert (told <= (told[:, :, None] + told[None, :, :]).min(axis=1) + 1.0).all()
    assert (times(web, corners, corners, profile="emergency") <= told + 0.001).all()


@pytest.mark.parametrize(
    "body",
    [
        {"origins": [], "destinations": [[119.7, 29.1]]},
        {"origins": [[119.7]], "destinations": [[119.7, 29.1]]},
        {"origins": [[119.7, 29.1, 3.0]], "destinations": [[119.7, 29.1]]},
        {"origins": [["a", 1]], "destinations": [[119.7, 29.1]]},
        {"origins": [[29.1, 119.7]], "destinations": [[119.7, 29.1]]},
        {"origins": [[119.7, 1e99]], "destinations": [[119.7, 29.1]]},
        {"origins": [[119.7, 29.1]], "destinations": [[119.7, 29.1]], "profile": "hurry"},
        {"origins": [[119.7, 29.1]] * 1100, "destinations": [[119.7, 29.1]] * 1000},
        {"origins": [[119.7, 29.1]], "destinations": [[119.7, 29.1]] * 1_000_001},
        {"destinations": [[119.7, 29.1]]},
    ],
)
def test_impossible_travel_times_are_refused(web: TestClient, body: dict[str, Any]) -> None:
    answer = web.post("/travel-times", json=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert {"type", "detail"} <= set(answer.json())


def test_a_route_takes_as_long_as_its_travel_time(web: TestClient, corners: list[list[float]]) -> None:
    (x, y), (to_x, to_y) = corners[2], corners[9]
    ends = {"from_lon": x, "from_lat": y, "to_lon": to_x, "to_lat": to_y, "profile": "normal"}
    answer = web.get("/routes", params=ends)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["properties"]["seconds"] == times(web, [corners[2]], [corners[9]])[0, 0]
    line = np.array(told["geometry"]["coordinates"])
    assert line[[0, -1]] == pytest.approx(np.array([corners[2], corners[9]]), abs=1e-6)
    metres = np.hypot(*(np.diff(line, axis=0) * [111_320 * np.cos(np.radians(y)), 111_200]).T).sum()
    assert metres == pytest.approx(told["properties"]["length_m"], rel=0.01)
    assert web.get("/routes", params=ends | {"to_lat": 91}).status_code == 422


@pytest.mark.parametrize("direction", ["to", "from"])
def test_service_areas(web: TestClient, corners: list[list[float]], direction: str) -> None:
    lon, lat = corners[5]
    answer = web.get("/isochrones", params={"lon": lon, "lat": lat, "minutes": "15,5", "direction": direction})
    assert answer.status_code == 200, answer.text
    five, fifteen = answer.json()["features"]
    assert [f["properties"]["minutes"] for f in (five, fifteen)] == [5, 15]
    for feature in (five, fifteen):
        told = feature["properties"]
        assert told["direction"] == direction
        assert told["certificate"]["points"] >= 100
        assert told["certificate"]["share"] <= 0.005
    small, large = (shapely.geometry.shape(f["geometry"]) for f in (five, fifteen))
    assert small.is_valid
    assert large.is_valid
    assert large.buffer(2e-6).covers(small)
    pairs = (corners, [corners[5]]) if direction == "to" else ([corners[5]], corners)
    told = times(web, *pairs).reshape(-1)
    inside = shapely.contains_xy(large, np.array(corners)[:, 0], np.array(corners)[:, 1])
    assert np.array_equal(inside[np.abs(told - 900) > 3], (told <= 900)[np.abs(told - 900) > 3])


@pytest.mark.parametrize(
    "wrong",
    [{"minutes": "soon"}, {"minutes": ""}, {"minutes": "-5"}, {"minutes": "5000"}, {"minutes": "nan"},
     {"lon": "29.1", "lat": "119.7"},
     {"direction": "up"}, {"profile": "hurry"}, {"lat": "nan"}, {"minutes": ",".join("5" * 40)}],
)  # fmt: skip
def test_impossible_service_areas_are_refused(
    web: TestClient, corners: list[list[float]], wrong: dict[str, str]
) -> None:
    answer = web.get("/isochrones", params={"lon": corners[5][0], "lat": corners[5][1], **wrong})
    assert 400 <= answer.status_code < 500, answer.text
    assert {"type", "detail"} <= set(answer.json())


def closed(web: TestClient, geometry: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer = web.post("/closures", json={"geometry": geometry, "reason": "a test", **more})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def box(around: list[float], half: float) -> dict[str, Any]:
    return shapely.geometry.mapping(shapely.box(*(np.array(around) - half), *(np.array(around) + half)))


@pytest.mark.usefixtures("tidy")
def test_a_closure_acts_on_the_next_query_and_its_end_too(web: TestClient, corners: list[list[float]]) -> None:
    before = times(web, corners, corners)
    told = closed(web, box(corners[6], 0.02), factor=0)
    assert told["edges"] > 0
    assert told["km"] > 0
    during = times(web, corners, corners)
    others = [i for i in range(12) if i != 6]
    assert (during[np.ix_(others, others)] >= before[np.ix_(others, others)]).all()
    assert during.sum() > before.sum() + 10
    assert [item["id"] for item in web.get("/closures").json()["items"]] == [told["id"]]
    assert web.delete(f"/closures/{told['id']}").status_code == 204
    assert np.array_equal(times(web, corners, corners), before)
    assert web.delete(f"/closures/{told['id']}").status_code == 404


@pytest.mark.usefixtures("tidy")
def test_a_slowdown_slows_and_binds_only_its_profiles(web: TestClient, corners: list[list[float]]) -> None:
    before = times(web, corners, corners)
    urgent = times(web, corners, corners, profile="emergency")
    everywhere = box(np.mean(corners, axis=0).tolist(), 1.0)
    closed(web, everywhere, factor=0.5, profiles=["normal"])
    # all roads at half their speed: twice the time, up to a millisecond a street
    assert times(web, corners, corners) == pytest.approx(2 * before, abs=0.5)
    assert np.array_equal(times(web, corners, corners, profile="emergency"), urgent)


@pytest.mark.usefixtures("tidy")
def test_a_closure_begins_and_ends_by_itself(web: TestClient, corners: list[list[float]]) -> None:
    before = times(web, corners, corners)
    now = datetime.now(UTC)
    area = box(corners[6], 0.02)
    closed(web, area, **{"from": (now + timedelta(hours=1)).isoformat()})
    assert np.array_equal(times(web, corners, corners), before)
    closed(web, area, until=(now + timedelta(seconds=2.5)).isoformat())
    assert times(web, corners, corners).sum() > before.sum()
    time.sleep(max(0.0, (now + timedelta(seconds=2.6) - datetime.now(UTC)).total_seconds()))
    assert np.array_equal(times(web, corners, corners), before)


@pytest.mark.usefixtures("tidy")
def test_everything_closed_is_walked_or_unreachable_never_an_error(web: TestClient, corners: list[list[float]]) -> None:
    closed(web, box(np.mean(corners, axis=0).tolist(), 1.0), factor=0)
    told = times(web, corners, corners)
    assert (np.diag(told) == 0).all()
    assert np.isinf(told).any()
    answer = web.get("/isochrones", params={"lon": corners[5][0], "lat": corners[5][1], "minutes": "5"})
    assert answer.status_code == 200


@pytest.mark.usefixtures("tidy")
def test_a_closure_changes_who_goes(web: TestClient, service: Service, network: RoadNetwork) -> None:
    body = {"type": "food-poisoning", "location": {"lon": 119.6867, "lat": 29.0926}}
    first = web.post("/recommendations", json=body).json()
    lead = first["recommendation"]["lead"]
    teams = {team["id"]: team for team in web.get("/teams").json()["items"]}
    stand = teams[lead["team_id"]]["position"]
    told = closed(web, box([stand["lon"], stand["lat"]], 0.004), factor=0)
    second = web.post("/recommendations", json=body).json()
    assert second["versions"]["closures"] == told["version"] > first["versions"]["closures"]
    after = {row["team_id"]: row["travel_s"] for row in second["recommendation"]["considered"]}
    assert second["recommendation"]["lead"]["team_id"] != lead["team_id"] or after[lead["team_id"]] > lead["travel_s"]
    assert after.get(lead["team_id"]) != lead["travel_s"]


@pytest.mark.parametrize(
    "wrong",
    [{"factor": 2.0}, {"factor": -1}, {"reason": ""}, {"profiles": ["hurry"]}, {"profiles": []},
     {"until": "2020-01-01T00:00:00+08:00"}, {"until": "2030-01-01T00:00:00"},
     {"until": "9999-12-31T23:59:59-14:00"}, {"from": "0001-01-01T00:00:00+14:00"},
     {"geometry": {"type": "Point", "coordinates": [0.0, 0.0]}}, {"geometry": {"type": "Polygon"}}, {"geometry": {}},
     {"geometry": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}}],
)  # fmt: skip
def test_impossible_closures_are_refused(web: TestClient, corners: list[list[float]], wrong: dict[str, Any]) -> None:
    body = {"geometry": {"type": "Point", "coordinates": corners[3]}, "reason": "a test", **wrong}
    answer = web.post("/closures", json=body)
    assert 400 <= answer.status_code < 500, answer.text
    assert web.get("/closures").json()["items"] == []


@pytest.mark.usefixtures("tidy")
def test_the_same_closure_sent_twice_is_one(web: TestClient, corners: list[list[float]]) -> None:
    body = {"geometry": {"type": "Point", "coordinates": corners[3]}, "reason": "a test"}
    one, two = (web.post("/closures", json=body, headers={"Idempotency-Key": "flood-1"}) for _ in range(2))
    assert one.content == two.content
    assert len(web.get("/closures").json()["items"]) == 1
