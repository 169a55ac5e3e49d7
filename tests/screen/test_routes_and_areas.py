"""Ways, areas and what they say, in a real browser against the program as it is served."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.screen.test_screen import CONTRAST, FEATURES, emergency, place_inside, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page, Route

    from tests.screen.conftest import Seen, Served

    Open = Callable[..., tuple[Page, Seen]]

MESH_MS = 400_000  # the first area of a data folder waits for the mesh of its roads

LINES = """(layer) => gridsvc.map.queryRenderedFeatures({layers: [layer]})
    .map((f) => ({team: f.properties.team_id, line: f.geometry.coordinates}))"""
SCENE_ENDS = """(scene) => Math.min(...gridsvc.map.queryRenderedFeatures({layers: ["way-lead"]})
    .flatMap((f) => f.geometry.coordinates.flat(f.geometry.type === "LineString" ? 0 : 1))
    .map(([lon, lat]) => Math.hypot((lon - scene[0]) * 97_000, (lat - scene[1]) * 111_320)))"""
BANDS_AT = """([lon, lat]) => {
    const {x, y} = gridsvc.map.project([lon, lat]);
    const box = [[x - 1, y - 1], [x + 1, y + 1]];
    return [...new Set(gridsvc.map.queryRenderedFeatures(box, {layers: ["area-near", "area-far"]})
        .map((f) => f.properties.band))].sort();
}"""
STILL = "gridsvc.map.loaded() && !gridsvc.map.isMoving() && gridsvc.map.areTilesLoaded()"


@pytest.fixture(scope="module", autouse=True)
def _mesh(served: Served) -> None:
    """Ask for one area, so that no test waits for the mesh of the roads."""
    lon, lat = place_inside(served)
    query: dict[str, str | float] = {"lon": lon, "lat": lat, "minutes": "5", "profile": "emergency"}
    assert served.web.get("/isochrones", params=query, timeout=MESH_MS / 1000).status_code == 200


def report(served: Served, *, nth: int = 0) -> dict[str, Any]:
    """Report an emergency at a place that the demo's history has used."""
    items = served.web.get("/incidents", params={"limit": 200}).json()["items"]
    # Each place once: the newest cases may all be those that tests reported at one place.
    places = dict.fromkeys((each["location"]["lon"], each["location"]["lat"]) for each in items)
    lon, lat = list(places)[nth]
    body = {"type": emergency(served)["type"], "location": {"lon": lon, "lat": lat}}
    made: dict[str, Any] = served.web.post("/incidents", json=body).json()
    assert made["recommendation"]["lead"], made["recommendation"]
    return made


def end(served: Served, made: dict[str, Any]) -> None:
    served.web.post(f"/incidents/{made['id']}/steps", json={"step": "cancel", "note": "end of the test"})


@pytest.fixture
def case(served: Served) -> Any:
    """A fresh emergency with a recommended lead; cancelled afterwards, so that its teams are free again."""
    made = report(served)
    yield made
    end(served, made)


def choose(page: Page, made: dict[str, Any]) -> None:
    # Not a click of the mouse: the list is drawn again while the map keeps a machine without graphics card busy.
    page.wait_for_selector(f"[data-case='{made['id']}']", state="attached")
    page.evaluate("(id) => document.querySelector(`[data-case='${id}']`).click()", made["id"])
    page.wait_for_selector("#ways", state="attached")


def hold(page: Page, pattern: str) -> list[Route]:
    """Keep the requests that fit, unanswered."""
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    page.route(pattern, keep)
    return held


def press(page: Page, selector: str) -> None:
    page.wait_for_selector(selector, state="attached")
    page.evaluate("(selector) => document.querySelector(selector).click()", selector)


def seconds_of(page: Page, team: str) -> float:
    row = f".way[data-way-of='{team}'][data-status=there]"
    page.wait_for_selector(row, state="attached")
    return float(page.locator(f"{row} .way-seconds").inner_text().split()[0])


def station_of(served: Served, team: str) -> tuple[float, float]:
    found = next(each for each in served.web.get("/teams").json()["items"] if each["id"] == team)
    return found["position"]["lon"], found["position"]["lat"]


