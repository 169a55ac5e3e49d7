"""Cases over HTTP, as a dispatcher's screen and other programs use them."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from starlette.testclient import TestClient


@pytest.fixture(scope="module")
def places(web: TestClient) -> list[dict[str, float]]:
    items = web.get("/incidents", params={"limit": 60}).json()["items"]
    return [{key: item["location"][key] for key in ("lon", "lat")} for item in items]


@pytest.fixture(scope="module")
def urgent(web: TestClient) -> list[str]:
    plans = web.get("/response-plans").json()["items"]
    return [plan["type"] for plan in plans if plan["urgency"] == "emergency"]


def report(web: TestClient, kind: str, place: dict[str, float], **more: Any) -> dict[str, Any]:
    answer = web.post("/incidents", json={"type": kind, "location": place} | more)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def step(web: TestClient, case: dict[str, Any], word: str, **more: Any) -> Any:
    return web.post(f"/incidents/{case['id']}/steps", json={"step": word} | more)


def engaged(web: TestClient) -> Counter[str]:
    found: Counter[str] = Counter()
    after = None
    while True:
        page = web.get("/incidents", params={"limit": 200} | ({"after": after} if after else {})).json()
        for case in page["items"]:
            found.update(a["team_id"] for a in case["assignments"] if a["until"] is None)
        after = page["next"]
        if after is None:
            return found


def test_r10_r11_a_report_is_answered_with_owners_team_and_reasons(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    case = report(web, urgent[0], places[0])
    assert all(case["owners"][level] for level in ("regional", "township", "area", "village"))
    assert case["owners"] == web.get("/owners", params=places[0]).json()["owners"]
    assert (case["response_class"], case["target_s"]) in {("urban", 300), ("rural", 900)}
    shown, others = case["recommendation"]["considered"], case["recommendation"]["considered_counts"]
    considered = {team["team_id"]: team for team in web.get(f"/incidents/{case['id']}/considered").json()["items"]}
    assert set(considered) == {team["id"] for team in web.get("/teams").json()["items"]}
    assert len(shown) <= 10
    assert all(considered[team["team_id"]] == team for team in shown)
    rest = Counter(team["verdict"] for team in considered.values()) - Counter(team["verdict"] for team in shown)
    assert others == rest
    lead = case["recommendation"]["lead"]
    if lead is not None:
        assert considered[lead["team_id"]]["travel_s"] == lead["travel_s"]
        assert lead["response_s"] > lead["travel_s"]
    assert case["status"] == "triggered"
    assert case["waiting"]


def test_r18_every_change_leaves_its_event(web: TestClient, places: list[dict[str, float]], urgent: list[str]) -> None:
    case = report(web, urgent[1], places[1], description="smoke")
    assert step(web, case, "accept").status_code == 200
    assert step(web, case, "cancel", note="false alarm").status_code == 200
    events = web.get(f"/incidents/{case['id']}/events").json()["items"]
    assert [event["kind"] for event in events] == ["report", "accept", "cancel"]
    assert "false alarm" not in json.dumps(events[2]["data"])  # free words lie apart, where the law may empty them
    assert events[2]["note"] == "false alarm"
    assert all(event["incident_id"] == case["id"] for event in events)


def test_a_retry_gets_the_same_bytes_and_another_body_is_refused(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    body = {"type": urgent[0], "location": places[2]}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    first, again = (web.post("/incidents", json=body, headers=key) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    other = web.post("/incidents", json=body | {"description": "x"}, headers=key)
    assert other.status_code == 422
    assert other.json()["type"].endswith("idempotency-key-reused")


def test_a_place_may_be_sent_back_as_an_answer_gave_it(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    given = report(web, urgent[0], places[0])["location"]
    assert given["road"]["level"] == "surface"
    assert report(web, urgent[0], given)["location"] == given
    other = web.post("/incidents", json={"type": urgent[0], "location": given | {"roads": 1}})
    assert other.status_code == 422


def test_twins_in_flight_make_one_case(web: TestClient, places: list[dict[str, float]], urgent: list[str]) -> None:
    body = {"type": urgent[0], "location": places[3]}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    with ThreadPoolExecutor(8) as crowd:
        twins = list(crowd.map(lambda _: web.post("/incidents", json=body, headers=key), range(8)))
    assert {twin.status_code for twin in twins} == {201}
    assert len({twin.json()["id"] for twin in twins}) == 1


def test_r13_a_case_and_its_teams_go_through_their_life(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    case = next(c for c in (report(web, kind, places[4]) for kind in urgent) if c["recommendation"]["lead"])
    sent = step(web, case, "assign").json()
    assert sent["status"] == "assigned"
    assert sent["accepted_at"] is not None
    team = next(a["team_id"] for a in sent["assignments"] if a["lead"])
    for word in ("acknowledge", "en_route", "on_scene"):
        assert step(web, case, word, team_id=team).status_code == 200
    assert step(web, case, "acknowledge", team_id=team).status_code == 409
    for word in ("handle", "feedback", "archive"):
        done = step(web, case, word)
        assert done.status_code == 200, done.text
    ended = done.json()
    assert ended["status"] == "archived"
    assert all(a["until"] is not None for a in ended["assignments"])
    lead = next(a for a in ended["assignments"] if a["lead"])
    stamps = [lead[clock] for clock in ("since", "acknowledged_at", "en_route_at", "on_scene_at")]
    assert stamps == sorted(stamps)
    assert step(web, case, "handle").json()["parameters"]["legal"] == ["reopen"]


def test_eight_dispatchers_never_send_one_team_twice(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    cases = [report(web, urgent[n % len(urgent)], places[n % len(places)]) for n in range(16)]
    with ThreadPoolExecutor(8) as crowd:
        codes = [answer.status_code for answer in crowd.map(lambda case: step(web, case, "assign"), cases)]
    assert set(codes) <= {200, 409}
    assert 200 in codes
    assert max(engaged(web).values()) == 1
    for case in cases:
        step(web, case, "cancel")


def test_the_loser_is_told_who_has_the_team(web: TestClient, places: list[dict[str, float]], urgent: list[str]) -> None:
    first, second = (
        next(c for c in (report(web, kind, places[5]) for kind in urgent) if c["recommendation"]["lead"])
        for _ in range(2)
    )
    team = first["recommendation"]["lead"]["team_id"]
    assert step(web, first, "assign", team_id=team).status_code == 200
    lost = step(web, second, "assign", team_id=team)
    assert lost.status_code == 409
    assert lost.json()["parameters"]["incident_id"] == first["id"]
    step(web, first, "cancel")


def test_r13_who_declines_leaves_the_case_waiting_and_is_not_sent_again(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    case = next(c for c in (report(web, kind, places[6]) for kind in urgent) if c["recommendation"]["lead"])
    team = case["recommendation"]["lead"]["team_id"]
    assert step(web, case, "assign", team_id=team).status_code == 200
    assert step(web, case, "decline", team_id=team).status_code == 422
    left = step(web, case, "decline", team_id=team, note="flat tyre").json()
    assert (left["status"], left["waiting"]) == ("accepted", True)
    again = step(web, case, "assign")
    if again.status_code == 200:
        assert team not in again.json()["sent"]
    step(web, case, "cancel")


def test_r23_the_tenth_call_about_one_fire_names_the_first(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    first = report(web, urgent[2], places[7])
    near = {"lon": places[7]["lon"] + 0.0005, "lat": places[7]["lat"]}
    second = report(web, urgent[2], near)
    named = {duplicate["id"]: duplicate for duplicate in second["possible_duplicates"]}
    assert first["id"] in named
    assert 30 < named[first["id"]]["distance_m"] < 70
    step(web, first, "cancel")
    step(web, second, "cancel")
    third = report(web, urgent[2], near)
    assert not {first["id"], second["id"]} & {d["id"] for d in third["possible_duplicates"]}


def test_r13_a_late_stamp_is_backfilled_and_marked(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    case = next(c for c in (report(web, kind, places[8]) for kind in urgent) if c["recommendation"]["lead"])
    team = case["recommendation"]["lead"]["team_id"]
    since = step(web, case, "assign", team_id=team).json()["assignments"][0]["since"]
    assert step(web, case, "en_route", team_id=team, at=since).status_code == 200
    events = web.get(f"/incidents/{case['id']}/events").json()["items"]
    assert events[-1]["client_at"] == since
    step(web, case, "cancel")


def test_r10_a_wrong_device_clock_refuses_no_step_of_an_emergency(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    case = next(c for c in (report(web, kind, places[8]) for kind in urgent) if c["recommendation"]["lead"])
    team = case["recommendation"]["lead"]["team_id"]
    since = datetime.fromisoformat(step(web, case, "assign", team_id=team).json()["assignments"][0]["since"])
    for word, hours in (("acknowledge", 1), ("en_route", -1)):
        wrong = (since + timedelta(hours=hours)).isoformat()
        done = step(web, case, word, team_id=team, at=wrong)
        assert done.status_code == 200
        [mine] = [each for each in done.json()["assignments"] if each["team_id"] == team]
        stamped = mine["acknowledged_at" if word == "acknowledge" else "en_route_at"]
        assert since <= datetime.fromisoformat(stamped) < since + timedelta(minutes=10)
        event = web.get(f"/incidents/{case['id']}/events").json()["items"][-1]
        assert event["data"]["corrected"] is True
        assert datetime.fromisoformat(event["client_at"]) == datetime.fromisoformat(wrong)
    step(web, case, "cancel")


def test_a_line_goes_to_the_lowest_common_ancestor(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    line = {"type": "LineString", "coordinates": [[p["lon"], p["lat"]] for p in places[:6]]}
    answer = web.post("/incidents", json={"type": urgent[0], "geometry": line})
    assert answer.status_code == 201, answer.text
    case = answer.json()
    assert case["owners"]["village"] is None
    shares = case["ownership"]["shares"]
    assert sum(share["share"] for share in shares) == pytest.approx(1, abs=0.02)


def test_beside_the_district_a_case_is_taken_and_far_away_it_is_refused(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    bounds = web.get("/tiles/grids.json").json()["bounds"]
    beside = {"lon": bounds[2] + 0.05, "lat": places[0]["lat"]}
    asked = web.get("/owners", params=beside)
    assert asked.status_code == 404
    assert asked.json()["distance_m"] > 2000
    case = report(web, urgent[0], beside)
    assert not any(case["owners"].values())
    assert case["ownership"]["rule"] == "outside"
    far = web.post("/incidents", json={"type": urgent[0], "location": {"lon": -150, "lat": -40}})
    assert far.status_code == 422
    assert far.json()["type"].endswith("outside")


def test_the_list_pages_through_every_case_once(web: TestClient) -> None:
    seen: list[str] = []
    after = None
    while True:
        page = web.get("/incidents", params={"limit": 7} | ({"after": after} if after else {})).json()
        seen += [case["id"] for case in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert len(seen) == len(set(seen)) >= 60
    archived = web.get("/incidents", params={"status": "archived", "limit": 1000}).json()["items"]
    assert archived
    assert {case["status"] for case in archived} == {"archived"}


def test_recommendations_write_nothing(web: TestClient, places: list[dict[str, float]], urgent: list[str]) -> None:
    before = len(web.get("/incidents", params={"limit": 1000}).json()["items"])
    told = web.post("/recommendations", json={"type": urgent[0], "location": places[0]}).json()
    assert told["recommendation"]["considered"]
    assert "id" not in told
    assert len(web.get("/incidents", params={"limit": 1000}).json()["items"]) == before


def test_the_answer_is_json_without_surprises(
    web: TestClient, places: list[dict[str, float]], urgent: list[str]
) -> None:
    answer = web.post("/incidents", json={"type": urgent[0], "location": places[0]})
    assert b"NaN" not in answer.content
    assert json.loads(answer.content) == answer.json()
