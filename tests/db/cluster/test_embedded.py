"""The embedded cluster from outside: real servers, killed and started by real processes."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from sqlalchemy import create_engine, text

from gridsvc.db.cluster.embedded import EmbeddedCluster
from gridsvc.errors import InvalidInput, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

ENSURE = (
    "import sys; from pathlib import Path; from gridsvc.db.cluster.embedded import EmbeddedCluster;"
    "EmbeddedCluster(Path(sys.argv[1])).ensure(); print('up', flush=True); sys.stdin.read()"
)
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short data folder, with no cluster in it yet."""
    made = Path(tempfile.mkdtemp(prefix="gridsvc-test-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    EmbeddedCluster(made).stop()
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def shared() -> Iterator[EmbeddedCluster]:
    """One cluster for the tests that leave it as it was."""
    made = Path(tempfile.mkdtemp(prefix="gridsvc-test-", dir="/tmp"))
    cluster = EmbeddedCluster(made)
    cluster.ensure()
    yield cluster
    cluster.stop()
    shutil.rmtree(made)


def connect(cluster: EmbeddedCluster, role: str) -> psycopg.Connection:
    return psycopg.connect(cluster.url(role).replace("+psycopg", ""), autocommit=True)


def postmaster(cluster: EmbeddedCluster) -> int:
    return int((cluster.folder / "postgres/data/postmaster.pid").read_text().split()[0])


def log_of(cluster: EmbeddedCluster) -> str:
    return "".join(log.read_text() for log in (cluster.folder / "postgres/log").glob("*.log"))


def test_a_database_with_postgis_and_three_roles(shared: EmbeddedCluster) -> None:
    for role in ("owner", "app", "viewer"):
        engine = create_engine(shared.url(role))
        with engine.connect() as connection:
            assert connection.scalar(text("select current_user")) == f"gridsvc_{role}"
            metres = "select st_distance(st_point(119.6, 29.1)::geography, st_point(119.7, 29.1)::geography)"
            # A tenth of a degree of longitude: a cos(lat) / sqrt(1 - e2 sin2(lat)), by hand, a = 6378137.
            assert connection.scalar(text(metres)) == pytest.approx(9734.7, abs=1.0)
            assert connection.scalar(text("select not rolsuper and not rolcreaterole and not rolcreatedb "
                                          "from pg_roles where rolname = current_user"))  # fmt: skip
        engine.dispose()
    with pytest.raises(InvalidInput, match="owner, app, viewer"):
        shared.url("root")


def test_the_owner_makes_tables_and_the_others_may_not(shared: EmbeddedCluster) -> None:
    with connect(shared, "owner") as owner:
        owner.execute("create table mark (n int)")
        for role in ("app", "viewer"):
            with connect(shared, role) as other:
                with pytest.raises(psycopg.Error):
                    other.execute("create table own (n int)")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    other.execute("select * from mark")
        owner.execute("grant select, insert on mark to gridsvc_viewer")
        with connect(shared, "viewer") as viewer:
            assert viewer.execute("select count(*) from mark").fetchone() == (0,)
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                viewer.execute("insert into mark values (1)")
        owner.execute("drop table mark")


def test_what_is_acknowledged_is_on_the_disk_and_texts_sort_by_code_point(shared: EmbeddedCluster) -> None:
    with connect(shared, "app") as connection:
        for name, value in {
            "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "data_checksums": "on",
            "server_encoding": "UTF8", "listen_addresses": "", "jit": "off",
        }.items():  # fmt: skip
            assert connection.execute("select current_setting(%s)", [name]).fetchone() == (value,)
        order = connection.execute("select string_agg(t, '' order by t) from unnest(array['东','孝','B','a']) t")
        assert order.fetchone() == ("Ba东孝",)


def test_it_listens_on_its_socket_alone_in_a_folder_of_its_user(shared: EmbeddedCluster) -> None:
    inodes = set()
    for link in Path(f"/proc/{postmaster(shared)}/fd").iterdir():
        with contextlib.suppress(OSError):
            inodes.add(str(link.readlink()).removeprefix("socket:[").removesuffix("]"))
    for table in ("tcp", "tcp6"):
        lines = Path(f"/proc/net/{table}").read_text().splitlines()[1:]
        assert not [line for line in lines if line.split()[9] in inodes]
    assert stat.S_IMODE((shared.folder / "postgres").stat().st_mode) == 0o700
    assert stat.S_IMODE((shared.folder / "postgres/socket").stat().st_mode) == 0o700


def test_logs_hold_no_row_and_no_parameter(shared: EmbeddedCluster) -> None:
    with connect(shared, "owner") as connection:
        connection.execute("create table phone (number text primary key)")
        connection.execute("insert into phone values ('13800571234')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into phone values ('13800571234')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into phone values (%s)", ["13800571234"])
        connection.execute("drop table phone")
    assert "unique constraint" in log_of(shared)
    assert "13800571234" not in log_of(shared)


def test_ten_processes_at_once_start_it_once(folder: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", ENSURE, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(10)
    ]
    try:
        for process in processes:
            out, _ = process.communicate(timeout=120)
            assert (process.returncode, out) == (0, b"up\n")
    finally:
        for process in processes:
            process.kill()
            process.wait()
    cluster = EmbeddedCluster(folder)
    assert cluster.running()
    assert log_of(cluster).count("ready to accept connections") == 1


def test_it_lives_on_when_its_parent_is_killed(folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ENSURE, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"up\n"
        os.killpg(parent.pid, signal.SIGKILL)
    with connect(EmbeddedCluster(folder), "app") as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_it_is_back_after_its_postmaster_is_killed_under_load(folder: Path) -> None:
    cluster = EmbeddedCluster(folder)
    cluster.ensure()
    with connect(cluster, "owner") as connection:
        connection.execute("create table kept (n int)")
    busy = connect(cluster, "owner")
    busy.pgconn.send_query(b"select count(*) from generate_series(1, 100000000000)")  # heeds no death for a while
    with connect(cluster, "owner") as connection:
        connection.execute("insert into kept select generate_series(1, 1000)")
        os.kill(postmaster(cluster), signal.SIGKILL)
    began = time.monotonic()
    cluster.ensure()
    assert time.monotonic() - began < 20.0  # measured: 1.3 s; the bound is for a machine under load
    with connect(cluster, "app") as connection, connect(cluster, "owner") as owner:
        assert connection.execute("select 1").fetchone() == (1,)
        assert owner.execute("select count(*) from kept").fetchone() == (1000,)
    busy.close()


def test_a_pid_file_with_the_number_of_another_program_is_no_server(folder: Path) -> None:
    cluster = EmbeddedCluster(folder)
    cluster.ensure()
    pid_file = folder / "postgres/data/postmaster.pid"
    told = pid_file.read_text().splitlines()
    os.kill(int(told[0]), signal.SIGKILL)
    with subprocess.Popen(["sleep", "600"]) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *told[1:]]) + "\n")
        try:
            cluster.ensure()
            assert cluster.running()
            assert stranger.poll() is None
        finally:
            stranger.kill()


