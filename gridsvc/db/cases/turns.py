"""Orders of joint teams take turns in a district: a lock of its row, held until the order is committed.

An order that has its turn sees all that the orders before it did, so that none is decided twice. The unique index of
live engagements, not the turn, is what keeps a team from being sent twice: an order that waits too long for its turn
goes on without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

WAIT_MS = 2000

# A row lock, not an advisory lock: who may only read cannot take it. Rows that refer to the district do not wait.
_TAKE = """
    select 1 from district
    where code = (select i.district from incident as i where i.id = %s and i.urgency = 'emergency')
    for no key update
"""
_LIMIT = "select set_config('lock_timeout', %s, true)"


def take_turn(connection: Connection, incident_id: UUID) -> bool:
    """Wait for the turn of an emergency's district; False for a case that is no emergency, or not there.

    Taken before the case is locked: the order of locks is turn, case, drills, teams.

    Raises
    ------
    LockTimedOut
        After WAIT_MS, when the transaction ends.
    """
    fetch_all(connection, _LIMIT, (f"{WAIT_MS}ms",))
    taken = bool(fetch_all(connection, _TAKE, (incident_id,)))
    fetch_all(connection, _LIMIT, ("0",))
    return taken
