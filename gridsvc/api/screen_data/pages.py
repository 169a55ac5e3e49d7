"""The command screen at `/`: our own files and MapLibre's, from this service alone.

The address of each file has a digest of all files, so that a browser may cache it and never mixes versions.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse

from gridsvc.api.http.requests import service_of
from gridsvc.api.screen_data.screen_facts import read_screen_facts
from gridsvc.db.cases import queue
from gridsvc.db.cases.filters import Search
from gridsvc.db.cases.pages import count_up_to
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.files.packaged import map_library_folder
from gridsvc.operations.cases.persons import name_alerted
from gridsvc.operations.cases.read import read_cursor, write_cursor
from gridsvc.operations.grids.people import list_officers_today
from gridsvc.operations.law.in_force import list_plans

if TYPE_CHECKING:
    from sqlalchemy import Connection

router = APIRouter(include_in_schema=False)

_DIGITS = 8  # of a number of open cases

_SCREEN = Path(__file__).parents[1] / "screen"
_MAPLIBRE_FILES = ("maplibre-gl.mjs", "maplibre-gl-shared.mjs", "maplibre-gl-worker.mjs", "maplibre-gl.css")
_TYPES = {".mjs": "text/javascript", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
_COMPRESSED = {"text/javascript", "text/css", "image/svg+xml"}

# No inline script or style, nothing from another host; data: is for the icons inside MapLibre's style sheet.
CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "worker-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
PAGE_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_ASSET_HEADERS = {
    "Cache-Control": "public, max-age=31536000, immutable",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
    "Content-Security-Policy": CONTENT_POLICY,  # a worker lives by the policy of its own file: it fetches the tiles
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file of the screen; `gzipped` is None where it would not become smaller."""

    content: bytes
    gzipped: bytes | None
    media_type: str


@dataclass(frozen=True, slots=True)
class Assets:
    """All files of the screen by their path, under one digest. `complete`: MapLibre is installed."""

    files: dict[str, Path]
    digest: str
    complete: bool


@router.get("/", response_class=HTMLResponse)
def get_screen() -> HTMLResponse:
    """Return the page of the command screen."""
    assets = list_assets()
    page = (_SCREEN / "index.html").read_text(encoding="utf-8")
    page = page.replace("{assets}", f"/assets/{assets.digest}").replace("{maplibre}", str(assets.complete).lower())
    return HTMLResponse(page, headers=PAGE_HEADERS)


@router.get("/docs", response_class=HTMLResponse)
def get_docs() -> HTMLResponse:
    """Return the page of the API, which shows /openapi.json."""
    page = (_SCREEN / "docs.html").read_text(encoding="utf-8")
    return HTMLResponse(page.replace("{assets}", f"/assets/{list_assets().digest}"), headers=PAGE_HEADERS)


@router.get("/assets/{digest}/{path:path}")
def get_asset(request: Request, digest: str, path: str) -> Response:
    """Return one file of the screen; 404 for an old digest."""
    assets = list_assets()
    if digest != assets.digest or path not in assets.files:
        raise NotFound(
            f"There is no {path} of version {digest} of the screen; load the page again.",
            kind="no-asset",
            path=path,
            digest=digest,
        )
    asset = read_asset(assets.files[path])
    if asset.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers = {"Content-Encoding": "gzip", **_ASSET_HEADERS}
        return Response(asset.gzipped, media_type=asset.media_type, headers=headers)
    return Response(asset.content, media_type=asset.media_type, headers=_ASSET_HEADERS)


@router.get("/favicon.ico")
def get_icon() -> Response:
    """Return the icon, for browsers that request it without reading the page."""
    return Response((_SCREEN / "icon.svg").read_bytes(), media_type="image/svg+xml", headers=PAGE_HEADERS)


@router.get("/screen/facts")
def get_screen_facts(request: Request) -> dict[str, Any]:
    """Return what the screen must know before it draws: districts, their grids and units."""
    return read_screen_facts(service_of(request))


