"""Two services on one database behind HAProxy, from the file of deploy/."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psycopg

from gridsvc.db.cluster.embedded import EmbeddedCluster
from tests.faults.patroni import DEPLOY, Program
from tests.faults.service import Served

if TYPE_CHECKING:
    from collections.abc import Sequence


class Member(Served):
    """One of several services on a database of their own."""

    def __init__(self, cluster: EmbeddedCluster, *, auth: str, options: Sequence[str] = ()) -> None:
        super().__init__(demo=False, workers=2)
        self._cluster = cluster
        self.options = list(options)
        self.environment |= {
            "GRIDSVC_DATABASE_URL": cluster.url("app"), "GRIDSVC_DATABASE_ADMIN_URL": cluster.url("owner"),
            "GRIDSVC_AUTH": auth,
        }  # fmt: skip

    def close(self) -> None:
        """Stop the service and remove its folder; the database is not its own."""
        self.kill_service()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database itself, past everything."""
        url = self._cluster.url("superuser").replace("+psycopg", "")
        with psycopg.connect(url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()


class Proxied(Member):
    """The proxy and its two services; `client`, `port` and `load` are of the proxy."""

    def __init__(self, *, auth: str = "off", incidents: int = 20) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="gsx", dir="/tmp"))
        self.home.chmod(0o755)
        self.cluster = EmbeddedCluster(self.home / "database")
        self.cluster.prepare()
        super().__init__(self.cluster, auth=auth)
        self.members = [Member(self.cluster, auth=auth, options=["--proxy-headers", "127.0.0.1"]) for _ in range(2)]
        self.command("db", "migrate")
        self.command("demo", "--incidents", str(incidents), "--no-serve", "--json")
        environment = {
            "PATH": os.environ["PATH"], "GRIDSVC_HTTP": f"127.0.0.1:{self.port}",
            "GRIDSVC_ONE": f"127.0.0.1:{self.members[0].port}", "GRIDSVC_TWO": f"127.0.0.1:{self.members[1].port}",
        }  # fmt: skip
        program = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        words = [program, "-db", "-f", str(DEPLOY / "haproxy.cfg")]
        self._proxy = Program(words, self.home / "haproxy.log", environment, None)

    def start(self) -> float:
        """Start both services and the proxy; return the seconds until both are used."""
        began = time.monotonic()
        for member in self.members:
            member.start()
        self._proxy.start()
        while time.monotonic() - began < 180:
            assert self._proxy.runs, (self.home / "haproxy.log").read_text()
            with contextlib.suppress(httpx.TransportError), self.client() as client:
                if client.get("/healthz").status_code == 200:
                    return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError("the proxy does not answer")

    def close(self) -> None:
        """Stop everything and remove the folders."""
        self._proxy.end()
        for member in self.members:
            member.close()
        super().close()
        self.cluster.stop()
        shutil.rmtree(self.home, ignore_errors=True)
