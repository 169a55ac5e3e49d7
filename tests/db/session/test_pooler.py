"""What works through PgBouncer, with the file of deploy/: requests in transaction mode, the sealer in session mode."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest

from gridsvc.access.scopes import Scope
from gridsvc.db.cluster.embedded import EmbeddedCluster
from gridsvc.db.evidence import sealing
from gridsvc.db.schema.migrate import upgrade
from gridsvc.db.session.connection import Database
from gridsvc.db.session.pooler import shares_sessions
from gridsvc.errors import Refusal
from gridsvc.operations.evidence import verify
from gridsvc.operations.runtime.service import Service
from gridsvc.serve.listener import refuse_shared_sessions
from tests.faults.patroni import DEPLOY, Program, free_port, missing_programs
from tests.worlds.district import open_toy, report

if TYPE_CHECKING:
    from collections.abc import Iterator

pooled = [
    pytest.mark.long,
    pytest.mark.skipif(bool(missing_programs(["pgbouncer"])), reason="not installed. Type: apt-get install pgbouncer"),
]


class Pool:
    """PgBouncer over an embedded cluster with the district on paper."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gsb", dir="/tmp"))
        self.folder.chmod(0o755)
        self.cluster = EmbeddedCluster(self.folder / "one")
        self.cluster.prepare()
        upgrade(self.cluster.url("owner"))
        open_toy(self.cluster.url("app"), self.folder / "one").database.close()
        with psycopg.connect(self.cluster.url("superuser").replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("alter role gridsvc_app set timezone = 'UTC'")
            connection.execute("alter role gridsvc_app set statement_timeout = '60s'")
        self.port = free_port()
        sockets = self.cluster.url("app").partition("host=")[2]
        settings = (DEPLOY / "pgbouncer.ini").read_text()
        for found, here in (
            ("host=127.0.0.1 port=5432", f"host={sockets} port=5432"), ("6432", str(self.port)),
            ("scram-sha-256", "trust"), ("/etc/pgbouncer", str(self.folder)),
        ):  # fmt: skip
            assert found in settings
            settings = settings.replace(found, here)
        (self.folder / "pgbouncer.ini").write_text(settings + "unix_socket_dir =\n")
        (self.folder / "userlist.txt").write_text('"gridsvc_app" ""\n')
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program is not None
        user = (self.cluster.home).owner() if os.geteuid() == 0 else None
        words = [program, str(self.folder / "pgbouncer.ini")]
        self._program = Program(words, self.folder / "pgbouncer.log", {"PATH": "/usr/bin"}, user)
        self._program.start()
        deadline = time.monotonic() + 30
        while "process up" not in (self.folder / "pgbouncer.log").read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def database(self, name: str) -> Database:
        """Return the database through the pool."""
        return Database(f"postgresql://gridsvc_app@127.0.0.1:{self.port}/{name}")

    def close(self) -> None:
        """Stop both and remove the folder."""
        self._program.end()
        self.cluster.stop()
        shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    pool = Pool()
    yield pool
    pool.close()


def test_without_a_pooler_sessions_are_not_shared(url: str) -> None:
    database = Database(url)
    assert not shares_sessions(database)
    refuse_shared_sessions(database)
    database.close()


@pytest.mark.usefixtures("pool")
class TestPooled:
    pytestmark = pooled

    def test_a_background_process_in_transaction_mode_is_refused(self, pool: Pool) -> None:
        transactions, sessions = pool.database("gridsvc"), pool.database("gridsvc_session")
        with pytest.raises(Refusal, match="GRIDSVC_SESSION_URL"):
            refuse_shared_sessions(transactions)
        refuse_shared_sessions(sessions)
        transactions.close()
        sessions.close()

    def test_reports_of_eight_threads_and_their_scopes_hold_in_transaction_mode(self, pool: Pool) -> None:
        service = Service(pool.database("gridsvc"), pool.folder / "one")
        with service.database.transaction() as connection:
            settings = "select current_setting('timezone'), current_setting('statement_timeout')"
            assert connection.exec_driver_sql(settings).one() == ("UTC", "1min")
        wrong: list[str] = []

        def work() -> None:
            stranger = service.database.seen_by(Scope(district="110101"))
            for _ in range(15):
                report(service)
                with stranger.transaction() as connection:  # the session of a caller who sees all, a moment ago
                    seen = connection.exec_driver_sql("select count(*) from incident").scalar_one()
                if seen:
                    wrong.append(f"{seen} cases of another district")

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []
        with service.database.transaction() as connection:
            assert connection.exec_driver_sql("select count(*) from incident").scalar_one() == 120
        service.database.close()

    def test_one_sealer_is_elected_in_session_mode(self, pool: Pool) -> None:
        database = pool.database("gridsvc_session")
        report(Service(database, pool.folder / "one"))
        stands = [database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") for _ in range(3)]
        assert [sealing.may_seal(each) for each in stands] == [True, False, False]
        for each in stands:
            each.invalidate()
        deadline = time.monotonic() + 30
        while not sealing.seal_all(database):  # the pool ends a session after its client
            assert time.monotonic() < deadline
            time.sleep(0.1)
        (found,) = verify.verify(Service(database, pool.folder / "one"))
        assert (found.faults, found.unsealed) == ((), 0)
        database.close()