@pytest.mark.parametrize("left", ["", "\n", "half"])
def test_a_pid_file_without_a_number_is_removed(folder: Path, left: str) -> None:
    cluster = EmbeddedCluster(folder)
    cluster.ensure()
    cluster.stop()
    (folder / "postgres/data/postmaster.pid").write_text(left)
    cluster.ensure()
    assert cluster.running()


def test_a_data_folder_that_was_moved_while_its_database_ran_is_served_where_it_is(folder: Path) -> None:
    before, after = folder / "before", folder / "after"
    cluster = EmbeddedCluster(before)
    cluster.ensure()
    with connect(cluster, "owner") as owner:
        owner.execute("create table kept as select 42 as n")
    pid = postmaster(cluster)
    before.rename(after)
    other = EmbeddedCluster(before)  # another one where the first was
    other.ensure()
    try:
        moved = EmbeddedCluster(after)
        assert not moved.running()
        moved.ensure()
        assert postmaster(moved) not in {pid, postmaster(other)}
        with connect(moved, "owner") as owner:
            assert owner.execute("select n from kept").fetchone() == (42,)
        after.rename(folder / "again")
        assert EmbeddedCluster(folder / "again").stop()
        other.ensure()  # the one that moved away took the other's socket with it when it ended
        assert other.running()
    finally:
        other.stop()
        EmbeddedCluster(folder / "again").stop()


def test_a_creation_that_was_killed_is_begun_anew(folder: Path) -> None:
    half = folder / "postgres/data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("17\n")
    cluster = EmbeddedCluster(folder)
    cluster.ensure()
    assert cluster.running()


def test_stop_keeps_the_data_and_ends_every_process(folder: Path) -> None:
    cluster = EmbeddedCluster(folder)
    cluster.ensure()
    with connect(cluster, "owner") as owner:
        owner.execute("create table kept as select 42 as n")
    pid = postmaster(cluster)
    cluster.stop()
    cluster.stop()
    assert not cluster.running()
    assert not Path(f"/proc/{pid}/cwd").exists() or not os.path.lexists(f"/proc/{pid}/exe")
    cluster.ensure()
    with connect(cluster, "owner") as owner:
        assert owner.execute("select n from kept").fetchone() == (42,)


