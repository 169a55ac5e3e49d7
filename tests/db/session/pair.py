"""A primary and a streaming replica: two real clusters on this machine."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg

from gridsvc.db.cluster import folders
from gridsvc.db.cluster.embedded import EmbeddedCluster
from gridsvc.db.cluster.postgis import get_postgis
from gridsvc.db.schema.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Pair:
    """The embedded cluster of `folder / "one"`, which archives and so can be replicated, and a copy that follows it."""

    def __init__(self, folder: Path) -> None:
        self.primary = EmbeddedCluster(folder / "one", archive=folder / "archive")
        self.primary.prepare()
        upgrade(self.primary.url("owner"))
        self._postgis = get_postgis(17)
        self._home = folder / "two"
        self._server = folders.prepare(folder, self._home)
        self._data = self._home / "data"
        self._socket = folders.make_socket_folder(self._home, self._server)
        first = self.primary.url("superuser").partition("host=")[2]
        self._run("pg_basebackup", "-h", first, "-U", "postgres", "-D", self._data, "-R", "--checkpoint=fast")

    def _run(self, program: str, *words: str | Path) -> None:
        done = subprocess.run(
            [self._postgis.programs / program, *words], **self._server.of_process(self._postgis.environment), cwd="/",
            umask=0o077, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr

    def start(self) -> None:
        """Start the replica."""
        options = f"-c unix_socket_directories={self._socket} -c archive_mode=off -c cluster_name=second"
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", self._home / "log", "-o", options)

    def stop(self, how: str = "fast") -> None:
        """Stop the replica."""
        self._run("pg_ctl", "stop", "-w", "-D", self._data, "-m", how)

    def promote(self) -> None:
        """Let the replica accept writes."""
        self._run("pg_ctl", "promote", "-w", "-D", self._data)

    def close(self) -> None:
        """Stop both."""
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        self.primary.stop()

    def url(self, role: str = "app") -> str:
        """Address of the replica."""
        before, _, _ = self.primary.url(role).partition("host=")
        return f"{before}host={self._socket}"

    def both(self, role: str = "app") -> str:
        """Address of both, the replica first."""
        before, _, first = self.primary.url(role).partition("host=")
        return f"{before}host={self._socket},{first}&port=5432,5432"

    def ask(self, query: LiteralString, *, replica: bool = False) -> Any:
        """Run a statement as the superuser and return its value."""
        url = (self.url("superuser") if replica else self.primary.url("superuser")).replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            row = connection.execute(query).fetchone()
        return None if row is None else row[0]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let the replica receive the log and not replay it, as one that is busy."""
        self.ask("select pg_wal_replay_pause()", replica=True)
        try:
            yield
        finally:
            self.ask("select pg_wal_replay_resume()", replica=True)
