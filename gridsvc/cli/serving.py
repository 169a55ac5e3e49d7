"""Running the service: HTTP workers under one supervisor, the background process beside them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from ipaddress import ip_address
from typing import TYPE_CHECKING

from gridsvc.errors import NotAllowed, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator


def refuse_open_door(host: str, auth: str) -> None:
    """Refuse to serve without sign-in on anything but a loopback address."""
    if auth == "off" and not _is_loopback(host):
        raise NotAllowed(
            f"GRIDSVC_AUTH=off is refused on {host}: everybody who reaches it could send teams. "
            "Serve on 127.0.0.1, or leave GRIDSVC_AUTH at `required`."
        )
    if auth == "required":
        raise NotAllowed(
            "Sign-in with keys is not part of this version, so that `required` would let nobody in. "
            "Set GRIDSVC_AUTH=off and serve on a loopback address."
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refuse_taken_port(host: str, port: int) -> None:
    """Refuse a port that somebody else listens on, before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Refusal(
                f"Cannot listen on {host} port {port}: {error.strerror}. Choose another with --port.", kind="port-taken"
            ) from None


@contextmanager
def background_process(environment: dict[str, str]) -> Iterator[None]:
    """Keep one `gridsvc work` running: started again when it ends, ended with us, also when we are killed."""
    stopping = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def keep() -> None:
        while not stopping.is_set():
            child = subprocess.Popen([sys.executable, "-m", "gridsvc", "work", "--with-parent"], env=environment)
            running[:] = [child]
            while child.poll() is None and not stopping.wait(0.2):
                pass
            stopping.wait(0.5)

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        for child in running:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()


def serve_http(host: str, port: int, workers: int) -> None:
    """Answer HTTP until told to stop; each worker opens the service of the environment's settings."""
    import uvicorn

    uvicorn.run(
        "gridsvc.api.app:from_environment", factory=True, host=host, port=port, workers=workers,
        log_level="warning", access_log=False, timeout_graceful_shutdown=10, timeout_keep_alive=30,
        server_header=False,
    )  # fmt: skip


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def default_workers() -> int:
    """Return one HTTP process a core, four at most."""
    return max(1, min(4, len(os.sched_getaffinity(0))))
