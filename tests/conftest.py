"""Fixtures that every folder of tests shares."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.embedded import EmbeddedCluster

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
    from gridsvc.db.embedded import EmbeddedCluster
    from gridsvc.db.migrate import upgrade

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
    from gridsvc.db.embedded import EmbeddedCluster

    return EmbeddedCluster(data_folder)
