"""How long a service of many cases takes to back up, to restore and to verify.

    python -m tests.faults.million make 1000000 FILE
    python -m tests.faults.million restore FILE [--verify]

A few thousand cases of the demo's past, with all their events, are written again and again under other ids: whole
cases, chained as the sealer would have chained them, so that `gridsvc audit verify` holds over all of them.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from gridsvc.evidence import chain
from tests.faults.service import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE = 2000
_MARK = "\x01"
_DIGITS = 6  # of an id, which tell the copies apart
_UNESCAPED = (("\\\\", "\x02"), ("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r"), ("\x02", "\\"))

# The columns by which a row belongs to a case.
_TABLES = {
    "incident": "id",
    "incident_personal": "incident_id",
    "engagement": "incident_id",
    "incident_event": "incident_id",
}


class Copied:
    """The rows of one case as COPY has them, cut where its own ids end: joined by a number, it is another case."""

    def __init__(self, lines: dict[str, list[str]], ids: list[str]) -> None:
        self._rows = {table: self._cut("".join(rows), ids) for table, rows in lines.items()}
        self._bodies = [self._cut(_plain(row.rstrip("\n").split("\t")[-1]), ids) for row in lines["incident_event"]]
        self._events = [self._cut(row.split("\t")[1], ids) for row in lines["incident_event"]]

    @staticmethod
    def _cut(text: str, ids: list[str]) -> list[str]:
        for each in ids:
            text = text.replace(each, each[:-_DIGITS] + _MARK)
        return text.split(_MARK)

    def rows(self, table: str, number: str) -> str:
        return number.join(self._rows.get(table, [""]))

    def events(self, number: str) -> Iterator[tuple[str, str]]:
        for event, body in zip(self._events, self._bodies, strict=True):
            yield number.join(event), number.join(body)


def _plain(copied: str) -> str:
    for escaped, plain in _UNESCAPED:
        copied = copied.replace(escaped, plain)
    return copied


def _read_cases(connection: psycopg.Connection[Any]) -> list[Copied]:
    """Return the cases that are closed: an open one holds its teams, and a team is in one place only."""
    closed = "select id from incident where status in ('archived', 'cancelled')"
    lines: dict[str, dict[str, list[str]]] = {}
    ids: dict[str, list[str]] = {}
    for table, column in _TABLES.items():
        has_id = table != "incident_personal"
        where = f"from {table} where {column} in ({closed}) order by {column}" + ", id" * has_id
        own = [str(row[0]) for row in connection.execute(f"select {column} {where}")]
        if has_id:
            for case, (each,) in zip(own, connection.execute(f"select id {where}"), strict=True):
                ids.setdefault(case, []).append(str(each))
        with connection.cursor().copy(f"copy (select * {where}) to stdout") as copy:
            text = b"".join(bytes(part) for part in copy).decode()
        for case, line in zip(own, text.splitlines(keepends=True), strict=True):
            lines.setdefault(case, {}).setdefault(table, []).append(line)
    # An id that ends like a copy's would be its own copy.
    apart = [case for case in lines if all(int(each[-_DIGITS:], 16) > 2**16 for each in ids[case])]
    return [Copied(lines[case], ids[case]) for case in apart]


def multiply(url: str, superuser: str, wanted: int) -> int:
    """Write copies of the closed cases until there are `wanted`; return how many events there are then."""
    with psycopg.connect(superuser) as reading:
        cases = _read_cases(reading)
        [(have,)] = reading.execute("select count(*) from incident").fetchall()
        [(district, position, previous)] = reading.execute(
            "select district, position, hash from event_seal order by position desc limit 1"
        ).fetchall()
    tables = [*_TABLES, "event_seal"]
    lines = {table: psycopg.connect(superuser, autocommit=True) for table in tables}
    names = {"event_seal": "event_seal (district, position, event_id, hash)"}
    copies = {}
    for table, line in lines.items():
        line.execute("set session_replication_role = replica")  # the rows agree: nothing to look up
        line.execute("set synchronous_commit = off")
        copies[table] = line.cursor().copy(f"copy {names.get(table, table)} from stdin")
    streams = {table: copy.__enter__() for table, copy in copies.items()}
    number = 0
    while have < wanted:
        number += 1
        word = f"{number:0{_DIGITS}x}"
        some = cases[: wanted - have]
        have += len(some)
        for table in _TABLES:
            for n in range(0, len(some), 200):
                streams[table].write("".join(case.rows(table, word) for case in some[n : n + 200]))
        seals = []
        for case in some:
            for event, body in case.events(word):
                position += 1
                previous = chain.seal(previous, position, body)
                seals.append(f"{district}\t{position}\t{event}\t\\\\x{previous.hex()}\n")
        streams["event_seal"].write("".join(seals))
    for table, copy in copies.items():
        copy.__exit__(None, None, None)
        lines[table].close()
    with psycopg.connect(url, autocommit=True) as owner:
        owner.execute("analyze incident, incident_event, event_seal, engagement")
    found: int = position
    return found


def _timed(served: Served, *words: str) -> tuple[float, str]:
    began = time.monotonic()
    told = served.command(*words, timeout_s=7200)
    return time.monotonic() - began, told


def make(wanted: int, file: Path) -> dict[str, Any]:
    """Make a service of so many cases and back it up into a file; return its sizes and the seconds of the backup."""
    source = Served(incidents=BASE)
    try:
        urls = [
            json.loads(source.command("db", "url", "--role", role, "--json"))["url"].replace("+psycopg", "")
            for role in ("owner", "app")
        ]
        events = multiply(urls[0], urls[1].replace("gridsvc_app@", "postgres@"), wanted)
        size = source.query("select pg_database_size(current_database())")[0][0]
        backup_s, _ = _timed(source, "db", "backup", str(file))
        return {
            "cases": wanted, "events": events, "database_gb": round(size / 1e9, 2),
            "file_gb": round(file.stat().st_size / 1e9, 2), "backup_s": round(backup_s, 1),
        }  # fmt: skip
    finally:
        source.close()


def restore(file: Path, *, verify: bool) -> dict[str, Any]:
    """Restore a backup into an empty folder and, if asked, verify it; return the seconds of both."""
    there = Served(demo=False)
    try:
        restore_s, _ = _timed(there, "db", "restore", str(file))
        told: dict[str, Any] = {"restore_s": round(restore_s, 1)}
        if verify:
            verify_s, words = _timed(there, "audit", "verify", "--json")
            (report,) = json.loads(words)
            assert report["wrong"] is None, report
            told |= {"verify_s": round(verify_s, 1), "cases": report["cases"], "events": report["sealed"]}
            told["events_per_s"] = round(report["sealed"] / verify_s)
        return told
    finally:
        there.close()


if __name__ == "__main__":
    if sys.argv[1] == "make":
        outcome = make(int(sys.argv[2]), Path(sys.argv[3]))
    else:
        outcome = restore(Path(sys.argv[2]), verify="--verify" in sys.argv)
    sys.stdout.write(json.dumps(outcome) + "\n")
