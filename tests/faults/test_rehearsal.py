"""The rehearsal: a backup made under load comes back to life in another folder, and its evidence holds there."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from gridsvc.operations.evidence.replay import replay
from gridsvc.settings import Settings, open_service
from tests.faults.service import Served, load, settle

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def served() -> Iterator[Served]:
    instance = Served(incidents=110)
    try:
        instance.start()
        yield instance
    finally:
        instance.close()


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A data folder as another machine would have it: empty."""
    folder = Path(tempfile.mkdtemp(prefix="gse", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.timeout(600)
def test_a_backup_under_load_is_a_service_elsewhere(served: Served, elsewhere: Path, tmp_path: Path) -> None:
    with load(served, clients=3) as told:
        while len(told.cases) < 10:
            pass
        sure = dict(told.cases)  # acknowledged before the backup began
        made = json.loads(served.command("db", "backup", str(tmp_path / "a.backup"), "--json"))
    settle(served)
    there = {str(row[0]) for row in served.query("select id from incident")}
    assert set(told.cases.values()) <= there  # the backup cost the service nothing

    there_environment = served.environment | {"GRIDSVC_DATA": str(elsewhere)}
    served.environment, here = there_environment, served.environment
    try:
        served.command("db", "restore", str(tmp_path / "a.backup"))
        # What was not sealed at the moment of the backup is sealed by the service that comes to life.
        report = json.loads(served.command("audit", "verify", "--json", code=0)) if _seal(elsewhere) else []
        assert [each["wrong"] for each in report] == [None]
        assert report[0]["cases"] == made["rows"]["incident"]
        service = open_service(Settings(data=elsewhere))
        with service.database.transaction() as connection:
            from sqlalchemy import text

            ids = [str(each) for each in connection.scalars(text("select id from incident order by id"))]
        assert set(sure.values()) <= set(ids)
        outcomes = [replay(service, UUID(each)) for each in ids[-100:]]
        assert len(outcomes) == 100
        assert [each for each in outcomes if not each.same] == []
        service.database.close()
        served.command("db", "down")
    finally:
        served.environment = here


def _seal(folder: Path) -> bool:
    from gridsvc.db.evidence.sealing import seal_all

    service = open_service(Settings(data=folder))
    seal_all(service.database)
    service.database.close()
    return True
