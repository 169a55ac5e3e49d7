"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from hypothesis import settings

from tests.worlds.district import open_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service

# No test may depend on the speed of the machine.
settings.register_profile("gridsvc", deadline=None, derandomize=True)
settings.load_profile("gridsvc")

PROJECT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project; the test is skipped where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the project")
    return folder


@pytest.fixture(scope="session")
def data_folder() -> Iterator[Path]:
    """A data folder (GRIDSVC_DATA) with its embedded cluster up and migrated; one for the whole run.

    Under /tmp with a short name: a socket's path is short, and the server's user must be able to enter.
    """
    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.db.schema.migrate import upgrade

    folder = Path(tempfile.mkdtemp(prefix="gridsvc-test-", dir="/tmp"))
    cluster = EmbeddedCluster(folder)
    try:
        cluster.ensure()
        upgrade(cluster.url("owner"))
        yield folder
    finally:
        cluster.stop()
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(data_folder: Path) -> EmbeddedCluster:
    """The embedded cluster of `data_folder`: `cluster.url("app")`, `cluster.url("owner")`, ..."""
    from gridsvc.db.cluster.embedded import EmbeddedCluster

    return EmbeddedCluster(data_folder)


@pytest.fixture
def empty_database(cluster: EmbeddedCluster) -> Iterator[str]:
    """URL, as the schema's owner, of a database with PostGIS and nothing else; dropped after the test."""
    name = f"scratch_{secrets.token_hex(6)}"
    with psycopg.connect(cluster.url("superuser").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER gridsvc_owner")
        try:
            yield cluster.url("owner").replace("@/gridsvc?", f"@/{name}?")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def url(cluster: EmbeddedCluster) -> Iterator[str]:
    """URL, as the application's role, of a migrated database; dropped after the test."""
    with scratch_database(cluster) as url:
        yield url


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Service]:
    """A service over it with the district on paper."""
    service = open_toy(url, tmp_path)
    yield service
    service.database.close()
