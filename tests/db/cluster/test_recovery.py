"""An archived cluster comes back as it was at any moment, or says why it cannot."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
import pytest
from starlette.testclient import TestClient

from gridsvc.api.app import create_app
from gridsvc.db.cluster import base_backup, recovery, wal_archive
from gridsvc.db.cluster.embedded import EmbeddedCluster
from gridsvc.db.cluster.recovery import Target
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.jobs import jobs
from gridsvc.db.jobs.due import list_due
from gridsvc.db.session.connection import Database
from gridsvc.errors import Conflict, InvalidInput, NotFound, Refusal
from gridsvc.operations.evidence import verify
from gridsvc.operations.jobs.jobs import run_attempt
from gridsvc.operations.jobs.recovery import recover
from gridsvc.operations.jobs.rehearsal import rehearse_recovery
from gridsvc.operations.jobs.schedule import ensure_standing
from gridsvc.operations.runtime.doctor import diagnose
from gridsvc.operations.runtime.service import Service
from tests.worlds.district import open_toy, report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.base_backup import BaseBackup


def superuser(cluster: EmbeddedCluster) -> psycopg.Connection[tuple[Any, ...]]:
    return psycopg.connect(cluster.url("superuser").replace("+psycopg", ""), autocommit=True)


def ask(cluster: EmbeddedCluster, query: LiteralString) -> Any:
    with superuser(cluster) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def archive_all(cluster: EmbeddedCluster) -> None:
    """Wait until what was written is in the archive."""
    segment = ask(cluster, "select pg_walfile_name(pg_current_wal_lsn())")
    ask(cluster, "select pg_switch_wal()")
    deadline = time.monotonic() + 60
    while ask(cluster, "select coalesce(last_archived_wal, '') from pg_stat_archiver") < segment:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A short folder that the user of the server can enter, for data folders and archives."""
    made = Path(tempfile.mkdtemp(prefix="gsp", dir="/tmp"))
    made.chmod(0o755)
    yield made
    for home in made.glob("*/postgres"):
        EmbeddedCluster(home.parent).stop()
    shutil.rmtree(made)


class World:
    """A service with an archive: two cases, a base backup, two more cases, then all cases are deleted."""

    def __init__(self, folder: Path) -> None:
        self.archive = folder / "archive's folder 100%"
        self.cluster = EmbeddedCluster(folder / "one", archive=self.archive)
        self.cluster.prepare()
        from gridsvc.db.schema.migrate import upgrade

        upgrade(self.cluster.url("owner"))
        self.service = open_toy(self.cluster.url("app"), folder / "one")
        self.before = [report(self.service) for _ in range(2)]
        self.base: BaseBackup = base_backup.make_base_backup(self.cluster)
        self.after = [report(self.service) for _ in range(2)]
        seal_all(self.service.database)
        self.at = ask(self.cluster, "select clock_timestamp()")
        with superuser(self.cluster) as connection:
            connection.execute("set session_replication_role = replica")
            connection.execute("delete from incident")
        self.harmed_at = ask(self.cluster, "select clock_timestamp()")
        self.late = report(self.service)
        archive_all(self.cluster)


@pytest.fixture(scope="module")
def world(folder: Path) -> Iterator[World]:
    made = World(folder)
    yield made
    made.service.database.close()


def cases(cluster: EmbeddedCluster) -> set[str]:
    with superuser(cluster) as connection:
        return {str(row[0]) for row in connection.execute("select id from incident")}


def test_what_was_deleted_is_there_again_and_its_evidence_holds(world: World, folder: Path) -> None:
    assert cases(world.cluster) == {world.late}
    cluster = EmbeddedCluster(folder / "two")
    done = recover(cluster, world.archive, Target(world.at))
    assert done.base == world.base
    assert done.last_change_at is not None
    assert done.last_change_at <= world.at
    assert cases(cluster) == {*world.before, *world.after}
    service = Service(Database(cluster.url("app")), folder / "two")
    (found,) = verify.verify(service)
    assert (found.faults, found.unsealed, found.cases) == ((), 0, 4)
    report(service)  # and it works on
    service.database.close()
    assert ask(cluster, "show archive_mode") == "off"  # this folder has no archive of its own
    cluster.stop()


