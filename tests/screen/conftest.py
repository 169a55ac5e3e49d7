"""A served demo and a real browser, both for the whole run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import Error, sync_playwright

from tests.screen.chromium import get_chromium

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page, Route

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 30_000  # longer than any answer on a busy machine; nothing waits for it without need


@dataclass(frozen=True, slots=True)
class Served:
    """A demo that answers at `url`, driven over HTTP by `web`."""

    url: str
    web: httpx.Client


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """The synthetic demo district with a history of 60 cases, served by the program itself."""
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-screen-", dir="/tmp"))
    folder.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATA": str(folder / "data"), "GRIDSVC_AUTH": "off"}
    gridsvc = [sys.executable, "-m", "gridsvc"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (folder / "serve.log").open("wb")
    server = None
    try:
        made = subprocess.run(
            [*gridsvc, "demo", "--incidents", "60", "--no-serve", "--json"],
            env=environment,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr[-2000:]
        assert json.loads(made.stdout)["incidents"] == 60
        server = subprocess.Popen([*gridsvc, "serve", "--port", str(port)], env=environment, stdout=log, stderr=log)
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as web:
            _wait_until_ready(web, server, folder / "serve.log")
            _ask_once(web)
            yield Served(url, web)
    finally:
        if server is not None:
            server.terminate()
            server.wait(30)
        log.close()
        subprocess.run([*gridsvc, "db", "down"], env=environment, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(web: httpx.Client, server: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(600):
        assert server.poll() is None, log.read_text()[-2000:]
        try:
            if web.get("/readyz").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail(f"not ready: {log.read_text()[-2000:]}")


def _ask_once(web: httpx.Client) -> None:
    """Get one recommendation: on a machine where nothing was compiled yet, the first one waits for the compiler."""
    place = web.get("/incidents", params={"limit": 1}).json()["items"][0]["location"]
    kind = web.get("/response-plans").json()["items"][0]["type"]
    body = {"type": kind, "location": {"lon": place["lon"], "lat": place["lat"]}}
    assert web.post("/recommendations", json=body, timeout=240).status_code == 200


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium of the machine."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=str(get_chromium()), args=ARGUMENTS)
        yield started
        started.close()


def change_answer(page: Page, path: str | re.Pattern[str], change: Callable[[Any], Any]) -> None:
    """Let the page see `change(answer)` where the service answers to GET `path`."""

    def handle(route: Route) -> None:
        if route.request.method != "GET":
            route.continue_()
            return
        headers = {key: value for key, value in route.request.headers.items() if key != "if-none-match"}
        with suppress(Error):  # the page went away meanwhile
            answer = route.fetch(headers=headers | {"accept-encoding": "identity"})
            route.fulfill(status=200, json=change(answer.json()))

    page.route(path, handle)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a page said and asked for while it was open."""

    errors: list[str]
    requests: list[str]


@pytest.fixture
def open_screen(browser: Browser, served: Served) -> Iterator[Callable[..., tuple[Page, Seen]]]:
    """Open the screen in a browser of its own: `open_screen(width=390, locale="en-US")` -> (page, what it saw).

    Without `draw_map` the map library is kept away: the rest of the screen works all the same, and much sooner, since
    the machine of the tests draws the map without a graphics card.
    """
    contexts: list[Any] = []

    def open_(
        width: int = 1366,
        height: int = 768,
        *,
        locale: str = "zh-CN",
        draw_map: bool = False,
        before: Callable[[Page], None] | None = None,
    ) -> tuple[Page, Seen]:
        # The browser stands in another zone than the district, so that a time in the wrong one shows.
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, timezone_id="America/New_York"
        )
        contexts.append(context)
        context.set_default_timeout(WAIT_MS)
        page = context.new_page()
        seen = Seen([], [])
        page.on("console", lambda message: seen.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: seen.errors.append(str(error)))
        page.on("request", lambda request: seen.requests.append(request.url))
        if not draw_map:
            page.route("**/vendor/maplibre-gl.mjs", lambda route: route.abort())
        if before is not None:
            before(page)
        page.goto(served.url)
        page.wait_for_selector(f"body[data-map={'ready' if draw_map else 'missing'}]", state="attached")
        page.wait_for_selector(".case", state="attached")
        return page, seen

    yield open_
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")
        context.close()
