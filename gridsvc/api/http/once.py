"""Writes that keep no answer under an Idempotency-Key, and why their retry is harmless.

Every other POST, PATCH, PUT and DELETE takes the header: one answer per (district, caller, key).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

WRITES = ("post", "put", "patch", "delete")

_READS = "It writes nothing; a retry is answered from the versions in force at that time."
_SECRET = "Its answer is a secret, which is not stored. "  # noqa: S105 - a text about one
_POSITION = "A team has one position for each `at`: a retry finds it. "
WITHOUT_KEY: Mapping[tuple[str, str], str] = {
    ("POST", "/owners"): _READS,
    ("POST", "/travel-times"): _READS,
    ("POST", "/recommendations"): _READS,
    ("POST", "/incidents/{incident_id}/place/preview"): _READS,
    ("POST", "/incidents/{incident_id}/owner/preview"): _READS,
    ("POST", "/teams/{team_id}/positions"): _POSITION + "Send `at`.",
    ("POST", "/positions"): _POSITION,
    ("POST", "/positions/traccar"): _POSITION,
    ("POST", "/osmand"): _POSITION + "Send `timestamp`.",
    ("POST", "/session"): _SECRET + "A retry starts another session; the unused one expires.",
    ("DELETE", "/session"): "A session ends once; a request with an ended session gets 401.",
    ("POST", "/pairings"): _SECRET + "A retry gives another code; an unused one expires after five minutes.",
    ("POST", "/devices"): _SECRET
    + "A code is valid for one request; if its answer is lost, pair again with a new code.",
    ("POST", "/incidents/{incident_id}/unmask"): _SECRET + "Each request writes its own event, a retry too.",
}
"""(method, path) -> why its retry is harmless without a stored answer."""
