"""The page of the API at /docs: everything from this service, every route, shapes as deep as they go."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from tests.screen.conftest import Served


def test_the_page_of_the_api_shows_every_route(browser: Browser, served: Served) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    errors: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto(f"{served.url}/docs#post_incident")
    page.wait_for_selector("#post_incident[open]")
    document = served.web.get("/openapi.json").json()
    assert page.locator(".route").count() == sum(len(methods) for methods in document["paths"].values())
    case = page.locator("#post_incident")
    assert "recommendation" in case.inner_text()
    assert '"possible_duplicates": []' in case.inner_text()
    assert "409" in case.inner_text()
    # A member opens to its own members.
    case.locator("li > details > summary", has_text="CaseRecommendation").first.click()
    page.wait_for_selector("#post_incident >> text=considered_counts")
    page.fill("#search", "closures")
    assert page.locator(".route:visible").count() == 3
    assert all(url.startswith(served.url) for url in requests)
    assert errors == []
    context.close()