def way_of(served: Served, team: str, made: dict[str, Any]) -> dict[str, Any]:
    lon, lat = station_of(served, team)
    to = made["location"]
    query: dict[str, str | float] = {
        "from_lon": lon,
        "from_lat": lat,
        "to_lon": to["lon"],
        "to_lat": to["lat"],
        "profile": "emergency",
    }
    answer: dict[str, Any] = served.web.get("/routes", params=query).json()
    return answer


def test_the_way_of_the_lead_is_drawn_and_takes_what_the_recommendation_says(
    open_screen: Open, served: Served, case: dict[str, Any]
) -> None:
    page, seen = open_screen(draw_map=True)
    choose(page, case)
    lead = case["recommendation"]["lead"]
    assert seconds_of(page, lead["team_id"]) == pytest.approx(lead["travel_s"], abs=0.1)
    answer = way_of(served, lead["team_id"], case)
    kilometres = float(page.locator("#ways .way-lead .way-length").inner_text().split()[0])
    assert kilometres == pytest.approx(answer["properties"]["length_m"] / 1000, abs=0.06)
    minutes, seconds = page.locator("#ways .way-lead .way-time").inner_text().split(":")
    assert int(minutes) * 60 + int(seconds) == round(lead["travel_s"])

    until(page, STILL)
    until(page, "gridsvc.map.queryRenderedFeatures({layers: ['way-lead']}).length > 0")
    drawn = page.evaluate(LINES, "way-lead")
    assert {each["team"] for each in drawn} == {lead["team_id"]}
    scene = [case["location"]["lon"], case["location"]["lat"]]
    last = answer["geometry"]["coordinates"][-1]
    walked_m = ((last[0] - scene[0]) * 97_000) ** 2 + ((last[1] - scene[1]) * 111_320) ** 2
    assert page.evaluate(SCENE_ENDS, scene) <= walked_m**0.5 + 60
    words = {each["words"] for each in page.evaluate(FEATURES, ["way-lead-words"])}
    assert len(words) == 1
    assert page.locator("#ways .way-lead .way-time").inner_text() in words.pop()
    for member in case["recommendation"]["members"]:
        assert seconds_of(page, member["team_id"]) == pytest.approx(member["travel_s"], abs=0.1)

    press(page, "[data-layer=ways]")
    until(page, "gridsvc.map.queryRenderedFeatures({layers: ['way-lead', 'way-member']}).length === 0")
    assert seen.errors == []


def test_after_the_order_the_ways_are_those_of_the_teams_that_were_sent(
    open_screen: Open, served: Served, case: dict[str, Any]
) -> None:
    sent = served.web.post(f"/incidents/{case['id']}/steps", json={"step": "assign"}).json()["assignments"]
    page, _ = open_screen()
    choose(page, case)
    for each in sent:
        assert seconds_of(page, each["team_id"]) == pytest.approx(each["travel_s"], abs=0.1)
    (lead,) = [each["team_id"] for each in sent if each["lead"]]
    assert page.get_attribute("#ways .way-lead", "data-way-of") == lead
    assert page.locator(".way").count() == len(sent)
    served.web.post(f"/incidents/{case['id']}/steps", json={"step": "on_scene", "team_id": lead})
    page.wait_for_selector("#ways .way-lead .way-note.good", state="attached")
    assert "已到场" in page.inner_text("#ways .way-lead")


def test_any_team_that_was_considered_can_be_laid_beside_the_lead(open_screen: Open, case: dict[str, Any]) -> None:
    page, _ = open_screen(draw_map=True)
    answer = case["recommendation"]
    chosen = {each["team_id"] for each in [answer["lead"], *answer["members"]]}
    slower = next(
        each for each in sorted(answer["considered"], key=lambda each: -(each["travel_s"] or 0))
        if each["team_id"] not in chosen and each["travel_s"] and each["travel_s"] > answer["lead"]["travel_s"] + 30
    )  # fmt: skip
    choose(page, case)
    seconds_of(page, answer["lead"]["team_id"])
    press(page, f".considered [data-way='{slower['team_id']}']")
    assert seconds_of(page, slower["team_id"]) == pytest.approx(slower["travel_s"], abs=0.1)
    row = f".way-compared[data-way-of='{slower['team_id']}']"
    behind = round(slower["travel_s"] - answer["lead"]["travel_s"])
    slower_by = re.search(r"慢 (\d+):(\d\d)", page.inner_text(row))
    assert slower_by is not None
    assert abs(int(slower_by[1]) * 60 + int(slower_by[2]) - behind) <= 1
    until(page, STILL)
    until(page, "gridsvc.map.queryRenderedFeatures({layers: ['way-compared']}).length > 0")
    assert {each["team"] for each in page.evaluate(LINES, "way-compared")} == {slower["team_id"]}
    assert page.evaluate(FEATURES, ["way-lead"])  # the lead's stays beside it
    assert page.get_attribute(f".considered [data-way='{slower['team_id']}']", "aria-pressed") == "true"
    press(page, f"{row} [data-key='drop {slower['team_id']}']")
    until(page, "gridsvc.map.queryRenderedFeatures({layers: ['way-compared']}).length === 0")
    assert page.locator(row).count() == 0


