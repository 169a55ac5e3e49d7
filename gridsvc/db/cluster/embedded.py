"""The private PostGIS cluster that gridsvc keeps for itself, one in each data folder.

Unix socket only. The server outlives the process that started it; `ensure` brings it back after a crash.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import psycopg

from gridsvc.db.cluster import folders, processes, settings, viewer_port, wal_archive
from gridsvc.db.cluster.os_packages import locked
from gridsvc.db.cluster.postgis import PostGIS, get_postgis
from gridsvc.errors import DiskFull, InvalidInput, Refusal, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATABASE = "gridsvc"
ROLES = {
    "superuser": "postgres",
    "owner": "gridsvc_owner",
    "app": "gridsvc_app",
    "viewer": "gridsvc_viewer",
}
"""What a role is for -> its name in the database. Only `owner` may migrate; `app` owns nothing."""

_ROLES_FILE = Path(__file__).with_name("roles.sql")
_START_PATIENCE_S = 900.0  # after a crash the log is replayed first
_STOP_PATIENCE_S = 60.0
_QUIET_S = 2.0


class EmbeddedCluster:
    """The cluster in `folder / "postgres"`, where `folder` is the data folder of a service (GRIDSVC_DATA).

    `report` is called with one line of text for every step that takes more than a moment. `archive` is the folder of
    the archive, which the cluster then remembers; None: the one that it remembers; `wal_archive.OFF`: none. `viewers`
    is the TCP port for viewers (`viewer_port.read_port`), remembered in the same way.
    """

    def __init__(
        self,
        folder: Path,
        *,
        report: Callable[[str], None] | None = None,
        archive: Path | str | None = None,
        viewers: str | None = None,
    ) -> None:
        self.folder = Path(folder).absolute()
        self._archive = archive
        self._viewers = viewers
        self._report = report or (lambda _line: None)
        self._home = self.folder / "postgres"
        self._data = self._home / "data"
        self._ready = self._home / "ready"

    def ensure(self) -> None:
        """Have the cluster up, with its database, roles and PostGIS; create and start what is missing.

        Idempotent, and a matter of a millisecond where the cluster is up. Raises Refusal or Unavailable.
        """
        if self.running() and self._ready.exists():
            return
        try:
            server = folders.prepare(self.folder, self._home)
            with locked(self.folder / "postgres.lock"):
                self._ensure_locked(server)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull from error
            raise Unavailable(
                f"The embedded database in {self.folder} cannot be used: {error.strerror} ({error.filename}). "
                "Cure that, or set GRIDSVC_DATA to another folder."
            ) from error

    def prepare(self) -> None:
        """Have the roles that this program's schema wants, also in a cluster that an older one started."""
        self.ensure()
        with locked(self.folder / "postgres.lock"):
            self._prepare()

    def stop(self) -> bool:
        """Stop the server, wait until it is gone, and return whether it ran. Open connections are closed."""
        if processes.read_postmaster(self._data) is None:
            return False
        with locked(self.folder / "postgres.lock"):
            postmaster = processes.read_postmaster(self._data)
            if postmaster is None or postmaster.pid not in processes.list_processes(self._data):
                return False
            self._end(postmaster)
            return True

    def _end(self, postmaster: processes.Postmaster) -> None:
        for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            processes.send(postmaster.pid, how)
            if processes.wait_until(self._gone, _STOP_PATIENCE_S):
                if postmaster.socket_folder is not None and postmaster.socket_folder.parent != self._home:
                    with contextlib.suppress(OSError):
                        postmaster.socket_folder.rmdir()
                return
        raise Unavailable(f"The embedded database (process {postmaster.pid}) does not stop.")

    def running(self) -> bool:
        """Whether the server is up and takes connections."""
        try:
            postmaster = processes.read_postmaster(self._data)
        except PermissionError as error:
            raise Refusal(
                f"{self._data} belongs to another user; run as that user, or set GRIDSVC_DATA to a folder of yours."
            ) from error
        return (
            postmaster is not None
            and postmaster.status == "ready"
            and postmaster.socket_folder is not None
            and folders.is_socket_folder(postmaster.socket_folder, self._home)
            and processes.takes_connections(postmaster.socket_folder)
        )

    @property
    def archive(self) -> Path | None:
        """The folder to which the cluster archives its log when it is started next; None: to none."""
        if self._archive is None:
            return wal_archive.remembered(self._home)
        return None if self._archive == wal_archive.OFF else Path(self._archive)

    def find_viewer_port(self) -> viewer_port.ViewerPort | None:
        """Return the TCP port on which the running server takes viewers; None: none."""
        postmaster = processes.read_postmaster(self._data)
        if postmaster is None or not postmaster.address:
            return None
        return viewer_port.ViewerPort(postmaster.address, postmaster.port)

    def url(self, role: str = "app") -> str:
        """SQLAlchemy URL of the database for `role`: one of ROLES."""
        if role not in ROLES:
            raise InvalidInput(f"There is no database role {role!r}; use one of {', '.join(ROLES)}.")
        return f"postgresql+psycopg://{ROLES[role]}@/{DATABASE}?host={quote(str(self._socket_folder()), safe='/')}"

    def _socket_folder(self) -> Path:
        postmaster = processes.read_postmaster(self._data)
        if postmaster is not None and postmaster.socket_folder is not None:
            return postmaster.socket_folder
        return folders.list_socket_folders(self._home)[0]

    def _has_no_socket(self, postmaster: processes.Postmaster) -> bool:
        """Whether our server runs and nobody can reach it: its folder was moved, or its socket was removed."""
        at = postmaster.socket_folder
        if postmaster.status != "ready" or postmaster.pid not in processes.list_processes(self._data):
            return False
        return at is None or not folders.is_socket_folder(at, self._home) or not folders.has_socket(at, postmaster.port)

    def _gone(self) -> bool:
        return not processes.list_processes(self._data)

    @property
    def home(self) -> Path:
        """The folder of the cluster: its data, sockets, logs and scripts."""
        return self._home

    @property
    def is_there(self) -> bool:
        """Whether the cluster was created."""
        return self._data.exists()

    def _ensure_locked(self, server: folders.ServerUser) -> None:
        if not self.running():
            postgis = get_postgis(self._major(), report=self._report)
            folders.refuse_unreachable(server, postgis.programs)
            if self._major() is None:
                self._create(postgis, server)
            self._start(postgis, server)
        self._prepare()
        self._ready.touch()

    def _major(self) -> int | None:
        try:
            return int((self._data / "PG_VERSION").read_text(encoding="ascii"))
        except FileNotFoundError:
            return None

    def _create(self, postgis: PostGIS, server: folders.ServerUser) -> None:
        self._report("creating the embedded database")
        draft = self._home / "data.new"  # renamed when whole: a kill in between leaves no half cluster
        folders.remove(draft)
        words: list[str | Path] = [
            postgis.programs / "initdb",
            "-D",
            draft,
            "--username=postgres",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--data-checksums",
            "--no-instructions",
        ]
        if postgis.major >= 17:
            # Of PostgreSQL itself: an update of the system's C library cannot change the order of an index.
            words += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = subprocess.run(
            words, **server.of_process(postgis.environment), cwd=self._home, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Unavailable(f"The embedded database could not be created in {self._home}: {done.stderr.strip()}")
        with (draft / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\ninclude = 'gridsvc.conf'\n")
        draft.rename(self._data)

    def _start(self, postgis: PostGIS, server: folders.ServerUser) -> None:
        processes.clear_the_dead(self._data)
        postmaster = processes.read_postmaster(self._data)
        if postmaster is not None and postmaster.status.startswith("stopping"):
            processes.wait_until(self._gone, _STOP_PATIENCE_S)
        elif postmaster is not None and self._has_no_socket(postmaster):
            self._report("the database has no socket in its folder, as after a move of the folder: it is started again")
            self._end(postmaster)
            folders.clear_sockets(self._home)
        if self._gone():
            self._ready.unlink(missing_ok=True)
            self.write_settings(self._data, postgis, server)
            socket_folder = folders.make_socket_folder(self._home, server)
            viewer_port.link_socket(socket_folder, viewer_port.remembered(self._home))
            pid = self._spawn(postgis, server, socket_folder)
        else:
            pid = postmaster.pid if postmaster is not None else 0  # one whose starter was killed before it was ready
        self._await(pid)

    def write_settings(self, data: Path, postgis: PostGIS, server: folders.ServerUser) -> None:
        """Write the settings of the server of a data folder, with the archive that was chosen."""
        known = wal_archive.remembered(self._home)
        archive, command = self.archive, None
        if archive is not None:
            try:
                wal_archive.prepare(archive, server, wal_archive.system_identifier(data))
            except (OSError, Refusal) as error:
                # A new setting is refused. A known archive that is not there now must not keep the service from
                # starting: the server keeps its log and tries again, and `gridsvc doctor` names it.
                if archive != known:
                    raise
                self._report(f"the archive {archive} cannot be used now: {error}")
            script = wal_archive.write_archive_script(self._home, archive)
            command = wal_archive.command(script, "%p", "%f")
        wal_archive.choose(self._home, self._archive)
        more = viewer_port.settings_of(self._home, viewer_port.choose(self._home, self._viewers), server)
        settings.write(data / "gridsvc.conf", self._home / "log", postgis.major, archive_command=command, more=more)

    def _spawn(self, postgis: PostGIS, server: folders.ServerUser, socket_folder: Path) -> int:
        escaped = str(socket_folder).replace('"', '""')
        words: Sequence[str | Path] = [
            postgis.programs / "postgres",
            "-D",
            self._data,
            "-c",
            f'unix_socket_directories="{escaped}"',
        ]
        # The shell between us ends at once: the server has no parent here, and is no zombie when it is killed.
        shell = '"$@" </dev/null >"$0" 2>&1 & echo $!'
        done = subprocess.run(
            ["/bin/sh", "-c", shell, self._startup_log, *words],
            **server.of_process(postgis.environment),
            cwd=self._home,
            start_new_session=True,
            umask=0o077,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Unavailable(f"The embedded database could not be started: {done.stderr.strip()}")
        return int(done.stdout)

    @property
    def _startup_log(self) -> Path:
        return self._home / "startup.log"

    def _await(self, pid: int) -> None:
        began = time.monotonic()
        said_s = 0.0
        while not self.running():
            waited_s = time.monotonic() - began
            if not processes.lives(pid):
                words = self._last_words()
                if os.strerror(errno.ENOSPC) in words:
                    raise DiskFull
                raise Unavailable(f"The embedded database does not start.\n{words}", retry_after_s=5)
            if waited_s > _START_PATIENCE_S:
                raise Unavailable(
                    f"The embedded database is not up after {waited_s:.0f} s; see {self._home / 'log'}.",
                    retry_after_s=30,
                )
            if waited_s - said_s > _QUIET_S:
                said_s = waited_s
                self._report(f"the embedded database starts, and replays its log if it was killed ({waited_s:.0f} s)")
            time.sleep(0.01)

    def _last_words(self) -> str:
        logs = [self._startup_log, *sorted((self._home / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)]
        lines: list[str] = []
        for log in logs:
            with contextlib.suppress(OSError):
                lines += log.read_text(encoding="utf-8", errors="replace").splitlines()[-20:]
        telling = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "HINT", "DETAIL"))]
        return "\n".join("  " + line for line in (telling or lines)[-4:]) + f"\n  All of it: {self._home}"

    def _prepare(self) -> None:
        """Make the roles, the database and PostGIS, or bring PostGIS to the version that is installed now."""

        def connect(database: str) -> psycopg.Connection[tuple[object, ...]]:
            return psycopg.connect(
                host=str(self._socket_folder()), user=ROLES["superuser"], dbname=database, autocommit=True
            )

        try:
            with connect("template1") as connection:
                _have_postgis(connection)  # in the template, so that every database made here has it
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if known is None:
                with connect("postgres") as connection:
                    connection.execute(f"CREATE DATABASE {DATABASE}")
            with connect(DATABASE) as connection:
                connection.execute(_ROLES_FILE.read_text(encoding="utf-8"))
                _have_postgis(connection)
                _compress_fast(connection)
        except psycopg.errors.DiskFull as error:
            raise DiskFull from error
        except psycopg.Error as error:
            raise Unavailable(f"The embedded database could not be prepared: {str(error).strip()}") from error


def _have_postgis(connection: object) -> None:

    assert isinstance(connection, psycopg.Connection)
    row = connection.execute(
        "SELECT installed_version, default_version FROM pg_available_extensions WHERE name = 'postgis'"
    ).fetchone()
    if row is None or row[0] is None:
        connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    elif row[0] != row[1]:
        connection.execute("ALTER EXTENSION postgis UPDATE")
    # As in roles.sql; an update of PostGIS creates the function again.
    connection.execute("ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF")


def _compress_fast(connection: object) -> None:
    """Have long texts, and pages in the log, compressed by LZ4 where the server was built with it.

    The default takes three times as long; a case is 20 kB of them.
    """
    assert isinstance(connection, psycopg.Connection)
    known = "SELECT name FROM pg_settings WHERE name IN ('default_toast_compression', 'wal_compression')"
    for (name,) in connection.execute(f"{known} AND 'lz4' = ANY (enumvals)").fetchall():
        connection.execute(f"ALTER DATABASE {DATABASE} SET {name} = 'lz4'")
