"""Scratch databases for one test, beside the migrated one that all tests share: empty, migrated, with the toy in it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.db.worlds import open_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.embedded import EmbeddedCluster
    from gridsvc.operations.service import Service


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
