"""The right that each route needs, in one table; it is checked before the operation runs.

A route that is not in the table is for administrators only. Sign-in (`sign_in.py`) has already checked the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request

from gridsvc.access.scopes import Caller, Right

if TYPE_CHECKING:
    from collections.abc import Mapping

ANY = "any"
"""Every caller with a valid key."""
OWN = "own"
"""The route itself reads the credential, where trackers can send one: in the address or in the body."""
# None: public, no key is needed.
ROUTES: Mapping[tuple[str, str], Right | str | None] = {
    # Sign-in, pages, and the probes of a load balancer.
    ("GET", "/"): ANY,
    ("GET", "/docs"): ANY,
    ("GET", "/sign-in"): None,
    ("GET", "/assets/{digest}/{path:path}"): None,
    ("GET", "/favicon.ico"): None,
    ("GET", "/healthz"): None,
    ("GET", "/readyz"): None,
    ("POST", "/session"): None,
    ("GET", "/session"): ANY,
    ("DELETE", "/session"): ANY,
    ("POST", "/pairings"): Right.PAIR,
    ("POST", "/devices"): None,
    # Cases.
    ("POST", "/incidents"): Right.REPORT,
    ("POST", "/recommendations"): Right.LOOK,
    ("GET", "/incidents"): Right.LOOK,
    ("GET", "/incidents/{incident_id}"): Right.LOOK,
    ("GET", "/incidents/{incident_id}/events"): Right.LOOK,
    ("POST", "/incidents/{incident_id}/steps"): Right.LOOK,  # each step has its own right
    ("POST", "/incidents/{incident_id}/place"): Right.CORRECT,
    ("POST", "/incidents/{incident_id}/owner"): Right.CORRECT,
    ("POST", "/incidents/{incident_id}/place/preview"): Right.CORRECT,
    ("POST", "/incidents/{incident_id}/owner/preview"): Right.CORRECT,
    ("GET", "/incidents/{incident_id}/considered"): Right.LOOK,
    ("POST", "/incidents/{incident_id}/unmask"): Right.UNMASK,
    ("GET", "/incidents/{incident_id}/move-ups"): Right.LOOK,
    ("GET", "/coverage/now"): Right.LOOK,
    ("POST", "/coverage/plans"): Right.PLAN,
    ("GET", "/coverage/plans/{plan_id}"): Right.PLAN,
    ("GET", "/response-plans"): Right.LOOK,
    ("GET", "/proposals"): Right.LOOK,
    ("GET", "/compliance"): Right.LOOK,
    ("GET", "/compliance/causes"): Right.LOOK,
    ("GET", "/compliance/late"): Right.LOOK,
    ("GET", "/compliance/cells"): Right.LOOK,
    ("GET", "/compliance/reports"): Right.LOOK,
    ("GET", "/compliance/reports/{report_id}"): Right.LOOK,
    ("GET", "/compliance/reports/{report_id}/page"): Right.LOOK,
    ("POST", "/proposals/{proposal_id}/decision"): Right.DECIDE,
    # Owners, travel times, areas.
    ("GET", "/owners"): Right.LOOK,
    ("POST", "/owners"): Right.LOOK,
    ("GET", "/grids"): Right.LOOK,
    ("GET", "/geocode"): Right.LOOK,
    ("GET", "/geocode/suggestions"): Right.LOOK,
    ("POST", "/incidents/{incident_id}/names"): Right.STEP,
    ("GET", "/grids/{code}/people"): Right.LOOK,
    ("GET", "/generations"): Right.LOOK,
    ("GET", "/generations/{generation}/differences"): Right.LOOK,
    ("POST", "/generations/{generation}/activation"): Right.LOAD,
    ("DELETE", "/generations/{generation}/activation"): Right.LOAD,
    ("POST", "/generations/{generation}/rollback"): Right.LOAD,
    ("POST", "/travel-times"): Right.LOOK,
    ("GET", "/isochrones"): Right.LOOK,
    ("GET", "/routes"): Right.LOOK,
    ("GET", "/service-areas"): Right.LOOK,
    # Teams and roads.
    ("GET", "/teams"): Right.LOOK,
    ("PATCH", "/teams/{team_id}"): Right.DUTY,
    ("POST", "/teams/{team_id}/datum"): Right.DUTY,
    ("POST", "/teams/{team_id}/positions"): Right.POSITION,
    ("POST", "/positions"): Right.POSITION,
    ("POST", "/positions/traccar"): Right.POSITION,
    ("GET", "/osmand"): OWN,
    ("POST", "/osmand"): OWN,
    ("GET", "/closures"): Right.LOOK,
    ("POST", "/closures"): Right.CLOSURES,
    ("DELETE", "/closures/{closure_id}"): Right.CLOSURES,
    # Tiles, and what the screen reads.
    ("GET", "/tiles"): Right.LOOK,
    ("GET", "/tiles/{layers}.json"): Right.LOOK,
    ("GET", "/tiles/{layers}/{z}/{x}/{y}.mvt"): Right.LOOK,
    ("GET", "/screen/facts"): Right.LOOK,
    ("GET", "/screen/cases"): Right.LOOK,
    ("GET", "/screen/search"): Right.LOOK,
    ("GET", "/screen/officers"): Right.LOOK,
    # OGC API - Features.
    ("GET", "/ogc"): Right.LOOK,
    ("GET", "/ogc/"): Right.LOOK,
    ("GET", "/ogc/conformance"): Right.LOOK,
    ("GET", "/ogc/api"): Right.LOOK,
    ("GET", "/ogc/collections"): Right.LOOK,
    ("GET", "/ogc/collections/{collection}"): Right.LOOK,
    ("GET", "/ogc/collections/{collection}/items"): Right.LOOK,
    ("GET", "/ogc/collections/{collection}/items/{feature:path}"): Right.LOOK,
    ("GET", "/ogc/styles"): Right.LOOK,
    ("GET", "/ogc/styles/{style}"): Right.LOOK,
    # The service itself.
    ("GET", "/metrics"): Right.WATCH,
    ("GET", "/jobs"): Right.WATCH,
    ("GET", "/jobs/{job_id}"): Right.WATCH,
    ("POST", "/jobs"): Right.WATCH,
    ("DELETE", "/jobs/{job_id}"): Right.WATCH,
    ("GET", "/timers"): Right.LOOK,
    ("PUT", "/timers"): Right.LOAD,
}


def right_of(method: str, path: str) -> Right | str | None:
    """Return the right that a route needs; `path` is the pattern of the route, such as `/teams/{team_id}`."""
    return ROUTES.get((method, path), Right.KEYS)  # only administrators have KEYS


async def authorize(request: Request) -> None:
    """Raise NotAllowed for a caller without the right of the route; a dependency of every route."""
    needed = right_of(request.method, request.scope["route"].path)
    if isinstance(needed, Right):
        caller: Caller = request.state.caller
        caller.need(needed)
