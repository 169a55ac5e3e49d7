"""A connection that died while it waited in the pool is replaced before anything is done in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from gridsvc.db.session.connection import Database
from tests.worlds.district import as_superuser, scratch_database

if TYPE_CHECKING:
    from gridsvc.db.cluster.embedded import EmbeddedCluster

OTHERS = "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> %s"


def test_the_first_transaction_after_a_restart_is_answered(cluster: EmbeddedCluster) -> None:
    with scratch_database(cluster) as url:
        database = Database(url, pool=4)
        opened = [database.engine.connect() for _ in range(4)]
        for connection in opened:
            connection.close()  # four connections wait in the pool
        with as_superuser(url) as superuser:
            ended = superuser.execute(OTHERS, [superuser.info.backend_pid]).fetchall()
        assert len(ended) >= 4
        for _ in range(5):
            with database.transaction() as fresh:
                assert fresh.scalar(text("select 1")) == 1
        database.close()
