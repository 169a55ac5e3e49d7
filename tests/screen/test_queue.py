"""The list of cases: the longest overdue first, drills in a list of their own, searched and counted by the service."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from gridsvc.operations.cases.read import write_cursor
from tests.screen.conftest import change_answer
from tests.screen.test_screen import emergency, place_inside, until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.screen.conftest import Served
    from tests.screen.test_screen import Open

COUNT = "Number(document.querySelector('[data-filter={}] .n').textContent)"


@pytest.fixture(scope="module")
def drill(served: Served) -> Any:
    lon, lat = place_inside(served)
    body = {"type": emergency(served)["type"], "location": {"lon": lon, "lat": lat}, "drill": True}
    return served.web.post("/incidents", json=body).json()


def numbers(page: Page) -> list[int]:
    return [int(text.removeprefix("#")) for text in page.locator(".case .no").all_inner_texts()]


def test_the_queue_is_in_the_order_of_time_overdue(open_screen: Open, served: Served) -> None:
    page, _ = open_screen()
    items = served.web.get("/screen/cases").json()["items"]
    due = [item["due_at"] for item in items if item["due_at"] is not None]
    assert due == sorted(due)
    until(page, f"document.querySelectorAll('.case').length === {sum(not item['drill'] for item in items)}")
    assert numbers(page) == [item["number"] for item in items if not item["drill"]]


def test_drills_are_in_a_list_of_their_own_and_in_no_figure(open_screen: Open, drill: Any) -> None:
    page, _ = open_screen()
    until(page, COUNT.format("drills") + " > 0")
    assert drill["number"] not in numbers(page)
    page.click("[data-filter=drills]")
    assert drill["number"] in numbers(page)
    assert page.locator(".case").count() == page.locator(".case .chip.drill").count()
    assert page.inner_text("#counters .counter:first-child dd") == page.inner_text("[data-filter=open] .n")


def test_counts_are_those_of_the_service(open_screen: Open, served: Served) -> None:
    page, _ = open_screen()
    counts = served.web.get("/screen/search").json()["counts"]
    assert counts.pop("counted") == 1000
    for name, count in counts.items():
        until(page, COUNT.format(name) + f" === {count}")
    whole = served.web.get("/incidents", params={"limit": 1000}).json()["items"]
    assert counts["closed"] == sum(item["status"] in {"archived", "cancelled"} for item in whole)
    assert counts["open"] + counts["drills"] == len(whole) - counts["closed"]


def test_all_closed_cases_can_be_reached(open_screen: Open, served: Served) -> None:
    """More than a page of closed cases: the list goes on where the page ends."""
    count = served.web.get("/screen/search", params={"list": "closed"}).json()["counts"]["closed"]

    def three_times(page: Page) -> None:
        # The demo has fewer than a page: let each page of the service be a third of it.
        def change(answer: Any) -> Any:
            shown = answer["items"][: (count + 2) // 3]
            last = write_cursor(datetime.fromisoformat(shown[-1]["triggered_at"]), UUID(shown[-1]["id"]))
            return answer | {"items": shown, "next": last if len(answer["items"]) > len(shown) else None}

        change_answer(page, re.compile(r"/screen/search\?list=closed(&after=[^&]+)?$"), change)

    page, _ = open_screen(before=three_times)
    page.click("[data-filter=closed]")
    page.wait_for_selector(".case.is-closed")
    for shown in ((count + 2) // 3, min(count, 2 * ((count + 2) // 3)), count):
        until(page, f"document.querySelectorAll('.case').length === {shown}")
        if shown < count:
            page.dblclick("[data-key=more]")  # the second click adds no page twice
    assert len(set(numbers(page))) == count


def test_a_closed_case_is_found_by_its_number(open_screen: Open, served: Served) -> None:
    page, _ = open_screen()
    closed = served.web.get("/screen/search", params={"list": "closed"}).json()["items"][-1]
    page.click("[data-filter=closed]")
    page.fill("#case-search", f"#{closed['number']}")
    until(page, "document.querySelectorAll('.case').length === 1")
    assert numbers(page) == [closed["number"]]
    page.click(".case")
    page.wait_for_selector(".timeline .event")
    assert f"#{closed['number']}" in page.inner_text(".panel-no")


def test_a_search_counts_what_it_finds_in_every_list(open_screen: Open, served: Served) -> None:
    page, _ = open_screen()
    closed = served.web.get("/screen/search", params={"list": "closed"}).json()["items"][0]
    page.fill("#case-search", str(closed["number"]))
    until(page, COUNT.format("closed") + " === 1")
    assert page.inner_text("[data-filter=closed] .n") == "1"


def test_a_case_that_waits_for_a_lead_is_in_the_waiting_list_and_marked(open_screen: Open, served: Served) -> None:
    case = next(item for item in served.web.get("/screen/cases").json()["items"] if item["teams"])

    def wait_for_lead(page: Page) -> None:
        def change(answer: Any) -> Any:
            items = [item | {"lead_wanted": item["id"] == case["id"]} for item in answer["items"]]
            return answer | {"items": items}

        change_answer(page, "**/screen/cases", change)
        change_answer(page, f"**/incidents/{case['id']}", lambda answer: answer | {"lead_wanted": True})

    page, _ = open_screen(before=wait_for_lead)
    page.click("[data-filter=waiting]")
    page.wait_for_selector(f"[data-case='{case['id']}'] .lead-wanted")
    page.click(f"[data-case='{case['id']}']")
    page.wait_for_selector("[data-lead-wanted]")
    assert "待派主办" in page.inner_text(".panel-no")


def test_every_case_is_drawn_by_the_outcome_that_the_service_found(open_screen: Open, served: Served) -> None:
    """In the lists and in the panel; an open case may become late meanwhile, and one may be late in its step."""
    page, _ = open_screen()
    listed = {each["id"]: each for each in served.web.get("/incidents", params={"limit": 1000}).json()["items"]}
    kinds = {"met": {"met"}, "late": {"late", "missed"}, "missing": {"missing"}, "open": {"running", "late", "none"},
             None: {"none"}}  # fmt: skip
    open_ones = served.web.get("/screen/cases").json()["items"]
    closed = served.web.get("/screen/search", params={"list": "closed"}).json()["items"]
    drawn = page.evaluate(
        """async ([items, whole]) => {
          const assets = document.querySelector("script[src*='/assets/']").src.replace(/js\\/.*$/, "js/");
          const { lateness } = await import(`${assets}clock.js`);
          const { briefOf } = await import(`${assets}case_panel.js`);
          return [items.map((item) => lateness(item).kind), whole.map((each) => lateness(briefOf(each)).kind)];
        }""",
        [[*open_ones, *closed], [served.web.get(f"/incidents/{each['id']}").json() for each in closed]],
    )
    assert {each["id"] for each in (*open_ones, *closed)} == set(listed)
    for item, kind in zip((*open_ones, *closed), drawn[0], strict=True):
        stepping = item["alerts"] and item["due_at"] is not None  # the limit of a step after the arrival
        assert kind in kinds[listed[item["id"]]["timing"]] | ({"late", "running"} if stepping else set()), item
    for item, kind in zip(closed, drawn[1], strict=True):
        assert kind in kinds[listed[item["id"]]["timing"]], item


def test_a_case_whose_lead_never_came_is_missing_whoever_else_was_there(open_screen: Open) -> None:
    """The panel of a closed case that no list holds: its first team arrived, and no lead."""
    page, _ = open_screen()
    whole = {
        "timing": "missing", "status": "archived", "target_s": 300, "reported_at": "2026-03-01T08:00:00+00:00",
        "archived_at": "2026-03-01T09:00:00+00:00", "cancelled_at": None, "due_at": "2026-03-01T08:05:00+00:00",
        "arrived_at": None, "work_list": [], "assignments": [{"on_scene_at": "2026-03-01T08:04:00+00:00"}],
    }  # fmt: skip
    waiting = {"timing": "open", "status": "accepted", "target_s": 300, "reported_at": "2026-03-01T08:00:00+00:00",
               "closed_at": None, "due_at": None, "arrived_at": None}  # fmt: skip
    drawn = page.evaluate(
        """async ([whole, waiting]) => {
          const assets = document.querySelector("script[src*='/assets/']").src.replace(/js\\/.*$/, "js/");
          const { lateness } = await import(`${assets}clock.js`);
          const { briefOf } = await import(`${assets}case_panel.js`);
          return [lateness(briefOf(whole)).kind, lateness(waiting).kind];
        }""",
        [whole, waiting],
    )
    assert drawn == ["missing", "none"]  # a clock that starts at the order does not run before it