def test_without_a_moment_everything_that_was_archived_is_there(world: World, folder: Path) -> None:
    cluster = EmbeddedCluster(folder / "all")
    recover(cluster, world.archive, Target())
    assert cases(cluster) == {world.late}
    cluster.stop()


def test_a_recovered_cluster_goes_on_in_the_same_archive_and_the_accident_can_be_recovered_again(
    world: World, folder: Path
) -> None:
    copy = folder / "copy"
    subprocess.run(["cp", "-a", world.archive, copy], check=True)
    first = EmbeddedCluster(folder / "first", archive=copy)
    recover(first, copy, Target(world.at))
    service = Service(Database(first.url("app")), folder / "first")
    new = report(service)
    service.database.close()
    archive_all(first)
    assert (copy / "wal" / "00000002.history.gz").exists()
    first.stop()
    # The old cluster went on for some time, and made a base backup that the new timeline does not continue.
    dead_end = copy / "base" / "later"
    shutil.copytree(world.base.folder, dead_end)
    about = world.base.as_json() | {"made_at": world.harmed_at.isoformat(), "end": world.base.end + (1 << 30)}
    (dead_end / "about.json").write_text(json.dumps(about))
    second = EmbeddedCluster(folder / "second")
    assert recover(second, copy, Target()).base.folder.name == world.base.folder.name
    assert cases(second) == {*world.before, *world.after, new}
    second.stop()
    other = EmbeddedCluster(folder / "other")
    shutil.rmtree(dead_end)
    recover(other, copy, Target(world.harmed_at, timeline=1))
    assert cases(other) == set()
    other.stop()
    with pytest.raises(NotFound, match="Timeline 3 has no base backup"):
        recovery.choose_base(copy, Target(timeline=3))


@pytest.mark.parametrize(
    ("moment", "error", "words"),
    [
        ("before", InvalidInput, "before the first base backup"),
        ("future", InvalidInput, "in the future"),
        ("end", Refusal, "archive ends before"),
    ],
)
def test_a_moment_that_cannot_be_reached_is_refused(
    world: World, folder: Path, moment: str, error: type[Refusal], words: str
) -> None:
    at = {
        "before": world.base.made_at - timedelta(microseconds=1),
        "future": datetime.now(UTC) + timedelta(hours=1),
        "end": datetime.now(UTC),
    }[moment]
    cluster = EmbeddedCluster(folder / f"refused-{moment}")
    with pytest.raises(error, match=words):
        recover(cluster, world.archive, Target(at))
    assert not cluster.is_there
    assert list(cluster.home.glob("data*")) == []


def test_a_gap_is_named_and_what_is_before_it_can_be_recovered(world: World, folder: Path) -> None:
    archive = folder / "gap"
    subprocess.run(["cp", "-a", world.archive, archive], check=True)
    lost = wal_archive.list_segments(archive)[-1]
    number = wal_archive.position_of(lost) + 1
    later = archive / "wal" / f"{lost[:8]}{number >> 8:08X}{number & 0xFF:08X}.gz"
    (archive / "wal" / f"{lost}.gz").rename(later)
    with pytest.raises(Refusal, match=f"no segment {lost[8:]}"):
        recover(EmbeddedCluster(folder / "gap-all"), archive, Target())
    with pytest.raises(Refusal, match=f"no segment {lost[8:]}"):
        recover(EmbeddedCluster(folder / "gap-late"), archive, Target(world.harmed_at))
    assert not EmbeddedCluster(folder / "gap-late").is_there


