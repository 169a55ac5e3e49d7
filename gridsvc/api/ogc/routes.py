"""/ogc over HTTP: landing page, conformance, collections, features and styles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response

from gridsvc.api.http.lanes import in_queue
from gridsvc.api.http.requests import service_of
from gridsvc.api.ogc.definition import openapi_of
from gridsvc.api.ogc.queries import read_items, read_plain, write_cursor
from gridsvc.api.ogc.responses import GEOJSON, OPENAPI, send
from gridsvc.api.ogc.styles import STYLES, get_style
from gridsvc.db.feature_collections import COLLECTIONS
from gridsvc.operations import features
from gridsvc.operations.grids.extent import find_extent

if TYPE_CHECKING:
    from gridsvc.db.feature_collections import Collection
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service

router = APIRouter(tags=["ogc"], include_in_schema=False)  # /ogc/api describes it

CONFORMS_TO = tuple(
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "geojson", "oas30")
)
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
_MAPBOX_STYLE = "application/vnd.mapbox.style+json"


@router.get("/ogc", name="ogc_landing")
@router.get("/ogc/", name="ogc_landing_slash")
def get_landing(request: Request) -> Response:
    """Return the landing page."""
    read_plain(request.query_params)
    root = _root(request)
    links = [
        _link(root, "self", "this document"),
        _link(f"{root}/api", "service-desc", "the API definition", OPENAPI),
        _link(f"{root}/conformance", "conformance", "conformance classes"),
        _link(f"{root}/collections", "data", "the collections"),
        _link(f"{root}/styles", "styles", "styles for maps"),
    ]
    about = {"title": "gridsvc", "description": "Grids, cases, stations, service areas, roads and faults"}
    return send(request, about | {"links": links})


@router.get("/ogc/conformance")
def get_conformance(request: Request) -> Response:
    """Return the conformance classes."""
    read_plain(request.query_params)
    return send(request, {"conformsTo": list(CONFORMS_TO)})


@router.get("/ogc/api")
def get_api(request: Request) -> Response:
    """Return the OpenAPI document of /ogc."""
    read_plain(request.query_params)
    return send(request, openapi_of(_root(request)), OPENAPI)


@router.get("/ogc/collections")
def get_collections(request: Request) -> Response:
    """Describe all collections."""
    read_plain(request.query_params)
    root, service = _root(request), service_of(request)
    listed = [_described(root, service, each) for each in COLLECTIONS.values()]
    return send(request, {"links": [_link(f"{root}/collections", "self", "this document")], "collections": listed})


@router.get("/ogc/collections/{collection}")
def get_collection(request: Request, collection: str) -> Response:
    """Describe one collection."""
    found = features.get_collection(collection)
    read_plain(request.query_params)
    return send(request, _described(_root(request), service_of(request), found))


@router.get("/ogc/collections/{collection}/items")
@in_queue("lists")
def get_items(request: Request, collection: str) -> Response:
    """Return one page of features as GeoJSON."""
    found = features.get_collection(collection)
    asked = read_items(request.query_params, found)
    page = features.find_page(service_of(request), found, asked.selection, after=asked.after, limit=asked.limit)
    root, here = _root(request), f"{_root(request)}/collections/{found.id}/items"
    links = [
        _link(_with_query(here, request), "self", "this page", GEOJSON),
        _link(f"{root}/collections/{found.id}", "collection", found.title),
    ]
    if page.following is not None:
        following = _with_query(here, request, cursor=write_cursor(page.following))
        links.append(_link(following, "next", "the next page", GEOJSON))
    rest = {"numberMatched": page.matched, "numberReturned": len(page.features), "links": links}
    return send(
        request, f'{{"type":"FeatureCollection",{_members(rest)},"features":[{",".join(page.features)}]}}', GEOJSON
    )


@router.get("/ogc/collections/{collection}/items/{feature:path}")
def get_feature(request: Request, collection: str, feature: str) -> Response:
    """Return one feature as GeoJSON."""
    found = features.get_collection(collection)
    read_plain(request.query_params)
    text = features.get_feature(service_of(request), found, feature)
    here = f"{_root(request)}/collections/{found.id}"
    links = [
        _link(f"{here}/items/{quote(feature, safe='')}", "self", "this feature", GEOJSON),
        _link(here, "collection", found.title),
    ]
    return send(request, f"{text[:-1]},{_members({'links': links})}}}", GEOJSON)


@router.get("/ogc/styles")
def get_styles(request: Request) -> Response:
    """List the styles."""
    read_plain(request.query_params)
    root = _root(request)
    listed = [
        {"id": name, "title": title, "links": [_link(f"{root}/styles/{name}", "stylesheet", title, _MAPBOX_STYLE)]}
        for name, title in STYLES.items()
    ]
    return send(request, {"styles": listed, "default": next(iter(STYLES))})


@router.get("/ogc/styles/{style}")
def get_one_style(request: Request, style: str) -> Response:
    """Return a style for MapLibre over the vector tiles of this service."""
    read_plain(request.query_params)
    box = find_extent(service_of(request))
    return send(request, get_style(style, str(request.base_url).rstrip("/"), box), _MAPBOX_STYLE)


def _described(root: str, service: Service, collection: Collection) -> dict[str, Json]:
    extent = features.find_extent(service, collection)
    here = f"{root}/collections/{collection.id}"
    known: dict[str, Any] = {"spatial": {"bbox": [list(extent.box)], "crs": _CRS84}}
    if collection.moment is not None or collection.span is not None:
        span = [None if each is None else each.isoformat() for each in (extent.first, extent.last)]
        known["temporal"] = {"interval": [span], "trs": _GREGORIAN}
    return {
        "id": collection.id,
        "title": collection.title,
        "description": collection.about,
        "itemType": "feature",
        "extent": known,
        "crs": [_CRS84],
        "links": [
            _link(here, "self", collection.title),
            _link(f"{here}/items", "items", collection.title, GEOJSON),
        ],
    }


def _link(href: str, rel: str, title: str, media_type: str = "application/json") -> dict[str, Json]:
    return {"href": href, "rel": rel, "type": media_type, "title": title}


def _root(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}/ogc"


def _with_query(here: str, request: Request, **changed: str) -> str:
    """Return an address with the query of the request, and what is changed in it."""
    query = urlencode({**request.query_params, **changed})
    return f"{here}?{query}" if query else here


def _members(values: dict[str, Any]) -> str:
    """Return the members of a JSON object without its braces."""
    return json.dumps(values, ensure_ascii=False)[1:-1]
