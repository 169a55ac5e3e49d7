"""Running the service: HTTP workers under one supervisor, the background process beside them."""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput, NotAllowed, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.session.connection import Database
    from gridsvc.serve.prefork import Nursery

_PORT_PATIENCE_S = 5.0
_STANDBY_AFTER_S = 8.0  # the first ones to start are those who answer


def refuse_open_door(host: str, auth: str) -> None:
    """Refuse to serve without sign-in on anything but a loopback address."""
    if auth == "off" and not is_loopback(host):
        raise NotAllowed(
            f"GRIDSVC_AUTH=off is refused on {host}: everybody who reaches it could send teams. "
            "Serve on 127.0.0.1, or leave GRIDSVC_AUTH at `required`."
        )


def refuse_open_database(database: Database) -> None:
    """Refuse to serve with sign-in where the database would show everything to everybody."""
    if not database.holds_scopes():
        raise NotAllowed(
            "The database's role is above row level security, so that the scope of keys would not hold. "
            "Connect as gridsvc_app, or let the role act as it: GRANT gridsvc_app TO your_role."
        )


@dataclass(frozen=True, slots=True)
class Door:
    """How HTTP comes in: in the clear on loopback, with a certificate, or through a proxy that has one.

    `proxies`: addresses or networks whose X-Forwarded-For and X-Forwarded-Proto are believed, comma-separated.
    """

    host: str
    port: int
    tls_cert: Path | None = None
    tls_key: Path | None = None
    proxies: str | None = None

    @property
    def address(self) -> str:
        """The address that is told to a person."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'http' if self.tls_cert is None else 'https'}://{host}:{self.port}/"

    def listen(self) -> socket.socket:
        """Return the socket on which all processes listen."""
        listening = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((self.host, self.port))
        listening.listen(2048)
        return listening

    @property
    def is_clear(self) -> bool:
        """Whether keys would cross a network in the clear."""
        return self.tls_cert is None and self.proxies is None and not is_loopback(self.host)

    def check(self) -> None:
        """Refuse a certificate and key that do not belong together or cannot be read."""
        if self.tls_cert is None:
            return
        import ssl

        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self.tls_cert, self.tls_key)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInput(
                f"{self.tls_cert} and {self.tls_key} are no certificate with its key (PEM): {error}.", kind="tls"
            ) from None


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_taken_port(host: str, port: int) -> None:
    """Refuse a port that somebody else listens on, before anything is started.

    The processes of a service that was killed a moment ago may still be on their way out, so it is waited a little.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    deadline = time.monotonic() + _PORT_PATIENCE_S
    while True:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE and time.monotonic() < deadline:
                    time.sleep(0.1)
                    continue
                raise Refusal(
                    f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port.",
                    kind="port-taken",
                ) from None
            return


@contextmanager
def running(door: Door, workers: int) -> Iterator[Nursery]:
    """Answer HTTP in some processes, and work in the background in another, which has one more standing by.

    The second background process makes that the sealer is replaced within a second.
    """
    from gridsvc.serve.prefork import Role, nursery

    with door.listen() as listening:
        answering = [Role(f"HTTP process {n + 1}", lambda: _answer(door, listening)) for n in range(workers)]
        working = [Role("background process", _work), Role("background process in reserve", _work, _STANDBY_AFTER_S)]
        with nursery([*answering, *working], _load) as begun:
            yield begun


def _load() -> None:
    """Load what every process needs, once, before any is forked."""
    import importlib

    from gridsvc.operations.runtime.json_logs import log_as_json
    from gridsvc.operations.runtime.kernels import load_all

    log_as_json()
    for module in ("uvicorn", "uvloop", "httptools", "gridsvc.api.app", "gridsvc.serve.worker"):
        importlib.import_module(module)
    load_all()


def _answer(door: Door, listening: socket.socket) -> None:
    """Be a process that answers HTTP."""
    import uvicorn

    from gridsvc.api.app import from_environment
    from gridsvc.api.http.client_timeouts import PatientProtocol

    config = uvicorn.Config(
        from_environment(supervisor=os.getppid()), http=PatientProtocol, log_config=None, access_log=False,
        timeout_graceful_shutdown=10, timeout_keep_alive=30, server_header=False, ssl_certfile=door.tls_cert,
        ssl_keyfile=door.tls_key, proxy_headers=door.proxies is not None, forwarded_allow_ips=door.proxies,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


def _work() -> None:
    """Be a background process."""
    from gridsvc.serve import worker
    from gridsvc.settings import Settings, open_service

    stop = stop_on_signals()
    worker.run(open_service(Settings.read(), pool=2), stop)


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def default_workers() -> int:
    """Return one HTTP process a core, four at most."""
    return max(1, min(4, len(os.sched_getaffinity(0))))
