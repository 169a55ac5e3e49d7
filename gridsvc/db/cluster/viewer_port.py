"""The TCP port of the embedded cluster on which viewers sign in with a password, and nobody else.

Without it the server listens on its Unix socket only. Both have one number in PostgreSQL, so the socket is named after
the port of the viewers; a link keeps its old name, by which everything here finds it.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.db.cluster import folders
from gridsvc.db.cluster.processes import PORT
from gridsvc.errors import InvalidInput, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.db.cluster.folders import ServerUser

OFF = "off"
"""In place of a port: the server listens on its socket only."""

LOOPBACK = "127.0.0.1"

_REMEMBERED = "viewer-port"
_RULES = "viewer-rules.conf"
_CERTIFICATE, _KEY = "viewer.crt", "viewer.key"
_FORM = re.compile(r"(?:(?P<address>[^\s:]+|\[[^\s\]]+\]):)?(?P<port>\d{1,5})")

# `local`: who may open the socket, whose folder only the server's user and root can enter. No other line: refused.
_LINES = """\
# Written by gridsvc at each start of the server.
local all all trust
local replication all trust
{kind} gridsvc gridsvc_viewer all scram-sha-256
{kind} gridsvc +gridsvc_viewers all scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class ViewerPort:
    """An IP address of this machine, and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}" if ":" not in self.address else f"[{self.address}]:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.address).is_loopback


def read_port(text: str) -> ViewerPort | None:
    """Read `PORT`, `ADDRESS:PORT` or OFF (None); the address is 127.0.0.1 where it is left out.

    Raises
    ------
    InvalidInput
        For anything else.
    """
    if text == OFF:
        return None
    found = _FORM.fullmatch(text.strip())
    address = ((found and found["address"]) or LOOPBACK).strip("[]")
    if found is None or not 1024 <= int(found["port"]) <= 65535 or not _is_address(address):
        raise InvalidInput(
            f"GRIDSVC_VIEWER_PORT is {text[:60]!r}. Set it to a port from 1024 to 65535, to ADDRESS:PORT with an IP "
            "address of this machine, or to `off`.",
            kind="viewer-port",
            value=text[:60],
        )
    return ViewerPort(address, int(found["port"]))


def remembered(home: Path) -> ViewerPort | None:
    """Return the port that a cluster had at its last start; None: none."""
    try:
        text = (home / _REMEMBERED).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    return read_port(text or OFF)


def choose(home: Path, wanted: str | None) -> ViewerPort | None:
    """Return the port of a cluster, and remember it.

    A process whose environment names none (`wanted` None) must not end the access when it starts the server. So the
    port is a fact of the cluster; only OFF ends it.
    """
    known = remembered(home)
    if wanted is None:
        return known
    chosen = read_port(wanted)
    if chosen != known:
        draft = home / f"{_REMEMBERED}.new"
        draft.write_text("" if chosen is None else str(chosen), encoding="ascii")
        draft.replace(home / _REMEMBERED)
    return chosen


def settings_of(home: Path, chosen: ViewerPort | None, server: ServerUser) -> dict[str, str]:
    """Return the settings of the server for a port, and write its rules of access.

    Raises
    ------
    Refusal
        For an address that other machines reach, without a certificate: the data would cross the network in clear.
    """
    if chosen is None:
        return {}
    values = {
        "listen_addresses": f"'{chosen.address}'",
        "port": str(chosen.port),
        "password_encryption": "scram-sha-256",
        "hba_file": f"'{_escaped(home / _RULES)}'",
    }
    if not chosen.is_loopback:
        certificate, key = home / _CERTIFICATE, home / _KEY
        if not (certificate.is_file() and key.is_file()):
            raise Refusal(
                f"GRIDSVC_VIEWER_PORT is {chosen}, which other machines can reach, and there is no certificate. Put "
                f"one into {certificate} with its key in {key} (owner {server.name}, mode 0600), or leave the address "
                "out and connect through SSH: ssh -L PORT:127.0.0.1:PORT.",
                kind="viewer-certificate",
            )
        values |= {
            "ssl": "on",
            "ssl_cert_file": f"'{_escaped(certificate)}'",
            "ssl_key_file": f"'{_escaped(key)}'",
        }
    rules = home / _RULES
    draft = rules.with_suffix(".new")
    draft.write_text(_LINES.replace("{kind}", "host" if chosen.is_loopback else "hostssl"), encoding="ascii")
    draft.chmod(0o600)
    folders.give(draft, server)
    draft.replace(rules)
    return values


def link_socket(folder: Path, chosen: ViewerPort | None) -> None:
    """Let the socket be found by the name that it has without a port."""
    usual = folder / f".s.PGSQL.{PORT}"
    if usual.is_symlink():
        usual.unlink()
    if chosen is not None and chosen.port != PORT:
        usual.unlink(missing_ok=True)  # of a server that was killed
        usual.symlink_to(f".s.PGSQL.{chosen.port}")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _escaped(path: Path) -> str:
    return str(path).replace("\\", "\\\\").replace("'", "''")
