"""Paired devices and trackers, for the administrator: which there are, and the end of one that is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import Right
from gridsvc.db.access import keys as store
from gridsvc.errors import NotFound
from gridsvc.operations.access.sessions import end_with_event

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from gridsvc.db.access.keys import StoredDevice
    from gridsvc.operations.runtime.service import Service


def list_devices(service: Service, name: str | None = None) -> list[dict[str, Any]]:
    """Return the devices that are paired now, the newest first; with `name` those of one person."""
    service.caller.need(Right.KEYS)
    with service.database.transaction() as connection:
        return [_json(device) for device in store.list_devices(connection, name=name)]


def end_device(service: Service, device_id: str) -> dict[str, Any]:
    """End a device and return it; every process refuses its token within a second.

    Raises
    ------
    NotFound
        When no device that is paired now has the id.
    """
    service.caller.need(Right.KEYS)

    def work(connection: Connection) -> dict[str, Any]:
        found = [each for each in store.list_devices(connection) if str(each.session.id) == device_id.strip().lower()]
        if not found:
            raise NotFound(
                f"No paired device has the id {device_id[:60]!r}. `gridsvc keys devices` lists them.",
                kind="no-device",
                device_id=device_id[:60],
            )
        end_with_event(connection, found[0].session, "device-ended", actor=service.caller.name)
        return _json(found[0])

    return service.database.run(work)


def _json(device: StoredDevice) -> dict[str, Any]:
    session = device.session
    return {
        "id": str(session.id),
        "kind": session.kind,
        "name": session.key.name,
        "role": session.key.role,
        "key": session.key.id,
        "team_id": None if session.team_id is None else str(session.team_id),
        "paired_at": device.paired_at.isoformat(),
        "expires_at": session.expires_at.isoformat(),
    }
