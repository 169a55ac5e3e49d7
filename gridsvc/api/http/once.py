"""Which writes keep no answer under an Idempotency-Key, and why a retry of them does no harm.

Every other POST, PATCH, PUT and DELETE takes the header: one answer per (district, caller, key).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI

WRITES = ("post", "put", "patch", "delete")

_READS = "It only asks: nothing is written, and a retry is answered from what is in force then."
_SECRET = "Its answer is a secret that must not lie in a table. "  # noqa: S105 - words about one
WITHOUT_KEY: Mapping[tuple[str, str], str] = {
    ("POST", "/owners"): _READS,
    ("POST", "/travel-times"): _READS,
    ("POST", "/recommendations"): _READS,
    (
        "POST",
        "/teams/{team_id}/positions",
    ): "A team has one position a stamp: send `at`, and the same again is one.",
    ("POST", "/session"): _SECRET + "A retry begins another session; the one that nobody has ends by itself.",
    ("DELETE", "/session"): "A session ends once; who asks with an ended one is told 401.",
    ("POST", "/pairings"): _SECRET + "A retry gives another code; one that nobody uses ends after five minutes.",
    ("POST", "/devices"): _SECRET + "A code is good for one of two twins; who lost the answer pairs anew.",
    ("POST", "/incidents/{incident_id}/unmask"): _SECRET + "Each look is an event of its own, a retry too.",
}
"""(method, path) -> why its retry is harmless without a kept answer."""


def describe(app: FastAPI) -> None:
    """Have the OpenAPI say of each such route why it takes no Idempotency-Key: `x-idempotent`."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        first = app.openapi_schema is None
        schema = plain()
        for path, methods in schema["paths"].items() if first else ():
            for method, operation in methods.items():
                if (why := WITHOUT_KEY.get((method.upper(), path))) is not None:
                    operation["x-idempotent"] = why
        return schema

    # FastAPI's own way to extend its OpenAPI is to replace this method
    app.openapi = described  # type: ignore[method-assign]
