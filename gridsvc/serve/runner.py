"""The job runner: runs heavy jobs in child processes of low priority, with a heartbeat, and cancels them on request."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from gridsvc.db.jobs import jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from threading import Event

    from gridsvc.db.jobs.jobs import Job
    from gridsvc.operations.runtime.service import Service

_POLL_EVERY_S = 0.5
_HEARTBEAT_EVERY_S = 0.5
_CHILD_POLL_EVERY_S = 0.05
_STOP_TIMEOUT_S = 10.0

_log = logging.getLogger("gridsvc.runner")


def child_command(job: Job) -> list[str]:
    """Return the command that runs one attempt at a job in a child process."""
    return [sys.executable, "-m", "gridsvc", "work", "--job", str(job.id), "--attempt", str(job.attempt)]


class Runner:
    """Claims one job after the other and runs each in a child process."""

    def __init__(
        self, service: Service, *, at_once: int = 1, command: Callable[[Job], Sequence[str]] = child_command
    ) -> None:
        self._service = service
        self._at_once = at_once
        self._command = command
        self._holder = f"{socket.gethostname()}:{os.getpid()}"

    def run(self, stop: Event) -> None:
        """Run jobs until `stop` is set; the job that runs then is put back, for the next process to claim."""
        while not stop.is_set():
            job = self._service.database.run(
                lambda connection: jobs.claim_job(connection, self._holder, at_once=self._at_once)
            )
            if job is None:
                stop.wait(_POLL_EVERY_S)
            else:
                self._attempt(job, stop)

    def _attempt(self, job: Job, stop: Event) -> None:
        _log.info("job %s (%s), attempt %d", job.id, job.kind, job.attempt)
        child = subprocess.Popen(self._command(job), stdin=subprocess.DEVNULL)
        try:
            end = self._watch(job, child, stop)
        except BaseException:
            _end(child)
            raise
        run = self._service.database.run
        try:
            if end == "cancelled":
                run(lambda connection: jobs.finish_job(connection, job, "cancelled"))
            elif end == "stopped":
                run(lambda connection: jobs.put_back(connection, job, counts=False))
            else:
                run(
                    lambda connection: jobs.put_back(connection, job, counts=True)
                )  # no effect where the child recorded its own end
        except jobs.JobLost:
            return

    def _watch(self, job: Job, child: subprocess.Popen[bytes], stop: Event) -> str:
        """Send heartbeats while the child lives; return how it ended: "ended" (by itself), "cancelled" or "stopped"."""
        beat_at_s = time.monotonic()
        while child.poll() is None:
            if stop.wait(_CHILD_POLL_EVERY_S):
                _end(child)
                return "stopped"
            if time.monotonic() - beat_at_s < _HEARTBEAT_EVERY_S:
                continue
            beat_at_s = time.monotonic()
            try:
                cancel = self._service.database.run(lambda connection: jobs.beat(connection, job))
            except jobs.JobLost:
                if child.poll() is None and not self._finished(job):
                    _end(child)
                continue
            if cancel:
                _end(child)
                return "cancelled"
        return "ended"

    def _finished(self, job: Job) -> bool:
        """Return whether the child has recorded the end of its attempt and is about to exit."""
        with self._service.database.transaction() as connection:
            recorded = jobs.get_job(connection, job.id)
        return recorded.finished and recorded.attempt == job.attempt


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