def test_an_answer_for_a_case_that_is_no_longer_chosen_is_never_drawn(
    open_screen: Open, served: Served, case: dict[str, Any]
) -> None:
    page, _ = open_screen(draw_map=True)
    other = report(served, nth=7)
    here = f"to_lon={case['location']['lon']}"
    held: list[Route] = []
    page.route("**/routes?*", lambda route: held.append(route) if here in route.request.url else route.continue_())
    choose(page, case)
    until(page, "document.querySelectorAll('.way[data-status=asking]').length > 0")
    choose(page, other)
    lead = other["recommendation"]["lead"]
    assert seconds_of(page, lead["team_id"]) == pytest.approx(lead["travel_s"], abs=0.1)
    assert held
    for route in held:
        answer = served.web.get(urlsplit(route.request.url).path + "?" + urlsplit(route.request.url).query)
        route.fulfill(body=answer.text, content_type="application/json")
    page.wait_for_timeout(500)
    until(page, STILL)
    shown = {each["team_id"]: each["travel_s"] for each in [lead, *other["recommendation"]["members"]]}
    for team, travel_s in shown.items():
        assert seconds_of(page, team) == pytest.approx(travel_s, abs=0.1)
    assert page.locator(".way").count() == len(shown)
    end(served, other)


def test_a_team_that_no_road_leads_to_the_scene_says_so(open_screen: Open, case: dict[str, Any]) -> None:
    page, _ = open_screen(draw_map=True)
    nowhere = {"type": "Feature", "geometry": None, "properties": {"seconds": None, "length_m": None}}
    page.route("**/routes?*", lambda route: route.fulfill(json=nowhere))
    choose(page, case)
    page.wait_for_selector("#ways .way-lead[data-status=none]", state="attached")
    assert "不可达" in page.inner_text("#ways .way-lead")
    assert "没有道路" in page.inner_text("#ways .way-lead")
    assert page.evaluate(FEATURES, ["way-lead", "way-member", "way-lead-words"]) == []


def test_a_slow_or_refused_answer_is_said_and_can_be_asked_for_again(
    open_screen: Open, served: Served, case: dict[str, Any]
) -> None:
    page, _ = open_screen()
    held = hold(page, "**/routes?*")
    lead = case["recommendation"]["lead"]["team_id"]
    choose(page, case)
    page.wait_for_selector("#ways .way-lead[data-status=asking]", state="attached")
    assert "正在查找路线" in page.inner_text("#ways .way-lead")
    assert page.locator(".way-seconds").count() == 0
    refusal: dict[str, Any] = {
        "type": "urn:gridsvc:problem:no-roads",
        "detail": "no sentence of the service is shown",
        "parameters": {},
    }
    for route in held:
        route.fulfill(status=404, content_type="application/problem+json", body=json.dumps(refusal))
    page.wait_for_selector("#ways .way-lead[data-status=failed]", state="attached")
    words = page.inner_text("#ways .way-lead")
    assert "路线未知" in words
    assert refusal["detail"] not in words
    page.unroute("**/routes?*")
    page.click(f"[data-key='again {lead}']")
    seconds_of(page, lead)


