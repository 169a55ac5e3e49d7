"""The counters of changes of what a gazetteer is made of, beside grids and roads."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridsvc.db.session.fast_statements import fetch_all, fetch_one

if TYPE_CHECKING:
    from sqlalchemy import Connection


class GazetteerVersion(NamedTuple):
    """`sources` counts the changes of addresses and stations, `names` those of learned names; 0 before the first."""

    sources: int = 0
    names: int = 0


# The counters begin at the time, in ms: those of a district that was removed do not come again.
_MS = "(extract(epoch from clock_timestamp()) * 1000)::bigint"
_BUMP = f"""
    insert into gazetteer_version as g (district, sources, names) values (%s, {_MS}, {_MS})
    on conflict (district) do update set
"""
_BUMP_SOURCES = f"{_BUMP} sources = greatest(g.sources + 1, excluded.sources)"
_BUMP_NAMES = f"{_BUMP} names = greatest(g.names + 1, excluded.names)"


def bump_sources(connection: Connection, district: str) -> None:
    """Note that addresses or stations of a district have changed."""
    fetch_all(connection, _BUMP_SOURCES, (district,))


def bump_names(connection: Connection, district: str) -> None:
    """Note that learned names of a district have changed."""
    fetch_all(connection, _BUMP_NAMES, (district,))


def get_gazetteer_version(connection: Connection, district: str) -> GazetteerVersion:
    """Return the counters of a district."""
    row = fetch_one(connection, "select sources, names from gazetteer_version where district = %s", (district,))
    return GazetteerVersion() if row is None else GazetteerVersion(*row)
