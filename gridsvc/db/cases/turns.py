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
    where code = (select i.district from incident as i
                  where i.id = %s and i.urgency = 'emergency' and i.drill = %s and {})
    for no key update
"""
_LIMIT = "select set_config('lock_timeout', %s, true)"


def limit_statement() -> Statement:
    """Return the statement that has a transaction wait for a lock WAIT_MS at most; then it ends with LockTimedOut."""
    return _LIMIT, (f"{WAIT_MS}ms",)


def turn_statement(connection: Connection, incident_id: UUID, *, drill: bool) -> Statement:
    """Return the statement that waits for the turn of an emergency's district; of a drill, or of a case that is none.

    Its row is there when the turn is taken; there is none for another case, one that is no emergency, or not there.
    The order of locks is: a case, the turn, drills, teams. A drill can lose teams to the order that has the turn, so
    it is locked after its turn is taken. All other cases are locked and read before, so that the turn is held for as
    short as possible.
    """
    condition, values = in_scope(connection, "i.district")
    return _TAKE.format(condition), (incident_id, drill, *values)
