"""A click on the map asks the service whose the place is; the legend is closed where it would cover the map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.screen.test_screen import PROJECT, place_inside, until

if TYPE_CHECKING:
    from tests.screen.conftest import Served
    from tests.screen.test_screen import Open

CARD_IS_INSIDE = """(() => {
    const frame = document.querySelector("#map").getBoundingClientRect();
    const card = document.querySelector(".maplibregl-popup-content").getBoundingClientRect();
    return frame.left <= card.left && card.right <= frame.right && frame.top <= card.top && card.bottom <= frame.bottom;
})()"""


def border(served: Served, lon: float, lat: float) -> tuple[float, float]:
    """A place a metre beside the border of two villages, east of a place."""

    def village(east: float) -> Any:
        owners = served.web.get("/owners", params={"lon": east, "lat": lat}).json()["owners"]
        return owners["village"]

    here, beyond = lon, lon
    while village(beyond) == village(lon):
        beyond += 0.002
    while beyond - here > 1e-5:
        middle = (here + beyond) / 2
        here, beyond = (middle, beyond) if village(middle) == village(lon) else (here, middle)
    return beyond, lat


def test_a_click_names_the_owners_that_the_service_answers(open_screen: Open, served: Served) -> None:
    page, seen = open_screen(draw_map=True)
    lon, lat = place_inside(served)
    lon, lat = border(served, lon + 0.01, lat)  # away from the sign of the case there
    page.evaluate("([lon, lat]) => gridsvc.map.jumpTo({center: [lon, lat], zoom: 14})", [lon, lat])
    x, y = page.evaluate(PROJECT, [lon, lat])
    with page.expect_request(lambda request: "/owners?" in request.url) as sent:
        page.mouse.click(x, y)
    page.wait_for_selector(".place-card .officer")
    asked = parse_qs(urlsplit(sent.value.url).query)
    place = float(asked["lon"][0]), float(asked["lat"][0])
    assert place == pytest.approx((lon, lat), abs=5e-4)  # a few pixels: the map may still settle
    answer = served.web.get("/owners", params={"lon": place[0], "lat": place[1]}).json()
    for level, owner in answer["owners"].items():
        words = page.inner_text(f".place-card .chain li[data-level={level}]")
        assert owner["name"] in words
        assert owner["code"] in words
    assert page.locator(".place-card .chain li").count() == 4
    assert page.inner_text(".place-card .rule")
    assert "网格第 1 代" in page.inner_text(".place-card")
    assert any("/owners?" in url for url in seen.requests)
    # The officer of the village, by the grids in force.
    village = answer["owners"]["village"]["code"]
    query = {"district": answer["district"], "generation": answer["generation"], "code": [village]}
    officer = served.web.get("/screen/officers", params=query).json().get(village)
    assert (officer[0]["name"] if officer else "未登记网格员") in page.inner_text(
        ".place-card .chain li[data-level=village]"
    )


def test_the_pointer_names_the_owners_that_the_service_answers(open_screen: Open, served: Served) -> None:
    page, _ = open_screen(draw_map=True)
    lon, lat = place_inside(served)
    page.mouse.move(*page.evaluate(PROJECT, [lon, lat]))
    page.wait_for_selector("#under:not([hidden])")
    owners = served.web.get("/owners", params={"lon": lon, "lat": lat}).json()["owners"]
    until(page, f"document.querySelector('#under').textContent.includes('{owners['township']['name']}')")


def test_a_click_outside_every_district_says_so(open_screen: Open) -> None:
    page, _ = open_screen(draw_map=True)
    page.evaluate("gridsvc.map.jumpTo({center: [119.2, 29.6], zoom: 12})")
    page.mouse.click(800, 500)
    page.wait_for_selector(".place-card .problem")
    assert "所辖区县之外" in page.inner_text(".place-card")
    assert "公里" in page.inner_text(".place-card")


@pytest.mark.parametrize(("width", "is_open"), [(1366, False), (1599, False), (1920, True)])
def test_the_legend_is_closed_below_1600_px(open_screen: Open, width: int, is_open: bool) -> None:
    page, _ = open_screen(width, 1000)
    assert page.evaluate("document.querySelector('#legend').open") == is_open


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1366, 768)])
def test_the_card_of_a_place_is_whole_within_the_map(open_screen: Open, width: int, height: int) -> None:
    page, _ = open_screen(width, height, draw_map=True)
    frame = page.locator("#map canvas").bounding_box()
    assert frame is not None
    page.mouse.click(frame["x"] + frame["width"] * 0.6, frame["y"] + frame["height"] * 0.5)
    page.wait_for_selector(".place-card .officer")
    until(page, CARD_IS_INSIDE)
