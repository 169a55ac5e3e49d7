"""The condition that a row is of a district of the caller, for what is looked up by its id alone.

Where the caller's scope is one district the condition names it, so that the statement is of that district alone and
finds its server where districts are on several. A caller of all districts looks in all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.session.scope import scope_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


def in_scope(connection: Connection, column: str = "district") -> tuple[str, tuple[str, ...]]:
    """Return a condition on a column, with %s for a value, and its values."""
    code = scope_of(connection).district
    if code is None:
        return f"{column} in (select code from district)", ()
    return f"{column} = %s", (code,)