@pytest.mark.parametrize("name", ["a" * 120, "a b, c", "东孝'街\"道%"])
def test_a_folder_with_any_name_has_a_socket_that_can_be_reached(folder: Path, name: str) -> None:
    cluster = EmbeddedCluster(folder / name)
    (folder / name).mkdir(mode=0o755)
    cluster.ensure()
    try:
        engine = create_engine(cluster.url("app"))
        with engine.connect() as connection:
            assert connection.scalar(text("select current_user")) == "gridsvc_app"
        engine.dispose()
        (reached,) = {line.split()[-1] for line in Path("/proc/net/unix").read_text().splitlines()
                      if line.endswith(".s.PGSQL.5432") and _serves(cluster, line)}  # fmt: skip
        assert len(reached.encode()) <= 107
    finally:
        cluster.stop()


def _serves(cluster: EmbeddedCluster, line: str) -> bool:
    inode = line.split()[6]
    links = Path(f"/proc/{postmaster(cluster)}/fd").iterdir()
    return any(os.path.lexists(link) and str(link.readlink()) == f"socket:[{inode}]" for link in links)


def test_a_short_folder_of_a_stranger_is_not_trusted(folder: Path) -> None:
    from gridsvc.db.cluster import folders

    home = folder / ("a" * 120) / "postgres"
    server = folders.prepare(home.parent, home)
    first, *others = folders.list_socket_folders(home)
    first.mkdir(mode=0o777)
    first.chmod(0o777)
    try:
        if others:
            assert folders.make_socket_folder(home, server) == others[0]
            others[0].rmdir()
        else:
            with pytest.raises(Refusal, match="shorter path"):
                folders.make_socket_folder(home, server)
    finally:
        first.rmdir()


@as_root
def test_a_folder_that_the_server_cannot_enter_is_refused_with_the_cure(folder: Path) -> None:
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(Refusal, match=rf"cannot enter {closed}\b.*chmod o\+x '{closed}'"):
        EmbeddedCluster(closed / "data").ensure()
    closed.chmod(0o711)
    cluster = EmbeddedCluster(closed / "data")
    cluster.ensure()
    cluster.stop()


@as_root
def test_another_users_cluster_is_refused_with_the_cure(shared: EmbeddedCluster) -> None:
    child = os.fork()
    if child == 0:  # the interpreter itself may lie where another user cannot execute it
        os.setuid(65534)
        try:
            EmbeddedCluster(shared.folder).ensure()
        except Refusal as refusal:
            os._exit(0 if "belongs to another user" in refusal.detail else 1)
        os._exit(2)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_full_or_broken_server_is_explained(folder: Path) -> None:
    from gridsvc.errors import Unavailable

    cluster = EmbeddedCluster(folder)
    cluster.ensure()
    cluster.stop()
    with (folder / "postgres/data/postgresql.auto.conf").open("a") as file:
        file.write("shared_preload_libraries = 'no_such_library'\n")
    with pytest.raises(Unavailable, match="no_such_library"):
        cluster.ensure()


def test_the_probe_leaves_no_trace_in_the_log(shared: EmbeddedCluster) -> None:
    before = log_of(shared)
    for _ in range(50):
        shared.ensure()
    with socket.socket(socket.AF_UNIX) as late:  # the last probe has been served when this one is
        late.connect(str(shared.folder / "postgres/socket/.s.PGSQL.5432"))
    assert log_of(shared) == before


def test_long_texts_are_compressed_by_lz4_where_the_server_can(shared: EmbeddedCluster) -> None:
    with connect(shared, "app") as connection:
        names = "select name from pg_settings where name in ('default_toast_compression', 'wal_compression')"
        can = connection.execute(f"{names} and 'lz4' = any (enumvals)").fetchall()
        shown = [connection.execute(f"show {name}").fetchone() for (name,) in can]
    assert set(shown) <= {("lz4",)}


def test_settings_are_whole_or_the_old_ones(shared: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full when the server is started leaves the settings that were there."""
    from gridsvc.db.cluster import settings

    file = shared.folder / "postgres/data/gridsvc.conf"
    before = file.read_text()

    def full(self: Path, data: str, **_more: object) -> None:
        self.write_bytes(data.encode()[: len(data) // 2])
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        settings.write(file, shared.folder / "postgres/log", 17)
    assert file.read_text() == before