def test_a_team_of_which_no_place_is_known_says_so(open_screen: Open, served: Served, case: dict[str, Any]) -> None:
    lead = case["recommendation"]["lead"]["team_id"]
    items = served.web.get("/teams").json()["items"]
    answer = {"items": [{**each, "position": None, "station": None} if each["id"] == lead else each for each in items]}
    page, _ = open_screen()
    page.route("**/teams", lambda route: route.fulfill(json=answer))
    page.wait_for_timeout(5_500)  # until the teams were read again
    choose(page, case)
    page.wait_for_selector("#ways .way-lead[data-status=unplaced]", state="attached")
    assert "没有位置" in page.inner_text("#ways .way-lead")


def test_the_areas_round_the_scene_are_where_the_travel_times_say(
    open_screen: Open, served: Served, case: dict[str, Any]
) -> None:
    page, seen = open_screen(1100, 640, draw_map=True)  # each place below is drawn without a graphics card
    choose(page, case)
    page.wait_for_selector("[data-areas=there]", state="attached")
    lon, lat = case["location"]["lon"], case["location"]["lat"]
    query: dict[str, str | float] = {
        "lon": lon,
        "lat": lat,
        "minutes": "5,15",
        "direction": "to",
        "profile": "emergency",
    }
    for feature in served.web.get("/isochrones", params=query).json()["features"]:
        proof = feature["properties"]["certificate"]
        minutes = f"行车 {feature['properties']['minutes']:.0f} 分钟"
        row = page.locator("#areas-card li", has_text=minutes).inner_text()
        assert f"{proof['points']:,} 点中 {proof['wrong']} 点" in row
    # Where the teams' ways begin on the road are the witnesses: POST /travel-times says how long each drives.
    considered = served.web.get(f"/incidents/{case['id']}/considered").json()["items"]
    teams = [each["team_id"] for each in considered if each["travel_s"]]
    ways = [way_of(served, team, case)["geometry"] for team in teams]
    places = sorted({tuple(way["coordinates"][0]) for way in ways if way})
    body = {"origins": [list(at) for at in places], "destinations": [[lon, lat]], "profile": "emergency"}
    times = [row[0] for row in served.web.post("/travel-times", json=body).json()["seconds"]]
    clear = [(at, s) for at, s in zip(places, times, strict=True) if min(abs(s - 300), abs(s - 900)) > 20]
    near = [pair for pair in clear if pair[1] < 300][:1]
    far = [pair for pair in clear if 300 < pair[1] < 900][:2]
    out = [pair for pair in clear if pair[1] > 900][:1]
    assert near or far
    assert out
    for at, travel_s in [*near, *far, *out]:
        page.evaluate("([lon, lat]) => gridsvc.map.jumpTo({center: [lon, lat], zoom: 13})", list(at))
        until(page, STILL)
        expected = ["far", "near"] if travel_s < 300 else ["far"] if travel_s < 900 else []
        assert page.evaluate(BANDS_AT, list(at)) == expected, (at, travel_s)
    press(page, "[data-key=areas-off]")
    until(page, "gridsvc.map.queryRenderedFeatures({layers: ['area-near', 'area-far']}).length === 0")
    assert page.is_hidden("#areas-card")
    assert not page.is_checked("[data-layer=areas]")
    assert seen.errors == []


def test_the_area_of_a_team_is_net_of_handling_and_turnout(
    open_screen: Open, served: Served, case: dict[str, Any]
) -> None:
    page, seen = open_screen(draw_map=True)
    choose(page, case)
    lead = case["recommendation"]["lead"]
    seconds_of(page, lead["team_id"])
    press(page, f"[data-areas-of='{lead['team_id']}']")
    page.wait_for_selector("[data-areas=there]", state="attached")
    until(page, "document.querySelectorAll('#areas-card li').length === 2")
    asked = parse_qs(urlsplit([url for url in seen.requests if "/isochrones?" in url][-1]).query)
    # response = handling + turnout + travel, so that what is left of the target is the driving
    before_s = lead["response_s"] - lead["travel_s"]
    expected = [(target_s - before_s) / 60 for target_s in (300, 900)]
    assert [float(each) for each in asked["minutes"][0].split(",")] == pytest.approx(expected, abs=1e-3)
    assert asked["direction"] == ["from"]
    for target, minutes in zip((5, 15), expected, strict=True):
        left = f"{int(minutes)}:{round(minutes % 1 * 60):02d}"
        assert f"时限 {target} 分钟：行车 {left}" in page.inner_text("#areas-card")
    station = way_of(served, lead["team_id"], case)["geometry"]["coordinates"][0]
    page.evaluate("([lon, lat]) => gridsvc.map.jumpTo({center: [lon, lat], zoom: 13})", station)
    until(page, STILL)
    assert page.evaluate(BANDS_AT, station) == ["far", "near"]


