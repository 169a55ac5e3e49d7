"""/openapi.json: the shapes of answers, the refusals of each route, sign-in, and short operation ids.

A route declares its answer with `answer`. Its refusals follow from what the route takes and from the right that it
needs (`refusals_of`); `FURTHER` adds those that only its operation knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from gridsvc.access.scopes import Right
from gridsvc.api.answers.problems import Problem
from gridsvc.api.http.once import WITHOUT_KEY
from gridsvc.api.http.problems import MEDIA_TYPE
from gridsvc.api.http.route_rights import OWN, ROUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fastapi import APIRouter, FastAPI

    from gridsvc.json_types import Json

Route = tuple[str, str]

METHODS = ("get", "post", "put", "patch", "delete")
REFUSALS: Mapping[int, str] = {
    400: "The body is no JSON that can be read.",
    401: "No key, or one that is not valid.",
    403: "The caller has no right to it, or a write by cookie has no CSRF token.",
    404: "It does not exist, or it is outside the caller's scope.",
    408: "The body did not arrive in time.",
    409: "The present state does not allow it.",
    413: "The request or its answer is too large.",
    414: "Path and query are too long.",
    422: "A value is not usable; `parameters` says which.",
    429: "Too many requests; `Retry-After` says when to try again.",
    503: "The service, or a part of it, does not answer at the moment; nothing was written.",
}
FURTHER: Mapping[Route, frozenset[int]] = {
    ("POST", "/incidents"): frozenset({404, 409}),
    ("POST", "/recommendations"): frozenset({404, 409}),
    ("POST", "/incidents/{incident_id}/steps"): frozenset({409}),
    ("POST", "/incidents/{incident_id}/place"): frozenset({409}),
    ("POST", "/incidents/{incident_id}/owner"): frozenset({409}),
    ("POST", "/incidents/{incident_id}/place/preview"): frozenset({409}),
    ("POST", "/incidents/{incident_id}/owner/preview"): frozenset({409}),
    ("GET", "/incidents/{incident_id}/move-ups"): frozenset({409}),
    ("GET", "/coverage/now"): frozenset({404}),
    ("POST", "/coverage/plans"): frozenset({404}),
    ("GET", "/owners"): frozenset({404}),
    ("POST", "/owners"): frozenset({404}),
    ("GET", "/grids"): frozenset({404}),
    ("GET", "/geocode"): frozenset({404}),
    ("GET", "/geocode/suggestions"): frozenset({404}),
    ("POST", "/incidents/{incident_id}/names"): frozenset({409}),
    ("GET", "/grids/{code}/people"): frozenset({404}),
    ("GET", "/generations"): frozenset({404}),
    ("GET", "/generations/{generation}/differences"): frozenset({404, 413}),
    ("POST", "/generations/{generation}/activation"): frozenset({409}),
    ("POST", "/generations/{generation}/rollback"): frozenset({409}),
    ("POST", "/travel-times"): frozenset({404}),
    ("GET", "/isochrones"): frozenset({404}),
    ("GET", "/routes"): frozenset({404}),
    ("POST", "/closures"): frozenset({404}),
    ("GET", "/service-areas"): frozenset({404, 413}),
    ("GET", "/compliance"): frozenset({404, 409, 413}),
    ("GET", "/compliance/causes"): frozenset({404, 413}),
    ("GET", "/compliance/late"): frozenset({404, 413}),
    ("GET", "/compliance/cells"): frozenset({404, 409, 413}),
    ("GET", "/timers"): frozenset({404}),
    ("PUT", "/timers"): frozenset({404}),
    ("POST", "/proposals/{proposal_id}/decision"): frozenset({409}),
    ("GET", "/proposals"): frozenset({404}),
    ("PATCH", "/teams/{team_id}"): frozenset({409}),
    ("POST", "/teams/{team_id}/datum"): frozenset({409}),
    ("GET", "/osmand"): frozenset({403, 404}),
    ("POST", "/osmand"): frozenset({403, 404}),
    ("POST", "/positions/traccar"): frozenset({404}),
    ("POST", "/session"): frozenset({401}),
    ("DELETE", "/session"): frozenset({404}),
    ("POST", "/pairings"): frozenset({404}),
    ("POST", "/devices"): frozenset({404}),
    ("GET", "/readyz"): frozenset({401, 429, 503}),
}
"""Refusals that do not follow from the parameters, the body and the right of a route."""

_QUIET = {("GET", "/healthz"), ("GET", "/readyz")}  # never limited for callers without a key
_KNOWN_CALLERS: list[dict[str, list[str]]] = [{"bearer": []}, {"session": []}]
_TRACKERS: list[dict[str, list[str]]] = [{"tracker": []}, {"bearer": []}]
_SCHEMES = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A key of `gridsvc keys add`, or the token of a paired device.",
    },
    "tracker": {
        "type": "apiKey",
        "in": "query",
        "name": "id",
        "description": "The token of `gridsvc keys tracker`, or of a paired device; also in the body.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "gridsvc",
        "description": "The cookie of POST /session (`__Host-gridsvc` over TLS). A write by cookie also sends the "
        "header X-CSRF-Token with the value `csrf` of GET /session.",
    },
}
_HEADERS: Mapping[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    429: {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}},
    503: {"Retry-After": {"description": "seconds", "schema": {"type": "integer"}}},
}


class GeoJson(JSONResponse):
    """A GeoJSON document (RFC 7946)."""

    media_type = "application/geo+json"


def answer(
    model: type, example: Json, *, status: int = 200, media_type: str = "application/json"
) -> dict[int | str, Any]:
    """Return the `responses` of a route: the shape of its answer and an example.

    The shape is for the document alone: the route returns a Response, which FastAPI sends without validating it.
    """
    about = str(model.__doc__).splitlines()[0]
    return {status: {"model": model, "description": about, "content": {media_type: {"example": example}}}}


def refusals_of(route: Route, operation: Mapping[str, Any]) -> list[int]:
    """Return the statuses of the refusals that a route can give, in order.

    Parameters
    ----------
    route
        Method and path.
    operation
        Its operation object of the document.
    """
    needed = ROUTES[route]
    found = set(FURTHER.get(route, ()))
    if route not in _QUIET:
        found |= {429, 503}
    if needed is not None:
        found.add(401)
    if route[0] != "GET" or isinstance(needed, Right):  # a tracker has no right but one
        found.add(403)
    if "requestBody" in operation:
        found |= {400, 408, 413, 422}
    parameters = operation.get("parameters", ())
    places = {parameter["in"] for parameter in parameters}
    if "path" in places:
        found.add(404)
    if places & {"path", "query"}:
        found.add(414)
    if any(each["in"] != "path" or each["schema"].get("type") != "string" for each in parameters):
        found.add(422)
    return sorted(found)


def complete(app: FastAPI, routers: Iterable[APIRouter]) -> None:
    """Have the application describe itself with refusals, security, servers and `x-idempotent`."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        first = app.openapi_schema is None
        document = plain()
        if first:
            _complete(document)
            _restore_nulls(document, routers)
        return document

    # FastAPI's own way to extend its OpenAPI is to replace this method
    app.openapi = described  # type: ignore[method-assign]


