"""Cases of other dispatch systems that were loaded as history: written in pieces, read as columns."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from gridsvc.db.evidence import row_digests
from gridsvc.db.session.fast_statements import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

PIECE = 10_000
"""Rows of `imported_case` that share one digest, with those of `imported_team` of the same cases."""
CASE_COLUMNS = (
    "row", "case_id", "received_at", "assigned_at", "cancelled", "drill", "emergency", "target_s", "type",
    "response_class", "place_class", "lon", "lat", "place", "regional", "township", "area", "village",
    "said_regional", "said_township", "said_area", "said_village",
)  # fmt: skip
TEAM_COLUMNS = (
    "case_row", "n", "team", "unit", "lead", "since", "acknowledged_at", "en_route_at", "on_scene_at", "until",
)  # fmt: skip
_TIMES = {"received_at", "assigned_at", "since", "acknowledged_at", "en_route_at", "on_scene_at", "until"}
_IMPORTS = 740_223
_FETCHED = 20_000
_cursor = count()


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """A file whose cases were loaded; `map`, `about`: what was read, placed and left out. removed_at None: it is there.

    `generation`: of the grids in which its places have their owners, None = no grids were in force.
    """

    district: str
    number: int
    digest: str
    name: str
    map: dict[str, Any]
    time_zone: str
    generation: int | None
    cases: int
    teams: int
    about: dict[str, Any]
    loaded_by: str
    loaded_at: datetime
    removed_by: str | None = None
    removed_at: datetime | None = None


_FILE = tuple(ImportedFile.__slots__)
_FILES = f"select {', '.join(_FILE)} from imported_file where district = %s"


def lock_imports(connection: Connection, district: str) -> bool:
    """Take the lock of a district's imports until the transaction ends; False where another one has it."""
    row = fetch_one(connection, "select pg_try_advisory_xact_lock(%s, hashtext(%s))", (_IMPORTS, district))
    assert row is not None
    return bool(row[0])


def list_files(connection: Connection, district: str, *, removed: bool = False) -> list[ImportedFile]:
    """Return the files whose cases are there, the oldest first; with those that were removed where asked."""
    query = _FILES + ("" if removed else " and removed_at is null") + " order by number"
    return [ImportedFile(*row) for row in fetch_all(connection, query, (district,))]


def next_number(connection: Connection, district: str) -> int:
    """Return the number of the next file; those of removed files are not used again."""
    query = "select coalesce(max(number), 0) + 1 from imported_file where district = %s"
    number: int = fetch_all(connection, query, (district,))[0][0]
    return number


def add_file(connection: Connection, file: ImportedFile) -> None:
    """Write the row of a file, with its digest in the chain."""
    values = {name: getattr(file, name) for name in _FILE}
    values |= {name: json.dumps(values[name], ensure_ascii=False) for name in ("map", "about")}
    marks = ", ".join(["%s"] * len(_FILE))
    fetch_all(connection, f"insert into imported_file ({', '.join(_FILE)}) values ({marks})", list(values.values()))
    row_digests.mark(connection, "imported_file", file.district, file.number)


def add_piece(
    connection: Connection,
    file: ImportedFile,
    piece: int,
    cases: Iterable[Sequence[Any]],
    teams: Iterable[Sequence[Any]],
) -> None:
    """Write cases (CASE_COLUMNS) and the teams on them (TEAM_COLUMNS), with the digest of the piece in the chain.

    Times are microseconds since 1970, None = not stamped.
    """
    for table, columns, rows in (("imported_case", CASE_COLUMNS, cases), ("imported_team", TEAM_COLUMNS, teams)):
        if _copy_in(connection, table, columns, rows, (file.district, file.number, piece)):
            row_digests.mark(connection, table, file.district, file.number, piece)


