"""Reading /ogc in a test: documents, links, and pages to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gridsvc.db.feature_collections import COLLECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.testclient import TestClient


NAMES = tuple(COLLECTIONS)
ORIGIN = "https://map.example.cn"


def get(web: TestClient, path: str, status: int = 200) -> dict[str, Any]:
    answer = web.get(f"/ogc{path}")
    assert answer.status_code == status, answer.text[:300]
    found: dict[str, Any] = answer.json()
    return found


def link(body: dict[str, Any], rel: str) -> dict[str, str] | None:
    return next((each for each in body["links"] if each["rel"] == rel), None)


def pages(web: TestClient, path: str) -> Iterator[dict[str, Any]]:
    """Follow the links `next` to the end."""
    for _ in range(100):
        page = get(web, path)
        yield page
        following = link(page, "next")
        if following is None:
            return
        parts = urlsplit(following["href"])
        assert parts.netloc == "localhost"
        path = f"{parts.path.removeprefix('/ogc')}?{parts.query}"
    raise AssertionError("pages without an end")


def features(web: TestClient, path: str) -> list[dict[str, Any]]:
    return [each for page in pages(web, path) for each in page["features"]]
