"""The persons who hold posts of the owners: on the card of a case and in an alarm, by their post and name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.screen.conftest import change_answer

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.screen.conftest import Served
    from tests.screen.test_screen import Open


def test_the_card_and_the_alarm_of_a_case_name_the_grid_leader(open_screen: Open, served: Served) -> None:
    queue = served.web.get("/screen/cases").json()["items"]
    case = next(item for item in queue if not item["drill"] and item["village"])
    owners = served.web.get(f"/incidents/{case['id']}").json()["owners"]
    area = owners["area"]["code"]
    leader = {"grid": area, "post": "leader", "name": "王小明"}
    deputy = {"grid": area, "post": "deputy", "name": None}  # erased
    moment = case["triggered_at"]
    alert = {"step": "accept", "rank": 1, "since": moment, "limit_at": moment, "at": moment, "level": "area"}
    alert |= {"owner": area, "person": "王小明", "post": "leader", "person_grid": area}

    def with_persons(answer: dict[str, Any]) -> dict[str, Any]:
        posts = {"regional": [], "township": [], "area": [leader, deputy], "village": []}
        return answer | {"posts": posts, "alerts": [alert | {"kind": "escalation"}]}

    def with_alarm(answer: dict[str, Any]) -> dict[str, Any]:
        items = [each | {"alerts": [alert] if each["id"] == case["id"] else []} for each in answer["items"]]
        return answer | {"items": items}

    def before(page: Page) -> None:
        change_answer(page, re.compile(rf"/incidents/{case['id']}$"), with_persons)
        change_answer(page, "**/screen/cases", with_alarm)

    page, seen = open_screen(before=before)
    assert page.inner_text(f"[data-alarm='{case['id']}'] [data-person]").strip() == "网格长 王小明"
    page.click(f"[data-case='{case['id']}']")
    assert page.inner_text(".chain [data-persons=area]") == "网格长 王小明、副网格长（姓名已删除）"
    # The village has nobody: the leader of its area answers.
    wider = page.inner_text(".chain [data-persons=village]")
    assert owners["area"]["name"] in wider
    assert "网格长 王小明" in wider
    assert page.locator(".chain [data-persons=township]").count() == 0
    assert "网格长 王小明" in page.inner_text("[data-alerted=accept]")
    assert set(seen.errors) <= {"Failed to load resource: net::ERR_FAILED"}  # the map library, which is kept away