def _copy_in(
    connection: Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], key: tuple[str, int, int]
) -> int:
    """Copy rows into a temporary table, and from there under row level security; return how many."""
    raw = connection.connection.driver_connection
    assert raw is not None
    incoming = f"incoming_{table}"
    declared = ", ".join(f'"{name}" {"bigint" if name in _TIMES else _type(name)}' for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    taken = ", ".join(
        f"timestamptz 'epoch' + \"{name}\" * interval '1 microsecond'" if name in _TIMES else f'"{name}"'
        for name in columns
    )
    with raw.cursor() as cursor:
        cursor.execute(f"create temporary table if not exists {incoming} ({declared}) on commit drop")
        cursor.execute(f"truncate {incoming}")
        with cursor.copy(f"copy {incoming} ({names}) from stdin") as copy:
            for row in rows:
                copy.write_row(row)
        cursor.execute(
            f"insert into {table} (district, file, piece, {names}) select %s, %s, %s, {taken} from {incoming}", key
        )
        return int(cursor.rowcount)


def _type(name: str) -> str:
    return {
        "row": "integer", "case_row": "integer", "n": "integer", "target_s": "integer", "cancelled": "boolean",
        "drill": "boolean", "emergency": "boolean", "lead": "boolean", "lon": "float8", "lat": "float8",
    }.get(name, "text")  # fmt: skip


_KNOWN = """
    select k.place, i.file from incoming_case_id as k
    join imported_case as i on i.district = %s and i.case_id = k.case_id order by k.place
"""


def find_known(connection: Connection, district: str, case_ids: Iterable[str]) -> dict[int, int]:
    """Return which of some cases a district has from another file: {place in `case_ids`: number of the file}."""
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        cursor.execute("create temporary table incoming_case_id (place integer, case_id text) on commit drop")
        with cursor.copy("copy incoming_case_id from stdin") as copy:
            for row in enumerate(case_ids):
                copy.write_row(row)
        cursor.execute("analyze incoming_case_id")
        return dict(cursor.execute(_KNOWN, (district,)).fetchall())


def remove_file(connection: Connection, file: ImportedFile, *, actor: str, at: datetime) -> None:
    """Delete the cases of a file and their teams; its own row stays, and says who removed them."""
    key = (file.district, file.number)
    pieces = fetch_all(connection, "select distinct piece from imported_case where district = %s and file = %s", key)
    for table in ("imported_team", "imported_case"):
        fetch_all(connection, f"delete from {table} where district = %s and file = %s", key)
        for (piece,) in pieces:
            row_digests.mark(connection, table, *key, piece)
    fetch_all(
        connection,
        "update imported_file set removed_by = %s, removed_at = %s where district = %s and number = %s",
        (actor, at, *key),
    )
    row_digests.mark(connection, "imported_file", *key)


# -------------------------------------------------------------------------------------------------------------- columns


def _us(column: str) -> str:
    return f"coalesce((extract(epoch from {column}) * 1000000)::bigint, -9223372036854775808)"


_WITHIN = """
    i.district = %(district)s and i.file = any(%(files)s)
    and (%(since)s::timestamptz is null or i.received_at >= %(since)s)
    and (%(until)s::timestamptz is null or i.received_at < %(until)s)
"""
# Where a place has no owner at a level, the words of the file stand for it.
_CASES = f"""
    select i.file * 4294967296 + i."row", i.case_id, {_us("i.received_at")}, {_us("i.assigned_at")}, i.cancelled,
           i.drill, i.emergency, coalesce(i.target_s, -1), coalesce(i.lon, 'NaN'), coalesce(i.lat, 'NaN'),
           i.response_class, i.type, i.place,
           coalesce(i.regional, i.said_regional), coalesce(i.township, i.said_township),
           coalesce(i.area, i.said_area), coalesce(i.village, i.said_village)
    from imported_case as i where {_WITHIN}
"""
_TEAMS = f"""
    select i.file * 4294967296 + i."row", t.team, t.unit, t.lead,
           {", ".join(_us(f"t.{name}") for name in ("since", "acknowledged_at", "en_route_at", "on_scene_at", "until"))}
    from imported_case as i
    join imported_team as t on t.district = i.district and t.file = i.file and t.case_row = i."row"
    where {_WITHIN}
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The cases of some files (by number) that were received from `since` until before `until`, None = no such end."""

    files: tuple[int, ...]
    since: datetime | None = None
    until: datetime | None = None


def list_case_columns(connection: Connection, district: str, wanted: Wanted) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the columns of cases that the caller sees, a piece of rows at a time; times in microseconds.

    In a piece: a key of the case, its id, received, assigned, cancelled, drill, emergency, target_s (-1 = none), lon,
    lat (NaN = unknown), class, type, place, and its owners, or what the file says, from regional to village.
    """
    return _pieces(connection, _CASES, district, wanted)


def list_team_columns(connection: Connection, district: str, wanted: Wanted) -> Iterator[list[tuple[Any, ...]]]:
    """Yield the columns of the teams on those cases, a piece of rows at a time; times in microseconds.

    In a piece: the key of the case, team, unit, lead, since, acknowledged, en route, on scene, until.
    """
    return _pieces(connection, _TEAMS, district, wanted)


def _pieces(connection: Connection, query: str, district: str, wanted: Wanted) -> Iterator[list[tuple[Any, ...]]]:
    driver = connection.connection.driver_connection
    assert driver is not None
    values = {"district": district, "files": list(wanted.files), "since": wanted.since, "until": wanted.until}
    with driver.cursor(name=f"imported_{next(_cursor)}", binary=True) as cursor:
        cursor.execute(query, values)
        while rows := cursor.fetchmany(_FETCHED):
            yield list(zip(*rows, strict=True))
