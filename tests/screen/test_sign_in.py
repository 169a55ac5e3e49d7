"""A person signs in with a key, works, and signs out; in a real browser, under the content policy."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import uvicorn

from tests.api.toy_access import toy_world
from tests.screen.conftest import WAIT_MS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from gridsvc.db.cluster.embedded import EmbeddedCluster


@pytest.fixture(scope="module")
def door(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, object]]:
    """The district on paper behind sign-in, served on a port; (url, world)."""
    with toy_world(cluster, tmp_path_factory.mktemp("data")) as world:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(world.app, port=port, log_level="error", lifespan="off"))
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{port}", world
        server.should_exit = True
        thread.join()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="en-US")
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.route("**/vendor/maplibre-gl.mjs", lambda route: route.abort())
    yield page
    context.close()


def test_signing_in_working_and_signing_out(door: Any, page: Page) -> None:
    url, world = door
    policy_errors: list[str] = []
    page.on("console", lambda m: policy_errors.append(m.text) if "Content Security Policy" in m.text else None)
    page.goto(url)
    assert page.url == f"{url}/sign-in?next=/"

    page.fill("#key", "gs_wrong")
    page.click("#go")
    page.wait_for_selector("#wrong:not([hidden])")
    assert "not known" in page.inner_text("#wrong")

    page.fill("#key", world.keys["dispatcher"])
    page.keyboard.press("Enter")
    page.wait_for_url(f"{url}/")
    page.wait_for_selector(".case", state="attached")
    page.wait_for_selector("#sign-out:not([hidden])")
    assert page.get_attribute("#sign-out", "title") == "dispatcher · dispatcher"
    assert "gridsvc=" not in page.evaluate("document.cookie"), "no script reads the session"

    took = page.evaluate(
        """async (id) => {
            const main = document.querySelector("script[type=module]").src;
            const service = await import(main.replace("main.js", "service.js"));
            return (await service.post(`/incidents/${id}/steps`, { step: "accept" })).status;
        }""",
        world.case,
    )
    assert took == "accepted"

    page.click("#sign-out")
    page.wait_for_url(f"{url}/sign-in")
    page.goto(url)
    assert page.url == f"{url}/sign-in?next=/"
    assert policy_errors == []


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_link_cannot_send_the_freshly_signed_in_elsewhere(door: Any, page: Page, elsewhere: str) -> None:
    url, world = door
    page.goto(f"{url}/sign-in?next={elsewhere}")
    page.fill("#key", world.keys["officer"])
    page.click("#go")
    page.wait_for_url(f"{url}/")


@pytest.mark.parametrize("width", [320, 390, 1024, 1366, 1920, 3840])
def test_the_card_is_whole_and_in_the_middle(door: Any, page: Page, width: int) -> None:
    url, _ = door
    page.set_viewport_size({"width": width, "height": 800})
    page.goto(f"{url}/sign-in")
    card = page.locator("form").bounding_box()
    assert card is not None
    assert card["width"] == min(360, width - 48)
    assert card["x"] + card["width"] / 2 == pytest.approx(width / 2, abs=1)
    for part in page.locator("form > *:visible").all():
        box = part.bounding_box()
        assert box is not None
        assert card["x"] <= box["x"]
        assert box["x"] + box["width"] <= card["x"] + card["width"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
