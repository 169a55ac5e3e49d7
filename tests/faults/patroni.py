"""Two PostgreSQL servers under Patroni with one etcd, from the files of deploy/, and a service over them."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from gridsvc.db.cluster.postgis import get_postgis
from tests.faults.service import Served

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"
PASSWORD = "secret"
PROGRAMS = ("etcd", "patroni")


def missing_programs(names: Sequence[str] = PROGRAMS) -> list[str]:
    """Return the programs that are not installed here."""
    return [name for name in names if shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") is None]


def free_port() -> int:
    """Return a port on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Program:
    """A program in a session of its own, so that it and all that it started can be killed at once."""

    def __init__(
        self, words: Sequence[str | Path], log: Path, environment: Mapping[str, str], user: str | None
    ) -> None:
        self._words, self._log, self._environment, self._user = words, log, dict(environment), user
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._words, env=self._environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/",
                start_new_session=True, user=self._user, group=self._user,
                extra_groups=[] if self._user is not None else None,
            )  # fmt: skip

    @property
    def runs(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End the process that was started here; its children end by themselves, or by `Node.kill`."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)
            self._process.wait(60)


class Node:
    """One server with its Patroni."""

    def __init__(self, folder: Path, name: str, etcd: int, user: str | None) -> None:
        self.name, self.port, self.rest = name, free_port(), free_port()
        self.data = folder / name / "data"
        (folder / name).mkdir(mode=0o700)
        if user is not None:
            shutil.chown(folder / name, user, user)
        postgis = get_postgis()
        environment = {
            "PATH": f"{postgis.programs}:/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(folder / name),
            "PATRONI_NAME": name, "PATRONI_ETCD3_HOSTS": f"127.0.0.1:{etcd}",
            "PATRONI_RESTAPI_LISTEN": f"127.0.0.1:{self.rest}",
            "PATRONI_RESTAPI_CONNECT_ADDRESS": f"127.0.0.1:{self.rest}",
            "PATRONI_POSTGRESQL_LISTEN": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_CONNECT_ADDRESS": f"127.0.0.1:{self.port}",
            "PATRONI_POSTGRESQL_DATA_DIR": str(self.data), "PATRONI_POSTGRESQL_BIN_DIR": str(postgis.programs),
            "PATRONI_POSTGRESQL_PGPASS": str(folder / name / "pgpass"),
            "GRIDSVC_ROLES": str(folder / "roles.sql"), "GRIDSVC_FIRST_DATABASE": str(folder / "first_database.sh"),
        }  # fmt: skip
        for role in ("SUPERUSER", "REPLICATION", "REWIND"):
            environment[f"PATRONI_{role}_PASSWORD"] = PASSWORD
        for role in ("OWNER", "APP", "VIEWER"):
            environment[f"GRIDSVC_{role}_PASSWORD"] = PASSWORD
        self.patroni = Program(["patroni", folder / "patroni.yml"], folder / f"{name}.log", environment, user)

    def role(self) -> str:
        """Return `primary`, `sync_standby`, `replica` or what else Patroni says; empty where it does not answer."""
        with contextlib.suppress(httpx.TransportError):
            answer = httpx.get(f"http://127.0.0.1:{self.rest}/patroni", timeout=2, trust_env=False).json()
            if answer.get("state") == "running":
                return "sync_standby" if answer.get("sync_standby") else str(answer["role"])
        return ""

    def postmaster(self) -> int | None:
        """Return the first process of its PostgreSQL."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.data / "postmaster.pid").read_text().split()[0])
        return None

    def kill(self) -> None:
        """Kill -9 Patroni and PostgreSQL, as a machine that loses its power."""
        pid = self.postmaster()
        self.patroni.end()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_database(self) -> None:
        """Kill -9 PostgreSQL alone."""
        pid = self.postmaster()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)


class PatroniCluster:
    """Two servers, one of them the primary, the other its synchronous standby."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gsh", dir="/tmp"))
        self.folder.chmod(0o755)
        user = next((name for name in ("postgres", "gridsvc") if _exists(name)), None) if os.geteuid() == 0 else None
        for file in (DEPLOY / "patroni.yml", DEPLOY / "first_database.sh", PROJECT / "gridsvc/db/cluster/roles.sql"):
            shutil.copyfile(file, self.folder / file.name)
        client, peer = free_port(), free_port()
        words: list[str | Path] = [
            "etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync", "--log-level", "error",
            "--listen-client-urls", f"http://127.0.0.1:{client}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
            "--advertise-client-urls", f"http://127.0.0.1:{client}",
        ]  # fmt: skip
        self._etcd = Program(words, self.folder / "etcd.log", {"PATH": os.environ["PATH"]}, None)
        self._etcd.start()
        self.nodes = [Node(self.folder, name, client, user) for name in ("one", "two")]

    def start(self) -> None:
        """Start both, and wait until one follows the other synchronously."""
        for node in self.nodes:
            node.patroni.start()
        self.wait_for_standby()

    def wait_for_standby(self, patience_s: float = 120) -> None:
        """Wait until there is a primary with a synchronous standby."""
        deadline = time.monotonic() + patience_s
        while sorted(node.role() for node in self.nodes) != ["primary", "sync_standby"]:
            assert time.monotonic() < deadline, self.logs()
            assert all(node.patroni.runs for node in self.nodes), self.logs()
            time.sleep(0.2)

    def set_start_timeout(self, seconds: int) -> None:
        """Say how long a dead PostgreSQL of the primary is started again before the standby takes over; 0: at once."""
        rest = f"http://127.0.0.1:{self.primary().rest}/config"
        if httpx.get(rest, timeout=5, trust_env=False).json().get("primary_start_timeout") != seconds:
            before = self._times_read()
            done = httpx.patch(rest, json={"primary_start_timeout": seconds}, timeout=10, trust_env=False)
            assert done.status_code == 200, done.text
            deadline = time.monotonic() + 60
            while not all(now > then for now, then in zip(self._times_read(), before, strict=True)):
                assert time.monotonic() < deadline, self.logs()
                time.sleep(0.1)

    def _times_read(self) -> list[int]:
        """Return how many times each Patroni has read the settings that all of them share."""
        return [log.read_text().count("nothing to reload") for log in sorted(self.folder.glob("*.log"))
                if log.stem in {node.name for node in self.nodes}]  # fmt: skip

    def superuser(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Connect to the primary past everything."""
        return psycopg.connect(self.url("postgres") + "?target_session_attrs=read-write", autocommit=True)

    def logs(self) -> str:
        """Return the last words of each Patroni."""
        return "\n".join(log.read_text()[-5000:] for log in self.folder.glob("*.log"))

    def primary(self) -> Node:
        """Return the primary."""
        (found,) = [node for node in self.nodes if node.role() == "primary"]
        return found

    def url(self, role: str = "gridsvc_app", *, nodes: Sequence[Node] | None = None) -> str:
        """Address of both servers for a role."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in nodes or self.nodes)
        return f"postgresql://{role}:{PASSWORD}@{hosts}/gridsvc"

    def close(self) -> None:
        """Kill everything and remove the folder."""
        for node in self.nodes:
            node.kill()
        self._etcd.end()
        time.sleep(0.5)
        shutil.rmtree(self.folder, ignore_errors=True)


class ServedOver(Served):
    """`gridsvc serve` over the demo district in a database elsewhere."""

    def __init__(self, cluster: PatroniCluster, *, demo: bool = True, incidents: int = 20, workers: int = 1) -> None:
        super().__init__(demo=False, workers=workers)
        self.places: tuple[list[dict[str, float]], list[str]] | None = None
        self._cluster = cluster
        self.environment |= {
            "GRIDSVC_DATABASE_URL": cluster.url(), "GRIDSVC_DATABASE_ADMIN_URL": cluster.url("gridsvc_owner"),
            "GRIDSVC_READ_URL": cluster.url(),
        }  # fmt: skip
        if demo:
            self.command("db", "migrate")
            self.command("demo", "--incidents", str(incidents), "--no-serve", "--json")

    def close(self) -> None:
        """Stop the service and remove its folder."""
        self.kill_service()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the primary, past everything."""
        with self._cluster.superuser() as connection:
            return connection.execute(statement.encode()).fetchall()


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
