"""Rows that answers rest on and that no event of a case proves: their digests, in sealed events of kind `rows`.

A function that writes such a row marks it (`mark`). At the end of the transaction `write_marked` reads what is marked
and appends the digest of each row to the chain, None where the row is gone. A verification compares every row with its
newest digest: a change that did not go through the program has none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence.events import append_events, event_row
from gridsvc.db.session.fast_statements import fetch_all, fetch_one
from gridsvc.evidence.row_digest import row_digest, rows_digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sqlalchemy import Connection

    from gridsvc.json_types import Json

KIND = "rows"
ACTOR = "gridsvc"
UPGRADE = "upgrade"
"""The reason of digests of rows that were there before digests were kept."""
REMOVED = "removed"
"""The reason of the last digests of a district that was removed."""
_MARKED = "gridsvc.marked_rows"
_ROWS_OF_AN_EVENT = 500
_FETCHED = 500


@dataclass(frozen=True, slots=True)
class Covered:
    """A table whose rows have their digests in the chain.

    `key` names a row within its district; where several rows share it, as the grids of a generation do, they have one
    digest, in the order of `order`. `left_out` are columns without a digest, and `why` says why. `of` is the column
    that has the district.
    """

    table: str
    key: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    why: str = ""
    of: str = "district"


COVERED = {
    each.table: each
    for each in (
        Covered("district", of="code"),
        Covered("district_version"),
        Covered("access_key", ("id",), left_out=frozenset({"last_used_at"}), why="no right rests on the last use"),
        Covered("document", ("kind", "digest"), left_out=frozenset({"content"}), why="its own digest is in the key"),
        Covered("artifact", ("digest",)),
        Covered("grid_generation", ("number",)),
        Covered("grid", ("generation",), order=("row",)),
        Covered("in_force", ("entry",)),
        Covered("road_network", ("digest",)),
        Covered("closure", ("id",)),
        Covered("station", ("id",)),
        Covered("team", ("id",)),
        Covered("compliance_report", ("id",)),
        Covered("person", ("id",)),
        Covered("post_held", ("id",)),
        Covered("imported_file", ("number",)),
        Covered("imported_case", ("file", "piece"), order=("row",)),
        Covered("imported_team", ("file", "piece"), order=("case_row", "n")),
    )
}  # fmt: skip
"""By table, in the order in which a verification looks at them."""

PERSONAL = {
    each.table: each
    for each in (
        Covered("incident_personal", ("incident_id",)),
        Covered("event_personal", ("event_id",)),
        Covered("closure_personal", ("closure_id",)),
    )
}
"""The event of a report, note or closure has their salted digests; the first versions wrote some without."""


def mark(connection: Connection, table: str, district: str, *key: object) -> None:
    """Have the digest of a row written at the end of the transaction; without a key, of all rows of the district."""
    connection.info.setdefault(_MARKED, {})[table, district, key] = None


def has_marked(connection: Connection) -> bool:
    """Whether the transaction has written rows that are marked."""
    return bool(connection.info.get(_MARKED))


def forget_marked(connection: Connection) -> None:
    """Begin a transaction without marks: those of one that failed do not count."""
    if _MARKED in connection.info:
        del connection.info[_MARKED]


def write_marked(connection: Connection) -> None:
    """Append the digests of all marked rows, in one event a district (of 500 rows at most)."""
    marked = connection.info.pop(_MARKED, {})
    found: dict[str, dict[tuple[str, str], str | None]] = {}
    for table, district, key in marked:
        covered, own = COVERED[table], found.setdefault(district, {})
        digests: dict[str, str | None] = dict(_digests(connection, covered, district, key))
        if key and not digests:
            digests[name_of(key)] = None
        own |= {(table, name): digest for name, digest in digests.items()}
    for district, digests_of in sorted(found.items()):
        _append(connection, district, digests_of, {})


def write_all(connection: Connection, reason: str, tables: Collection[str] = ()) -> int:
    """Append the digests of all rows of some tables (none named: of all), with the reason; return how many.

    For migrations.
    """
    written = 0
    present = [each for each in (*_present(connection), *PERSONAL.values()) if not tables or each.table in tables]
    for district in list_districts(connection):
        digests: dict[tuple[str, str], str | None] = {}
        for covered in present:
            for name, digest in _digests(connection, covered, district, ()):
                digests[covered.table, name] = digest
        _append(connection, district, digests, {"reason": reason})
        written += len(digests)
    return written


def _present(connection: Connection) -> list[Covered]:
    """Return the covered tables that there are: an earlier migration runs before those of later ones."""
    found = fetch_all(
        connection, "select t from unnest(%s::text[]) as t where to_regclass(t) is not null", ([*COVERED],)
    )
    names = {name for (name,) in found}
    return [covered for name, covered in COVERED.items() if name in names]


def write_removed(connection: Connection, district: str, numbers: Mapping[str, int]) -> None:
    """Append that all rows of a district are gone, before they are removed; `numbers`: the last of each counter."""
    gone: dict[tuple[str, str], str | None] = {}
    for covered in COVERED.values():
        gone |= {(covered.table, name): None for name, _ in _digests(connection, covered, district, ())}
    _append(connection, district, gone, {"reason": REMOVED, "numbers": dict(numbers)})


_REMOVED = """
    select body from incident_event where district = %s and kind = %s and body::json #>> '{data,reason}' = %s
    order by id desc limit 1