@pytest.mark.parametrize("harm", ["segment", "base"])
def test_damage_is_named(world: World, folder: Path, harm: str) -> None:
    archive = folder / f"damaged-{harm}"
    subprocess.run(["cp", "-a", world.archive, archive], check=True)
    if harm == "segment":
        file = archive / "wal" / f"{wal_archive.list_segments(archive)[1]}.gz"
        words = f"segment {file.name[:24]} of .* is damaged"
        content = bytearray(file.read_bytes())
        middle = len(content) // 2
        content[middle : middle + 64] = bytes(64)
        file.write_bytes(content)
    else:
        words = "base backup .* is damaged"
        file = archive / "base" / world.base.folder.name / "backup_manifest"
        manifest = file.read_text().replace('"Checksum": "', '"Checksum": "00', 1)
        file.write_text(manifest)
    cluster = EmbeddedCluster(folder / f"from-damaged-{harm}")
    with pytest.raises(Refusal, match=words):
        recover(cluster, archive, Target(world.harmed_at))
    assert not cluster.is_there


def test_only_an_empty_folder_and_an_archive_with_a_base_backup_will_do(world: World, folder: Path) -> None:
    with pytest.raises(Conflict, match="already"):
        recovery.recover(world.cluster, world.archive, Target(world.at))
    (folder / "empty").mkdir()
    with pytest.raises(NotFound, match="no base backup"):
        recovery.recover(EmbeddedCluster(folder / "nothing"), folder / "empty", Target(world.at))


def test_the_archive_is_its_owners_and_complete(world: World) -> None:
    files = [path for path in world.archive.rglob("*") if path.is_file()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in world.archive.rglob("*") if path.is_dir()} == {0o700}
    about = json.loads((world.base.folder / "about.json").read_text())
    assert about["start"] in wal_archive.list_segments(world.archive)
    assert len(gzip.decompress((world.archive / "wal" / f"{about['start']}.gz").read_bytes())) == 16 << 20


