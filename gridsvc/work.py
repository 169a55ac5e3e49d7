"""The background process: what must go on whether or not anybody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.sealing import seal_until

if TYPE_CHECKING:
    import threading

    from gridsvc.operations.service import Service


def run(service: Service, stop: threading.Event) -> None:
    """Seal events until `stop` is set. Any number of these may run; the database elects the one that works."""
    seal_until(service.database, stop)
    service.database.close()
