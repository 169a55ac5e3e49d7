"""One file that holds the whole service: what pg_dump wrote, and at its end a manifest and a checksum.

::

    dump of the database (pg_dump, custom format; `pg_restore FILE` reads it as it is)
    manifest (JSON, UTF-8): when, of which version, the ends of the chains as of the dump's snapshot
    8 bytes: length of the manifest, big-endian
    32 bytes: SHA-256 of everything before
    16 bytes: MAGIC

Indexes, networks and documents are stored in the database, so the file has them too. It is written beside while the
service runs on, under another name until it is whole and on the disk.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any

import psycopg

from gridsvc import __version__
from gridsvc.db.cluster import folders
from gridsvc.db.cluster.postgis import PostGIS, find_postgis
from gridsvc.db.session.urls import plain_url
from gridsvc.errors import Conflict, InvalidInput, Refusal, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gridsvc.json_types import Json

    Progress = Callable[[int, int], None]

MAGIC = b"GRIDSVC-BACKUP-1"
_DIGEST_BYTES = 32
_TAIL_BYTES = 8 + _DIGEST_BYTES + len(MAGIC)
_CHUNK = 1 << 20
_TABLE = re.compile(r'contents of table "public\.(?P<table>[^"]+)"')
_RESTORERS = 2
# PostGIS is there before a restore; it and the schema itself are a superuser's to make.
_OF_POSTGIS = re.compile(r" (EXTENSION|SCHEMA|COMMENT) - | public spatial_ref_sys ")


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup file that is whole: its manifest, its digest and its size."""

    file: Path
    manifest: dict[str, Any]
    sha256: str
    size_bytes: int

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"file": str(self.file), "bytes": self.size_bytes, "sha256": self.sha256} | self.manifest


def write_backup(owner_url: str, file: Path, progress: Progress | None = None) -> Backup:
    """Write one snapshot of the whole database to a new file, while the service runs.

    Raises
    ------
    Conflict
        When the file exists.
    InvalidInput
        When it cannot be written there.
    Refusal
        When pg_dump is missing, or refuses.
    """
    if file.exists():
        raise Conflict(f"{file} exists. Choose another name, or remove it.", kind="file-exists")
    draft = file.with_name(file.name + ".part")
    try:
        draft.unlink(missing_ok=True)
        with psycopg.connect(plain_url(owner_url)) as connection, open(draft, "xb", opener=_for_owner_alone) as out:
            backup = _write(connection, owner_url, out, file, progress)
        draft.replace(file)
        folders.sync(file.parent)
    except psycopg.OperationalError as error:
        draft.unlink(missing_ok=True)
        raise Unavailable(f"The database cannot be reached: {str(error).splitlines()[0]}.") from error
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise InvalidInput(f"{file} cannot be written: {error.strerror}.") from None
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return backup


