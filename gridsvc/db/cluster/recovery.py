"""Point-in-time recovery: a base backup and the archived log give the cluster as it was at any moment since."""

from __future__ import annotations

import math
import re
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gridsvc.db.cluster import folders, processes, wal_archive
from gridsvc.db.cluster.base_backup import BaseBackup, list_base_backups
from gridsvc.db.cluster.os_packages import locked
from gridsvc.db.cluster.postgis import get_postgis
from gridsvc.errors import Conflict, InvalidInput, NotFound, Refusal

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.db.cluster.folders import ServerUser
    from gridsvc.db.cluster.postgis import PostGIS

_STOP_TIMEOUT_S = 600.0
_POLL_S = 0.05
_LAST_CHANGE = re.compile(r"last completed transaction was at log time (\S+ \S+)")
_DAMAGED = re.compile(r'could not restore file "([^"]+)" from archive: .*exit code 130')


@dataclass(frozen=True, slots=True)
class Target:
    """Where a recovery ends.

    Attributes
    ----------
    to
        The last moment whose changes are kept; None: the end of the archive.
    timeline
        The timeline of the log to follow; None: the newest. Each recovery starts a new one, and a second recovery of
        the same accident to a later moment follows the old one.
    """

    to: datetime | None = None
    timeline: int | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """A recovery that was done: from which base backup, and when the last change was made that it has."""

    base: BaseBackup
    last_change_at: datetime | None

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        last = self.last_change_at
        return {"base": self.base.as_json(), "last_change_at": None if last is None else last.isoformat()}


def choose_base(archive: Path, target: Target) -> BaseBackup:
    """Return the newest base backup from which a target can be reached.

    Raises
    ------
    NotFound
        Where the archive has no base backup.
    InvalidInput
        For a moment before the first base backup, or in the future.
    """
    made = list_base_backups(archive)
    if not made:
        raise NotFound(
            f"There is no base backup in {archive}. Name the folder of GRIDSVC_WAL_ARCHIVE with --archive; "
            "`gridsvc db base-backup` makes a base backup.",
            kind="no-base-backup",
        )
    timeline = target.timeline or wal_archive.newest_timeline(archive)
    left = wal_archive.read_history(archive, timeline) | {timeline: math.inf}
    # A base backup of a timeline that was left before the backup ended is of a future that did not happen.
    fitting = [each for each in made if each.end <= left.get(each.timeline, -1)]
    if not fitting:
        raise NotFound(
            f"Timeline {timeline} has no base backup in {archive}. Name another one with --timeline: there are base "
            f"backups of {', '.join(map(str, sorted({each.timeline for each in made})))}.",
            kind="no-base-backup",
        )
    if target.to is None:
        return fitting[-1]
    if target.to > datetime.now(UTC):
        raise InvalidInput(f"{target.to.isoformat()} is in the future. Give a moment that has passed.", kind="future")
    before = [each for each in fitting if each.made_at <= target.to]
    if not before:
        raise InvalidInput(
            f"{target.to.isoformat()} is before the first base backup of {archive}, which ended at "
            f"{fitting[0].made_at.isoformat()}. Give a later moment, or restore a backup file of that time.",
            kind="before-base-backup",
        )
    return before[-1]


def recover(cluster: EmbeddedCluster, archive: Path, target: Target) -> Recovered:
    """Make the cluster of an empty data folder from an archive; it is not started.

    The log is replayed in a folder beside, which becomes the cluster's when all is done. A recovery that fails leaves
    nothing there.

    Raises
    ------
    Conflict
        Where the data folder has a cluster.
    NotFound, InvalidInput
        As `choose_base`.
    Refusal
        Where the base backup or a segment is damaged, a segment is missing, or the archive ends before the target.
    """
    base = choose_base(archive, target)
    server = folders.prepare(cluster.folder, cluster.home)
    folders.refuse_unreachable(server, archive / "wal")
    gap = wal_archive.find_gap(wal_archive.list_segments(archive), base.start)
    if gap is not None and target.to is None:
        raise _missing(archive, gap)
    with locked(cluster.folder / "postgres.lock"):
        if cluster.is_there:
            raise Conflict(
                f"There is a database in {cluster.folder} already. Set GRIDSVC_DATA to an empty folder.",
                kind="not-empty",
            )
        data = cluster.home / "data.recovering"
        log = cluster.home / "recovery.log"
        folders.remove(data)
        postgis = get_postgis(base.major)
        try:
            _unpack(base, data, postgis, server)
            cluster.write_settings(data, postgis, server)
            script = wal_archive.write_restore_script(cluster.home, archive)
            ended_well = _replay(data, log, _options(script, target), postgis, server)
            words = log.read_text(encoding="utf-8", errors="replace")
            if not ended_well:
                raise _refusal(words, archive, target, gap)
            data.rename(cluster.home / "data")
        finally:
            folders.remove(data)
            log.unlink(missing_ok=True)
    return Recovered(base, _last_change(words))


