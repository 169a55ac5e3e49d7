"""When what a gazetteer is made of was last changed, beside grids and roads: caches are known by it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridsvc.db.session.fast_statements import fetch_all, fetch_one

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SOURCES = "gazetteer-sources"
_NAMES = "gazetteer-names"


class GazetteerVersion(NamedTuple):
    """`sources`: last change of addresses and stations, `names`: of learned names. In microseconds, 0 before any."""

    sources: int = 0
    names: int = 0


# A change within the same microsecond, or after the clock stepped back, is later all the same.
_BUMP = """
    insert into service_mark as m (district, name, value) values (%s, %s, 'null')
    on conflict (district, name) do update set at = greatest(m.at + interval '1 us', excluded.at)
"""
_FIND = """
    select coalesce(max((extract(epoch from at) * 1e6)::bigint) filter (where name = %s), 0),
        coalesce(max((extract(epoch from at) * 1e6)::bigint) filter (where name = %s), 0)
    from service_mark where district = %s and name in (%s, %s)
"""


def bump_sources(connection: Connection, district: str) -> None:
    """Note that addresses or stations of a district have changed."""
    fetch_all(connection, _BUMP, (district, _SOURCES))


def bump_names(connection: Connection, district: str) -> None:
    """Note that learned names of a district have changed."""
    fetch_all(connection, _BUMP, (district, _NAMES))


def get_gazetteer_version(connection: Connection, district: str) -> GazetteerVersion:
    """Return when the sources and names of a district were last changed."""
    found = fetch_one(connection, _FIND, (_SOURCES, _NAMES, district, _SOURCES, _NAMES))
    return GazetteerVersion() if found is None else GazetteerVersion(*found)
