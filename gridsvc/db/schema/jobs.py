"""What the background process works on: jobs, due times, alerts of timers, proposals with their decision.

A district of `*` stands for the whole service.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gridsvc.db.schema.tables import metadata, moment

WHOLE_SERVICE = "*"

# `attempt` is a fencing token: a process with an older number may not write for the job.
job = Table(
    "job",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("arguments", JSONB, nullable=False, server_default="{}"),
    Column("asked_by", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("attempts_allowed", Integer, nullable=False, server_default="3"),
    Column("holder", Text),
    Column("done", BigInteger, nullable=False, server_default="0"),
    Column("total", BigInteger),
    Column("words", Text, nullable=False, server_default=""),
    Column("result", JSONB),
    Column("error", Text),
    moment("created_at", now=True),
    moment("started_at"),
    moment("heartbeat_at"),
    moment("cancel_asked_at"),
    moment("finished_at"),
    CheckConstraint("state in ('waiting', 'running', 'done', 'failed', 'cancelled')", name="state"),
    CheckConstraint("(state in ('done', 'failed', 'cancelled')) = (finished_at is not null)", name="finished"),
    CheckConstraint("state <> 'running' or heartbeat_at is not null", name="heartbeat"),
    Index("ix_job_open", "created_at", postgresql_where=text("state in ('waiting', 'running')")),
)

# Something that takes effect at a moment. Its effect and its end are one transaction, so that it happens once.
due = Table(
    "due",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    moment("at", nullable=False),
    Column("arguments", JSONB, nullable=False, server_default="{}"),
    Column("asked_by", Text, nullable=False),
    Column("state", Text, nullable=False, server_default="waiting"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("outcome", JSONB),
    moment("created_at", now=True),
    moment("finished_at"),
    CheckConstraint("state in ('waiting', 'done', 'failed', 'cancelled')", name="state"),
    CheckConstraint("(state = 'waiting') = (finished_at is null)", name="finished"),
    Index("ix_due_waiting", "at", postgresql_where=text("state = 'waiting'")),
    Index("uq_due_waiting", "district", "kind", "subject", unique=True, postgresql_where=text("state = 'waiting'")),
)

# One row a step of a case that took too long: `rank` 0 warned, 1 and more escalated so many grid levels up.
alert = Table(
    "alert",
    metadata,
    Column("district", Text, primary_key=True),
    Column("incident_id", Uuid, primary_key=True),
    Column("step", Text, primary_key=True),
    moment("since", key=True),
    Column("rank", SmallInteger, primary_key=True),
    moment("limit_at", nullable=False),
    moment("at", nullable=False),
    Column("level", Text),
    Column("owner", Text),
    Column("timers", Text, nullable=False),
    ForeignKeyConstraint(["district", "incident_id"], ["incident.district", "incident.id"],
                         name="fk_alert_incident"),
    CheckConstraint("rank >= 0", name="rank"),
    CheckConstraint("level in ('village', 'area', 'township', 'regional', 'district')", name="level"),
)  # fmt: skip

# What the program proposes and a person decides: no card without a decision. Why is the note of `decided_event`.
proposal = Table(
    "proposal",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("incident_id", Uuid),
    Column("subject", Text, nullable=False),
    Column("grounds", JSONB, nullable=False, server_default="{}"),
    moment("proposed_at", nullable=False),
    Column("decision", Text),
    Column("decided_by", Text),
    moment("decided_at"),
    Column("decided_event", Uuid),
    CheckConstraint("decision in ('accepted', 'rejected', 'withdrawn')", name="decision"),
    CheckConstraint("(decision is null) = (decided_at is null) and (decision is null) = (decided_by is null)",
                    name="decided"),
    ForeignKeyConstraint(["district", "incident_id"], ["incident.district", "incident.id"],
                         name="fk_proposal_incident"),
    Index("uq_proposal_subject", "district", "kind", "incident_id", "subject", unique=True),
    Index("ix_proposal_open", "district", "proposed_at", postgresql_where=text("decision is null")),
    Index("ix_proposal_proposed_at", "district", "proposed_at", "id"),
)  # fmt: skip

# When what was kept last: the newest good backup, the newest verified chain.
service_mark = Table(
    "service_mark",
    metadata,
    Column("district", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("value", JSONB, nullable=False),
    moment("at", now=True),
)