def _unpack(base: BaseBackup, data: Path, postgis: PostGIS, server: ServerUser) -> None:
    data.mkdir(mode=0o700)
    folders.give(data, server)
    as_server: dict[str, Any] = {
        **server.of_process(postgis.environment), "cwd": "/", "umask": 0o077, "capture_output": True, "text": True,
    }  # fmt: skip
    damaged = f"The base backup {base.folder} is damaged: {{}}. Recover to a moment after another base backup."
    done = subprocess.run(["/bin/tar", "-xzf", base.folder / "base.tar.gz", "-C", data], check=False, **as_server)
    if done.returncode != 0:
        raise Refusal(damaged.format(done.stderr.strip()[-300:]), kind="base-backup-damaged")
    shutil.copyfile(base.folder / "backup_manifest", data / "backup_manifest")
    folders.give(data / "backup_manifest", server)
    verify: list[str | Path] = [postgis.programs / "pg_verifybackup", "--no-parse-wal", "--quiet", data]
    done = subprocess.run(verify, check=False, **as_server)
    if done.returncode != 0:
        raise Refusal(damaged.format(done.stderr.strip()[-300:]), kind="base-backup-damaged")
    (data / "recovery.signal").touch(mode=0o600)
    folders.give(data / "recovery.signal", server)


def _options(script: Path, target: Target) -> list[str]:
    values = {
        "restore_command": wal_archive.command(script, "%f", "%p"),
        "recovery_target_timeline": "latest" if target.timeline is None else str(target.timeline),
        "recovery_target_action": "promote",
        "hot_standby": "off",
        "logging_collector": "off",
        "log_min_messages": "log",
        "lc_messages": "C",
    }
    if target.to is not None:
        values["recovery_target_time"] = f"{target.to.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}+00"
    return [word for name, value in values.items() for word in ("-c", f"{name}={value}")]


def _replay(data: Path, log: Path, options: list[str], postgis: PostGIS, server: ServerUser) -> bool:
    """Let the server replay the log, and stop it; return False where it gave up. Its words are in `log`."""
    socket_folder = folders.make_socket_folder(data.parent, server)
    sockets = f'unix_socket_directories="{socket_folder}"'
    words: list[str | Path] = [postgis.programs / "postgres", "-D", data, "-c", sockets, *options]
    with (
        log.open("wb") as out,
        subprocess.Popen(
            words, **server.of_process(postgis.environment), cwd=data.parent, umask=0o077, stdout=out, stderr=out
        ) as child,
    ):
        try:
            while child.poll() is None:
                postmaster = processes.read_postmaster(data)
                if postmaster is not None and postmaster.status == "ready":  # without hot standby: after the recovery
                    child.send_signal(signal.SIGINT)
                    return child.wait(_STOP_TIMEOUT_S) == 0
                time.sleep(_POLL_S)
        except BaseException:
            child.send_signal(signal.SIGQUIT)
            raise
    return False


def _refusal(words: str, archive: Path, target: Target, gap: str | None) -> Refusal:
    """Return why a recovery gave up, from the last words of the server."""
    if (damaged := _DAMAGED.search(words)) is not None:
        return Refusal(
            f"The segment {damaged[1]} of {archive} is damaged. Put a good copy there, or recover to a moment before "
            f"it{_until(words)}.",
            kind="segment-damaged",
        )
    if "recovery ended before configured recovery target was reached" in words:
        if gap is not None:
            return _missing(archive, gap, words)
        at = "" if target.to is None else target.to.isoformat()
        return Refusal(
            f"The archive ends before {at}: no change after it is there{_until(words)}. Give an earlier moment, or "
            "leave --to-time out to have everything.",
            kind="archive-ends",
        )
    if "wal_level=minimal" in words:
        return Refusal(
            f"Since that base backup the log was not archived for some time{_until(words)}. Recover to a moment "
            "before, or after the next base backup.",
            kind="archive-interrupted",
        )
    fatal = [line for line in words.splitlines() if "FATAL" in line or "PANIC" in line or "HINT" in line]
    return Refusal("PostgreSQL gave up the recovery: " + " ".join(fatal or words.splitlines())[-600:], kind="restore")


def _missing(archive: Path, gap: str, words: str = "") -> Refusal:
    return Refusal(
        f"The log has a gap: no segment {gap} is in {archive}, but later ones are. Put it there, or recover with "
        f"--to-time to a moment before it{_until(words)}.",
        kind="archive-gap",
    )


def _until(words: str) -> str:
    at = _last_change(words)
    return "" if at is None else f"; the last change before is of {at.isoformat()}"


def _last_change(words: str) -> datetime | None:
    found = _LAST_CHANGE.findall(words)
    return datetime.fromisoformat(found[-1]).astimezone(UTC) if found else None
