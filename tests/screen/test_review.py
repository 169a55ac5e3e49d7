"""The review of a draft of the grids: what it changes, and its approval for a date of the district's clock."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.screen.conftest import change_answer

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

    from tests.screen.test_screen import Open

WEST, EAST = "330703105227", "330703106217"
RING = [[119.75, 29.02], [119.76, 29.02], [119.76, 29.03], [119.75, 29.02]]
PLACES = {"addresses": 3, "teams": 0, "open_cases": 1}
NONE = {"addresses": 0, "teams": 0, "open_cases": 0}
DRAFT = {
    "generation": 2, "state": "draft", "created_at": "2026-03-01T00:00:00+00:00", "blocking": None, "in_force": [],
    "loads": [{"level": "village", "file": "villages-2027.shp", "crs": "EPSG:4490"}], "planned": None,
    "grids": {"regional": 3, "township": 11, "area": 58, "village": 361},
}  # fmt: skip


def change(code: str, name: str, changes: list[str], **more: Any) -> dict[str, Any]:
    return {
        "code": code, "level": "village", "changes": changes, "name": name, "former_name": name, "parent": None,
        "former_parent": None, "from": [], "to": [], "area_m2": 2e6, "former_area_m2": 2e6, "gained_m2": 0.0,
        "lost_m2": 0.0, **NONE, **more,
    }  # fmt: skip


DIFFERENCES = {
    "type": "FeatureCollection", "district": "330703", "generation": 2, "against": 1, "added": [], "removed": [],
    "renamed": [], "reparented": [], "reshaped": [WEST, EAST],
    "codes": {"counts": {}, "gone": 0, "new": 1, "matches": []},
    **PLACES,
    "grids": [
        change(WEST, "桥头村委会", ["moved"], gained_m2=833_501.0, **PLACES),
        change(EAST, "六角塘村委会", ["moved"], lost_m2=833_501.0, **PLACES),
        change("330703105203", "新岭四村村委会", ["renamed"], former_name="岭四村村委会"),
    ],
    "features": [{
        "type": "Feature",
        "geometry": {"type": "Polygon", "coordinates": [RING]},
        "properties": {"level": "village", "from": EAST, "to": WEST, "from_name": "六角塘村委会",
                       "to_name": "桥头村委会", "area_m2": 833_501.0, **PLACES},
    }],
}  # fmt: skip


def with_draft(page: Page) -> None:
    def listed(answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"items": [DRAFT, *answer["items"]]}

    change_answer(page, re.compile("/generations$"), listed)
    change_answer(page, "**/generations/2/differences", lambda _: DIFFERENCES)


def test_a_draft_is_reviewed_and_approved_for_a_date_of_the_district(open_screen: Open) -> None:
    orders: list[tuple[str, Any]] = []

    def approve(route: Route) -> None:
        orders.append((route.request.headers.get("idempotency-key", ""), json.loads(route.request.post_data or "")))
        planned = {"district": "330703", "generation": 2, "planned_for": orders[-1][1]["at"], "job": None}
        route.fulfill(status=202, json=planned)

    page, _ = open_screen(before=with_draft)
    page.route("**/generations/2/activation", approve)
    page.click("[data-key=generations]")
    page.wait_for_selector("[data-review='2'] .changes")
    assert "草案" in page.inner_text("[data-generation='2']")
    assert "villages-2027.shp" in page.inner_text("[data-generation='2']")
    assert "现行" in page.inner_text("[data-generation='1']")
    figures = page.inner_text(".review .figures").split()
    assert [each for each in figures if each[0].isdigit()] == ["3", "0.83", "3", "0", "1"]
    assert "新增 1 个没有来源" in page.inner_text(".review")
    rows = [row.split() for row in page.locator(".changes tbody tr").all_inner_texts()]
    assert [row[:2] for row in rows[:2]] == [["桥头村委会", "边界调整"], ["六角塘村委会", "边界调整"]]
    assert "岭四村村委会 → 新岭四村村委会" in page.inner_text(".changes tbody tr:nth-child(3)")
    assert "在办 1" in page.inner_text(".changes tbody tr:nth-child(1)")
    # The browser is in New York: what is typed is the time of the district.
    page.fill("[data-key=review-at]", "2027-04-01T00:00")
    page.dispatch_event("[data-key=review-at]", "change")
    page.click("[data-order=approve]")
    assert orders == []
    assert "2027/04/01 00:00" in page.inner_text("[data-order=approve]")
    page.click("[data-order=approve]")
    page.wait_for_selector("[data-order=approve]:not(:disabled):has-text('立即')")
    ((key, body),) = orders
    assert key
    assert body == {"at": "2027-03-31T16:00:00.000Z"}
