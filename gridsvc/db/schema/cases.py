"""The case and its evidence: incidents, engagements, events, seals, and answers kept for retries."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Sequence,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from gridsvc.db.schema.tables import metadata, moment, shape

OPEN = "status not in ('archived', 'cancelled')"
CLOSED = "status in ('archived', 'cancelled')"
"""Conditions of a case: a query that says the same words may use the indexes of open or of closed cases."""

OWNER_COLUMNS = ("regional", "township", "area", "village")

incident_number = Sequence("incident_number", metadata=metadata)

# The clock that each status must have: a case cannot be archived without the time of it.
_STATUS_CLOCKS = " and ".join(
    f"(status <> '{status}' or {clock} is not null)"
    for status, clock in [
        ("accepted", "accepted_at"),
        ("assigned", "assigned_at"),
        ("handling", "handled_at"),
        ("feedback", "feedback_at"),
        ("archived", "archived_at"),
        ("cancelled", "cancelled_at"),
    ]
)

incident = Table(
    "incident",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("number", BigInteger, incident_number, server_default=incident_number.next_value(), nullable=False),
    Column("type", Text, nullable=False),
    Column("type_name", Text, nullable=False),
    Column("matter", Text),
    Column("urgency", Text, nullable=False),
    Column("response_class", Text),
    Column("target_s", Integer),
    Column("clock_policy", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("waiting", Boolean, nullable=False),
    Column("lead_wanted", Boolean, nullable=False),
    Column("timing", Text),
    moment("due_at"),
    moment("arrived_at"),
    moment("first_on_scene_at"),
    Column("drill", Boolean, nullable=False),
    shape("POINT"),
    shape("GEOMETRY", name="extent", nullable=True),
    Column("radius_m", Double),
    Column("regional", Text),
    Column("township", Text),
    Column("area", Text),
    Column("village", Text),
    Column("owners", JSONB, nullable=False),
    Column("rule", Text, nullable=False),
    Column("generation", Integer),
    Column("handler", Text),
    Column("source", Text),
    Column("external_ref", Text),
    Column("versions", JSONB, nullable=False),
    Column("report_event", Uuid, nullable=False),
    moment("reported_at", nullable=False),
    moment("triggered_at", nullable=False),
    moment("accepted_at"),
    moment("assigned_at"),
    moment("handled_at"),
    moment("feedback_at"),
    moment("archived_at"),
    moment("cancelled_at"),
    CheckConstraint("urgency in ('emergency', 'routine')", name="urgency"),
    CheckConstraint("status in ('triggered', 'accepted', 'assigned', 'handling', 'feedback', 'archived', 'cancelled')",
                    name="status"),
    CheckConstraint(_STATUS_CLOCKS, name="clocks"),
    CheckConstraint("not waiting or status in ('triggered', 'accepted') or lead_wanted", name="waiting"),
    CheckConstraint("not lead_wanted or status in ('assigned', 'handling')", name="lead_wanted"),
    CheckConstraint("timing in ('met', 'late', 'missing', 'open')", name="timing"),
    ForeignKeyConstraint(["district"], ["district.code"], name="fk_incident_district"),
    Index("ix_incident_geom", "geom", postgresql_using="gist", postgresql_where=text(OPEN)),
    Index("ix_incident_open", "district", "triggered_at", "id", postgresql_where=text(OPEN)),
    # An open case changes at every step; the indexes of closed cases get an entry once, when the case is closed. The
    # owners are in most of them, because the policy of the table looks at them: with them the index is enough.
    Index("ix_incident_closed", "district", "triggered_at", "id", *OWNER_COLUMNS, postgresql_where=text(CLOSED)),
    *(Index(f"ix_incident_closed_{name}", "district", column, "triggered_at", "id", *OWNER_COLUMNS,
            postgresql_where=text(CLOSED))
      for name, column in [("status", "status"), ("timing", "timing"), ("class", "response_class"), ("type", "type")]),
    *(Index(f"ix_incident_closed_{column}", "district", column, "triggered_at", "id", postgresql_where=text(CLOSED))
      for column in OWNER_COLUMNS),
    Index("ix_incident_closed_number", "district", "number", postgresql_where=text(CLOSED)),
    Index("ix_incident_closed_geom", "geom", postgresql_using="gist", postgresql_where=text(CLOSED)),
)  # fmt: skip

# `engaging` false: a routine case on the team's work list, which does not take the team off the street.
engagement = Table(
    "engagement",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("incident_id", Uuid, nullable=False),
    Column("drill", Boolean, nullable=False),
    Column("team_id", Uuid, nullable=False),
    Column("slot", Text, nullable=False),
    Column("lead", Boolean, nullable=False),
    Column("engaging", Boolean, nullable=False),
    Column("travel_s", Double),
    Column("response_s", Double),
    moment("since", nullable=False),
    moment("until"),
    moment("acknowledged_at"),
    moment("en_route_at"),
    moment("on_scene_at"),
    Column("outcome", Text),
    Column("preempted_from", Uuid),
    Column("preempted_by", Uuid),
    CheckConstraint("outcome in ('cleared', 'declined', 'withdrawn', 'preempted', 'cancelled', 'archived')",
                    name="outcome"),
    CheckConstraint("(until is null) = (outcome is null)", name="ended"),
    CheckConstraint("until is null or until >= since", name="span"),
    ForeignKeyConstraint(["district", "incident_id"], ["incident.district", "incident.id"],
                         name="fk_engagement_incident"),
    ForeignKeyConstraint(["district", "team_id"], ["team.district", "team.id"], name="fk_engagement_team"),
    # One team, one live engagement.
    Index("uq_engagement_live", "district", "team_id", unique=True,
          postgresql_where=text("until is null and engaging")),
    Index("ix_engagement_incident", "district", "incident_id"),
    Index("ix_engagement_live", "district", "incident_id", postgresql_where=text("until is null")),
)  # fmt: skip

# `body` is the canonical text (RFC 8785) that the seal is computed over; it is never re-serialised.
incident_event = Table(
    "incident_event",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("incident_id", Uuid),
    Column("kind", Text, nullable=False),
    moment("at", nullable=False),
    Column("body", Text, nullable=False),
    Index("ix_incident_event_incident", "district", "incident_id", "id"),
)

event_unsealed = Table(
    "event_unsealed",
    metadata,
    Column("district", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("written", BigInteger, nullable=False, server_default=text("(pg_current_wal_insert_lsn() - '0/0')::bigint")),
)

event_seal = Table(
    "event_seal",
    metadata,
    Column("district", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    moment("sealed_at", now=True),
    Index("uq_event_seal_event", "district", "event_id", unique=True),
)

# One answer per key: a retry gets the bytes of the first, a twin in flight waits for them. An answer that an event
# holds has no body: it is made again from the event.
idempotency = Table(
    "idempotency",
    metadata,
    Column("district", Text, primary_key=True),
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("digest", LargeBinary, nullable=False),
    Column("status", SmallInteger),
    Column("body", LargeBinary),
    Column("incident_id", Uuid),
    Column("event_id", Uuid),
    moment("created_at", now=True),
    Index("ix_idempotency_created_at", "created_at"),
)
