"""Alembic's entry: runs with the connection that gridsvc.db.migrate hands over."""

from __future__ import annotations

from alembic import context

from gridsvc.db import access_tables, case_tables, tables, work_tables

metadata = tables.metadata
assert all(module.moment is tables.moment for module in (access_tables, case_tables, work_tables))  # one MetaData

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
