"""Alembic's entry: runs with the connection that gridsvc.db.migrate hands over."""

from __future__ import annotations

from alembic import context

from gridsvc.db import access_tables, case_tables, work_tables
from gridsvc.db.tables import metadata

assert access_tables.metadata is case_tables.metadata is work_tables.metadata is metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
