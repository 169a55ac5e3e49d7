"""A backup is one file as of one moment, written under load; a restore proves it, replaces nothing, leaves no half."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest

from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.jobs import last_runs
from gridsvc.db.session.connection import Database
from gridsvc.errors import Conflict, InvalidInput, Refusal
from gridsvc.operations.evidence import verify
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.jobs import backup
from gridsvc.operations.jobs.rehearsal import rehearse
from gridsvc.operations.runtime.service import Service
from tests.worlds.district import as_superuser, open_toy, owner_of, report, scalar, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Any]:
    service = replace(open_toy(url, tmp_path), owner_url=lambda: owner_of(url))
    yield service
    service.database.close()


@pytest.fixture
def elsewhere(cluster: EmbeddedCluster) -> Iterator[Any]:
    """The owner's URL of an empty database with PostGIS."""
    with scratch_database(cluster, migrated=False) as url:
        yield owner_of(url)


def restored(elsewhere: Any, tmp_path: Path) -> Any:
    return Service(Database(elsewhere.replace("gridsvc_owner@", "gridsvc_app@")), tmp_path / "elsewhere")


def count_events(service: Service) -> int:
    with as_superuser(service.database.url) as superuser:
        count: int = scalar(superuser, "select count(*) from incident_event")
        return count


def test_a_restore_has_every_case_its_evidence_and_its_replay(service: Service, elsewhere: Any, tmp_path: Path) -> None:
    cases = [report(service, kind) for kind in ("leak", "noise") for _ in range(5)]
    seal_all(service.database)
    file = tmp_path / "a.backup"
    done = backup.back_up(service, file)
    assert done.manifest["rows"]["incident"] == 10
    backup.restore(elsewhere, file)
    there = restored(elsewhere, tmp_path)
    assert [r.wrong for r in verify.verify(there)] == [None]
    for case in cases:
        assert replay(there, UUID(case)).same
    report(there)  # and it works on
    there.database.close()


def test_events_that_waited_for_their_seal_have_it_after_a_restore(
    service: Service, elsewhere: Any, tmp_path: Path
) -> None:
    report(service)
    backup.back_up(service, tmp_path / "a.backup")
    assert verify.verify(service)[0].unsealed > 0
    backup.restore(elsewhere, tmp_path / "a.backup")
    there = restored(elsewhere, tmp_path)
    (found,) = verify.verify(there)
    assert (found.faults, found.unsealed, found.cases) == ((), 0, 1)
    there.database.close()


