"""The counter of changes of what a gazetteer is made of, beside grids and roads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.db.session.fast_statements import fetch_all, fetch_one

if TYPE_CHECKING:
    from sqlalchemy import Connection

# The counter begins at the time, in ms: that of a district that was removed does not come again.
_BUMP = """
    insert into gazetteer_version as g (district, version)
    values (%s, (extract(epoch from clock_timestamp()) * 1000)::bigint)
    on conflict (district) do update set version = greatest(g.version + 1, excluded.version)
"""


def bump_gazetteer(connection: Connection, district: str) -> None:
    """Note that addresses, stations or learned names of a district have changed."""
    fetch_all(connection, _BUMP, (district,))


def get_gazetteer_version(connection: Connection, district: str) -> int:
    """Return the counter of changes; 0 before the first."""
    row = fetch_one(connection, "select version from gazetteer_version where district = %s", (district,))
    return 0 if row is None else int(row[0])
