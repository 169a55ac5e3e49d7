"""POST /positions from outside: what is kept, what is rejected and why, and who may report for whom."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from gridsvc.access.scopes import Role
from gridsvc.operations.access import keys
from gridsvc.teams.positions import MOST_AT_ONCE
from tests.api.toy_access import D, kind, toy_world
from tests.worlds import toy
from tests.worlds.district import TEAM_IDS, as_superuser, scalar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from tests.api.toy_access import World

ONE, TWO = sorted(TEAM_IDS.values())[:2]


@pytest.fixture(scope="module")
def world(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("positions")
    with toy_world(cluster, folder) as world:
        yield world


@pytest.fixture(autouse=True)
def no_positions(world: World) -> None:
    with as_superuser(world.url) as connection:
        connection.execute("truncate team_last, team_position")


def row(team: str = ONE, seconds_ago: float = 1, **more: Any) -> dict[str, Any]:
    at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
    return {"team_id": team, "lon": 119.61, "lat": 29.1, "at": at.isoformat()} | more


def rejected(answer: httpx.Response) -> dict[int, str]:
    return {each["index"]: each["type"].rsplit(":", 1)[-1] for each in answer.json()["rejected"]}


def stored(world: World) -> int:
    with as_superuser(world.url) as connection:
        return int(scalar(connection, "select count(*) from team_position"))


def shown(world: World, team: str) -> dict[str, Any]:
    items = world.client("dispatcher").get("/teams").json()["items"]
    return next(each for each in items if each["id"] == team)


def test_a_batch_is_on_the_screen_as_single_positions_are(world: World) -> None:
    officer = world.client("officer")
    officer.post(f"/teams/{ONE}/positions", json={"lon": 119.70, "lat": 29.1, "at": row(seconds_ago=60)["at"]})
    answer = officer.post(
        "/positions", json=[row(ONE, 5, lon=119.62), row(ONE, 90, lon=119.8), row(TWO, 3, lon=119.63)]
    )
    assert answer.status_code == 200
    assert answer.json() == {"stored": 3, "repeated": 0, "corrected": 0, "rejected": []}
    assert [shown(world, team)["position"]["lon"] for team in (ONE, TWO)] == [119.62, 119.63]
    assert not shown(world, ONE)["at_station"]
    tile = world.client("dispatcher").get("/tiles/teams/8/213/106.mvt").content
    assert b"position" in tile
    assert ONE.encode() in tile


def test_the_team_that_a_batch_brought_near_is_sent(world: World) -> None:
    """A recommendation decides from the positions of a batch."""
    dispatcher = world.client("dispatcher")
    report = {"type": "leak", "location": {"lon": 119.64, "lat": 29.1001}}
    before = dispatcher.post("/recommendations", json=report).json()["recommendation"]["lead"]
    rows = [row(before["team_id"], 2, lon=119.60), row(before["team_id"], 1, lon=119.64)]
    assert dispatcher.post("/positions", json=rows).json()["stored"] == 2
    after = dispatcher.post("/recommendations", json=report).json()["recommendation"]["lead"]
    assert after["team_id"] == before["team_id"]
    assert after["travel_s"] < before["travel_s"]


def test_rows_that_are_not_usable_are_named_and_the_others_kept(world: World) -> None:
    unreadable: list[Any] = [row(lon="x"), row(extra=1), row(at="2026-03-01T08:00:00"), {}, 7, row(lat=None)]
    unusable = [
        row(seconds_ago=91 * 86400),
        row("nobody"),
        row(str(uuid4())),
        row(lon=29.1, lat=119.6),
        row(datum="Mars"),
    ]
    answer = world.client("officer").post("/positions", json=[row(), *unreadable, *unusable, row(TWO)])
    assert answer.status_code == 200
    assert answer.json()["stored"] == 2
    expected = [*["invalid-input"] * 6, "position-too-old", "no-team", "no-team", "swapped", "unknown-datum"]
    assert rejected(answer) == dict(enumerate(expected, start=1))
    lon = answer.json()["rejected"][0]
    assert lon["parameters"]["errors"] == [
        {"where": "lon", "what": "Input should be a valid number", "error": "float_type", "value": "x"}
    ]
    assert all(each["detail"] for each in answer.json()["rejected"])


def test_a_retry_is_harmless(world: World) -> None:
    officer = world.client("officer")
    rows = [row(ONE, n, lon=119.6 + n / 1000) for n in range(1, 30)]
    assert officer.post("/positions", json=rows).json()["stored"] == 29
    again = officer.post("/positions", json=rows).json()
    assert (again["stored"], again["repeated"]) == (0, 29)
    assert stored(world) == 29


def test_a_clock_that_is_ahead_is_corrected(world: World) -> None:
    answer = world.client("officer").post("/positions", json=[row(seconds_ago=-8 * 3600), row(TWO)])
    assert (answer.json()["stored"], answer.json()["corrected"]) == (2, 1)
    assert shown(world, ONE)["age_s"] < 60
    body = {key: value for key, value in row(seconds_ago=-7 * 3600).items() if key != "team_id"}
    single = world.client("officer").post(f"/teams/{ONE}/positions", json=body).json()
    assert datetime.fromisoformat(single["at"]) <= datetime.now(UTC)


def test_what_is_no_batch_is_refused_whole_with_its_cure(world: World) -> None:
    officer = world.client("officer")
    for content, status, name in ((b"[1,", 422, "not-json"), (b"{}", 422, "invalid-input"), (b"", 422, "not-json")):
        answer = officer.post("/positions", content=content)
        assert (answer.status_code, kind(answer)) == (status, name)
    many = officer.post("/positions", json=[{}] * (MOST_AT_ONCE + 1))
    assert (many.status_code, kind(many)) == (413, "too-large")
    assert many.json()["parameters"] == {"count": MOST_AT_ONCE + 1, "most": MOST_AT_ONCE}
    assert "several requests" in many.json()["detail"]
    large = officer.post("/positions", json=[row(datum="W" * 400)] * 3000)
    assert (large.status_code, kind(large)) == (413, "too-large")
    assert "Send less" in large.json()["detail"]
    assert officer.post("/positions", json=[]).json()["stored"] == 0
    assert stored(world) == 0


def test_the_largest_batch_is_taken(world: World) -> None:
    teams = sorted(TEAM_IDS.values())
    rows = [row(teams[n % len(teams)], n / 10) for n in range(MOST_AT_ONCE)]
    assert world.client("officer").post("/positions", json=rows).json()["stored"] == MOST_AT_ONCE


def test_a_key_of_a_grid_reports_for_the_teams_of_its_scope_only(world: World) -> None:
    key = keys.add_key(world.service, "township officer", Role.OFFICER, district=D, grid=toy.T1).text
    web = world.browser(key)
    own = {team["id"] for team in web.get("/teams").json()["items"]}
    every = sorted(TEAM_IDS.values())
    assert own < set(every)
    answer = web.post("/positions", json=[row(team) for team in every])
    assert rejected(answer) == {index: "no-team" for index, team in enumerate(every) if team not in own}
    assert answer.json()["stored"] == len(own)
    words = [each["detail"] for each in answer.json()["rejected"]]
    never = web.post("/positions", json=[row(str(uuid4()))]).json()["rejected"][0]["detail"]
    assert {detail.replace(team, "") for detail in words for team in every if team in detail} == {
        never.replace(never.split()[4].rstrip("."), "")
    }


def test_a_paired_device_reports_its_own_team_only(world: World) -> None:
    def pair(**team: str) -> Any:
        code = world.client("officer").post("/pairings", json=team).json()["code"]
        return world.browser(world.browser().post("/devices", json={"code": code}).json()["token"])

    phone = pair(team_id=ONE)
    answer = phone.post("/positions", json=[row(ONE), row(TWO)])
    assert rejected(answer) == {1: "other-team"}
    assert kind(phone.post(f"/teams/{TWO}/positions", json={"lon": 119.61, "lat": 29.1})) == "other-team"
    assert phone.post(f"/teams/{ONE}/positions", json={"lon": 119.61, "lat": 29.1}).status_code == 200
    none = pair().post("/positions", json=[row(ONE)])
    assert (none.status_code, kind(none)) == (403, "device-without-team")


@pytest.mark.parametrize("role", ["supervisor", "planner", "engineer"])
def test_who_may_not_report_positions(world: World, role: str) -> None:
    answer = world.client(role).post("/positions", json=[row()])
    assert (answer.status_code, kind(answer)) == (403, "not-allowed")
    assert world.browser().post("/positions", json=[row()]).status_code == 401
