"""Requests of the service to other hosts: one per connection, with a time limit; TLS unless it is this machine."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from gridsvc import __version__
from gridsvc.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult


def parse_address(address: str) -> SplitResult | None:
    """Return the parts of an https address; None for another.

    http serves on this machine alone, since others could read and change what is sent. A space, or a letter beyond
    ASCII, is no part of an address: there they are encoded.
    """
    try:
        parts = urlsplit(address)
        written = address.isascii() and address.isprintable() and " " not in address
        usable = written and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    if not usable or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))):
        return None
    return parts


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Answer:
    """Status and body of an answer; of a longer body only the first bytes are read."""

    status: int
    body: bytes


def request(
    method: str,
    parts: SplitResult,
    *,
    timeout_s: float,
    longest_answer: int,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request and return its answer.

    Raises
    ------
    Unavailable
        When the host cannot be reached or does not answer in time; `detail` is the name of the error, and neither
        names the path, which may hold a secret.
    """
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        line: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=timeout_s, context=context
        )
    else:
        line = http.client.HTTPConnection(host, parts.port, timeout=timeout_s)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        line.request(method, target, body, {"User-Agent": f"gridsvc/{__version__}", **(headers or {})})
        answer = line.getresponse()
        return Answer(answer.status, answer.read(longest_answer))
    except (OSError, http.client.HTTPException) as error:
        raise Unavailable(type(error).__name__) from error
    finally:
        line.close()
