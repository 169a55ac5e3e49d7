"""/metrics and the log: numbers that add up, an id for every request, nothing personal."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING

import pytest
from sqlalchemy.exc import IntegrityError

from gridsvc.api.app import create_app
from gridsvc.operations.runtime.json_logs import JsonLines
from tests.api.contract import CheckedClient
from tests.worlds.district import open_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient

    from gridsvc.db.cluster.embedded import EmbeddedCluster

LINE = re.compile(r'^(?P<name>[a-z_]+)(\{(?P<labels>([a-z]+="[^"]*",?)+)\})? (?P<value>[0-9.e+-]+|NaN)$')


@pytest.fixture(scope="module")
def client(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CheckedClient]:
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path_factory.mktemp("toy"))
        with CheckedClient(
            create_app(service, sign_in=False), base_url="http://localhost", raise_server_exceptions=False
        ) as client:
            yield client
        service.database.close()


def read(text: str) -> dict[tuple[str, str], float]:
    """Return {(name, labels): value}; every line must be of the format."""
    found = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            part = LINE.match(line)
            assert part, line
            found[part["name"], part["labels"] or ""] = float(part["value"])
    return found


def test_a_request_is_counted_in_the_bucket_of_its_time(client: TestClient) -> None:
    key = ("gridsvc_http_request_seconds_count", 'method="GET",route="/teams",status="200"')
    before = read(client.get("/metrics").text).get(key, 0)
    for _ in range(3):
        client.get("/teams")
    found = read(client.get("/metrics").text)
    assert found[key] == before + 3
    buckets = [
        value for (name, labels), value in found.items() if name.endswith("_bucket") and 'route="/teams"' in labels
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == found[key]


def gauges(client: TestClient) -> dict[str, float]:
    return {name: value for (name, labels), value in read(client.get("/metrics").text).items() if not labels}


def test_gauges_show_queues_cases_positions_and_backups(client: TestClient) -> None:
    report = {"type": "leak", "location": {"lon": 119.61, "lat": 29.1}}
    before = gauges(client)
    assert client.post("/incidents", json=report).status_code == 201
    team = client.get("/teams").json()["items"][0]["id"]
    assert client.post(f"/teams/{team}/positions", json={"lon": 119.62, "lat": 29.1}).status_code == 200
    found = gauges(client)
    assert found["gridsvc_events_unsealed"] > before["gridsvc_events_unsealed"]
    assert 0 < found["gridsvc_sealer_lag_seconds"] < 600
    assert found["gridsvc_waiting_emergencies"] == found["gridsvc_open_cases"] == 1
    assert 0 <= found["gridsvc_position_age_oldest_seconds"] < 600
    assert found["gridsvc_database_up"] == 1
    assert "gridsvc_backup_age_seconds" not in found  # none was made


def test_help_and_type_stand_before_every_number(client: TestClient) -> None:
    lines = client.get("/metrics").text.splitlines()
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    for line in lines:
        if not line.startswith("#"):
            name = re.split(r"[{ ]", line)[0]
            assert re.sub(r"_(bucket|sum|count)$", "", name) in typed


def test_a_request_keeps_its_id_or_gets_one(client: TestClient) -> None:
    assert client.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    made = client.get("/healthz").headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", made)
    odd = client.get("/healthz", headers={"X-Request-Id": "a b\tc;{}"}).headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f]{32}", odd)
    assert "X-Request-Id" in client.get("/no-such-page").headers


def test_a_log_line_has_the_pattern_of_the_route_and_nothing_that_was_said(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="gridsvc")
    report = {
        "type": "leak",
        "location": {"lon": 119.61, "lat": 29.1},
        "description": "the secret words",
        "reporter": {"name": "王小明", "phone": "13800138000"},
    }
    case = client.post("/incidents", json=report, headers={"X-Request-Id": "r-1"}).json()["id"]
    client.get(f"/incidents/{case}?owner=13800138000")
    lines = [JsonLines().format(record) for record in caplog.records]
    told = [json.loads(line) for line in lines]
    routes = [each.get("route") for each in told]
    assert "/incidents" in routes
    assert "/incidents/{incident_id}" in routes
    for said in ("secret", "王小明", "13800138000", case):
        assert not any(said in line for line in lines)


def test_of_an_error_only_the_first_line_is_logged() -> None:
    told = RuntimeError('null value in column "x"\nDETAIL:  Failing row contains (王小明, 13800138000).')
    error = IntegrityError("insert into t values (%s)", {"phone": "13800138000"}, told, hide_parameters=True)
    error.__cause__ = told
    record = logging.LogRecord("gridsvc", logging.ERROR, "f", 1, "failed", (), (type(error), error, None))
    line = JsonLines().format(record)
    assert "null value" in line
    assert "13800138000" not in line
    assert "王小明" not in line