def test_no_segment_is_ever_replaced(world: World, tmp_path: Path) -> None:
    script = world.cluster.home / "archive-wal.sh"
    name = wal_archive.list_segments(world.archive)[0]
    stored = world.archive / "wal" / f"{name}.gz"
    content = stored.read_bytes()
    (tmp_path / "same").write_bytes(gzip.decompress(content))
    (tmp_path / "other").write_bytes(b"another one")
    assert subprocess.run(["/bin/sh", script, tmp_path / "same", name], check=False).returncode == 0
    done = subprocess.run(["/bin/sh", script, tmp_path / "other", name], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "exists already with other content" in done.stderr
    assert stored.read_bytes() == content


def test_two_clusters_cannot_share_an_archive(world: World, folder: Path) -> None:
    cluster = EmbeddedCluster(folder / "stranger", archive=world.archive)
    with pytest.raises(Refusal, match="archive of another database"):
        cluster.ensure()
    without = EmbeddedCluster(folder / "stranger")
    assert without.archive is None  # what was refused is not remembered
    without.ensure()
    without.stop()


def test_the_archive_is_remembered_until_it_is_turned_off(folder: Path) -> None:
    EmbeddedCluster(folder / "kept", archive=folder / "kept-archive").ensure()
    later = EmbeddedCluster(folder / "kept")  # a process whose environment has no setting
    later.stop()
    later.ensure()
    assert (ask(later, "show archive_mode"), later.archive) == ("on", folder / "kept-archive")
    later.stop()
    off = EmbeddedCluster(folder / "kept", archive=wal_archive.OFF)
    off.ensure()
    assert (ask(off, "show archive_mode"), off.archive, EmbeddedCluster(folder / "kept").archive) == ("off", None, None)
    with pytest.raises(Refusal, match="not archived"):
        base_backup.make_base_backup(off)
    off.stop()


def test_old_base_backups_go_with_the_log_that_only_they_need(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_backup, "KEPT", 2)
    archive = folder / "many"
    cluster = EmbeddedCluster(folder / "many-data", archive=archive)
    cluster.ensure()
    made = [base_backup.make_base_backup(cluster) for _ in range(3)]
    kept = base_backup.list_base_backups(archive)
    assert [each.folder for each in kept] == [each.folder for each in made[1:]]
    assert min(wal_archive.list_segments(archive)) == made[1].start
    recovery.recover(EmbeddedCluster(folder / "many-again"), archive, Target())
    cluster.stop()


def test_doctor_knows_whether_a_recovery_would_succeed(world: World, folder: Path) -> None:
    def found(service: Service) -> tuple[str, str]:
        (finding,) = [each for each in diagnose(service.folder, lambda: service) if each["check"] == "archive"]
        return finding["state"], finding["found"]

    def opened() -> Service:
        return Service(Database(world.cluster.url("app"), heal=world.cluster.ensure), folder / "one")

    assert found(opened())[0] == "ok"
    held = world.base.folder.rename(folder / "held")
    assert found(opened()) == ("bad", f"{world.archive} has no base backup")
    held.rename(world.base.folder)
    (world.archive / "wal").rename(world.archive / "away")
    try:
        ask(world.cluster, "select pg_switch_wal() from pg_logical_emit_message(true, 'gridsvc', 'test')")
        deadline = time.monotonic() + 60
        while ask(world.cluster, "select failed_count from pg_stat_archiver") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        state, words = found(opened())
        assert state == "bad"
        assert "cannot be written" in words
        with pytest.raises(Refusal, match="cannot be written"):
            base_backup.make_base_backup(world.cluster)
    finally:
        (world.archive / "away").rename(world.archive / "wal")


def test_a_rehearsal_recovers_the_archive_verifies_it_and_leaves_nothing(world: World, folder: Path) -> None:
    archive = folder / "rehearsed"
    subprocess.run(["cp", "-a", world.archive, archive], check=True)
    before = sorted(path.name for path in (archive / "wal").iterdir())
    with pytest.raises(Refusal, match="has events and no row"):
        rehearse_recovery(archive, folder)  # the cases that were deleted
    assert sorted(path.name for path in (archive / "wal").iterdir()) == before
    for later in wal_archive.list_segments(archive)[1:]:
        (archive / "wal" / f"{later}.gz").unlink()
    done = rehearse_recovery(archive, folder)
    assert (done["cases"], done["base"]["start"]) == (2, world.base.start)
    assert list(folder.glob("gridsvc-rehearsal-*")) == []


def test_metrics_tell_whether_the_log_is_archived(world: World) -> None:
    with TestClient(create_app(world.service, sign_in=False), base_url="http://localhost") as client:
        assert "gridsvc_archive_failing 0.0" in client.get("/metrics").text


def test_base_backups_are_made_on_a_schedule_where_there_is_an_archive(world: World, service: Service) -> None:
    def planned(of: Service) -> set[str]:
        ensure_standing(of)
        with of.database.transaction() as connection:
            return {entry.kind for entry in list_due(connection)}

    assert "base-backup" not in planned(service)
    ours = Service(Database(world.cluster.url("app"), heal=world.cluster.ensure), world.cluster.folder)
    assert "base-backup" in planned(ours)
    ours.database.run(lambda connection: jobs.add_job(connection, "base-backup", {}, asked_by="test"))
    job = ours.database.run(lambda connection: jobs.claim_job(connection, "test", at_once=1))
    assert job is not None
    assert run_attempt(ours, job.id, job.attempt)
    with ours.database.transaction() as connection:
        result = jobs.get_job(connection, job.id).result
    assert result is not None
    assert result["made"]
    newest = base_backup.list_base_backups(world.archive)[-1]
    assert (str(newest.folder), newest.made_at > world.base.made_at) == (result["folder"], True)
    ours.database.close()


def test_the_command_line_recovers_and_says_what_is_wrong(world: World, folder: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATA": str(folder / "by-command")}

    def gridsvc(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gridsvc", *words], env=environment, capture_output=True, text=True, check=False
        )

    archive = ("--archive", str(world.archive))
    early = gridsvc("db", "restore", *archive, "--to-time", "2020-01-01T00:00:00Z")
    assert (early.returncode, "before the first base backup" in early.stderr) == (3, True)
    done = gridsvc("db", "restore", *archive, "--to-time", world.at.isoformat(), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["base"]["start"] == world.base.start
    assert gridsvc("audit", "verify").returncode == 0
    assert len(json.loads(gridsvc("incidents", "list", "--json").stdout)) == 4
    assert gridsvc("db", "restore", *archive).returncode == 3
    assert gridsvc("db", "down").returncode == 0
