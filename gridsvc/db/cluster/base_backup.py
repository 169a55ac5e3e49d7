"""Base backups of the embedded cluster: copies of its files by pg_basebackup, from which a recovery starts."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from gridsvc import __version__
from gridsvc.db.cluster import folders, wal_archive
from gridsvc.db.cluster.postgis import find_postgis
from gridsvc.errors import Refusal, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

KEPT = 7
"""Base backups that are kept; with an older one goes the log that only it needs."""

_SEGMENT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class BaseBackup:
    """A complete base backup.

    Attributes
    ----------
    made_at
        Its end by the database's clock: the earliest moment to which it can be recovered.
    start
        Name of the first segment of the log that it needs.
    end
        Where the log that it needs ends, in bytes from the beginning of the log.
    major
        Version of PostgreSQL that made it.
    """

    folder: Path
    made_at: datetime
    start: str
    end: int
    major: int
    size_bytes: int

    @property
    def timeline(self) -> int:
        """The timeline of the log on which it was made."""
        return int(self.start[:8], 16)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "folder": str(self.folder),
            "made_at": self.made_at.isoformat(),
            "start": self.start,
            "end": self.end,
            "timeline": self.timeline,
            "postgresql": self.major,
            "bytes": self.size_bytes,
        }


def list_base_backups(archive: Path) -> list[BaseBackup]:
    """List the complete base backups of an archive, the oldest first."""
    found = []
    for about in sorted(archive.glob("base/*/about.json")):
        said = json.loads(about.read_text(encoding="utf-8"))
        found.append(
            BaseBackup(
                about.parent,
                datetime.fromisoformat(said["made_at"]),
                said["start"],
                said["end"],
                said["postgresql"],
                said["bytes"],
            )
        )
    return sorted(found, key=lambda each: each.made_at)


def make_base_backup(cluster: EmbeddedCluster) -> BaseBackup:
    """Copy the running cluster into its archive, then remove the base backups and the log that are not kept.

    It is complete when the log that it needs is archived, too.

    Raises
    ------
    Refusal
        Where the cluster archives nothing, its archive takes nothing, or pg_basebackup refuses.
    Unavailable
        Where the database cannot be reached.
    """
    archive = cluster.archive
    if archive is None:
        raise Refusal(
            "The log of this database is not archived. Set GRIDSVC_WAL_ARCHIVE to a folder on another disk, then "
            "`gridsvc db down` and start the service.",
            kind="no-archive",
        )
    cluster.ensure()
    url = cluster.url("superuser").replace("+psycopg", "")
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            _refuse_idle_archive(connection, archive)
            return _make(cluster, archive, connection)
    except psycopg.OperationalError as error:
        raise Unavailable(f"The database cannot be reached: {str(error).splitlines()[0]}.") from error


def _refuse_idle_archive(connection: psycopg.Connection[Any], archive: Path) -> None:
    row = connection.execute(
        "select current_setting('archive_mode') <> 'off', last_failed_wal, last_failed_time"
        " > coalesce(last_archived_time, '-infinity') from pg_stat_archiver"
    ).fetchone()
    assert row is not None
    on, segment, failing = row
    if not on:
        raise Refusal(
            f"The database was started without the archive {archive}. `gridsvc db down`, then start the service again.",
            kind="archive-idle",
        )
    if failing:
        raise Refusal(
            f"The segment {segment} of the log cannot be written to {archive}. Make room there, and let the user of "
            "the database write to it; the database tries again each minute. Its log has the reason.",
            kind="archive-failing",
        )


def _make(cluster: EmbeddedCluster, archive: Path, connection: psycopg.Connection[Any]) -> BaseBackup:
    major = connection.info.server_version // 10_000
    postgis = find_postgis(major)
    program = None if postgis is None else postgis.programs / "pg_basebackup"
    if postgis is None or program is None or not program.exists():
        raise Refusal(
            f"pg_basebackup of PostgreSQL {major} is not installed here. Install postgresql-client-{major}.",
            kind="no-pg-basebackup",
        )
    server = folders.prepare(cluster.folder, cluster.home)
    name = f"{_now(connection):%Y%m%dT%H%M%S%fZ}"
    draft = archive / "base" / f"{name}.part"
    for old in (archive / "base").glob("*.part"):
        folders.remove(old)
    words: list[str | Path] = [
        program, "--host", connection.info.host, "--port", str(connection.info.port), "--username", "postgres",
        "--no-password", "--pgdata", draft, "--format=tar", "--compress=1", "--wal-method=none", "--checkpoint=fast",
        "--manifest-checksums=SHA256", "--label", f"gridsvc {name}",
    ]  # fmt: skip
    done = subprocess.run(
        words, **server.of_process(postgis.environment), cwd="/", umask=0o077, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        folders.remove(draft)
        raise Refusal(f"pg_basebackup refused: {done.stderr.strip()[-500:]}", kind="backup-refused")
    made = _describe(draft, _now(connection), major)
    about = draft / "about.json"
    about.write_text(json.dumps(made.as_json() | {"version": __version__}), encoding="utf-8")
    about.chmod(0o600)
    folders.give(about, server)
    for file in draft.iterdir():
        folders.sync(file)
    final = draft.with_suffix("")
    draft.replace(final)
    folders.sync(final)
    folders.sync(final.parent)
    _keep_newest(archive)
    return replace(made, folder=final)


def _describe(draft: Path, made_at: datetime, major: int) -> BaseBackup:
    manifest = json.loads((draft / "backup_manifest").read_text(encoding="utf-8"))
    log = manifest["WAL-Ranges"][0]
    start, end = (wal_archive.position_of_lsn(log[name]) for name in ("Start-LSN", "End-LSN"))
    segment = f"{log['Timeline']:08X}{start >> 32:08X}{(start & 0xFFFFFFFF) // _SEGMENT_BYTES:08X}"
    size = sum(file.stat().st_size for file in draft.iterdir())
    return BaseBackup(draft, made_at, segment, end, major, size)


def _keep_newest(archive: Path) -> None:
    made = list_base_backups(archive)
    for old in made[:-KEPT]:
        folders.remove(old.folder)
    wal_archive.prune(archive, min(made[-KEPT:], key=lambda each: wal_archive.position_of(each.start)).start)


def _now(connection: psycopg.Connection[Any]) -> datetime:
    row = connection.execute("select clock_timestamp()").fetchone()
    assert row is not None
    now: datetime = row[0]
    return now.astimezone(UTC)
