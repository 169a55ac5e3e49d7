"""What is set up and what is missing, each with its cure (`gridsvc doctor`)."""

from __future__ import annotations

import platform
import shlex
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import groupby
from typing import TYPE_CHECKING, Any

from gridsvc import __version__
from gridsvc.coordinates import Datum
from gridsvc.db.access.keys import read_guard
from gridsvc.db.cases.alerts import find_timers
from gridsvc.db.cluster.base_backup import list_base_backups
from gridsvc.db.jobs.due import list_due
from gridsvc.db.jobs.last_runs import find_last_run
from gridsvc.db.session.facts import archiver_facts, database_facts
from gridsvc.db.session.services import list_services
from gridsvc.db.team_datums import list_suspects
from gridsvc.errors import DiskFull, GridsvcError
from gridsvc.law.timers import default_timers
from gridsvc.operations.cases.timers import timers_of
from gridsvc.operations.jobs.recovery import archive_of
from gridsvc.operations.runtime.districts import list_views
from gridsvc.operations.teams.datum_words import suspect_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gridsvc.db.access.keys import Guard
    from gridsvc.db.jobs.last_runs import LastRun
    from gridsvc.db.session.facts import ArchiverFacts, DatabaseFacts
    from gridsvc.db.session.replica import Lag
    from gridsvc.law.timers import TimerRules
    from gridsvc.operations.runtime.districts import DistrictView, LostPart
    from gridsvc.operations.runtime.service import Service

LEAST_FREE_GB = 2.0
LEAST_TO_WRITE_BYTES = 16 * 2**20
"""A segment of the write-ahead log."""

CLOCKS_APART_S = 2.0
LARGEST_LOG_BYTES = 2_000_000_000
LONGEST_LAG_S = 10.0
OLDEST_BACKUP_DAYS = 2.0
OLDEST_ANCHOR_DAYS = 2.0
OLDEST_REHEARSAL_DAYS = 8.0
_LIBRARIES = ("numpy", "numba", "shapely", "sqlalchemy", "psycopg", "fastapi", "uvicorn")


def diagnose(folder: Path, opened: Callable[[], Service]) -> list[dict[str, Any]]:
    """Return {check, state: ok | bad | note, found, cure} for everything that the service depends on."""
    findings = [
        _finding("gridsvc", "ok", f"{__version__} on Python {platform.python_version()}, {platform.platform()}"),
        _finding("libraries", "ok", ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)),
        _disk(folder),
    ]
    try:
        service = opened()
    except GridsvcError as error:
        return [
            *findings,
            _finding("database", "bad", str(error), "Do what the line says, then run `gridsvc doctor` again."),
        ]
    with service.database.transaction() as connection:
        facts = database_facts(connection)
        here = datetime.now(UTC)
        backup, anchor = find_last_run(connection, "backup"), find_last_run(connection, "anchor")
        rehearsal = find_last_run(connection, "rehearsal")
        first_backup = next((each.at for each in list_due(connection, kind="backup", waiting=False)), None)
        archiver = archiver_facts(connection)
        services = list_services(connection)
        suspects = list_suspects(connection)
        guard = read_guard(connection)
        views = list_views(service, connection)
        timers = {
            view.code: timers_of(service, connection, view.code)
            for view in views
            if find_timers(connection, view.code) is not None
        }
    lag = service.database.replica_lag()
    service.database.close()
    findings.append(_finding("database", "ok", facts.words))
    waiting = f"{facts.unsealed} events wait for a seal, the oldest since {facts.oldest_unsealed_s:.0f} s"
    late = facts.oldest_unsealed_s > 10
    findings.append(
        _finding("sealer", "bad" if late else "ok", waiting, "Run `gridsvc serve` or `gridsvc work`." if late else "")
    )
    findings += [
        _clock(facts, here),
        _log_size(facts),
        _backup(backup, first_backup, facts.now),
        _rehearsal(rehearsal),
        _archive(service, archiver, facts.now),
        *([] if lag is None else [_replica(lag)]),
        _finding("services", "ok", "; ".join(services) or "none runs now"),
        _anchor(anchor, sent=service.anchor_url is not None),
        _jobs(facts),
        *_datums(suspects),
        _access(guard),
        _fonts(),
    ]
    if not views:
        findings.append(_finding("districts", "note", "none loaded", "Run `gridsvc demo` or `gridsvc load ...`."))
    for view in views:
        lost = {each.part for each in view.lost}
        parts = (("grids", view.index), ("roads", view.network), ("law", view.law))
        missing = [word for word, there in parts if there is None and word not in lost]
        words = f"{view.district.name}{' (synthetic)' if view.district.synthetic else ''}"
        cure = f"Load {', '.join(missing)}: see `gridsvc load --help`." if missing else ""
        findings.append(_finding(f"district {view.code}", "note" if missing else "ok", words, cure))
        findings += [_lost(view, each) for each in view.lost]
        if view.network is not None and not view.network.levels_known:
            findings.append(_levels(view.code))
        findings.append(_calendar(view.code, timers.get(view.code, default_timers()), here))
    return findings


