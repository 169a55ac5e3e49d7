"""Which processes a service has: HTTP processes, a background process, and a second background process in reserve."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from gridsvc.api.http.rate_table import RateTable
from gridsvc.db.session.services import new_service_name
from gridsvc.serve.prefork import Child, fork_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from gridsvc.serve.listener import Listener
    from gridsvc.serve.prefork import ForkServer


@dataclass(frozen=True, slots=True)
class Shared:
    """What the HTTP processes of one service share: its name in the database, their socket, and what they count."""

    name: str
    listening: socket.socket
    rates: RateTable


_RESERVE_DELAY_S = 3.0  # the HTTP processes have the processors first
_MOST_DEFAULT_PROCESSES = 4


@contextmanager
def running(listener: Listener, processes: int) -> Iterator[ForkServer]:
    """Keep `processes` HTTP processes and two background processes running; they start with `ForkServer.start`.

    The background process in reserve seals too, so that the districts of a dead sealer have another within a second.
    """
    name = new_service_name()
    with listener.open_socket() as listening:
        shared = Shared(name, listening, RateTable())
        children = [
            Child(f"HTTP process {number}", partial(_answer, listener, shared, number))
            for number in range(1, processes + 1)
        ]
        work = partial(_work, name)
        children += [
            Child("background process", work),
            Child("background process in reserve", work, _RESERVE_DELAY_S),
        ]
        with fork_server(children, _load) as server:
            yield server


# The fork server imports these modules, not the command line: they load the whole program and its kernels.
_HTTP_PROCESS = "gridsvc.serve.http_process"
_WORKER = "gridsvc.serve.worker"


def _load() -> None:
    for module in ("uvloop", "httptools", _WORKER, _HTTP_PROCESS):
        importlib.import_module(module)
    importlib.import_module(_HTTP_PROCESS).load()


def _answer(listener: Listener, shared: Shared, number: int) -> None:
    importlib.import_module(_HTTP_PROCESS).run(listener, shared, number)


def _work(name: str) -> None:
    importlib.import_module(_WORKER).run_from_environment(stop_on_signals(), name=name)


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def default_processes() -> int:
    """Return the number of HTTP processes where none is given: one for each core, at most four."""
    return max(1, min(_MOST_DEFAULT_PROCESSES, len(os.sched_getaffinity(0))))
