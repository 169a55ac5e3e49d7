"""Where HTTP arrives: an address and port, in plain text, with a certificate, or behind a proxy that has one."""

from __future__ import annotations

import errno
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.access.hosts import is_loopback
from gridsvc.db.session.pooler import shares_sessions
from gridsvc.errors import InvalidInput, NotAllowed, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.db.session.connection import Database

_PORT_TIMEOUT_S = 5.0
_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Listener:
    """Address, port and certificate of a service.

    Attributes
    ----------
    tls_cert, tls_key
        Files of the certificate chain and its private key (PEM); None: HTTP in plain text.
    proxies
        Addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are trusted, comma-separated.
    """

    host: str
    port: int
    tls_cert: Path | None = None
    tls_key: Path | None = None
    proxies: str | None = None

    @property
    def url(self) -> str:
        """The URL that a person opens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.tls_cert is None else 'https'}://{host}:{self.port}/"

    @property
    def is_plain(self) -> bool:
        """Whether keys cross a network in plain text."""
        return self.tls_cert is None and self.proxies is None and not is_loopback(self.host)

    def open_socket(self) -> socket.socket:
        """Return the socket on which all HTTP processes listen."""
        listening = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((self.host, self.port))
        listening.listen(_BACKLOG)
        return listening

    def check_certificate(self) -> None:
        """Refuse a certificate and key that do not belong together or cannot be read (`InvalidInput`)."""
        if self.tls_cert is None:
            return
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.tls_cert, self.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInput(
                f"{self.tls_cert} and {self.tls_key} are not a certificate and its key (PEM): {error}. "
                "Give the files that belong together.",
                kind="tls",
            ) from None

    def check_port(self) -> None:
        """Refuse a port on which another program listens, before anything is started (`Refusal`).

        Processes of a service that was killed a moment ago may still hold the port, so that it is tried for a while.
        """
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        deadline_s = time.monotonic() + _PORT_TIMEOUT_S
        while True:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((self.host, self.port))
                except OSError as error:
                    if error.errno == errno.EADDRINUSE and time.monotonic() < deadline_s:
                        time.sleep(0.1)
                        continue
                    raise Refusal(
                        f"Cannot listen on {self.host} port {self.port}: {error.strerror}. Choose another with --port.",
                        kind="port-taken",
                    ) from None
                return


def refuse_open_service(host: str, auth: str) -> None:
    """Refuse to serve without sign-in on an address that is not a loopback address (`NotAllowed`)."""
    if auth == "off" and not is_loopback(host):
        raise NotAllowed(
            f"GRIDSVC_AUTH=off is refused on {host}: everybody who reaches it could send teams. "
            "Serve on 127.0.0.1, or leave GRIDSVC_AUTH at `required`."
        )


def refuse_unscoped_database(database: Database) -> None:
    """Refuse to serve with sign-in where the database does not enforce the scope of keys (`NotAllowed`)."""
    if not database.holds_scopes():
        raise NotAllowed(
            "The role of this database connection bypasses row level security, so that the scope of keys is not "
            "enforced. Connect as gridsvc_app, or let the role act as it: GRANT gridsvc_app TO your_role."
        )


def refuse_shared_sessions(database: Database) -> None:
    """Refuse a background process whose sessions a pooler shares: a district would have several sealers (`Refusal`)."""
    if shares_sessions(database):
        raise Refusal(
            "The pooler of this database lends a session for one transaction, and the background process keeps locks "
            "for as long as its session. Set GRIDSVC_SESSION_URL to the database itself, or to a pool in session mode.",
            kind="shared-sessions",
        )
