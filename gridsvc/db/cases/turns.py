"""Orders of joint teams take turns in a district: a lock of its row, held until the order is committed.

An order that has its turn sees all that the orders before it did, so that none is decided twice. The unique index of
live engagements, not the turn, is what keeps a team from being sent twice: an order that waits too long for its turn
goes on without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.session.district_of import in_scope

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.session.pipeline import Statement

WAIT_MS = 2000

# A row lock, not an advisory lock: who may only read cannot take it. Rows that refer to the district do not wait.
_TAKE = """
    select 1 from district
    where code = (select i.district from incident as i where i.id = %s and i.urgency = 'emergency' and {})
    for no key update
"""
_LIMIT = "select set_config('lock_timeout', %s, true)"


def limit_statement() -> Statement:
    """Return the statement that has a transaction wait for a lock WAIT_MS at most; then it ends with LockTimedOut."""
    return _LIMIT, (f"{WAIT_MS}ms",)


def turn_statement(connection: Connection, incident_id: UUID) -> Statement:
    """Return the statement that waits for the turn of an emergency's district.

    Its row is there when the turn is taken; there is none for a case that is no emergency, or not there. The turn is
    taken before the case is locked: the order of locks is turn, case, drills, teams.
    """
    condition, values = in_scope(connection, "i.district")
    return _TAKE.format(condition), (incident_id, *values)
