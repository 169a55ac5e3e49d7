"""Roads that change under those who ask: the only bridge closes, another network comes into force."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from gridsvc.api.app import create_app
from gridsvc.operations.roads import networks, travel_times
from tests.worlds.district import DISTRICT, TEAM_IDS, open_toy, scratch_database, toy_road

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service

BRIDGE = {"type": "LineString", "coordinates": [[119.655, 29.09], [119.655, 29.11]]}
"""Across the one road between kilometre 5 and 6, with teams on both sides."""


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


def report(web: TestClient, km: float) -> dict[str, Any]:
    body = {"type": "leak", "location": {"lon": 119.6 + km / 100, "lat": 29.1}}
    answer = web.post("/incidents", json=body)
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def travel_s(web: TestClient, case: dict[str, Any], team: str) -> float | None:
    considered = web.get(f"/incidents/{case['id']}/considered").json()["items"]
    rows = {row["team_id"]: row["travel_s"] for row in considered}
    told: float | None = rows[TEAM_IDS[team]]
    return told


def test_closing_the_only_bridge_changes_the_team_that_goes(web: TestClient) -> None:
    """A leak at kilometre 4.6: 84 s from kilometre 6 over the bridge, 216 s from kilometre 1 on this side."""
    first = report(web, 4.6)
    assert first["recommendation"]["lead"]["team_id"] == TEAM_IDS["sq-a2"]
    over, beside = travel_s(web, first, "sq-a2"), travel_s(web, first, "sq-a1")
    assert over is not None
    assert beside is not None
    assert over < beside

    closed = web.post("/closures", json={"geometry": BRIDGE, "factor": 0, "reason": "the bridge is under water"})
    assert closed.status_code == 201, closed.text
    second = report(web, 4.6)
    assert second["versions"]["closures"] == closed.json()["version"] > first["versions"]["closures"]
    # a vehicle does not come, not even one that stands at the very end of the bridge
    assert travel_s(web, second, "sq-a2") is None
    assert travel_s(web, first, "town-t2") is not None
    assert travel_s(web, second, "town-t2") is None
    assert travel_s(web, second, "sq-a1") == beside
    assert second["recommendation"]["lead"]["team_id"] == TEAM_IDS["sq-a1"]

    assert web.delete(f"/closures/{closed.json()['id']}").status_code == 204
    third = report(web, 4.6)
    assert third["versions"]["closures"] > second["versions"]["closures"]
    assert third["recommendation"]["lead"] == first["recommendation"]["lead"]
    assert travel_s(web, third, "sq-a2") == over


def test_every_answer_belongs_wholly_to_one_network(service: Service) -> None:
    """Two networks of the same shape, one twice as fast, change places while four threads ask for matrices."""
    places = np.column_stack([119.6 + np.arange(0.35, 16, 1.1) / 100, np.full(15, 29.1)])
    expected = []
    for kph in (60.0, 30.0):
        networks.establish(service, DISTRICT, toy_road(kph), source=f"{kph}")
        expected.append(travel_times.travel_times(service, places, places))
    assert (expected[1] > expected[0]).sum() == 15 * 14
    over = threading.Event()

    def ask() -> tuple[int, int, int]:
        counts = [0, 0, 0]
        while not over.is_set():
            told = travel_times.travel_times(service, places, places)
            kind = next((k for k in range(2) if np.array_equal(told, expected[k])), 2)
            counts[kind] += 1
        return counts[0], counts[1], counts[2]

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask) for _ in range(4)]
        try:
            for turn in range(24):
                networks.establish(service, DISTRICT, toy_road((60.0, 30.0)[turn % 2]), source="turn")
        finally:
            over.set()
        fast, slow, neither = np.sum([one.result() for one in asked], axis=0)
    assert neither == 0
    assert fast > 0
    assert slow > 0
