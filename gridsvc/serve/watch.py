"""The watcher: executes due entries, and looks every second for slow steps and outdated service areas."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from gridsvc.operations.cases.timers import raise_alerts
from gridsvc.operations.isochrones.service_areas import AreaWatch
from gridsvc.operations.jobs.schedule import ensure_standing, take_effect

if TYPE_CHECKING:
    from threading import Event

    from gridsvc.operations.runtime.service import Service

POLL_EVERY_S = 1.0

_log = logging.getLogger("gridsvc.watcher")


def keep_watch(service: Service, stop: Event) -> None:
    """Look for what is due until `stop` is set."""
    ensure_standing(service)
    areas = AreaWatch()
    while not stop.is_set():
        while (entry := take_effect(service)) is not None and not stop.is_set():
            _log.info("due %s %s took effect", entry.kind, entry.subject)
        raise_alerts(service)
        for district in areas.look(service, time.monotonic()):
            _log.info("service areas of district %s are outdated; a job draws them", district)
        stop.wait(POLL_EVERY_S)
