"""The background process: what must go on whether or not anybody asks.

    sealer    gives every event its place in the chain
    steward   lets what is due take effect, and looks for steps that take too long
    runner    runs heavy jobs, each in a child process

Any number of these processes may run: the database elects the sealer, and gives each job and each due entry to one.
A thread that fails begins again; nothing it did half is there.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING
from uuid import UUID

from gridsvc.db.evidence.sealing import seal_until
from gridsvc.serve.runner import Runner
from gridsvc.serve.watch import keep_watch

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.operations.runtime.service import Service

_AGAIN_AFTER_S = 1.0
_NICE = 10

_log = logging.getLogger("gridsvc.serve.worker")


def run(service: Service, stop: threading.Event, *, jobs_at_once: int = 1) -> None:
    """Work until `stop` is set. `jobs_at_once` bounds the jobs of all such processes together."""
    runner = Runner(service, at_once=jobs_at_once)
    parts: list[tuple[str, Callable[[], None]]] = [
        ("steward", lambda: keep_watch(service, stop)),
        ("runner", lambda: runner.run(stop)),
    ]
    threads = [threading.Thread(target=_again_and_again, args=(*part, stop), name=part[0]) for part in parts]
    for thread in threads:
        thread.start()
    seal_until(service.database, stop)
    for thread in threads:
        thread.join()
    service.database.close()


def _again_and_again(name: str, part: Callable[[], None], stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            part()
        except Exception as error:  # noqa: BLE001 - the other parts, and this one, must go on
            _log.warning("the %s begins again: %s", name, (str(error) or type(error).__name__).splitlines()[0])
            stop.wait(_AGAIN_AFTER_S)


def run_attempt(job_id: str, attempt: int) -> None:
    """Be the child process of one attempt at a job: of low priority, and gone when its parent is."""
    from gridsvc.operations.jobs.jobs import run_attempt as run_one
    from gridsvc.settings import Settings, die_with_parent, open_service

    die_with_parent()
    os.nice(_NICE)
    service = open_service(Settings.read(), pool=2)
    run_one(service, UUID(job_id), attempt)
    service.database.close()