def _write(
    connection: psycopg.Connection[Any], owner_url: str, out: IO[bytes], file: Path, progress: Progress | None
) -> Backup:
    connection.execute("set transaction isolation level repeatable read, read only")
    snapshot = _one(connection, "select pg_export_snapshot()")
    sizes = dict(connection.execute(_SIZES).fetchall())
    manifest = _manifest(connection)
    postgis = _programs(_one(connection, "select current_setting('server_version_num')::int") // 10_000)
    words: list[str | Path] = [
        postgis.programs / "pg_dump",
        "--format=custom",
        f"--compress={_compression(postgis)}",
        "--verbose",
        "--lock-wait-timeout=60s",
        f"--snapshot={snapshot}",
        "--schema=public",
        f"--dbname={plain_url(owner_url)}",
    ]
    digest = hashlib.sha256()
    with subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=_environment(postgis)
    ) as child:
        listener = _Listener(child, sizes, progress)
        try:
            assert child.stdout is not None
            while chunk := child.stdout.read(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
        except BaseException:
            child.kill()
            raise
        finally:
            listener.join()
    if child.returncode != 0:
        raise Refusal(f"pg_dump refused: {listener.complaint}", kind="backup-refused")
    manifest["dump_bytes"] = out.tell()
    content = json.dumps(manifest, ensure_ascii=False, sort_keys=True).encode()
    end = content + len(content).to_bytes(8, "big")
    digest.update(end)
    out.write(end + digest.digest() + MAGIC)
    out.flush()
    os.fsync(out.fileno())
    return Backup(file, manifest, digest.hexdigest(), out.tell())


def _for_owner_alone(path: str, flags: int) -> int:
    """Open a file that only its owner may read: a backup holds names, telephone numbers and hashes of keys."""
    return os.open(path, flags, 0o600)


def _compression(postgis: PostGIS) -> str:
    """Return how a dump is compressed: by zstd where pg_dump can, since that is read five times as fast as zlib."""
    words: list[str | Path] = [
        postgis.programs / "pg_dump",
        "--compress=zstd:1",
        "--format=custom",
        f"--file={os.devnull}",
        "--host=/nonexistent",
    ]
    message = subprocess.run(words, capture_output=True, text=True, check=False, env=_environment(postgis)).stderr
    return "3" if "compress" in message else "zstd:1"  # it looks at its words before it looks for the server


_SIZES = """
    select c.relname, greatest(pg_table_size(c.oid), 8192) from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
"""


def _manifest(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    chains = connection.execute(
        "select distinct on (district) district, position, encode(hash, 'hex') from event_seal "
        "order by district, position desc"
    ).fetchall()
    counted = ("district", "incident", "engagement", "incident_event", "artifact", "artifact_piece", "document")
    return {
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
        "schema": _one(connection, "select version_num from alembic_version"),
        "postgresql": _one(connection, "select current_setting('server_version')"),
        "postgis": _one(connection, "select postgis_lib_version()"),
        "chains": {code: {"position": position, "hash": hashed} for code, position, hashed in chains},
        "rows": {table: _one(connection, f"select count(*) from {table}") for table in counted},
    }


class _Listener(threading.Thread):
    """Reads what pg_dump or pg_restore says while its other pipe is busy: how far it is, and why it stopped."""

    def __init__(self, child: subprocess.Popen[bytes], sizes: dict[str, int], progress: Progress | None) -> None:
        super().__init__(daemon=True)
        self._child, self._sizes, self._progress = child, sizes, progress
        self._lines: list[str] = []
        self.start()

    @property
    def complaint(self) -> str:
        """What was said last, without what was only progress."""
        bad = [line for line in self._lines if "error" in line or "fatal" in line] or self._lines[-2:]
        return "; ".join(bad[:3])

    def run(self) -> None:
        """Read until the child's end."""
        total, done, current = sum(self._sizes.values()), 0, 0
        assert self._child.stderr is not None
        for raw in self._child.stderr:
            line = raw.decode("utf-8", "replace").strip()
            if (found := _TABLE.search(line)) is not None:
                done, current = done + current, self._sizes.get(found["table"], 0)
                if self._progress is not None:
                    self._progress(min(done, total), total)
            else:
                self._lines = [*self._lines[-20:], line]
        if self._progress is not None and total:
            self._progress(total, total)


def read_backup(file: Path, progress: Progress | None = None) -> Backup:
    """Read a backup from end to end and return its manifest.

    Raises
    ------
    InvalidInput
        For a file that is no backup, is cut short, or was changed: nothing is restored from it.
    """
    try:
        size = file.stat().st_size
        with file.open("rb") as source:
            return _read(file, source, size, progress)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from None


def _read(file: Path, source: IO[bytes], size: int, progress: Progress | None) -> Backup:
    cut = InvalidInput(f"{file} is no backup of gridsvc, or was cut short. Use another one.", kind="no-backup")
    if size < _TAIL_BYTES:
        raise cut
    source.seek(size - _TAIL_BYTES)
    tail = source.read(_TAIL_BYTES)
    if not tail.endswith(MAGIC):
        raise cut
    length, stored = int.from_bytes(tail[:8], "big"), tail[8 : 8 + _DIGEST_BYTES]
    if length > size - _TAIL_BYTES:
        raise cut
    source.seek(0)
    digest = hashlib.sha256()
    left = size - _DIGEST_BYTES - len(MAGIC)
    while left:
        chunk = source.read(min(_CHUNK, left))
        if not chunk:
            raise cut
        digest.update(chunk)
        left -= len(chunk)
        if progress is not None:
            progress(size - left, size)
    if digest.digest() != stored:
        raise InvalidInput(f"{file} was changed or damaged: its checksum is another. Use another one.", kind="damaged")
    source.seek(size - _TAIL_BYTES - length)
    manifest: dict[str, Any] = json.loads(source.read(length))
    return Backup(file, manifest, digest.hexdigest(), size)


def restore_backup(owner_url: str, backup: Backup, progress: Progress | None = None) -> None:
    """Restore a backup into a database that has PostGIS, the roles, and nothing of ours yet.

    Raises
    ------
    Conflict
        When something is there already: a restore replaces nothing, and one that fails leaves nothing.
    Refusal
        When pg_restore refuses, or what was restored does not end the chains as the manifest says.
    """
    with psycopg.connect(plain_url(owner_url), autocommit=True) as connection:
        if _one(connection, "select to_regclass('public.district') is not null"):
            kept = "select exists (select from district) or exists (select from incident_event)"
            if _one(connection, kept):
                raise Conflict(
                    "There is a service in this folder already. Restore into an empty one.", kind="not-empty"
                )
            connection.execute(_EMPTY)  # a schema that was just made
        postgis = _programs(_one(connection, "select current_setting('server_version_num')::int") // 10_000)
        try:
            _restore(postgis, owner_url, backup, progress)
            _compare(connection, backup)
        except BaseException:
            connection.execute(_EMPTY)  # as empty as it was
            raise
        connection.execute("analyze")


_EMPTY = "drop owned by current_user cascade"


def _compare(connection: psycopg.Connection[Any], backup: Backup) -> None:
    for code, end in backup.manifest["chains"].items():
        found = connection.execute(
            "select encode(hash, 'hex') from event_seal where district = %s and position = %s", [code, end["position"]]
        ).fetchone()
        if found is None or found[0] != end["hash"]:
            raise Refusal(f"The chain of {code} does not end as in the backup. Do not use it.", kind="restore")
    for table, count in backup.manifest["rows"].items():
        if _one(connection, f"select count(*) from {table}") != count:
            raise Refusal(f"The table {table} has not the {count} rows of the backup. Do not use it.", kind="restore")
    if "artifact_piece" not in backup.manifest["rows"]:
        return  # a backup of a schema before the pieces
    damaged = connection.execute(_DAMAGED_PIECES).fetchone()
    if damaged is not None:
        district, digest, number = damaged
        raise Refusal(
            f"Piece {number + 1} of the file {digest[:12]} of district {district} is damaged in this backup. "
            "Use another one, or load the source of that file again and make a new backup.",
            kind="restore",
        )


_DAMAGED_PIECES = """
    select district, digest, number from artifact_piece where encode(sha256(content), 'hex') <> sha256
    order by district, digest, number limit 1
"""


def _restore(postgis: PostGIS, owner_url: str, backup: Backup, progress: Progress | None) -> None:
    restore = postgis.programs / "pg_restore"
    listed = subprocess.run(
        [restore, "--list", backup.file], capture_output=True, text=True, check=False, env=_environment(postgis)
    )
    if listed.returncode != 0:
        raise Refusal(f"pg_restore cannot read {backup.file}: {listed.stderr.strip()[:300]}", kind="restore")
    wanted = [line for line in listed.stdout.splitlines() if not _OF_POSTGIS.search(line)]
    sizes = dict.fromkeys((m[1] for m in re.finditer(r" TABLE DATA public (\S+) ", listed.stdout)), 1)
    with tempfile.NamedTemporaryFile("w", suffix=".list", encoding="utf-8") as contents:
        contents.write("\n".join(wanted) + "\n")
        contents.flush()
        words: list[str | Path] = [
            restore,
            f"--dbname={plain_url(owner_url)}",
            f"--use-list={contents.name}",
            "--exit-on-error",
            "--verbose",
            f"--jobs={_RESTORERS}",
            backup.file,
        ]
        with subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=_environment(postgis),
        ) as child:
            listener = _Listener(child, sizes, progress)
            listener.join()
    if child.returncode != 0:
        raise Refusal(f"pg_restore refused: {listener.complaint}", kind="restore")


def _programs(major: int) -> PostGIS:
    found = find_postgis(major) or find_postgis()
    if found is None or found.major < major or not (found.programs / "pg_dump").exists():
        raise Refusal(
            f"pg_dump of PostgreSQL {major} or newer is not installed here. Install postgresql-client-{major}.",
            kind="no-pg-dump",
        )
    return found


def _environment(postgis: PostGIS) -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": "/nonexistent"} | postgis.environment


def _one(connection: psycopg.Connection[Any], query: str) -> Json:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def list_backups(folder: Path) -> Iterator[Path]:
    """Yield the backups of a folder, the oldest first."""
    yield from sorted(folder.glob("gridsvc-*.backup"))
