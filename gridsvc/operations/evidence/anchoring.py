"""The end of every chain of evidence, sent each day to an address where no user of the database can write."""

from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gridsvc import __version__
from gridsvc.errors import InvalidInput, Unavailable
from gridsvc.operations.evidence.verify import anchor

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
    try:
        parts = urlsplit(address)
        written = address.isascii() and address.isprintable() and " " not in address
        usable = written and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))):
        raise InvalidInput(
            "GRIDSVC_ANCHOR_URL is no https address. Give one that takes a POST of JSON, as https://HOST/PATH.",
            kind="anchor-address",
        )
    return parts


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


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
    if parts.scheme == "https":
        context = ssl.create_default_context()
        line: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=patience_s, context=context
        )
    else:
        line = http.client.HTTPConnection(host, parts.port, timeout=patience_s)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line.request("POST", target, body, {"Content-Type": "application/json", "User-Agent": f"gridsvc/{__version__}"})
        answer = line.getresponse()
        answer.read(_LONGEST_ANSWER)
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(
            f"The anchor could not be sent to {host}: {type(error).__name__}. It is kept here."
        ) from error
    finally:
        line.close()
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