def test_only_its_owner_may_read_a_backup(service: Service, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        backup.back_up(service, tmp_path / "a.backup")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a.backup").stat().st_mode) == 0o600


def test_a_backup_under_load_is_of_one_moment(service: Service, elsewhere: Any, tmp_path: Path) -> None:
    report(service)
    stop = threading.Event()
    told, before = 0, count_events(service)

    def keep_reporting() -> None:
        nonlocal told
        while not stop.is_set():
            report(service)
            told += 1

    thread = threading.Thread(target=keep_reporting)
    thread.start()
    try:
        while told < 5:
            pass
        done = backup.back_up(service, tmp_path / "a.backup")
    finally:
        stop.set()
        thread.join()
    rows = done.manifest["rows"]
    assert rows["incident"] >= 5
    assert rows["incident_event"] - before == rows["incident"] - 1
    backup.restore(elsewhere, tmp_path / "a.backup")
    with psycopg.connect(elsewhere.replace("+psycopg", "")) as connection:
        there = connection.execute("select count(*) from incident").fetchone()
    assert there == (rows["incident"],)
    assert rows["incident"] - 1 <= told


def test_a_backup_is_noted_and_never_written_over(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "a.backup"
    done = backup.back_up(service, file)
    with service.database.transaction() as connection:
        last = last_runs.find_last_run(connection, "backup")
    assert last is not None
    assert last.value["sha256"] == done.sha256
    before = file.read_bytes()
    with pytest.raises(Conflict, match="exists"):
        backup.back_up(service, file)
    assert file.read_bytes() == before
    assert [p.name for p in tmp_path.glob("*.backup*")] == ["a.backup"]


def test_pg_restore_reads_the_file_as_it_is(service: Service, tmp_path: Path) -> None:
    from gridsvc.db.cluster.postgis import find_postgis

    backup.back_up(service, tmp_path / "a.backup")
    postgis = find_postgis()
    assert postgis is not None
    listed = subprocess.run(
        [postgis.programs / "pg_restore", "--list", tmp_path / "a.backup"], capture_output=True, text=True, check=True,
        env=postgis.environment,
    )  # fmt: skip
    assert "TABLE DATA public incident_event" in listed.stdout


@pytest.mark.parametrize("harm", ["cut", "changed", "manifest", "other"])
def test_a_damaged_file_is_refused_before_anything_is_done(
    service: Service, elsewhere: Any, tmp_path: Path, harm: Any
) -> None:
    file = tmp_path / "a.backup"
    backup.back_up(service, file)
    whole = file.read_bytes()
    middle = len(whole) // 2
    harmed = {
        "cut": whole[:-100],
        "changed": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        "manifest": whole.replace(b'"incident": 0', b'"incident": 9'),
        "other": b"no backup at all",
    }[harm]
    assert harmed != whole
    file.write_bytes(harmed)
    with pytest.raises(InvalidInput, match="another one"):
        backup.restore(elsewhere, file)
    with psycopg.connect(elsewhere.replace("+psycopg", "")) as connection:
        assert connection.execute("select to_regclass('district')").fetchone() == (None,)


def test_a_restore_replaces_nothing(service: Service, url: str, tmp_path: Path) -> None:
    report(service)
    backup.back_up(service, tmp_path / "a.backup")
    with pytest.raises(Conflict, match="already"):
        backup.restore(owner_of(url), tmp_path / "a.backup")


def test_a_restore_that_fails_leaves_nothing(
    service: Service, elsewhere: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from gridsvc.db.cluster import backup as files

    report(service)
    seal_all(service.database)
    backup.back_up(service, tmp_path / "a.backup")
    monkeypatch.setattr(files, "_restore", _restore_less(files._restore))
    with pytest.raises(Refusal):
        backup.restore(elsewhere, tmp_path / "a.backup")
    with psycopg.connect(elsewhere.replace("+psycopg", "")) as connection:
        assert connection.execute("select to_regclass('district')").fetchone() == (None,)


def test_a_restore_names_a_damaged_piece(service: Service, url: str, elsewhere: Any, tmp_path: Path) -> None:
    with as_superuser(url) as connection:
        row = connection.execute(
            "update artifact_piece set content = 'damaged' where digest = (select network from district_version)"
            " returning left(digest, 12)"
        ).fetchone()
    assert row is not None
    backup.back_up(service, tmp_path / "a.backup")
    with pytest.raises(Refusal, match=f"Piece 1 of the file {row[0]} of district 330703 is damaged"):
        backup.restore(elsewhere, tmp_path / "a.backup")
    with psycopg.connect(elsewhere.replace("+psycopg", "")) as connection:
        assert connection.execute("select to_regclass('district')").fetchone() == (None,)


def _restore_less(restore: Any) -> Any:
    def less(postgis: Any, owner_url: Any, *rest: Any) -> None:
        restore(postgis, owner_url, *rest)
        with psycopg.connect(owner_url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("delete from event_seal")

    return less


def test_the_manifest_tells_what_is_in_it(service: Service, tmp_path: Path) -> None:
    report(service)
    seal_all(service.database)
    events = count_events(service)
    told = json.loads(json.dumps(backup.back_up(service, tmp_path / "a.backup").as_json()))
    assert told["chains"]["330703"]["position"] == events
    assert told["schema"] >= "0003"
    assert told["bytes"] == (tmp_path / "a.backup").stat().st_size


def test_a_rehearsal_restores_the_backup_verifies_it_and_leaves_nothing(service: Service) -> None:
    report(service)
    folder = Path(tempfile.mkdtemp(prefix="gsr", dir="/tmp"))
    folder.chmod(0o755)
    try:
        backup.back_up(service, folder / "gridsvc-1.backup")
        done = rehearse(folder / "gridsvc-1.backup", folder)
        assert (done["cases"], done["events"]) == (1, count_events(service))
        content = bytearray((folder / "gridsvc-1.backup").read_bytes())
        content[len(content) // 2] ^= 1
        (folder / "gridsvc-1.backup").write_bytes(content)
        with pytest.raises(InvalidInput, match="damaged"):
            rehearse(folder / "gridsvc-1.backup", folder)
        assert [each.name for each in folder.iterdir()] == ["gridsvc-1.backup"]
    finally:
        shutil.rmtree(folder)