def _lost(view: DistrictView, lost: LostPart) -> dict[str, Any]:
    """Return a finding for a file that is damaged here and in the database; reports are taken without it."""
    cure = "Load its source again, or restore a backup."
    return _finding(f"{lost.part} {view.code}", "bad", lost.reason, cure)


def _levels(code: str) -> dict[str, Any]:
    """Return a finding for roads without levels: a place above a tunnel would be taken to be in it."""
    words = "loaded by an earlier program: their tunnels, bridges and motorways are not known as such"
    return _finding(f"roads {code}", "note", words, "Load them again: `gridsvc load roads FILE` or `load osm FILE`.")


def _calendar(code: str, rules: TimerRules, here: datetime) -> dict[str, Any]:
    """Return a finding for the year: without a loaded calendar, working time counts Monday to Friday."""
    years = sorted({day.year for day in rules.holidays | rules.make_up_days})
    known = here.year in years
    words = f"holidays of {', '.join(map(str, years))}" if years else "no holidays: Monday to Friday the year round"
    cure = "" if known else f"`gridsvc load calendar FILE --district {code}` with the days of {here.year}."
    return _finding(f"calendar {code}", "ok" if known else "note", words, cure)


def _access(guard: Guard) -> dict[str, Any]:
    words = f"{guard.keys} keys"
    if not guard.bound:
        cure = "Connect as gridsvc_app, or let the role act as it: GRANT gridsvc_app TO your_role."
        return _finding("access", "note", f"{words}; this role is above row level security", cure)
    if not guard.indexed:
        cure = "Let a superuser run gridsvc/db/roles.sql in the database."
        return _finding("access", "note", f"{words}; spatial indexes are not used behind row level security", cure)
    return _finding("access", "ok", words)


def _clock(facts: DatabaseFacts, here: datetime) -> dict[str, Any]:
    """Stamps come from the database's clock; a client on a machine with another clock shows wrong ages."""
    apart_s = (facts.now - here).total_seconds()
    wrong = abs(apart_s) > CLOCKS_APART_S
    cure = "Set both clocks by NTP." if wrong else ""
    return _finding("clock", "bad" if wrong else "ok", f"the database's is {apart_s:+.2f} s from this machine's", cure)


def _log_size(facts: DatabaseFacts) -> dict[str, Any]:
    large = facts.wal_bytes > LARGEST_LOG_BYTES
    cure = "A crash recovery replays all of it: find what keeps checkpoints from ending." if large else ""
    words = f"{facts.wal_bytes / 1e6:.0f} MB of write-ahead log since the last checkpoint"
    return _finding("log", "bad" if large else "ok", words, cure)


def _backup(last: LastRun | None, first: datetime | None, now: datetime) -> dict[str, Any]:
    """Return the finding on backups: bad where none was made within two days of a service that should make them."""
    cure = "`gridsvc jobs list` says why the daily one failed. Run `gridsvc db backup FILE`, and keep it elsewhere."
    if last is None:
        if first is None:
            return _finding("backup", "note", "none was made; `gridsvc serve` makes one each day")
        if now - first < timedelta(days=OLDEST_BACKUP_DAYS):
            return _finding("backup", "note", f"none was made yet; the first is due at {first.isoformat()}")
        return _finding("backup", "bad", "none was ever made", cure)
    days = last.age_s / 86_400
    old = days > OLDEST_BACKUP_DAYS
    words = f"{days:.1f} days old: {last.value['file']}, {last.value['bytes'] / 1e6:.0f} MB"
    return _finding("backup", "bad" if old else "ok", words, cure if old else "")


def _rehearsal(last: LastRun | None) -> dict[str, Any]:
    cure = "Run `gridsvc jobs run rehearsal`."
    if last is None:
        return _finding("rehearsal", "note", "no backup was ever restored to see that it can be", cure)
    days = last.age_s / 86_400
    words = f"{days:.1f} days ago {last.value['file']} was restored and verified: {last.value['cases']} cases"
    old = days > OLDEST_REHEARSAL_DAYS
    return _finding("rehearsal", "note" if old else "ok", words, cure if old else "")


def _archive(service: Service, archiver: ArchiverFacts, now: datetime) -> dict[str, Any]:
    """Return the finding on the archive of the log: bad where one was set and a recovery would fail."""
    folder = archive_of(service)
    if folder is None:
        if archiver.on:
            return _archiver("archive_command of this database", archiver)
        words = "off: what was written since the last backup is lost with the disk"
        cure = "Set GRIDSVC_WAL_ARCHIVE to a folder on another disk, then `gridsvc db down` and start the service."
        return _finding("archive", "note", words, cure)
    if not archiver.on:
        cure = "`gridsvc db down`, then start the service again."
        return _finding("archive", "bad", f"the database was started without {folder}", cure)
    if archiver.failing is not None:
        return _archiver(str(folder), archiver)
    try:
        made = list_base_backups(folder)
    except OSError as error:
        cure = "Mount it, and let the user of the service read it."
        return _finding("archive", "bad", f"{folder} cannot be read: {error.strerror}", cure)
    if not made:
        cure = "Run `gridsvc db base-backup`. `gridsvc serve` makes one each day."
        return _finding("archive", "bad", f"{folder} has no base backup", cure)
    old = (now - made[-1].made_at) > timedelta(days=OLDEST_BACKUP_DAYS)
    cure = "`gridsvc jobs list` says why the daily base backup failed. Run `gridsvc db base-backup`." if old else ""
    words = (
        f"{folder}: {len(made)} base backups, any moment since {made[0].made_at.isoformat(timespec='seconds')}; "
        f"the newest is of {made[-1].made_at.isoformat(timespec='seconds')}"
    )
    return _finding("archive", "bad" if old else "ok", words, cure)