def _complete(document: dict[str, Any]) -> None:
    document["servers"] = [{"url": "/", "description": "this service"}]
    components = document["components"]
    components["securitySchemes"] = _SCHEMES
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    components["schemas"]["Problem"] = TypeAdapter(Problem).json_schema()
    components["responses"] = {f"Refusal{status}": _refusal(status) for status in REFUSALS}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if method in methods:
                _complete_operation((method.upper(), path), methods[method])


def _complete_operation(route: Route, operation: dict[str, Any]) -> None:
    needed = ROUTES[route]
    operation["security"] = _KNOWN_CALLERS if needed is not None else []
    if needed == OWN:
        operation["security"] = _TRACKERS
    if route == ("GET", "/readyz"):
        operation["security"] = [{}, *_KNOWN_CALLERS]  # who is known sees the districts of their scope
    responses = operation["responses"]
    responses.pop("422", None)  # FastAPI's own; ours has another shape
    for status in refusals_of(route, operation):
        responses[str(status)] = {"$ref": f"#/components/responses/Refusal{status}"}
    if (why := WITHOUT_KEY.get(route)) is not None:
        operation["x-idempotent"] = why


def _restore_nulls(document: dict[str, Any], routers: Iterable[APIRouter]) -> None:
    """Give examples their null members back: FastAPI drops every null of its document."""
    for route in [route for router in routers for route in router.routes if isinstance(route, APIRoute)]:
        for method in (route.methods or ()) if route.include_in_schema else ():
            responses = document["paths"][route.path][method.lower()]["responses"]
            for status, declared in route.responses.items():
                for media_type, content in declared.get("content", {}).items():
                    responses[str(status)]["content"][media_type]["example"] = content["example"]


def _refusal(status: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "description": REFUSALS[status],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    return found | ({"headers": _HEADERS[status]} if status in _HEADERS else {})
