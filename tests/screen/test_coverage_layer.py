"""Where teams arrive in time, on the map: the tile layer `service_areas` in a real browser."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import shapely
from shapely.geometry import shape

from tests.screen.test_routes_and_areas import STILL, press
from tests.screen.test_screen import CONTRAST, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from playwright.sync_api import Page

    from tests.screen.conftest import Seen, Served

    Open = Callable[..., tuple[Page, Seen]]

DRAWN_S = 240  # of the background process, on a busy machine

DRAWN = """() => gridsvc.map.queryRenderedFeatures({layers: ["reach-1", "reach-2", "reach-3", "first"]})
    .map((f) => f.properties)"""
AT = """([lon, lat]) => {
    const {x, y} = gridsvc.map.project([lon, lat]);
    return gridsvc.map.queryRenderedFeatures([x, y], {layers: ["reach-1", "reach-2", "reach-3", "first"]})
        .map((f) => f.properties);
}"""


@pytest.fixture(scope="module")
def areas(served: Served) -> list[dict[str, Any]]:
    """All features of the district within the town's target, once the background process has drawn them."""
    started_at = time.monotonic()
    asked = {"class": "urban", "kind": "reached_by"}
    while not (answer := served.web.get("/service-areas", params=asked).json())["complete"]:
        assert time.monotonic() - started_at < DRAWN_S, answer["districts"]
        time.sleep(1)
    first = served.web.get("/service-areas", params={**asked, "kind": "first"}).json()
    return [each for each in [*answer["features"], *first["features"]] if each["geometry"]]


def test_without_the_layer_nothing_of_it_shows(open_screen: Open) -> None:
    page, _ = open_screen()
    page.route("**/tiles", lambda route: route.fulfill(json={"items": [{"id": "grids"}, {"id": "roads"}]}))
    page.reload()
    page.wait_for_selector("#layers summary")
    page.click("#layers summary")
    page.wait_for_selector("[data-layer=areas]")
    page.wait_for_timeout(1_000)
    assert page.locator("[data-coverage]").count() == 0


def test_coverage_is_drawn_where_the_areas_lie(open_screen: Open, served: Served, areas: list[dict[str, Any]]) -> None:
    page, seen = open_screen(draw_map=True)
    press(page, "#layers summary")
    press(page, "[data-coverage='1']")
    until(page, STILL)
    until(page, f"({DRAWN})().length > 0")
    drawn = page.evaluate(DRAWN)
    assert {each["kind"] for each in drawn} == {"reached_by"}
    assert {each["response_class"] for each in drawn} == {"urban"}
    assert {each["k"] for each in drawn} == {feature["properties"]["k"] for feature in areas} - {None}
    assert "5 分钟" in page.inner_text("#areas-card")
    press(page, "[data-coverage='3']")
    until(page, STILL)
    until(page, f"new Set(({DRAWN})().map((each) => each.k)).size <= 1")
    assert {each["k"] for each in page.evaluate(DRAWN)} <= {3}

    # Points well inside and well outside the areas that GET /service-areas tells.
    reached = {each["properties"]["k"]: shape(each["geometry"]) for each in areas if each["properties"]["k"]}
    first: Any = reached[1]
    inside = shapely.maximum_inscribed_circle(first).coords[0]
    press(page, "[data-coverage='1']")
    page.evaluate("([lon, lat]) => gridsvc.map.jumpTo({center: [lon, lat], zoom: 14})", list(inside))
    until(page, STILL)
    until(page, f"({AT})({list(inside)}).length > 0")
    expected = {k for k, area in reached.items() if area.contains(shapely.Point(inside))}
    assert {each["k"] for each in page.evaluate(AT, list(inside))} == expected

    press(page, "[data-coverage=first]")
    until(page, STILL)
    until(page, f"({AT})({list(inside)}).some((each) => each.kind === 'first')")
    (first,) = [
        each["properties"]["team_id"] for each in areas
        if each["properties"]["kind"] == "first" and shape(each["geometry"]).contains(shapely.Point(inside))
    ]  # fmt: skip
    assert {each["team_id"] for each in page.evaluate(AT, list(inside))} == {first}
    press(page, "[data-key=coverage-off]")
    until(page, f"({DRAWN})().length === 0")
    assert page.is_checked("[data-coverage=none]")
    assert seen.errors == []


@pytest.mark.parametrize(
    ("locale", "names"),
    [
        ("zh-CN", ["5 分钟（城区）", "15 分钟（城乡）", "至少 1 支队伍", "至少 2 支队伍", "至少 3 支队伍", "谁最先到"]),
        ("en-GB", ["5 minutes (town)", "15 minutes (country)", "by 1 team or more", "Who is first where"]),
    ],
)  # fmt: skip
def test_every_choice_has_a_name_and_is_reached_by_keyboard(open_screen: Open, locale: str, names: list[str]) -> None:
    page, _ = open_screen(locale=locale)
    page.focus("#layers summary")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-coverage]")
    for name in names:
        assert page.get_by_role("radio", name=name, exact=True).count() == 1
    page.focus("[data-coverage=none]")
    page.keyboard.press("ArrowDown")
    assert page.is_checked("[data-coverage='1']")
    assert page.evaluate("document.activeElement.dataset.coverage") == "1"
    assert page.is_visible("#areas-card [data-covered='1']")
    assert page.evaluate(CONTRAST) == []
