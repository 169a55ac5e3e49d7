"""A standby is promoted after its primary was killed: the same address finds it, with every acknowledged case."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.session.connection import Database
from gridsvc.errors import Unavailable
from gridsvc.operations.evidence import verify
from gridsvc.operations.runtime.service import Service
from tests.db.session.pair import Pair
from tests.db.session.test_replica import set_standby
from tests.worlds.district import open_toy, report

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pair() -> Iterator[Pair]:
    folder = Path(tempfile.mkdtemp(prefix="gst", dir="/tmp"))
    folder.chmod(0o755)
    pair = Pair(folder)
    pair.start()
    yield pair
    pair.close()
    shutil.rmtree(folder)


def test_nothing_acknowledged_is_lost_and_the_pool_finds_the_new_primary(pair: Pair) -> None:
    folder = pair.primary.folder
    open_toy(pair.primary.url("app"), folder).database.close()
    set_standby(pair, "*")  # a commit waits for the standby
    service = Service(Database(pair.both()), folder)
    stop = threading.Event()
    acknowledged: list[str] = []
    refused: list[str] = []

    def keep_reporting() -> None:
        while not stop.is_set():
            try:
                acknowledged.append(report(service))
            except Unavailable as away:
                refused.append(str(away))
                time.sleep(0.05)

    threads = [threading.Thread(target=keep_reporting) for _ in range(4)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 120

    def wait_for(cases: int) -> None:
        while len(acknowledged) < cases:
            assert time.monotonic() < deadline
            time.sleep(0.01)

    wait_for(20)
    os.kill(int((folder / "postgres/data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    while not refused:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    pair.promote()
    wait_for(len(acknowledged) + 20)
    stop.set()
    for thread in threads:
        thread.join()
    seal_all(service.database)
    with service.database.transaction() as connection:
        found = {str(row[0]) for row in connection.exec_driver_sql("select id from incident")}
        name = connection.exec_driver_sql("select current_setting('cluster_name')").scalar_one()
    assert name == "second"
    assert set(acknowledged) - found == set()
    assert [(each.faults, each.unsealed) for each in verify.verify(service)] == [((), 0)]
    service.database.close()
