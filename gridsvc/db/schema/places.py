"""Named features of a map, for the gazetteer and for the questions that are put to callers."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Double, ForeignKeyConstraint, Identity, Index, Table, Text

from gridsvc.db.schema.tables import metadata, shape

# A line has no radius.
named_feature = Table(
    "named_feature",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("radius_m", Double, nullable=False),
    Column("source", Text, nullable=False),
    shape("GEOMETRY"),
    CheckConstraint(
        "kind in ('river', 'stream', 'railway', 'peak', 'water', 'bridge', 'station', 'place')", name="kind"
    ),
    CheckConstraint(
        "geometrytype(geom) = case when kind in ('river', 'stream', 'railway') then 'LINESTRING' else 'POINT' end",
        name="shape",
    ),
    CheckConstraint("radius_m >= 0", name="radius_m"),
    ForeignKeyConstraint(["district"], ["district.code"], name="fk_named_feature_district", ondelete="CASCADE"),
    Index("ix_named_feature_geom", "geom", postgresql_using="gist"),
)
