"""/ogc/api: the OpenAPI 3.0 document of /ogc by itself, which clients of the standard read first.

It is no part of /openapi.json: its paths name each collection, and its refusals follow the standard (400 where the
rest of the service answers 422).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc import __version__
from gridsvc.db.feature_collections import COLLECTIONS

if TYPE_CHECKING:
    from gridsvc.db.feature_collections import Collection, Property

_TYPES = {"time": "string"}
_LINKS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["href", "rel"],
        "properties": {name: {"type": "string"} for name in ("href", "rel", "type", "title")},
    },
}


def openapi_of(root: str) -> dict[str, Any]:
    """Return the document; `root` is the address of /ogc."""
    paths: dict[str, Any] = {
        "/": _get("landing", "The landing page", "landing"),
        "/conformance": _get("conformance", "The conformance classes", "conformance"),
        "/api": _get("api", "This document", "object"),
        "/collections": _get("collections", "The collections", "collections"),
        "/styles": _get("styles", "The styles", "object"),
        "/styles/{styleId}": _get("style", "A style for MapLibre", "object", [_path_parameter("styleId")]),
    }
    for each in COLLECTIONS.values():
        here = f"/collections/{each.id}"
        paths[here] = _get(f"describe_{each.id}", f"About {each.title}", "collection")
        parameters = [_reference(name) for name in ("bbox", "datetime", "cursor", "f")]
        parameters += [_limit(each), *(_by_property(one) for one in each.properties if one.exact)]
        paths[f"{here}/items"] = _get(f"list_{each.id}", each.about, "featureCollection", parameters, geojson=True)
        paths[f"{here}/items/{{featureId}}"] = _get(
            f"get_{each.id}", f"One of {each.title}", f"feature_{each.id}", [_path_parameter("featureId")], geojson=True
        )
    return {
        "openapi": "3.0.3",
        "info": {"title": "gridsvc: OGC API - Features", "version": __version__,
                 "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}},
        "servers": [{"url": root}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer",
                                           "description": "A key of `gridsvc keys add`; none where sign-in is off."}},
            "parameters": _PARAMETERS,
            "responses": {
                "Invalid": _refusal("A parameter is unknown, or its value is not usable."),
                "NotFound": _refusal("It does not exist, or it is outside the caller's scope."),
                "Refused": _refusal("No valid key, no right, too many requests, or the service is away."),
            },
            "schemas": _SCHEMAS | {f"feature_{each.id}": _feature(each) for each in COLLECTIONS.values()},
        },
    }  # fmt: skip


def _get(
    name: str, summary: str, schema: str, parameters: list[dict[str, Any]] | None = None, *, geojson: bool = False
) -> dict[str, Any]:
    media_type = "application/geo+json" if geojson else "application/json"
    shape = {"type": "object"} if schema == "object" else {"$ref": f"#/components/schemas/{schema}"}
    given = parameters if parameters is not None else [_reference("f")]
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "parameters": given,
            "responses": {
                "200": {"description": summary, "content": {media_type: {"schema": shape}}},
                "304": {"description": "It has the ETag of If-None-Match."},
                "400": {"$ref": "#/components/responses/Invalid"},
                "404": {"$ref": "#/components/responses/NotFound"},
                "default": {"$ref": "#/components/responses/Refused"},
            },
        }
    }


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/parameters/{name}"}


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _limit(collection: Collection) -> dict[str, Any]:
    schema = {"type": "integer", "minimum": 1, "maximum": collection.most, "default": collection.usual}
    return _query("limit", "Features of a page; more than the maximum gives the maximum.", schema)


def _by_property(one: Property) -> dict[str, Any]:
    return _query(one.name, f"Only features with this value: {one.about}.", {"type": one.type})


def _query(name: str, about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": about, "schema": schema,
            "style": "form", "explode": False}  # fmt: skip


_PARAMETERS = {
    "bbox": _query(
        "bbox",
        "Only features that meet the box: west,south,east,north in degrees WGS-84, or six numbers with heights.",
        {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
    ),
    "datetime": _query(
        "datetime",
        "Only features of this time (RFC 3339), or of an interval START/END with `..` for an open end. Of the "
        "grids: those in force then. Collections without a time ignore it.",
        {"type": "string"},
    ),
    "cursor": _query("cursor", "Where the page begins: of the link `next`.", {"type": "string"}),
    "f": _query("f", "The format: JSON only.", {"type": "string", "enum": ["json", "geojson"]}),
}

_SCHEMAS: dict[str, Any] = {
    "landing": {"type": "object", "required": ["links"], "properties": {"links": _LINKS}},
    "conformance": {
        "type": "object",
        "required": ["conformsTo"],
        "properties": {"conformsTo": {"type": "array", "items": {"type": "string"}}},
    },
    "collection": {
        "type": "object",
        "required": ["id", "links"],
        "properties": {
            **{name: {"type": "string"} for name in ("id", "title", "description", "itemType")},
            "links": _LINKS,
            "extent": {"type": "object"},
            "crs": {"type": "array", "items": {"type": "string"}},
        },
    },
    "collections": {
        "type": "object",
        "required": ["links", "collections"],
        "properties": {
            "links": _LINKS,
            "collections": {"type": "array", "items": {"$ref": "#/components/schemas/collection"}},
        },
    },
    "featureCollection": {
        "type": "object",
        "required": ["type", "features"],
        "properties": {
            "type": {"type": "string", "enum": ["FeatureCollection"]},
            "features": {"type": "array", "items": {"type": "object"}},
            "links": _LINKS,
            "numberMatched": {"type": "integer", "minimum": 0},
            "numberReturned": {"type": "integer", "minimum": 0},
        },
    },
}


def _feature(collection: Collection) -> dict[str, Any]:
    properties = {each.name: _property(each) for each in collection.properties}
    geometry = {
        "type": "object",
        "nullable": True,
        "required": ["type", "coordinates"],
        "properties": {
            "type": {"type": "string", "enum": [collection.kind]},
            "coordinates": {"type": "array", "items": {}},
        },
    }
    return {
        "type": "object",
        "required": ["type", "id", "geometry", "properties"],
        "properties": {
            "type": {"type": "string", "enum": ["Feature"]},
            "id": {"type": "string"},
            "geometry": geometry,
            "properties": {"type": "object", "properties": properties},
            "links": _LINKS,
        },
    }


def _property(each: Property) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": _TYPES.get(each.type, each.type), "nullable": True, "description": each.about}
    if each.type == "time":
        schema["format"] = "date-time"
    if each.type == "array":
        schema["items"] = {"type": "string"}
    return schema


def _refusal(words: str) -> dict[str, Any]:
    return {"description": words, "content": {"application/problem+json": {"schema": {"type": "object"}}}}
