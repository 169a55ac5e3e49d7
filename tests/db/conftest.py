"""A scratch database for one test, beside the migrated one that all tests share."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.embedded import EmbeddedCluster


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