def _archiver(where: str, archiver: ArchiverFacts) -> dict[str, Any]:
    if archiver.failing is not None:
        cure = "Make room there, and let the user of the database write. The database keeps its log until then."
        return _finding("archive", "bad", f"segment {archiver.failing} cannot be written by {where}", cure)
    return _finding("archive", "ok", f"{where}: the last segment is {archiver.last_segment}")


def _replica(lag: Lag) -> dict[str, Any]:
    """Return the finding on the replica for reads; without it the primary answers, so that nothing is bad."""
    if not lag.up or lag.s is None or lag.bytes is None:
        cure = "The primary answers its reads. Start it, or correct GRIDSVC_READ_URL."
        return _finding("replica", "note", f"not used: {lag.reason}", cure)
    behind = lag.s > LONGEST_LAG_S
    cure = "The primary answers its reads. See pg_stat_replication on the primary." if behind else ""
    return _finding("replica", "note" if behind else "ok", f"{lag.bytes} bytes, {lag.s:.1f} s behind", cure)


def _anchor(last: LastRun | None, *, sent: bool) -> dict[str, Any]:
    """Return the finding on anchors, with what somebody inside could do without one. `sent`: one is sent each day."""
    cure = "`gridsvc jobs list` says why the daily anchor failed. Run `gridsvc jobs run anchor`."
    if last is None:
        words = "none: the database's superuser could write all evidence again, and `audit verify` would still hold"
        if not sent:
            cure = "Set GRIDSVC_ANCHOR_URL, or run `gridsvc audit anchor FILE` often and keep FILE elsewhere."
        return _finding("anchor", "note", words, cure)
    days = last.age_s / 86_400
    words = f"{days:.1f} days old: a superuser could write again what came after it"
    old = sent and days > OLDEST_ANCHOR_DAYS
    return _finding("anchor", "bad" if old else "ok", words, cure if old else "")


def _jobs(facts: DatabaseFacts) -> dict[str, Any]:
    failed = facts.failed_jobs
    cure = "See `gridsvc jobs list --state failed`." if failed else ""
    return _finding("jobs", "note" if failed else "ok", f"{failed} failed in the last week", cure)


def _datums(suspects: list[tuple[str, str, dict[str, Any]]]) -> list[dict[str, Any]]:
    """Return a finding for each district with teams whose positions are on roads in another datum only."""
    found = []
    for code, group in groupby(suspects, key=lambda each: each[0]):
        teams = list(group)
        _, name, fit = teams[0]
        more = f"; {len(teams) - 1} more: `gridsvc teams list --district {code}`" if len(teams) > 1 else ""
        command = shlex.join(["gridsvc", "teams", "datum", name, Datum(fit["likely"]).option, "--district", code])
        cure = f"Correct the setting of the device, or type: {command}"
        found.append(_finding(f"positions {code}", "bad", suspect_words(name, fit) + more, cure))
    return found


def _fonts() -> dict[str, Any]:
    """Fonts for Chinese names on maps that this machine draws; browsers have their own fonts."""
    program = shutil.which("fc-list")
    if program is None:
        return _finding("fonts", "note", "unknown: no fontconfig here", "")
    listed = subprocess.run([program, ":lang=zh", "family"], capture_output=True, text=True, check=False).stdout
    families = sorted({line.split(",")[0] for line in listed.splitlines() if line})
    if not families:
        cure = "Install fonts-noto-cjk, if the screen is looked at on this machine."
        return _finding("fonts", "note", "none with Chinese letters", cure)
    return _finding("fonts", "ok", ", ".join(families[:3]))


def _disk(folder: Path) -> dict[str, Any]:
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free_gb = shutil.disk_usage(there).free / 1e9
    tight = free_gb < LEAST_FREE_GB
    cure = f"Free some space: below {LEAST_FREE_GB} GB the database may stop." if tight else ""
    free = f"{free_gb:.1f} GB" if free_gb >= 1 else f"{free_gb * 1000:.0f} MB"
    return _finding("disk", "bad" if tight else "ok", f"{free} free for {folder}", cure)


def refuse_full_disk(service: Service) -> None:
    """Raise DiskFull when nothing can be written; reads may still work."""
    full = service.database.refused_for_space
    if not full and service.database.is_ours:
        full = shutil.disk_usage(service.folder).free < LEAST_TO_WRITE_BYTES
    if full:
        raise DiskFull


def _finding(check: str, state: str, found: str, cure: str = "") -> dict[str, Any]:
    return {"check": check, "state": state, "found": found, "cure": cure}
