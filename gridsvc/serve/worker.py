"""The background process: the work that goes on whether or not a request arrives.

    sealer    gives the events of its districts their positions in the chain
    watcher   executes due entries, sounds alerts of slow steps, and requests new service areas where they are outdated
    runner    runs heavy jobs, each in a child process

Any number of these processes may run: the sealers share the districts, and the database gives each job and each due
entry to one of them. A part that fails is started again; what it did is in transactions, so that nothing is left half
done.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING
from uuid import UUID

from gridsvc.db.evidence.sealing import seal_until
from gridsvc.operations.jobs.jobs import run_attempt
from gridsvc.serve.listener import refuse_shared_sessions
from gridsvc.serve.runner import Runner
from gridsvc.serve.watch import keep_watch
from gridsvc.settings import Settings, die_with_parent, for_sessions, open_service

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.operations.runtime.service import Service

_RESTART_AFTER_S = 1.0
_JOB_NICENESS = 10
_POOL = 2

_log = logging.getLogger("gridsvc.serve.worker")


def run(service: Service, stop: threading.Event, *, jobs_at_once: int = 1) -> None:
    """Run the three parts until `stop` is set. `jobs_at_once` bounds the jobs of all such processes together."""
    runner = Runner(service, at_once=jobs_at_once)
    parts: list[tuple[str, Callable[[], None]]] = [
        ("watcher", lambda: keep_watch(service, stop)),
        ("runner", lambda: runner.run(stop)),
    ]
    threads = [threading.Thread(target=_run_until, args=(*part, stop), name=part[0]) for part in parts]
    for thread in threads:
        thread.start()
    seal_until(service.database, stop)
    for thread in threads:
        thread.join()
    service.database.close()


def run_from_environment(stop: threading.Event, *, jobs_at_once: int = 1, name: str | None = None) -> None:
    """Run the three parts over the service of the settings; `name` is that of the service in the database."""
    service = open_service(for_sessions(Settings.read()), pool=_POOL, name=name)
    refuse_shared_sessions(service.database)
    run(service, stop, jobs_at_once=jobs_at_once)


def _run_until(name: str, part: Callable[[], None], stop: threading.Event) -> None:
    """Call a part again and again until `stop` is set."""
    while not stop.is_set():
        try:
            part()
        except Exception as error:  # noqa: BLE001 - a failure of one part must not end the others
            _log.warning(
                "the %s failed and starts again: %s", name, (str(error) or type(error).__name__).split("\n")[0]
            )
            stop.wait(_RESTART_AFTER_S)


def run_job(job_id: str, attempt: int) -> None:
    """Run one attempt at a job in this process: at low priority, and not longer than its parent lives."""
    die_with_parent()
    os.nice(_JOB_NICENESS)
    service = open_service(Settings.read(), pool=_POOL)
    run_attempt(service, UUID(job_id), attempt)
    service.database.close()
