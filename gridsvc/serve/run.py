"""Which processes a service has: HTTP processes, a background process, and a second background process in reserve."""

from __future__ import annotations

import importlib
import os
import signal
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from gridsvc.serve.prefork import Child, fork_server

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from gridsvc.serve.listener import Listener
    from gridsvc.serve.prefork import ForkServer

_RESERVE_DELAY_S = 3.0  # the HTTP processes have the processors first
_MOST_DEFAULT_PROCESSES = 4


@contextmanager
def running(listener: Listener, processes: int) -> Iterator[ForkServer]:
    """Keep `processes` HTTP processes and two background processes running; they start with `ForkServer.start`.

    The background process in reserve waits for the sealer's lock, so that a dead sealer is replaced within a second.
    """
    with listener.open_socket() as listening:
        children = [
            Child(f"HTTP process {number}", partial(_answer, listener, listening, number))
            for number in range(1, processes + 1)
        ]
        children += [
            Child("background process", _work),
            Child("background process in reserve", _work, _RESERVE_DELAY_S),
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


def _answer(listener: Listener, listening: socket.socket, number: int) -> None:
    importlib.import_module(_HTTP_PROCESS).run(listener, listening, number)


def _work() -> None:
    importlib.import_module(_WORKER).run_from_environment(stop_on_signals())


def stop_on_signals() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: stop.set())
    return stop


def default_processes() -> int:
    """Return the number of HTTP processes where none is given: one for each core, at most four."""
    return max(1, min(_MOST_DEFAULT_PROCESSES, len(os.sched_getaffinity(0))))
