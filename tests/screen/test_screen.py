"""The command screen in a real browser, against the program as it is served."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.screen.conftest import WAIT_MS

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.screen.conftest import Seen, Served

    Open = Callable[..., tuple[Page, Seen]]

FEATURES = """(layers) => gridsvc.map.queryRenderedFeatures({layers}).map((f) => f.properties)"""
PROJECT = """([lon, lat]) => {
    const {x, y} = gridsvc.map.project([lon, lat]);
    const box = gridsvc.map.getCanvas().getBoundingClientRect();
    return [box.left + x, box.top + y];
}"""


def bounds_of(served: Served) -> tuple[float, float, float, float]:
    west, south, east, north = served.web.get("/tiles/grids.json").json()["bounds"]
    return west, south, east, north


def place_inside(served: Served) -> tuple[float, float]:
    """A place that the demo's history has used: inside the district and near a road."""
    item = served.web.get("/incidents", params={"limit": 1}).json()["items"][0]
    return item["location"]["lon"], item["location"]["lat"]


def emergency(served: Served) -> dict[str, Any]:
    plans = served.web.get("/response-plans").json()["items"]
    found: dict[str, Any] = next(plan for plan in plans if plan["urgency"] == "emergency")
    return found


def until(page: Page, expression: str) -> None:
    """Wait until an expression holds; the page's content policy forbids playwright's own way."""
    started_at = time.monotonic()
    while not page.evaluate(expression):
        assert time.monotonic() - started_at < WAIT_MS / 1000, f"never: {expression}"
        page.wait_for_timeout(100)


def choose_type(page: Page, words: str) -> None:
    page.fill("[data-key=type-words]", words)
    page.press("[data-key=type-words]", "Enter")
    page.wait_for_selector(".type-chosen")


def test_the_page_loads_whole_from_this_service_alone(open_screen: Open, served: Served) -> None:
    page, seen = open_screen(draw_map=True)
    assert seen.errors == []
    assert len(seen.requests) > 10
    here = urlsplit(served.url).netloc
    assert {urlsplit(url).netloc for url in seen.requests if not url.startswith(("blob:", "data:"))} == {here}
    assert "金东区" in page.inner_text("#district")
    assert "合成数据" in page.inner_text("#about")


def test_the_page_forbids_what_it_does_not_need(served: Served) -> None:
    policy = served.web.get("/").headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_files_are_kept_for_ever_under_a_name_that_changes(served: Served) -> None:
    page = served.web.get("/")
    assert page.headers["cache-control"] == "no-cache"
    (script,) = re.findall(r'<script type="module" src="([^"]+)"', page.text)
    kept = served.web.get(script)
    assert kept.status_code == 200
    assert "immutable" in kept.headers["cache-control"]
    assert "connect-src 'self'" in kept.headers["content-security-policy"]  # the map's worker fetches tiles
    assert kept.headers["content-type"].startswith("text/javascript")
    folder = script.rsplit("/js/", 1)[0]
    for path in ("/js/none.js", "/%2e%2e/pages.py", "/index.html"):
        assert served.web.get(folder + path).status_code == 404
    assert served.web.get(script.replace(folder, "/assets/0123456789abcdef")).status_code == 404


def test_the_map_draws_grids_roads_teams_and_cases(open_screen: Open, served: Served) -> None:
    page, _ = open_screen(draw_map=True)
    assert {each["level"] for each in page.evaluate(FEATURES, ["border-regional", "border-township"])} == {
        "regional",
        "township",
    }
    assert page.evaluate(FEATURES, ["road-major"])
    names = {each["name"] for each in page.evaluate(FEATURES, ["label-township"])}
    assert names
    assert names <= set(served.web.get("/screen/facts").json()["districts"][0]["townships"].values())
    until(page, "gridsvc.map.queryRenderedFeatures({layers: ['posts']}).length > 0")
    lon, lat = place_inside(served)
    page.evaluate("([lon, lat]) => gridsvc.map.jumpTo({center: [lon, lat], zoom: 13.2})", [lon, lat])
    until(page, "gridsvc.map.loaded() && gridsvc.map.areTilesLoaded()")
    assert page.evaluate(FEATURES, ["border-village"])
    assert page.evaluate(FEATURES, ["road-minor"])
    assert page.evaluate(FEATURES, ["label-village"])


