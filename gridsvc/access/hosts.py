"""Names of this machine: which addresses and Host headers reach it alone. Pure."""

from __future__ import annotations

from ipaddress import ip_address


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