def test_waiting_for_areas_is_shown_and_can_be_cancelled(open_screen: Open, case: dict[str, Any]) -> None:
    page, _ = open_screen()
    hold(page, "**/isochrones?*")
    choose(page, case)
    page.wait_for_selector("[data-areas=asking] [role=progressbar]", state="attached")
    until(page, "document.querySelector('[data-passed]')?.textContent > '0:00'")
    page.get_by_role("button", name="取消").click()
    page.wait_for_selector("[data-areas=cancelled]")
    assert "已停止等待" in page.inner_text("#areas-card")
    page.unroute("**/isochrones?*")
    page.get_by_role("button", name="重试").click()
    page.wait_for_selector("[data-areas=there]", state="attached")
    # The service that was never away is not said to be.
    assert page.is_hidden("#away")


def test_areas_of_any_place_by_keyboard_alone(open_screen: Open, case: dict[str, Any]) -> None:
    page, seen = open_screen(draw_map=True)
    page.evaluate("([lon, lat]) => gridsvc.map.jumpTo({center: [lon, lat], zoom: 13})", [
        case["location"]["lon"], case["location"]["lat"],
    ])  # fmt: skip
    until(page, STILL)
    page.focus(".maplibregl-canvas")
    page.keyboard.press("Enter")
    page.wait_for_selector(".map-card")
    page.focus("[data-action=areas_here]")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-areas=there]", state="attached")
    assert "direction=to" in [url for url in seen.requests if "/isochrones?" in url][-1]
    until(page, STILL)
    assert page.evaluate(BANDS_AT, [case["location"]["lon"], case["location"]["lat"]]) == ["far", "near"]


def test_every_switch_has_a_name_and_can_be_reached_by_keyboard(open_screen: Open) -> None:
    for locale, names in (("zh-CN", ["路线", "5／15 分钟范围"]), ("en-GB", ["Ways", "5 and 15 minutes"])):
        page, _ = open_screen(locale=locale)
        page.focus("#layers summary")
        page.keyboard.press("Enter")
        for name in names:
            page.keyboard.press("Tab")
            switch = page.get_by_role("switch", name=name)
            assert switch.count() == 1
            assert switch.evaluate("(element) => element === document.activeElement")
            before = switch.is_checked()
            page.keyboard.press("Space")
            assert switch.is_checked() != before
            assert switch.evaluate(
                "(element) => element === document.activeElement"
            )  # what was pressed keeps the focus


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1920, 1080), (3840, 1080), (390, 844)])
def test_ways_and_areas_fit_at(open_screen: Open, case: dict[str, Any], width: int, height: int) -> None:
    page, _ = open_screen(width, height)
    choose(page, case)
    page.wait_for_selector("[data-areas=there]", state="attached")
    seconds_of(page, case["recommendation"]["lead"]["team_id"])
    for view in ("panel", "map"):
        if width < 800:
            press(page, f"#tabs button:nth-child({['map', 'cases', 'panel'].index(view) + 1})")
        page.evaluate("document.querySelector('#layers').open = true")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollHeight") <= height
        assert page.evaluate(
            "document.querySelector('.panel-body').scrollWidth <= document.querySelector('.panel-body').clientWidth"
        )
    boxes = [page.locator(name).bounding_box() for name in ("#layers", "#areas-card", "#legend")]
    area = page.locator("section.map").bounding_box()
    assert area is not None
    for n, box in enumerate(boxes):
        assert box is not None
        assert area["x"] <= box["x"]
        assert box["x"] + box["width"] <= area["x"] + area["width"]
        assert area["y"] <= box["y"]
        assert box["y"] + box["height"] <= area["y"] + area["height"]
        for other in boxes[:n]:
            assert other is not None
            beside = box["x"] >= other["x"] + other["width"] or other["x"] >= box["x"] + box["width"]
            above = box["y"] >= other["y"] + other["height"] or other["y"] >= box["y"] + box["height"]
            assert beside or above
    assert page.evaluate(CONTRAST) == []
