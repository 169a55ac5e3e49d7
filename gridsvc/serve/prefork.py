"""The processes of a service: forked from one process that has loaded everything, and forked again when one ends.

Loading the program and its compiled kernels takes seconds of processor time; a fork takes milliseconds and shares the
memory. So one process, the fork server, loads everything and then only forks. It has no threads and no connections, and
therefore no lock or socket that a fork could copy in the middle of its use.
"""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.settings import die_with_parent, name_process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

_POLL_EVERY_S = 0.03
_STOP_TIMEOUT_S = 12.0
_SHORT_LIFE_S = 2.0
_LONGEST_PAUSE_S = 5.0

_log = logging.getLogger("gridsvc.prefork")


@dataclass(frozen=True, slots=True)
class Child:
    """One process to keep running: `run` returns when it gets SIGTERM. It starts `delay_s` after the others."""

    name: str
    run: Callable[[], None]
    delay_s: float = 0.0


class ForkServer:
    """The fork server, seen from the process that started it."""

    def __init__(self, pid: int, start_pipe: int) -> None:
        self._pid = pid
        self._start_pipe = start_pipe

    def start(self) -> None:
        """Let the children start; until then the fork server only loads."""
        if self._start_pipe >= 0:
            os.write(self._start_pipe, b"!")
            os.close(self._start_pipe)
            self._start_pipe = -1

    def wait(self) -> int:
        """Wait for SIGINT or SIGTERM and return 0; return 1 where the fork server ends by itself, a failure."""
        signals = _catch_stop_signals()
        while not signals:
            ended, status = os.waitpid(self._pid, os.WNOHANG)
            if ended:
                self._pid = 0
                _log.error("the fork server ended (%d), and all processes with it", os.waitstatus_to_exitcode(status))
                return 1
            time.sleep(0.1)
        return 0

    def stop(self) -> None:
        """Stop the fork server and its children, and wait until they have ended."""
        if not self._pid:
            return
        if self._start_pipe >= 0:
            os.close(self._start_pipe)
        os.kill(self._pid, signal.SIGTERM)
        if not _wait_for_end(self._pid, _STOP_TIMEOUT_S + 3):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self._pid = 0


@contextmanager
def fork_server(children: Sequence[Child], load: Callable[[], None]) -> Iterator[ForkServer]:
    """Fork a server that calls `load` and, after `start`, keeps the children running until the block ends.

    Call it before this process has threads or connections. The server and its children also end when this process dies.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    wait_pipe, start_pipe = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(start_pipe)
        _run_forked(lambda: _keep_running(children, load, wait_pipe), "fork server")
    os.close(wait_pipe)
    server = ForkServer(pid, start_pipe)
    try:
        yield server
    finally:
        server.stop()


def _keep_running(children: Sequence[Child], load: Callable[[], None], wait_pipe: int) -> None:
    """Load, wait for `start`, then keep every child running until this process gets a stop signal."""
    load()
    if not os.read(wait_pipe, 1):
        return  # the parent cancelled the start
    os.close(wait_pipe)
    signals = _catch_stop_signals()
    gc.collect()
    gc.freeze()  # the garbage collector does not write to loaded objects, so that their memory stays shared
    started_s = time.monotonic()
    due_s = {child.name: started_s + child.delay_s for child in children}
    pause_s = dict.fromkeys(due_s, 0.0)
    running: dict[int, tuple[Child, float]] = {}
    while not signals:
        now_s = time.monotonic()
        for child in children:
            if due_s.get(child.name, now_s + 1) <= now_s:
                del due_s[child.name]
                running[_fork(child)] = (child, now_s)
        for pid in [pid for pid in running if _wait_for_end(pid, 0)]:
            child, since_s = running.pop(pid)
            lived_s = time.monotonic() - since_s
            short = lived_s < _SHORT_LIFE_S
            pause_s[child.name] = min(_LONGEST_PAUSE_S, 2 * pause_s[child.name] + 0.5) if short else 0.0
            due_s[child.name] = time.monotonic() + pause_s[child.name]
            _log.warning("%s (%d) ended after %.0f s and is started again", child.name, pid, lived_s)
        time.sleep(_POLL_EVERY_S)
    _stop_all(list(running))


def _stop_all(pids: Sequence[int]) -> None:
    """Send SIGTERM to all, and SIGKILL to those that have not ended in time."""
    for pid in pids:
        _send(pid, signal.SIGTERM)
    deadline_s = time.monotonic() + _STOP_TIMEOUT_S
    for pid in pids:
        if not _wait_for_end(pid, max(0.0, deadline_s - time.monotonic())):
            _send(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(child: Child) -> int:
    pid = os.fork()
    if pid == 0:
        random.seed()
        _run_forked(child.run, child.name)
    return pid


def _run_forked(run: Callable[[], object], name: str) -> None:
    """Call `run` in a process that was just forked and named for `ps -o comm`; end the process, never return."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent()
        name_process(name)
        if os.getppid() == 1:
            os._exit(1)  # the parent died before `die_with_parent`
        run()
        code = 0
    except BaseException as error:  # noqa: BLE001 - no code of the parent may run in this process
        _log.error("a process ends: %s", str(error) or type(error).__name__, exc_info=error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _catch_stop_signals() -> list[int]:
    """Return a list to which each SIGTERM and SIGINT of this process is appended."""
    signals: list[int] = []

    def append(number: int, _frame: FrameType | None) -> None:
        signals.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, append)
    return signals


def _wait_for_end(pid: int, timeout_s: float) -> bool:
    """Return whether a child has ended within the timeout; if so, its exit status is collected."""
    deadline_s = time.monotonic() + timeout_s
    while True:
        ended, _ = os.waitpid(pid, os.WNOHANG)
        if ended:
            return True
        if time.monotonic() >= deadline_s:
            return False
        time.sleep(0.02)


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
