"""Reports of compliance that are kept: the document that they are made of, by its digest."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, Uuid

from gridsvc.db.schema.tables import metadata, moment

# `content` is canonical JSON text and `digest` its SHA-256: the same report is kept once. The month of an assessment
# has a `since` and an `until`; None is without that end.
compliance_report = Table(
    "compliance_report",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    moment("since"),
    moment("until"),
    Column("policy", Text, nullable=False),
    Column("cases", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    moment("made_at", nullable=False),
    CheckConstraint("since < until", name="span"),
    CheckConstraint("cases > 0", name="cases"),
    Index("uq_compliance_report_digest", "district", "digest", unique=True),
    Index("ix_compliance_report_made_at", "district", "made_at", "id"),
)
