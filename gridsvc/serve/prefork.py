"""The processes of a served instance: forked from one that has loaded everything, and started again when they end.

Loading the program and its compiled kernels takes seconds of processor time; a fork takes milliseconds and shares the
memory. So one process, the nursery, loads all of it and then only forks: it has no threads and no connections, and
whatever it forks begins with none. A process that is killed is there again at once.
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

_LOOK_EVERY_S = 0.03
_PATIENCE_S = 12.0
_SHORT_LIFE_S = 2.0
_LONGEST_PAUSE_S = 5.0

_log = logging.getLogger("gridsvc.nursery")


@dataclass(frozen=True, slots=True)
class Role:
    """What one process does: `run` returns when it is told to stop. It begins `after_s` after the others."""

    name: str
    run: Callable[[], None]
    after_s: float = 0.0


class Nursery:
    """The nursery as the process that began it sees it."""

    def __init__(self, pid: int, go: int) -> None:
        self._pid = pid
        self._go = go

    def begin(self) -> None:
        """Let the processes begin; until then it only loads."""
        if self._go >= 0:
            os.write(self._go, b"!")
            os.close(self._go)
            self._go = -1

    def wait(self) -> int:
        """Wait until it ends (return 1: it never should) or we are told to stop (SIGINT, SIGTERM; return 0)."""
        told = _listen()
        while not told:
            done, status = os.waitpid(self._pid, os.WNOHANG)
            if done:
                self._pid = 0
                _log.error("the nursery ended (%d), and all its processes with it", os.waitstatus_to_exitcode(status))
                return 1
            time.sleep(0.1)
        return 0

    def end(self) -> None:
        """Tell it to stop and wait until it and all its processes have."""
        if not self._pid:
            return
        if self._go >= 0:
            os.close(self._go)
        os.kill(self._pid, signal.SIGTERM)
        if not _gone(self._pid, _PATIENCE_S + 3):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        self._pid = 0


@contextmanager
def nursery(roles: Sequence[Role], load: Callable[[], None]) -> Iterator[Nursery]:
    """Fork a nursery that loads what `load` loads and, once told to `begin`, keeps the roles running.

    It ends with the block, and with us. To be forked before the process has threads or connections.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    wait_here, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(go)
        _be(lambda: _keep(roles, load, wait_here), "nursery")
    os.close(wait_here)
    begun = Nursery(pid, go)
    try:
        yield begun
    finally:
        begun.end()


def _keep(roles: Sequence[Role], load: Callable[[], None], wait_here: int) -> None:
    """Keep every role running in a process of its own until told to stop."""
    load()
    if not os.read(wait_here, 1):
        return  # whoever forked us changed his mind
    os.close(wait_here)
    told = _listen()
    gc.collect()
    gc.freeze()  # what is loaded stays shared: no collection writes to it
    begun = time.monotonic()
    due = {role.name: begun + role.after_s for role in roles}
    pause = dict.fromkeys(due, 0.0)
    running: dict[int, tuple[Role, float]] = {}
    while not told:
        now = time.monotonic()
        for role in roles:
            if due.get(role.name, now + 1) <= now:
                del due[role.name]
                running[_fork(role)] = (role, now)
        for pid in [pid for pid in running if _gone(pid, 0)]:
            role, since = running.pop(pid)
            lived_s = time.monotonic() - since
            short = lived_s < _SHORT_LIFE_S
            pause[role.name] = min(_LONGEST_PAUSE_S, 2 * pause[role.name] + 0.5) if short else 0.0
            due[role.name] = time.monotonic() + pause[role.name]
            _log.warning("the %s (%d) ended after %.0f s and is started again", role.name, pid, lived_s)
        time.sleep(_LOOK_EVERY_S)
    for pid in running:
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_S
    for pid in running:
        if not _gone(pid, max(0.0, deadline - time.monotonic())):
            _send(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(role: Role) -> int:
    pid = os.fork()
    if pid == 0:
        random.seed()
        _be(role.run, role.name)
    return pid


def _be(what: Callable[[], object], name: str) -> None:
    """Do it in a process that was just forked, and never return; `ps -o comm` calls it so."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        die_with_parent()
        name_process(name)
        if os.getppid() == 1:
            os._exit(1)  # who forked us died before we could ask to die with him
        what()
        code = 0
    except BaseException as error:  # noqa: BLE001 - nothing of the parent's may run here
        _log.error("a process ends: %s", str(error) or type(error).__name__, exc_info=error)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _listen() -> list[int]:
    """Return a list that has the signals which told this process to stop, as soon as one came."""
    told: list[int] = []

    def hear(number: int, _frame: FrameType | None) -> None:
        told.append(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, hear)
    return told


def _gone(pid: int, patience_s: float) -> bool:
    """Whether a child has ended, within a time; it is collected then."""
    deadline = time.monotonic() + patience_s
    while True:
        done, _ = os.waitpid(pid, os.WNOHANG)
        if done:
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.02)


def _send(pid: int, what: signal.Signals) -> None:
    try:
        os.kill(pid, what)
    except ProcessLookupError:
        return