"""


def find_removed(connection: Connection, district: str) -> dict[str, int]:
    """Return the last number of each counter of a district that was removed; empty for one that never was."""
    row = fetch_one(connection, _REMOVED, (district, KIND, REMOVED))
    numbers: dict[str, int] = {} if row is None else json.loads(row[0])["data"].get("numbers", {})
    return numbers


def list_districts(connection: Connection) -> list[str]:
    """Return the codes of all districts of which there are covered rows, also where the district itself is gone."""
    parts = [f'select distinct "{c.of}" as code from {c.table}' for c in _present(connection) if not c.order]
    return [row[0] for row in fetch_all(connection, " union ".join(parts) + " order by code")]


def name_of(key: tuple[object, ...]) -> str:
    """Return the name of a row in an event: its key, the parts separated by `/`."""
    return "/".join(str(part) for part in key)


def iterate_digests(connection: Connection, covered: Covered, district: str) -> Iterator[tuple[str, str]]:
    """Yield (name, digest) of every row of a district, streamed."""
    query, names = _query(connection, covered, ())
    driver = connection.connection.driver_connection
    assert driver is not None
    with driver.cursor(name=f"rows_of_{covered.table}", binary=True) as cursor:
        cursor.itersize = _FETCHED
        cursor.execute(query, [district])
        yield from _named(covered, (dict(zip(names, row, strict=True)) for row in cursor))


def _digests(
    connection: Connection, covered: Covered, district: str, key: tuple[object, ...]
) -> Iterator[tuple[str, str]]:
    if not key and covered.key:
        yield from iterate_digests(connection, covered, district)
        return
    query, names = _query(connection, covered, key)
    rows = fetch_all(connection, query, (district, *key))
    yield from _named(covered, (dict(zip(names, row, strict=True)) for row in rows))


def _named(covered: Covered, rows: Iterator[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for name, group in groupby(rows, lambda row: name_of(tuple(row[part] for part in covered.key))):
        digests = [row_digest(row) for row in group]
        yield name, rows_digest(digests) if covered.order else digests[0]


_COLUMNS = """
    select a.attname, t.typname from pg_attribute a join pg_type t on t.oid = a.atttypid
    where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
_SHOWN = {"geometry": """st_asbinary("{0}", 'NDR')""", "timestamptz": 'extract(epoch from "{0}")::text'}
"""By type; a time as seconds since 1970, since the database has times that Python has not."""


def _query(connection: Connection, covered: Covered, key: tuple[object, ...]) -> tuple[str, list[str]]:
    """Return the query of a district's rows and its columns: those that the table has in the database."""
    columns = [(n, kind) for n, kind in fetch_all(connection, _COLUMNS, (covered.table,)) if n not in covered.left_out]
    shown = ", ".join(_SHOWN.get(kind, '"{0}"').format(n) for n, kind in columns)
    where = [f'"{covered.of}" = %s', *(f'"{part}" = %s' for part in (covered.key if key else ()))]
    order = ", ".join(f'"{part}"' for part in (*covered.key, *covered.order))
    query = f"select {shown} from {covered.table} where {' and '.join(where)}" + (f" order by {order}" if order else "")
    return query, [n for n, _ in columns]


def _append(
    connection: Connection, district: str, digests: Mapping[tuple[str, str], str | None], more: Mapping[str, Json]
) -> None:
    """Append events with digests.

    Seals are given in the order of writing, so that the newest digest of a row has the highest position, even where the
    clock was set back in between.
    """
    rest = iter(sorted(digests.items()))
    while part := list(islice(rest, _ROWS_OF_AN_EVENT)):
        tables: dict[str, dict[str, str | None]] = {}
        for (table, name), digest in part:
            tables.setdefault(table, {})[name] = digest
        now = fetch_all(connection, "select clock_timestamp()")[0][0]
        row = event_row(district, KIND, actor=ACTOR, at=now, data={"rows": tables} | dict(more))
        append_events(connection, [row])