def test_a_report_by_a_click_on_the_map_becomes_a_case_with_owners_and_a_team(
    open_screen: Open, served: Served
) -> None:
    page, seen = open_screen(draw_map=True)
    plan = emergency(served)
    before = served.web.get("/incidents", params={"limit": 1}).json()["items"][0]["number"]
    page.click("#new-report")
    page.wait_for_selector("#picking:not([hidden])")
    page.mouse.click(*page.evaluate(PROJECT, list(place_inside(served))))
    page.wait_for_selector(".picked")
    choose_type(page, plan["type"])
    # Owners and team are shown before anything is written.
    page.wait_for_selector("#preview .chain li[data-level=village] code:not(:empty)")
    page.wait_for_selector("#preview .team li, #preview .unfilled li")
    assert served.web.get("/incidents", params={"limit": 1}).json()["items"][0]["number"] == before
    page.fill("textarea[name=description]", "<b>浓烟</b>")
    page.click("#send")
    page.wait_for_selector(".panel-no")
    made = served.web.get("/incidents", params={"limit": 1}).json()["items"][0]
    assert made["type"] == plan["type"]
    assert f"#{made['number']}" in page.inner_text(".panel-no")
    for level, owner in made["owners"].items():
        assert owner["name"] in page.inner_text(f".chain li[data-level={level}]")
        assert owner["code"] in page.inner_text(f".chain li[data-level={level}]")
    assert page.inner_text(".said") == "<b>浓烟</b>"  # words stay words
    assert page.is_visible(f"[data-case='{made['id']}']")

    page.click(".steps [data-step=accept]")
    page.wait_for_selector(".panel-no .status-accepted")
    page.click(".steps [data-step=assign]")
    page.wait_for_selector(".panel-no .status-assigned, .problem")
    sent = served.web.get(f"/incidents/{made['id']}").json()["assignments"]
    if sent:
        names = {team["id"]: team["name"] for team in served.web.get("/teams").json()["items"]}
        for each in sent:
            assert names[each["team_id"]] in page.inner_text(f".team li[data-team='{each['team_id']}']")
        page.click(f"[data-of='{sent[0]['team_id']}'][data-step=on_scene]")
        page.wait_for_selector(".timeline .event-on_scene")
    shown = page.locator(".timeline .event").count()
    assert shown == len(served.web.get(f"/incidents/{made['id']}/events").json()["items"]) >= 2
    assert seen.errors == []


def test_a_report_needs_no_mouse(open_screen: Open, served: Served) -> None:
    page, _ = open_screen()
    plan = emergency(served)
    lon, lat = place_inside(served)
    page.keyboard.press("n")
    page.focus("[data-key=mode-coordinates]")
    page.keyboard.press("Enter")
    page.focus("[data-key=lon]")
    page.keyboard.type(f"{lon:.6f}")
    page.keyboard.press("Tab")
    page.keyboard.type(f"{lat:.6f}")
    page.focus("[data-key=type-words]")
    page.keyboard.type(plan["type"])
    page.keyboard.press("Enter")
    page.wait_for_selector("#preview .chain")
    page.focus("#send")
    page.keyboard.press("Enter")
    page.wait_for_selector(".panel-no")
    assert page.evaluate("document.activeElement.id") == "panel"
    made = served.web.get("/incidents", params={"limit": 1}).json()["items"][0]
    assert made["location"]["lon"] == pytest.approx(lon, abs=1e-6)
    page.keyboard.press("Escape")
    assert page.is_hidden("#panel")


@pytest.mark.parametrize(
    ("lon", "lat", "reason"),
    [("29.1", "119.6", "填反"), ("200", "29", "经度须在"), ("2.35", "48.85", "所辖区县之外")],
)
def test_a_place_that_cannot_be_meant_is_refused_in_chinese(
    open_screen: Open, served: Served, lon: str, lat: str, reason: str
) -> None:
    page, _ = open_screen()
    page.click("#new-report")
    page.click("[data-key=mode-coordinates]")
    page.fill("[data-key=lon]", lon)
    page.fill("[data-key=lat]", lat)
    choose_type(page, emergency(served)["type"])
    page.wait_for_selector("#report-problem .problem")
    assert reason in page.inner_text("#report-problem")
    assert not re.search("[A-Za-z`]", page.inner_text("#report-problem"))
    before = served.web.get("/incidents", params={"limit": 1}).json()["items"][0]["id"]
    page.click("#send")
    page.wait_for_selector("#report-problem .problem")
    assert served.web.get("/incidents", params={"limit": 1}).json()["items"][0]["id"] == before


def test_an_address_that_nobody_knows_is_refused_in_chinese(open_screen: Open, served: Served) -> None:
    page, _ = open_screen()
    page.click("#new-report")
    page.click("[data-key=mode-address]")
    page.fill("[data-key=address]", "不存在的路 99999 号")
    choose_type(page, emergency(served)["type"])
    page.wait_for_selector(".ask[data-ask=where]")  # what to ask the caller, instead of a refusal
    assert "哪个街道" in page.inner_text(".ask-words")
    assert not re.search("[A-Za-z`]", page.inner_text(".ask"))
    page.click("#send")
    page.wait_for_selector("#report-problem .problem")
    assert "没有这个地址" in page.inner_text("#report-problem")
    assert not re.search("[A-Za-z`]", page.inner_text("#report-problem"))


