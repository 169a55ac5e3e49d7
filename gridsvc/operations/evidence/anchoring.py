"""The end of every chain of evidence, sent each day to an address where no user of the database can write."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput, Unavailable
from gridsvc.operations.evidence.verify import anchor
from gridsvc.operations.runtime.outside_http import parse_address, request

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run

_PATIENCE_S = 30.0
_LONGEST_ANSWER = 64 << 10


def check_address(address: str) -> SplitResult:
    """Return the parts of an address for anchors.

    Raises
    ------
    InvalidInput
        For one that is no https address; http serves on this machine alone, since others could drop what is sent. For
        one with a space or with a letter beyond ASCII: in an address these are encoded.
    """
    parts = parse_address(address)
    if parts is None:
        raise InvalidInput(
            "GRIDSVC_ANCHOR_URL is no https address. Give one that takes a POST of JSON, as https://HOST/PATH.",
            kind="anchor-address",
        )
    return parts


def send(address: str, ends: dict[str, Any], *, patience_s: float = _PATIENCE_S) -> int:
    """POST an anchor as JSON and return the status of the answer, 200 to 299.

    Raises
    ------
    Unavailable
        When the host cannot be reached, or answers with anything else; the message names the host alone, since the
        path may hold a secret.
    """
    parts = check_address(address)
    host = parts.hostname or ""
    body = json.dumps(ends | {"sent_at": datetime.now(UTC).isoformat()}).encode()
    try:
        headers = {"Content-Type": "application/json"}
        answer = request(
            "POST", parts, timeout_s=patience_s, longest_answer=_LONGEST_ANSWER, body=body, headers=headers
        )
    except Unavailable as error:
        raise Unavailable(f"The anchor could not be sent to {host}: {error.detail}. It is kept here.") from error
    if not 200 <= answer.status < 300:
        raise Unavailable(f"{host} answered {answer.status} to the anchor. Correct GRIDSVC_ANCHOR_URL, or that host.")
    return answer.status


def run_anchor(run: Run) -> Json:
    """Anchor all chains as a job, and send the anchor; nothing is sent where no address is set any more."""
    address = run.service.anchor_url
    if address is None:
        return {"sent": False}
    ends = anchor(run.service)
    status = send(address, ends)
    return ends | {"sent": True, "status": status}
