"""Alembic's entry: runs with the connection that gridsvc.db.schema.migrate hands over."""

from __future__ import annotations

from alembic import context

from gridsvc.db.schema import access, cases, compliance, imported, jobs, places, posts, tables

metadata = tables.metadata
assert all(module.metadata is metadata for module in (access, cases, compliance, imported, jobs, places, posts))

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