@router.get("/screen/cases")
def get_screen_cases(request: Request) -> Response:
    """Return every open case briefly, the longest overdue first, and how many each list holds; 304 while unchanged."""

    def read(connection: Connection) -> dict[str, Any]:
        items, counts = queue.list_queue(connection, Search().condition(connection), limit=queue.OPEN_SHOWN)
        name_alerted(connection, items)
        return {"items": items, "counts": counts}

    content = json.dumps(service_of(request).database.read(read), ensure_ascii=False).encode()
    headers = {"ETag": f'W/"{hashlib.blake2b(content, digest_size=12).hexdigest()}"', "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        content = gzip.compress(content, 1, mtime=0)
        headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(content, media_type="application/json", headers=headers)


@router.get("/screen/search")
def search_screen_cases(
    request: Request,
    name: Annotated[Literal["open", "waiting", "late", "drills", "closed"], Query(alias="list")] = "open",
    q: Annotated[str, Query(max_length=100)] = "",
    urgency: Literal["emergency", "routine"] | None = None,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> dict[str, Any]:
    """Find cases by number, type and place: a page of one list, and how many cases of each list match.

    `next` is `after` of the following page, null at the end. Closed cases are counted up to `counted`.
    """
    service = service_of(request)
    words = q.replace("\0", "").lower().split()
    names = {plan["type"]: _names(plan) for plan in list_plans(service)["items"]} if words else {}
    search = Search([(word, [kind for kind, known in names.items() if word in known]) for word in words], urgency)

    def read(connection: Connection) -> dict[str, Any]:
        condition = search.condition(connection)
        closed = replace(condition, open=None)
        if name == "closed":
            items, behind = queue.list_closed(connection, closed, after=None if after is None else read_cursor(after))
            following = None if behind is None else write_cursor(*behind)
            _, counts = queue.list_queue(connection, condition, limit=0)
        else:
            skip = 0 if after is None else _skipped(after)
            items, counts = queue.list_queue(connection, condition, queue.LISTS[name], limit=queue.PAGE, skip=skip)
            name_alerted(connection, items)
            following = str(skip + len(items)) if skip + len(items) < counts[name] else None
        counts |= {"closed": count_up_to(connection, closed, queue.CLOSED_COUNTED), "counted": queue.CLOSED_COUNTED}
        return {"items": items, "next": following, "counts": counts}

    return service.database.read(read)


def _skipped(after: str) -> int:
    """Return how many open cases are before a page: few are open, so their pages need no cursor."""
    if not (after.isascii() and after.isdigit() and len(after) < _DIGITS):
        raise InvalidInput("`after` is no cursor of this list. Use `next` of the page before, unchanged.")
    return int(after)


def _names(plan: dict[str, Any]) -> str:
    return " ".join(str(plan.get(key) or "") for key in ("type", "name", "name_en")).lower()


@router.get("/screen/officers")
def get_screen_officers(
    request: Request,
    district: Annotated[str, Query(max_length=40)],
    generation: Annotated[int, Query(ge=1, le=2**31 - 1)],
    code: Annotated[list[str], Query(max_length=10)],
) -> dict[str, list[dict[str, Any]]]:
    """Return who holds the posts of some grids today, [{post, name}] by the grid's code, of those that have anybody."""
    with service_of(request).database.transaction() as connection:
        return list_officers_today(connection, district, generation, code)


@cache
def list_assets() -> Assets:
    """Find the files once per process and name their version."""
    files = {str(path.relative_to(_SCREEN)): path for path in sorted(_SCREEN.rglob("*")) if path.is_file()}
    for page in ("index.html", "sign_in.html", "docs.html"):
        files.pop(page, None)
    folder = map_library_folder()
    library = {f"vendor/{name}": folder / name for name in _MAPLIBRE_FILES if (folder / name).is_file()}
    files |= library
    digest = hashlib.sha256()
    for name, path in files.items():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return Assets(files, digest.hexdigest()[:16], complete=len(library) == len(_MAPLIBRE_FILES))


@cache
def read_asset(path: Path) -> Asset:
    """Read and compress a file once per process."""
    content = path.read_bytes()
    media_type = _TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    gzipped = gzip.compress(content, 9, mtime=0) if media_type in _COMPRESSED else None
    return Asset(content, gzipped, media_type)
