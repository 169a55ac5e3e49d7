"""Cases of other dispatch systems that were loaded as history: their files, cases, and the teams on them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gridsvc.db.schema.tables import metadata, moment

# A file that was removed keeps its row, so that its number is never used again. `about`: what was read and left out.
imported_file = Table(
    "imported_file",
    metadata,
    Column("district", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("map", JSONB, nullable=False),
    Column("time_zone", Text, nullable=False),
    Column("generation", Integer),
    Column("cases", Integer, nullable=False),
    Column("teams", Integer, nullable=False),
    Column("about", JSONB, nullable=False),
    Column("loaded_by", Text, nullable=False),
    moment("loaded_at", nullable=False),
    Column("removed_by", Text),
    moment("removed_at"),
    ForeignKeyConstraint(["district"], ["district.code"], name="fk_imported_file_district", ondelete="CASCADE"),
    Index("uq_imported_file_digest", "district", "digest", unique=True, postgresql_where="removed_at is null"),
)

# `regional` to `village` are the owners of the place in `generation` of the file; `said_...` what the file says.
imported_case = Table(
    "imported_case",
    metadata,
    Column("district", Text, primary_key=True),
    Column("file", Integer, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("piece", Integer, nullable=False),
    Column("case_id", Text, nullable=False),
    moment("received_at"),
    moment("assigned_at"),
    Column("cancelled", Boolean, nullable=False),
    Column("drill", Boolean, nullable=False),
    Column("emergency", Boolean, nullable=False),
    Column("target_s", Integer),
    Column("type", Text),
    Column("response_class", Text),
    Column("place_class", Text),
    Column("lon", Double),
    Column("lat", Double),
    Column("place", Text, nullable=False),
    Column("regional", Text),
    Column("township", Text),
    Column("area", Text),
    Column("village", Text),
    Column("said_regional", Text),
    Column("said_township", Text),
    Column("said_area", Text),
    Column("said_village", Text),
    CheckConstraint("place in ('located', 'named', 'outside', 'unknown')", name="place"),
    CheckConstraint("(lon is null) = (lat is null)", name="position"),
    ForeignKeyConstraint(
        ["district", "file"],
        ["imported_file.district", "imported_file.number"],
        name="fk_imported_case_imported_file",
        ondelete="CASCADE",
    ),
    Index("ix_imported_case_received_at", "district", "received_at"),
)

imported_team = Table(
    "imported_team",
    metadata,
    Column("district", Text, primary_key=True),
    Column("file", Integer, primary_key=True),
    Column("case_row", Integer, primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("piece", Integer, nullable=False),
    Column("team", Text),
    Column("unit", Text),
    Column("lead", Boolean, nullable=False),
    moment("since"),
    moment("acknowledged_at"),
    moment("en_route_at"),
    moment("on_scene_at"),
    moment("until"),
    ForeignKeyConstraint(
        ["district", "file", "case_row"],
        ["imported_case.district", "imported_case.file", "imported_case.row"],
        name="fk_imported_team_imported_case",
        ondelete="CASCADE",
    ),
)
