"""`python -m tests.screen.screenshot [URL [N]]`: the picture of the READMEs, with case N of the list of a served demo.

Start `gridsvc demo --replay 60x` first. The map is drawn without a graphics card; wait up to three minutes.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.screen.chromium import get_chromium
from tests.screen.conftest import ARGUMENTS

PICTURE = Path(__file__).resolve().parents[2] / "docs" / "screen.jpg"
WIDTH, HEIGHT, WAIT_MS = 1600, 900, 180_000
STILL = "window.gridsvc?.map?.loaded() && !gridsvc.map.isMoving()"


def take(url: str, number: int, picture: Path) -> None:
    """Open the case of that number in the list, wait for map and routes, and write a JPEG."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(get_chromium()), args=ARGUMENTS)
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, locale="zh-CN", timezone_id="Asia/Shanghai"
        )
        page.set_default_timeout(WAIT_MS)
        page.goto(url)
        page.locator("#case-list button").nth(number).click()
        page.evaluate("document.getElementById('legend').open = false")
        wait_until_drawn(page)
        page.wait_for_timeout(10_000)  # routes and areas are asked for once the case is open
        wait_until_drawn(page)
        page.screenshot(path=picture, type="jpeg", quality=80)
        browser.close()


def wait_until_drawn(page: Page) -> None:
    """Wait until the map stands still; the page's content policy forbids playwright's own way."""
    until = time.monotonic() + WAIT_MS / 1000
    while not page.evaluate(STILL):
        if time.monotonic() > until:
            raise TimeoutError("the map is not drawn")
        page.wait_for_timeout(200)


if __name__ == "__main__":
    address, position = [*sys.argv[1:], "http://127.0.0.1:8733/", "0"][:2]
    take(address, int(position), PICTURE)
