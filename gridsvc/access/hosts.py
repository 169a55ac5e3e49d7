"""Names of this machine and of others: which Host headers reach it alone, which origins may read its maps. Pure."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from gridsvc.errors import InvalidInput


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host: `localhost` or a loopback address, without port."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def is_own_name(header: str) -> bool:
    """Return whether a Host header (RFC 9110, 7.2), such as `127.0.0.1:8733` or `[::1]`, has a loopback host.

    A page of another site whose name resolves to 127.0.0.1 (DNS rebinding) sends that site's name here.
    """
    host, colon, port = header.strip().lower().rpartition(":")
    if not colon or not port.isdigit():
        host = header.strip().lower()
    return is_loopback(host[1:-1] if host.startswith("[") and host.endswith("]") else host)


def read_origins(text: str) -> frozenset[str]:
    """Read GRIDSVC_CORS_ORIGINS: origins by commas.

    Raises
    ------
    InvalidInput
        For what is no origin, also for `*`: the list says who may.
    """
    origins = [word.strip().rstrip("/") for word in text.split(",") if word.strip()]
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in {"http", "https"} or f"{parts.scheme}://{parts.netloc}" != origin or "@" in origin:
            raise InvalidInput(
                f"GRIDSVC_CORS_ORIGINS has {origin[:80]!r}, which is no origin. Write each as https://map.example.cn, "
                "with its port where it has one, and without a path.",
                kind="bad-origin",
                value=origin[:80],
            )
    return frozenset(origin.lower() for origin in origins)
