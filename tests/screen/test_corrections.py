"""An address that may mean two places: what to ask, the choice, and the correction of the case with its preview."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.screen.test_screen import choose_type, emergency, place_inside

if TYPE_CHECKING:
    from tests.screen.conftest import Served
    from tests.screen.test_screen import Open

TWICE = "桥头村"
"""A village of two townships."""


def test_an_uncertain_address_is_asked_about_and_the_case_is_corrected(open_screen: Open, served: Served) -> None:
    lon, lat = place_inside(served)
    found = served.web.get("/geocode", params={"q": TWICE}).json()
    one, two = found["candidates"]
    assert found["confirm"]
    page, seen = open_screen()
    page.click("#new-report")
    page.click("[data-mode=address]")
    choose_type(page, emergency(served)["type"])
    page.check("[name=drill]")
    page.fill("[data-key=address]", TWICE)
    page.wait_for_selector(".ask [data-candidate='1']")
    for each in (one, two):
        assert f"{each['township']}的桥头村" in page.inner_text(".ask-words")
    assert "45%" in page.inner_text("[data-candidate='0']")
    assert "900 米" in page.inner_text("[data-candidate='0']")
    page.wait_for_selector(f".candidate-owners:has-text('{two['township']} › ')")
    # Chosen: the preview is for it. Then the caller is not sure after all, and it is reported as a question.
    page.click("[data-candidate='1']")
    page.wait_for_selector(f"#preview .chain li[data-level=township]:has-text('{two['township']}')")
    page.click("[data-key=candidate-other]")
    page.wait_for_selector("#send:has-text('待核实')")
    page.click("#send")
    page.wait_for_selector(".panel-no")
    page.wait_for_selector(".panel .ask [data-candidate='1']")
    made = max(served.web.get("/incidents", params={"limit": 5}).json()["items"], key=lambda each: each["number"])

    def case() -> dict[str, Any]:
        return served.web.get(f"/incidents/{made['id']}").json()  # type: ignore[no-any-return]

    assert case()["owners"]["township"]["name"] == one["township"]
    # The caller calls back: the second one. What would change is shown, nothing is written.
    page.click("[data-candidate='1']")
    row = page.inner_text(".comparison [data-row='level.township']")
    assert one["township"] in row
    assert two["township"] in row
    assert page.locator(".comparison [data-expected]").count() == 1
    assert case()["correction"] is None
    page.fill("[data-key=reason]", " ")
    assert page.is_disabled("#correction-send")
    page.fill("[data-key=reason]", "报案人回电：在岭下")
    page.click("#correction-send")
    page.wait_for_selector(".correction", state="detached")
    after = case()
    assert after["owners"]["township"]["name"] == two["township"]
    assert (after["correction"]["kind"], after["correction"]["reason"]) == ("place", "报案人回电：在岭下")
    assert "address" not in after or not after["address"]["confirm"]
    page.wait_for_selector(f".panel .chain li[data-level=township]:has-text('{two['township']}')")
    assert page.locator(".panel .ask").count() == 0
    # Both townships agree that the first one takes it.
    page.click("[data-correct=owner]")
    page.fill("[data-key=grid-words]", one["township"])
    page.select_option("select[name=code]", _code(served, one))
    page.wait_for_selector(".comparison")
    page.click("[data-key=reason_agreed]")
    page.click("#correction-send")
    page.wait_for_selector(".correction", state="detached")
    named = case()
    assert (named["ownership"]["rule"], named["owners"]["township"]["name"]) == ("person", one["township"])
    assert named["correction"]["reason"] == "双方已商定"
    served.web.post(f"/incidents/{made['id']}/steps", json={"step": "cancel"})
    # The newest case is where the other tests look.
    last = {"type": made["type"], "location": {"lon": lon, "lat": lat}, "drill": True}
    served.web.post(
        f"/incidents/{served.web.post('/incidents', json=last).json()['id']}/steps", json={"step": "cancel"}
    )
    assert [each for each in seen.errors if "ERR_FAILED" not in each] == []  # the map library that is kept away


def _code(served: Served, candidate: dict[str, Any]) -> str:
    grids = served.web.get("/grids").json()["items"]
    found: str = next(each["code"] for each in grids if each["name"] == candidate["township"])
    return found
