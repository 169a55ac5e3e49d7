"""The panel of a case: what is asked before a step, what is not offered, and what it says of the teams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.screen.conftest import change_answer
from tests.screen.test_screen import emergency, place_inside, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.screen.conftest import Served
    from tests.screen.test_screen import Open


@pytest.fixture
def case(served: Served) -> Iterator[dict[str, Any]]:
    """A drill with teams sent, that was handled and fed back: it may be archived, with its teams still out."""
    lon, lat = place_inside(served)
    body = {"type": emergency(served)["type"], "location": {"lon": lon, "lat": lat}, "drill": True}
    made = served.web.post("/incidents", json=body).json()
    for step in ("accept", "assign", "handle", "feedback"):
        served.web.post(f"/incidents/{made['id']}/steps", json={"step": step})
    answer: dict[str, Any] = served.web.get(f"/incidents/{made['id']}").json()
    yield answer
    served.web.post(f"/incidents/{made['id']}/steps", json={"step": "cancel"})  # its teams are free again


def open_drill(page: Page, case: dict[str, Any]) -> None:
    page.click("[data-filter=drills]")
    page.click(f"[data-case='{case['id']}']")
    page.wait_for_selector(".timeline .event")


def test_archiving_with_teams_outstanding_asks_first(open_screen: Open, served: Served, case: dict[str, Any]) -> None:
    live = [each for each in case["assignments"] if each["until"] is None]
    if not live:
        pytest.fail("the drill has no team on it: nothing to ask about")
    page, _ = open_screen()
    open_drill(page, case)
    page.click(".steps [data-step=archive]")
    page.wait_for_selector("[data-outstanding]")
    assert str(len(live)) in page.inner_text("[data-outstanding]")
    names = {team["id"]: team["name"] for team in served.web.get("/teams").json()["items"]}
    assert names[live[0]["team_id"]] in page.inner_text("[data-outstanding]")
    assert served.web.get(f"/incidents/{case['id']}").json()["status"] == "feedback"
    page.click("[data-key=not-sure]")
    page.wait_for_selector("[data-outstanding]", state="detached")
    page.click(".steps [data-step=archive]")
    page.click(".steps [data-step=archive]")
    page.wait_for_selector(".panel-no .status-archived")


def as_role(page: Page, role: str, rights: list[str]) -> None:
    session = {"auth": "required", "name": "x", "role": role, "rights": rights, "csrf": "x"}
    change_answer(page, "**/session", lambda _: session)


@pytest.mark.parametrize(
    ("role", "rights", "steps"),
    [
        ("planner", ["LOOK"], set()),
        ("officer", ["LOOK", "REPORT", "STEP", "TEAM_STEP"], set()),
        ("supervisor", ["LOOK", "REPORT", "CLOSE"], {"archive", "reopen", "cancel"}),
    ],
)
def test_what_a_role_may_not_do_is_not_offered(
    open_screen: Open, case: dict[str, Any], role: str, rights: list[str], steps: set[str]
) -> None:
    page, _ = open_screen(before=lambda page: as_role(page, role, rights))
    page.wait_for_selector("#sign-out:not([hidden])")
    open_drill(page, case)
    offered = page.evaluate("[...document.querySelectorAll('.steps [data-step]')].map((each) => each.dataset.step)")
    assert set(offered) == steps
    assert page.is_visible("#new-report") == ("REPORT" in rights)
    assert page.locator("[data-correct], [data-key=generations]").count() == 0
    assert (page.locator(".team [data-step]").count() > 0) == ("TEAM_STEP" in rights)


def recommendation(answer: dict[str, Any], **changes: Any) -> dict[str, Any]:
    recommended = answer["recommendation"]
    first, *others = recommended["members"]
    substitute = {"team_id": first["team_id"], "unit": first["unit"], "response_s": 90.0, "why": "neighbour-township"}
    members = [first | {"late": True, "substitute": substitute}, *others]
    return answer | {"recommendation": recommended | {"members": members} | changes}


@pytest.fixture
def waiting(served: Served) -> Iterator[dict[str, Any]]:
    """A case that nobody was sent to yet, with members recommended."""
    lon, lat = place_inside(served)
    body = {"type": emergency(served)["type"], "location": {"lon": lon, "lat": lat}, "drill": True}
    answer: dict[str, Any] = served.web.post("/incidents", json=body).json()
    yield answer
    served.web.post(f"/incidents/{answer['id']}/steps", json={"step": "cancel"})


def shown(open_screen: Open, case: dict[str, Any], change: Any) -> Page:
    page, _ = open_screen(before=lambda page: change_answer(page, f"**/incidents/{case['id']}", change))
    open_drill(page, case)
    return page


@pytest.mark.parametrize(
    ("lead", "team", "verdict", "mood"),
    [(True, True, "met", "good"), (True, False, "lead-only", "warn"), (False, False, "late", "warn")],
)
def test_in_time_is_said_of_the_whole_team_alone(
    open_screen: Open, waiting: dict[str, Any], lead: bool, team: bool, verdict: str, mood: str
) -> None:
    page = shown(open_screen, waiting, lambda answer: recommendation(answer, meets_target=lead, team_meets_target=team))
    line = page.wait_for_selector(f"[data-verdict={verdict}]")
    assert line is not None
    assert line.get_attribute("class") == mood


def test_a_late_member_is_marked_and_its_substitute_is_named(open_screen: Open, waiting: dict[str, Any]) -> None:
    if not waiting["recommendation"]["members"]:
        pytest.fail("no member is recommended: nothing to mark")
    page = shown(open_screen, waiting, recommendation)
    page.wait_for_selector(".team .chip.late")
    assert page.locator(".team .chip.late").count() == 1
    assert "替补" in page.inner_text(".member-substitute")
    assert "1:30" in page.inner_text(".member-substitute")


def test_teams_beyond_the_nearest_ten_are_counted_by_verdict(open_screen: Open, waiting: dict[str, Any]) -> None:
    def change(answer: dict[str, Any]) -> dict[str, Any]:
        considered = answer["recommendation"]["considered"][:10]
        counts = {"slower": 12, "engaged": 3}
        return recommendation(answer, considered=considered, considered_counts=counts)

    page = shown(open_screen, waiting, change)
    n = len(waiting["recommendation"]["considered"][:10])
    assert str(n + 15) in page.inner_text(".considered summary")
    page.click(".considered summary")
    assert page.locator(".considered tbody tr").count() == n
    assert "合法可用，但更慢 12 支" in page.inner_text(".considered .others")


def test_a_team_taken_by_a_live_case_is_marked_on_the_drill(
    open_screen: Open, served: Served, case: dict[str, Any]
) -> None:
    live = next(item for item in served.web.get("/screen/cases").json()["items"] if not item["drill"])

    def change(answer: dict[str, Any]) -> dict[str, Any]:
        first, *others = answer["assignments"]
        return answer | {"assignments": [first | {"preempted_by": live["id"]}, *others]}

    page = shown(open_screen, case, change)
    page.wait_for_selector(f"[data-key='preempted {case['assignments'][0]['team_id']}']")
    page.click(f"[data-key='preempted {case['assignments'][0]['team_id']}']")
    until(page, f"document.querySelector('.panel-no')?.textContent.startsWith('#{live['number']}')")


def test_r7_a_team_outside_the_slots_is_marked_and_its_reason_is_in_the_timeline(
    open_screen: Open, served: Served, waiting: dict[str, Any]
) -> None:
    text = str(waiting["recommendation"])
    teams = served.web.get("/teams", params={"status": "available"}).json()["items"]
    team = next(each["id"] for each in teams if each["id"] not in text)
    order = {"step": "assign", "team_id": team}
    url = f"/incidents/{waiting['id']}/steps"
    assert served.web.post(url, json=order).json()["parameters"]["field"] == "note"
    assert served.web.post(url, json=order | {"note": "抽水泵在该队"}).status_code == 200
    page, _ = open_screen()
    open_drill(page, waiting)
    assert page.inner_text(f".team [data-team='{team}'] .chip.outside-slots") == "席位外"
    assert "抽水泵在该队" in page.inner_text(".timeline .event-assign")


def test_a_refused_step_says_in_chinese_what_is_possible(open_screen: Open, served: Served) -> None:
    lon, lat = place_inside(served)
    body = {"type": emergency(served)["type"], "location": {"lon": lon, "lat": lat}, "drill": True}
    made = served.web.post("/incidents", json=body).json()
    before = served.web.get(f"/incidents/{made['id']}").json()
    page, _ = open_screen()
    open_drill(page, made)
    # Another desk cancels the case while this one still offers to accept it.
    page.route(f"**/incidents/{made['id']}", lambda route: route.fulfill(json=before))
    page.route("**/screen/cases", lambda route: route.abort())
    served.web.post(f"/incidents/{made['id']}/steps", json={"step": "cancel"})
    page.click(".steps [data-step=accept]")
    page.wait_for_selector(".problem[data-kind=illegal-step]")
    words = page.inner_text(".problem")
    assert "不允许这一步" in words
    assert "重开" in words
    assert "Legal" not in words