def test_the_address_that_is_shown_as_an_example_is_known(open_screen: Open, served: Served) -> None:
    page, _ = open_screen()
    page.click("#new-report")
    page.click("[data-key=mode-address]")
    example = page.get_attribute("[data-key=address]", "placeholder")
    assert example is not None
    page.fill("[data-key=address]", example.removeprefix("如："))
    choose_type(page, emergency(served)["type"])
    page.wait_for_selector("#preview .chain li[data-level=village] code:not(:empty)")


def test_a_form_that_lacks_something_says_what(open_screen: Open) -> None:
    page, _ = open_screen()
    page.click("#new-report")
    page.click("#send")
    assert "案件类型" in page.inner_text("#report-problem")


def test_a_case_explains_itself(open_screen: Open, served: Served) -> None:
    page, _ = open_screen()
    page.click("[data-filter=closed]")
    page.wait_for_selector(".case.is-closed")
    page.click(".case >> nth=0")
    page.wait_for_selector(".panel-no")
    listed = next(
        item for item in served.web.get("/incidents", params={"limit": 100}).json()["items"]
        if f"#{item['number']}" == page.inner_text(".panel-no").split()[0]
    )  # fmt: skip
    case = served.web.get(f"/incidents/{listed['id']}").json()
    page.click(".considered summary")
    rows = page.locator(".considered tbody tr")
    assert rows.count() == len(case["recommendation"]["considered"])
    assert str(case["ownership"]["generation"]) in page.inner_text(".block:has(.chain) .aside")


def test_without_a_map_the_screen_says_so_and_works(open_screen: Open) -> None:
    page, _ = open_screen()
    assert "WebGL" in page.inner_text("#map-missing")
    page.click(".case >> nth=0")
    page.wait_for_selector(".timeline .event")


def test_times_are_those_of_the_district(open_screen: Open) -> None:
    page, _ = open_screen()
    until(page, "document.querySelector('#clock').textContent.includes('GMT+8')")
    shown = page.inner_text("#clock").split(":")[0]
    hour = page.evaluate("String((new Date().getUTCHours() + 8) % 24).padStart(2, '0')")
    assert shown == hour


def test_a_service_that_is_away_is_said_and_comes_back(open_screen: Open) -> None:
    page, _ = open_screen()
    rows = page.locator(".case").count()
    page.context.set_offline(True)
    page.wait_for_selector("#away:not([hidden])")
    assert "自动重试" in page.inner_text("#away")
    assert page.locator(".case").count() == rows  # what was known stays
    page.context.set_offline(False)
    page.wait_for_selector("#away[hidden]", state="attached")


def test_both_languages_are_there(open_screen: Open) -> None:
    page, _ = open_screen(locale="en-GB")
    assert page.inner_text("#cases-title") == "Cases"
    assert page.get_attribute("html", "lang") == "en"
    page.click("#language")
    assert page.inner_text("#cases-title") == "案件"
    assert page.get_attribute("html", "lang") == "zh-CN"
    page.reload()
    page.wait_for_selector(".case")
    assert page.inner_text("#cases-title") == "案件"


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (1024, 768), (390, 800), (320, 640)])
def test_nothing_sticks_out_at(open_screen: Open, width: int, height: int) -> None:
    page, _ = open_screen(width, height)
    for view in ("map", "cases"):
        if width < 800:
            page.click(f"#tabs button >> nth={['map', 'cases'].index(view)}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate("document.documentElement.scrollHeight") <= height
    page.click("#new-report")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator("#send").bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= height
    assert box["x"] + box["width"] <= width


CONTRAST = Path(__file__).with_name("contrast.js").read_text(encoding="utf-8")


def test_every_text_can_be_read(open_screen: Open, served: Served) -> None:
    page, _ = open_screen()
    page.evaluate("document.querySelector('#legend').open = true")
    assert page.evaluate(CONTRAST) == []
    page.click("[data-filter=closed]")
    page.wait_for_selector(".case.is-closed")
    page.click(".case >> nth=0")
    page.wait_for_selector(".timeline")
    page.evaluate("document.querySelectorAll('#panel details').forEach((each) => { each.open = true; })")
    assert page.evaluate(CONTRAST) == []
    page.click("#new-report")
    page.click("#send")
    choose_type(page, emergency(served)["type"])
    assert page.evaluate(CONTRAST) == []
