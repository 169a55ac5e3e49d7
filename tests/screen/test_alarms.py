"""Escalations and proposals are shown with a sound until they are acknowledged."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.screen.conftest import change_answer
from tests.screen.test_screen import emergency, place_inside, until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Page

    from tests.screen.conftest import Served
    from tests.screen.test_screen import Open

SOUNDS = "Number(document.body.dataset.sounds ?? 0)"


class Alarms:
    """Fakes what the service answers: one case with alerts of the ranks 0 to `rank`, and proposals to decide on.

    Rank 0 is a warning, which raises no alarm; higher ranks are escalations.
    """

    def __init__(self, case: dict[str, Any], proposals: list[dict[str, Any]]) -> None:
        self.case = case
        self.rank = 1
        self.proposals = proposals

    def alerts(self) -> list[dict[str, Any]]:
        limit = datetime.now(UTC) - timedelta(seconds=95)
        return [
            {"step": "accept", "rank": rank, "since": "2026-03-01T04:00:00+00:00", "limit_at": limit.isoformat(),
             "at": limit.isoformat(), "level": "township", "owner": "330703101000", "owner_name": "孝顺镇"}
            for rank in range(self.rank + 1)
        ]  # fmt: skip

    def install(self, page: Page) -> None:
        def cases(answer: Any) -> Any:
            alerts = {self.case["id"]: self.alerts()}
            return answer | {"items": [item | {"alerts": alerts.get(item["id"], [])} for item in answer["items"]]}

        change_answer(page, "**/screen/cases", cases)
        change_answer(page, "**/proposals", lambda _: {"items": self.proposals})


@pytest.fixture
def alarms(served: Served) -> Alarms:
    case = next(item for item in served.web.get("/screen/cases").json()["items"] if not item["drill"])
    return Alarms(case, [])


def test_an_escalation_sounds_until_it_is_acknowledged(open_screen: Open, alarms: Alarms) -> None:
    page, seen = open_screen(before=alarms.install)
    page.wait_for_selector(f"[data-alarm='{alarms.case['id']}']")
    alarm_text = page.inner_text("#alarms")
    assert f"#{alarms.case['number']}" in alarm_text
    assert re.search(r"受理超时 1:[34]\d", alarm_text)
    assert "孝顺镇" in alarm_text
    # A browser plays no sound before the first click or key press: the screen says so, and has a button to allow it.
    assert "未允许声音" in page.inner_text(".sound-blocked")
    page.click("[data-key=unblock]")
    page.wait_for_selector(".sound-blocked", state="detached")
    until(page, f"{SOUNDS} >= 2")  # it repeats
    page.click("[data-acknowledge]")
    page.wait_for_selector("#alarms", state="hidden")
    silent = page.evaluate(SOUNDS)
    page.wait_for_timeout(5_000)
    assert page.evaluate(SOUNDS) == silent
    assert [
        error for error in seen.errors if "ERR_FAILED" not in error
    ] == []  # requests for the map library are blocked


def test_an_alarm_stays_acknowledged_until_it_escalates_further(open_screen: Open, alarms: Alarms) -> None:
    page, _ = open_screen(before=alarms.install)
    page.click("[data-acknowledge]")
    page.reload()
    page.wait_for_selector(".case", state="attached")
    page.wait_for_timeout(1_000)
    assert page.is_hidden("#alarms")
    alarms.rank = 2
    page.wait_for_selector(f"[data-alarm='{alarms.case['id']}']")


def test_a_warning_raises_no_alarm(open_screen: Open, alarms: Alarms) -> None:
    alarms.rank = 0
    page, _ = open_screen(before=alarms.install)
    page.wait_for_timeout(1_000)
    assert page.is_hidden("#alarms")


def proposal_of(case: dict[str, Any]) -> dict[str, Any]:
    return {"id": "01a20c85-95e1-7e22-969f-63cda45f0508", "district": "330703", "kind": "yellow-card",
            "incident_id": case["id"], "subject": "330703001000-1", "grounds": {"step": "feedback", "over_s": 120.0},
            "proposed_at": "2026-03-01T04:00:00+00:00", "decision": None, "drill": case["drill"]}  # fmt: skip


@pytest.fixture
def drill(served: Served) -> Iterator[dict[str, Any]]:
    lon, lat = place_inside(served)
    body = {"type": emergency(served)["type"], "location": {"lon": lon, "lat": lat}, "drill": True}
    made: dict[str, Any] = served.web.post("/incidents", json=body).json()
    yield made
    served.web.post(f"/incidents/{made['id']}/steps", json={"step": "cancel"})


def test_r16_escalations_and_proposals_of_a_drill_raise_no_alarm_and_the_drill_is_shown_apart(
    open_screen: Open, served: Served, drill: dict[str, Any]
) -> None:
    ended = {"id": "01a20c85-95e1-7e22-969f-63cda45f0509", "number": 1, "drill": True}
    alarms = Alarms(drill, [proposal_of(drill), proposal_of(ended) | {"id": ended["id"]}])
    page, _ = open_screen(before=alarms.install)
    page.wait_for_selector(".case", state="attached")
    page.keyboard.press("Shift")  # a key lets the browser play sound
    page.wait_for_timeout(6_000)  # longer than the sound needs to repeat
    assert page.is_hidden("#alarms")
    assert page.evaluate(SOUNDS) == 0
    assert page.locator(f"[data-case='{drill['id']}']").count() == 0
    page.click("[data-filter=drills]")
    row = page.wait_for_selector(f"[data-case='{drill['id']}']")
    assert row is not None
    assert row.query_selector(".chip.drill") is not None
    # The same escalation of a live case does sound in the same screen.
    alarms.case = next(item for item in served.web.get("/screen/cases").json()["items"] if not item["drill"])
    page.wait_for_selector(f"[data-alarm='{alarms.case['id']}']")
    until(page, f"{SOUNDS} >= 1")
    assert page.locator("[data-proposal]").count() == 0


def test_a_proposal_is_decided_by_a_person_with_a_reason(open_screen: Open, alarms: Alarms) -> None:
    alarms.rank = 0
    alarms.proposals = [proposal_of(alarms.case)]
    sent: list[Any] = []

    def before(page: Page) -> None:
        alarms.install(page)

        def decide(route: Any) -> None:
            sent.append(route.request.post_data_json)
            alarms.proposals = []
            route.fulfill(status=200, json={})

        page.route("**/proposals/*/decision", decide)

    page, _ = open_screen(before=before)
    page.wait_for_selector("[data-proposal]")
    assert "黄牌" in page.inner_text("[data-proposal]")
    assert "2:00" in page.inner_text("[data-proposal]")
    page.click("[data-decide=rejected]")
    page.click(".alarm-form button[type=submit]")
    assert sent == []  # a rejection needs a reason
    page.fill("#reject-reason", "现场被洪水阻断")
    page.click(".alarm-form button[type=submit]")
    page.wait_for_selector("#alarms", state="hidden")
    assert sent == [{"decision": "rejected", "reason": "现场被洪水阻断"}]


def test_a_user_without_the_right_gets_no_decision_buttons(open_screen: Open, alarms: Alarms) -> None:
    alarms.proposals = [proposal_of(alarms.case)]

    def before(page: Page) -> None:
        alarms.install(page)
        session = {"auth": "required", "name": "x", "role": "officer", "rights": ["LOOK"], "csrf": "x"}
        change_answer(page, "**/session", lambda _: session)

    page, _ = open_screen(before=before)
    page.wait_for_selector("[data-proposal] [data-acknowledge]")
    page.wait_for_selector("#sign-out:not([hidden])")
    assert page.locator("[data-decide]").count() == 0
