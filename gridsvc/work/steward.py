"""The steward: lets what is due take effect, and looks every second for steps that take too long."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gridsvc.operations.taking_effect import ensure_standing, take_effect
from gridsvc.operations.timers import sound_alerts

if TYPE_CHECKING:
    from threading import Event

    from gridsvc.operations.service import Service

LOOK_EVERY_S = 1.0

_log = logging.getLogger("gridsvc.steward")


def keep_watch(service: Service, stop: Event) -> None:
    """Look for what is due until told to stop."""
    ensure_standing(service)
    while not stop.is_set():
        while (entry := take_effect(service)) is not None and not stop.is_set():
            _log.info("due %s %s took effect", entry.kind, entry.subject)
        sound_alerts(service)
        stop.wait(LOOK_EVERY_S)
