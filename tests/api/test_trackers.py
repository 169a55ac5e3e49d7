"""Positions as trackers send them: OsmAnd, Traccar Client of three generations, and the forwarding of Traccar."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from gridsvc.access.scopes import Role
from gridsvc.api.app import create_app
from gridsvc.errors import NotFound
from gridsvc.operations.access import devices, keys, sessions
from tests.api.toy_access import D, kind, toy_world
from tests.worlds.district import TEAM_IDS, as_superuser

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from tests.api.toy_access import World

ONE, TWO = sorted(TEAM_IDS.values())[:2]
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def world(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with toy_world(cluster, tmp_path_factory.mktemp("trackers")) as world:
        yield world


@pytest.fixture(scope="module")
def token(world: World) -> str:
    return str(sessions.add_tracker(world.service, "officer", UUID(ONE))["token"])


@pytest.fixture(autouse=True)
def no_positions(world: World) -> None:
    with as_superuser(world.url) as connection:
        connection.execute("truncate team_last, team_position")


def last(world: World, team: str = ONE) -> tuple[Any, ...] | None:
    with as_superuser(world.url) as connection:
        query = "select st_x(geom), st_y(geom), at, accuracy_m from team_last where team_id = %s"
        return connection.execute(query, [team]).fetchone()


def minute_ago() -> datetime:
    return datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)


def rejected(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["type"].rsplit(":", 1)[-1] for each in answer.json()["rejected"]]


def test_osmand_sends_a_get(world: World, token: str) -> None:
    """OsmAnd fills {0}, {1} ... of its web address: floats, and milliseconds."""
    at = minute_ago()
    address = f"/osmand?id={token}&lat=29.1&lon=119.61&timestamp={int(at.timestamp() * 1000)}&accuracy=7.5&speed=0.0"
    answer = world.browser().get(address)
    assert answer.json() == {"stored": 1, "repeated": 0, "corrected": 0, "rejected": []}
    assert last(world) == (119.61, 29.1, at, 7.5)
    assert world.browser().get(address).json()["repeated"] == 1


@pytest.mark.parametrize(
    "stamp",
    ["{s}", "{ms}", "{s}.0", "{iso}"],
)
def test_times_are_seconds_milliseconds_or_rfc_3339(world: World, token: str, stamp: str) -> None:
    at = minute_ago()
    seconds = int(at.timestamp())
    text = stamp.format(s=seconds, ms=seconds * 1000, iso=at.isoformat().replace("+00:00", "Z"))
    parameters = {"id": token, "lat": "29.1", "lon": "119.61", "timestamp": text}
    assert rejected(world.browser().get("/osmand", params=parameters)) == []
    found = last(world)
    assert found is not None
    assert found[2] == at


def test_traccar_client_up_to_9_posts_its_address(world: World, token: str) -> None:
    at = minute_ago()
    address = (
        f"/osmand?id={token}&timestamp={int(at.timestamp())}&lat=29.1&lon=119.61&speed=0.0&bearing=0.0&altitude=0.0"
        "&accuracy=12.0&batt=55.0"
    )
    assert rejected(world.browser().post(address)) == []
    assert last(world) == (119.61, 29.1, at, 12.0)


def test_traccar_client_of_2025_posts_a_location(world: World, token: str) -> None:
    at = minute_ago()
    coords = {"latitude": 29.1, "longitude": 119.61, "accuracy": 5, "speed": -1, "heading": -1, "altitude": 5}
    location = {
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"), "coords": coords, "is_moving": False, "odometer": 0,
        "event": "motionchange", "battery": {"level": 1, "is_charging": False}, "activity": {"type": "still"},
        "extras": {}, "_": f"&id={token}&lat=29.1&lon=119.61&",
    }  # fmt: skip
    web = world.browser()
    assert rejected(web.post("/osmand", json={"location": location, "device_id": token})) == []
    assert last(world) == (119.61, 29.1, at, 5.0)
    earlier = location | {"timestamp": (at - timedelta(seconds=30)).isoformat()}
    both = web.post("/osmand", json={"location": [earlier, location], "device_id": token}).json()
    assert (both["stored"], both["repeated"]) == (1, 1)
    heartbeat = {"timestamp": location["timestamp"], "event": "heartbeat"}
    assert rejected(web.post("/osmand", json={"location": heartbeat, "device_id": token})) == ["no-fix"]


def test_traccar_client_from_10_on_posts_a_form_or_a_list(world: World, token: str) -> None:
    at = minute_ago()
    fields = {"id": token, "lat": 29.1, "lon": 119.61, "timestamp": int(at.timestamp()), "accuracy": 9.5, "batt": 80}
    web = world.browser()
    assert rejected(web.post("/osmand", data=fields)) == []
    assert last(world) == (119.61, 29.1, at, 9.5)
    later = fields | {"timestamp": int(at.timestamp()) + 20, "lon": 119.62}
    assert web.post("/osmand", json=[fields, later]).json()["stored"] == 1
    assert last(world) == (119.62, 29.1, at + timedelta(seconds=20), 9.5)
    heartbeat = {"id": token, "timestamp": int(at.timestamp()), "batt": 80}
    assert rejected(web.post("/osmand", data=heartbeat)) == ["no-fix"]  # 200: it would be sent again without end
    assert rejected(web.post("/osmand", json=[heartbeat, later])) == ["no-fix"]


def test_the_token_may_be_a_part_of_the_server_s_address(world: World, token: str) -> None:
    address = f"/osmand?token={token}"
    assert rejected(world.browser().post(address, data={"id": "41231234", "lat": 29.1, "lon": 119.61})) == []
    assert last(world) is not None


def forwarded(unique_id: str, at: datetime, *, team_id: str | None = None, **more: Any) -> dict[str, Any]:
    stamp = at.strftime("%Y-%m-%dT%H:%M:%S.000+00:00")
    position = {
        "id": 0, "deviceId": 7, "protocol": "gt06", "serverTime": stamp, "deviceTime": stamp, "fixTime": stamp,
        "outdated": False, "valid": True, "latitude": 29.1, "longitude": 119.61, "altitude": 0.0, "speed": 12.4,
        "course": 80.0, "address": None, "accuracy": 0.0, "network": None, "attributes": {"ignition": True},
    } | more  # fmt: skip
    attributes = {} if team_id is None else {"team_id": team_id}
    return {"position": position, "device": {"id": 7, "uniqueId": unique_id, "name": "浙G1", "attributes": attributes}}


def test_traccar_forwards_with_a_key_in_its_header(world: World) -> None:
    at = minute_ago()
    traccar = world.client("officer")
    assert rejected(traccar.post("/positions/traccar", json=forwarded(ONE, at))) == []
    assert last(world) == (119.61, 29.1, at, None)
    assert rejected(traccar.post("/positions/traccar", json=forwarded("352093081234567", at, team_id=TWO))) == []
    assert last(world, TWO) == (119.61, 29.1, at, None)
    for sent in (forwarded(ONE, at, outdated=True), forwarded(ONE, at, valid=False)):
        assert rejected(traccar.post("/positions/traccar", json=sent)) == ["no-fix"]
    stranger = traccar.post("/positions/traccar", json=forwarded("352093081234567", at))
    assert (stranger.status_code, kind(stranger)) == (404, "no-team")
    assert world.browser().post("/positions/traccar", json=forwarded(ONE, at)).status_code == 401


def test_traccar_can_also_fill_an_address(world: World) -> None:
    """forward.type=url: a GET, with the key in the header and the team as `id`."""
    at = minute_ago()
    address = f"/osmand?id={ONE}&timestamp={int(at.timestamp() * 1000)}&lat=29.1&lon=119.61&accuracy=0.0&valid=true"
    assert rejected(world.client("officer").get(address)) == []
    assert last(world) == (119.61, 29.1, at, None)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"lat": "119.61", "lon": "29.1"}, "swapped"),
        ({"lat": "x", "lon": "29.1"}, "invalid-input"),
        ({"lat": "nan", "lon": "119"}, "not-finite"),
        ({"lat": "1e999", "lon": "119"}, "not-finite"),
        ({"timestamp": "2014-06-04 09:10:11"}, "invalid-input"),
        ({"timestamp": "soon"}, "invalid-input"),
        ({"timestamp": "1e300"}, "invalid-input"),
        ({"timestamp": "1104537600"}, "position-too-old"),  # a week roll-over of GPS
        ({"timestamp": "2100000000"}, "time-in-future"),  # the year 2036
        ({"accuracy": "wide"}, "invalid-input"),
        ({"datum": "Mars"}, "unknown-datum"),
        ({"valid": "false"}, "no-fix"),
        ({"location": "29.1"}, "invalid-input"),
    ],
)
def test_a_position_that_never_becomes_usable_is_answered_with_200(
    world: World, token: str, parameters: dict[str, str], name: str
) -> None:
    """The client would send it again without end, and before all later ones."""
    sent = {"id": token, "lat": "29.1", "lon": "119.61"} | parameters
    assert rejected(world.browser().get("/osmand", params=sent)) == [name]
    assert last(world) is None


def test_a_clock_that_is_ahead_is_corrected(world: World, token: str) -> None:
    stamp = int(datetime.now(UTC).timestamp()) + 8 * 3600
    sent = {"id": token, "lat": "29.1", "lon": "119.61", "timestamp": str(stamp)}
    assert world.browser().get("/osmand", params=sent).json()["corrected"] == 1
    found = last(world)
    assert found is not None
    assert found[2] <= datetime.now(UTC)


def test_a_sender_that_is_not_known_gets_an_error_and_keeps_its_positions(world: World) -> None:
    place = {"lat": "29.1", "lon": "119.61"}
    web = world.browser()
    for sender, name in (
        ({}, "sign-in-required"),
        ({"id": "12345678"}, "key-refused"),
        ({"id": "gt_" + "a" * 26}, "key-refused"),
        ({"id": world.keys["officer"]}, "key-in-address"),
    ):
        answer = web.get("/osmand", params=place | sender)
        assert (answer.status_code, kind(answer)) == (401, name)
        assert answer.headers["www-authenticate"].startswith("Bearer")
    several = web.post("/osmand", json=[{"id": "a"}, {"id": "b"}])
    assert (several.status_code, kind(several)) == (422, "invalid-input")
    for content in (b"{", b"[]", b"[7]", b'"x"'):
        assert web.post("/osmand", content=content, headers=JSON).status_code == 422


def test_a_browser_s_session_reports_nothing_by_an_address(world: World) -> None:
    """A page of another site can make a browser send a GET with its cookie."""
    web = world.browser()
    web.post("/session", json={"key": world.keys["officer"]})
    address = f"/osmand?id={ONE}&lat=29.1&lon=119.61"
    assert web.get(address).status_code == 401
    session = web.cookies["gridsvc"]
    assert world.browser().get(f"/osmand?id={session}&lat=29.1&lon=119.61").status_code == 401
    with TestClient(create_app(world.service, sign_in=False), base_url="http://localhost") as demo:
        foreign = demo.get(address, headers={"Sec-Fetch-Site": "cross-site"})
        assert (foreign.status_code, kind(foreign)) == (403, "csrf")
        assert demo.get(address).json()["stored"] == 1


def test_a_tracker_may_nothing_but_report_its_team(world: World, token: str) -> None:
    tracker = world.browser(token)
    for path in ("/teams", "/incidents", "/tiles"):
        assert tracker.get(path).status_code == 403
    assert tracker.post("/incidents", json={}).status_code in {403, 422}
    assert tracker.post("/pairings", json={}).status_code == 403
    row = {"team_id": TWO, "lon": 119.61, "lat": 29.1, "at": minute_ago().isoformat()}
    assert rejected(tracker.post("/positions", json=[row])) == ["other-team"]
    assert tracker.get(f"/osmand?id={TWO}&lat=29.1&lon=119.61").json()["stored"] == 1
    assert last(world, TWO) is None  # it is its own team's, whatever `id` says
    assert last(world, ONE) is not None


def test_a_tracker_is_listed_ended_and_ends_with_its_key(world: World) -> None:
    keys.add_key(world.service, "fleet", Role.OFFICER, district=D)
    made = [str(sessions.add_tracker(world.service, "fleet", UUID(ONE))["token"]) for _ in range(2)]
    listed = devices.list_devices(world.service, "fleet")
    assert [(each["kind"], each["team_id"]) for each in listed] == [("tracker", ONE)] * 2
    web = world.browser()

    def report(token: str) -> int:
        status: int = web.get("/osmand", params={"id": token, "lat": "29.1", "lon": "119.61"}).status_code
        return status

    assert [report(token) for token in made] == [200, 200]
    devices.end_device(world.service, listed[0]["id"])
    assert sorted(eventually(lambda: [report(token) for token in made], [200, 401])) == [200, 401]
    keys.revoke_key(world.service, "fleet")
    assert eventually(lambda: [report(token) for token in made], [401, 401]) == [401, 401]
    with pytest.raises(NotFound, match="no team"):
        sessions.add_tracker(world.service, "officer", uuid4())
    with pytest.raises(NotFound, match="No active key"):
        sessions.add_tracker(world.service, "nobody", UUID(ONE))


def eventually(look: Any, wanted: list[int]) -> list[int]:
    """Look until what is wanted is there: a process refuses what has ended within a second."""
    deadline = datetime.now(UTC) + timedelta(seconds=20)
    while sorted(found := look()) != wanted and datetime.now(UTC) < deadline:
        pass
    return list(found)


def test_a_paired_device_with_a_team_may_use_the_address_too(world: World) -> None:
    code = world.client("officer").post("/pairings", json={"team_id": ONE}).json()["code"]
    phone = world.browser().post("/devices", json={"code": code}).json()["token"]
    assert world.browser().get(f"/osmand?token={phone}&lat=29.1&lon=119.61").json()["stored"] == 1
    code = world.client("officer").post("/pairings", json={}).json()["code"]
    none = world.browser().post("/devices", json={"code": code}).json()["token"]
    answer = world.browser().get(f"/osmand?token={none}&lat=29.1&lon=119.61")
    assert (answer.status_code, kind(answer)) == (403, "device-without-team")


def test_no_token_is_in_the_log(world: World, token: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    web = world.browser()
    web.get(f"/osmand?id={token}&lat=29.1&lon=119.61")
    web.get(f"/osmand?id={token}&lat=x&lon=119.61")
    web.post("/osmand", content=b'{"device_id": "' + token.encode() + b'"}', headers=JSON)
    ours = [record for record in caplog.records if record.name.startswith("gridsvc")]
    said = "\n".join(f"{record.getMessage()} {vars(record)}" for record in ours)
    assert "positions rejected" in said
    assert "/osmand" in said
    assert token not in said
