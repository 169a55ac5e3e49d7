"""Persons, and the posts of the grids that they hold."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Date, ForeignKeyConstraint, Index, LargeBinary, Table, Text, Uuid

from gridsvc.db.schema.tables import metadata

# Names and numbers of persons, which can be erased; the posts that they held stay.
person = Table(
    "person",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("phone", Text),
    Column("salt", LargeBinary, nullable=False),
    ForeignKeyConstraint(["district"], ["district.code"], name="fk_person_district", ondelete="CASCADE"),
)

post_held = Table(
    "post_held",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("grid", Text, nullable=False),
    Column("post", Text, nullable=False),
    Column("person_id", Uuid, nullable=False),
    Column("since", Date, nullable=False),
    Column("until", Date),
    CheckConstraint("post in ('leader', 'deputy', 'officer')", name="post"),
    CheckConstraint("until > since", name="until"),
    ForeignKeyConstraint(["district"], ["district.code"], name="fk_post_held_district", ondelete="CASCADE"),
    Index("ix_post_held_grid", "district", "grid", "post"),
    Index("ix_post_held_person", "district", "person_id"),
)
