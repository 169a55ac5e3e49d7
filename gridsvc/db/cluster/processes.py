"""The processes of a PostgreSQL server, seen from outside: which live, what the server says of itself, which are left.

A server whose first process (postmaster) was killed leaves its pid file, and for a moment its other processes.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PORT = 5432
_POLL_S = 0.01
_TLS_REQUEST = struct.pack("!ii", 8, 80877103)


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What postmaster.pid says; `status` is `ready`, `starting`, `stopping` or empty, `address` empty without TCP."""

    pid: int
    socket_folder: Path | None
    status: str
    port: int = PORT
    address: str = ""


def read_postmaster(data: Path) -> Postmaster | None:
    """Read postmaster.pid of the PostgreSQL data folder; None where there is none or it is half written."""
    try:
        lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        return Postmaster(
            pid=int(lines[0]),
            socket_folder=Path(lines[4]) if len(lines) > 4 and lines[4] else None,
            status=lines[7].strip() if len(lines) > 7 else "",
            port=int(lines[3]) if len(lines) > 3 and lines[3] else PORT,
            address=lines[5].strip() if len(lines) > 5 else "",
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, IndexError):
        return None


def takes_connections(folder: Path) -> bool:
    """Whether the server whose socket is in `folder` answers.

    Asks it for TLS, which it declines with one byte: a bare connect would still succeed while a killed server dies.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(str(folder / f".s.PGSQL.{PORT}"))
            probe.sendall(_TLS_REQUEST)
            return probe.recv(1) in {b"N", b"S"}
        except TimeoutError:
            return True  # there, but busy
        except OSError:
            return False


def list_processes(data: Path) -> list[int]:
    """List the living processes of the server of `data`: all of them work in that folder."""
    real = data.resolve()
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if (entry / "cwd").readlink() == real and _is_postgres(entry):
                    found.append(int(entry.name))
            except OSError:
                continue  # gone, a zombie, or another user's
    return found


def clear_the_dead(data: Path) -> None:
    """Make way for a new server where the old one's first process was killed.

    Its other processes go by themselves within moments; those that do not are ended, since a new server must not
    start while one of them holds the old one's memory. A lock file whose number now belongs to another program,
    or to a process that is not reaped, is removed, since PostgreSQL would take that for a server.
    """
    postmaster = read_postmaster(data)
    if postmaster is None:
        _remove_unreadable(data)
        return
    for end, patience_s in ((None, 0.3), (signal.SIGQUIT, 0.7), (signal.SIGKILL, 5.0)):
        left = list_processes(data)
        if postmaster.pid in left:
            return  # the postmaster lives: nothing is dead here
        if end is not None:
            for pid in left:
                send(pid, end)
        if wait_until(lambda: not list_processes(data), patience_s):
            break
    locks = [data / "postmaster.pid"]
    if postmaster.socket_folder is not None:
        locks.append(postmaster.socket_folder / f".s.PGSQL.{postmaster.port}.lock")
    for lock in locks:
        holder = _first_number(lock)
        if holder is not None and exists(holder):
            lock.unlink()


def _remove_unreadable(data: Path) -> None:
    """Remove a lock file without a number, which no server writes again and PostgreSQL refuses for good.

    It is left where the disk was full or the machine stopped while the file was written. A server that starts at this
    moment, by other means, is met among the processes.
    """
    if not list_processes(data):
        (data / "postmaster.pid").unlink(missing_ok=True)


def exists(pid: int) -> bool:
    """Whether the number belongs to a process, also one that is dead and not yet collected."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def lives(pid: int) -> bool:
    """Whether the process runs: exists and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False


def send(pid: int, what: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        return


def wait_until(condition: Callable[[], bool], patience_s: float) -> bool:
    """Wait until the condition holds; False where it did not within `patience_s`."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _first_number(lock: Path) -> int | None:
    try:
        return int(lock.read_text(encoding="utf-8").split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _is_postgres(process: Path) -> bool:
    return (process / "exe").readlink().name.removesuffix(" (deleted)") == "postgres"  # so after an upgrade
