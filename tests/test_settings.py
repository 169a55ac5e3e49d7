"""Settings that would have no effect are refused, since somebody relies on them."""

from __future__ import annotations

import pytest

from gridsvc.errors import InvalidInput
from gridsvc.settings import SETTINGS, Settings


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in SETTINGS:
        monkeypatch.delenv(setting.name, raising=False)


@pytest.mark.parametrize("name", ["GRIDSVC_READ_URL", "GRIDSVC_SESSION_URL"])
def test_a_replica_or_a_pool_needs_a_database(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "postgresql://replica/gridsvc")
    with pytest.raises(InvalidInput, match=f"{name} goes with GRIDSVC_DATABASE_URL"):
        Settings.read()
    monkeypatch.setenv("GRIDSVC_DATABASE_URL", "postgresql://primary/gridsvc")
    assert Settings.read().environment[name] == "postgresql://replica/gridsvc"


def test_only_the_embedded_database_is_archived(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRIDSVC_WAL_ARCHIVE", "/mnt/archive")
    assert Settings.read().database_url is None
    monkeypatch.setenv("GRIDSVC_DATABASE_URL", "postgresql://primary/gridsvc")
    with pytest.raises(InvalidInput, match="archive the log where that database runs"):
        Settings.read()
