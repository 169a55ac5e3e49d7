"""The runner: heavy jobs in child processes of low priority, vouched for while they live, ended when asked."""

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

_LOOK_EVERY_S = 0.5
_BEAT_EVERY_S = 2.0
_PATIENCE_S = 10.0

_log = logging.getLogger("gridsvc.runner")


def child_words(job: Job) -> list[str]:
    """Return the command that runs one attempt at a job: of low priority, and no longer than we live."""
    return [sys.executable, "-m", "gridsvc", "work", "--job", str(job.id), "--attempt", str(job.attempt)]


class Runner:
    """Claims jobs one after the other and runs each in a child process."""

    def __init__(
        self, service: Service, *, at_once: int = 1, words: Callable[[Job], Sequence[str]] = child_words
    ) -> None:
        self._service = service
        self._at_once = at_once
        self._words = words
        self._holder = f"{socket.gethostname()}:{os.getpid()}"

    def run(self, stop: Event) -> None:
        """Run jobs as they come until told to stop; one that is running then waits for the next process."""
        while not stop.is_set():
            job = self._service.database.run(
                lambda connection: jobs.claim_job(connection, self._holder, at_once=self._at_once)
            )
            if job is None:
                stop.wait(_LOOK_EVERY_S)
            else:
                self._attempt(job, stop)

    def _attempt(self, job: Job, stop: Event) -> None:
        _log.info("job %s (%s), attempt %d", job.id, job.kind, job.attempt)
        child = subprocess.Popen(self._words(job), stdin=subprocess.DEVNULL)
        try:
            ended = self._watch(job, child, stop)
        except BaseException:
            _end(child)
            raise
        run = self._service.database.run
        try:
            if ended == "cancelled":
                run(lambda connection: jobs.finish_job(connection, job, "cancelled"))
            elif ended == "stopped":
                run(lambda connection: jobs.put_back(connection, job, counts=False))
            else:
                run(lambda connection: jobs.put_back(connection, job, counts=True))  # where it wrote no end itself
        except jobs.JobLost:
            return

    def _watch(self, job: Job, child: subprocess.Popen[bytes], stop: Event) -> str:
        """Vouch for the job while its child lives; return how it ended: by itself, cancelled or stopped."""
        beat_at = time.monotonic()
        while child.poll() is None:
            if stop.wait(0.05):
                _end(child)
                return "stopped"
            if time.monotonic() - beat_at < _BEAT_EVERY_S / 4:
                continue
            beat_at = time.monotonic()
            try:
                asked = self._service.database.run(lambda connection: jobs.beat(connection, job))
            except jobs.JobLost:
                if child.poll() is None and not self._finished(job):
                    _end(child)
                continue
            if asked:
                _end(child)
                return "cancelled"
        return "ended"

    def _finished(self, job: Job) -> bool:
        """Whether the child has written the end of its own attempt and is about to leave."""
        with self._service.database.transaction() as connection:
            now = jobs.get_job(connection, job.id)
        return now.finished and now.attempt == job.attempt


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        child.send_signal(signal.SIGKILL)
        child.wait()
