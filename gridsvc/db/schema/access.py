"""Keys, sessions and paired devices; and the only tables with personal data, which the law may empty.

A district of `*` stands for all districts.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import JSONB

from gridsvc.db.schema.tables import metadata, moment, shape

ALL_DISTRICTS = "*"

# `id` is the public half of a key; of the secret half there is only an argon2 hash.
access_key = Table(
    "access_key",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("grid", Text),
    Column("secret_hash", Text, nullable=False),
    Column("made_by", Text, nullable=False),
    moment("created_at", now=True),
    moment("last_used_at"),
    moment("revoked_at"),
    CheckConstraint("role in ('dispatcher', 'officer', 'supervisor', 'planner', 'engineer', 'admin')", name="role"),
    CheckConstraint("grid is null or district <> '*'", name="grid"),
    Index("ix_access_key_id", "id"),
    Index("uq_access_key_name", "district", "name", unique=True, postgresql_where=sql("revoked_at is null")),
)

# A browser, a paired device or a tracker; `token_digest` is SHA-256 of 130 random bits (a tracker's) or 256.
session = Table(
    "session",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("token_digest", LargeBinary, nullable=False),
    Column("team_id", Uuid),
    moment("created_at", now=True),
    moment("expires_at", nullable=False),
    moment("ended_at"),
    CheckConstraint("kind in ('browser', 'device', 'tracker')", name="kind"),
    CheckConstraint("kind <> 'tracker' or team_id is not null", name="tracker"),
    ForeignKeyConstraint(["district", "key_id"], ["access_key.district", "access_key.id"],
                         name="fk_session_access_key"),
    Index("ix_session_token_digest", "token_digest"),
    Index("ix_session_key", "district", "key_id"),
)  # fmt: skip

# A one-time code that makes a device the key owner's; used once, within minutes.
pairing = Table(
    "pairing",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("key_id", Text, nullable=False),
    Column("code_digest", LargeBinary, nullable=False),
    Column("team_id", Uuid),
    moment("created_at", now=True),
    moment("expires_at", nullable=False),
    moment("used_at"),
    ForeignKeyConstraint(["district", "key_id"], ["access_key.district", "access_key.id"],
                         name="fk_pairing_access_key"),
    Index("ix_pairing_code_digest", "code_digest"),
)  # fmt: skip

# Counted up by every change of a key or session: what a process remembers of callers is good while it stands still.
access_version = Table(
    "access_version",
    metadata,
    Column("district", Text, primary_key=True),
    Column("version", BigInteger, nullable=False, server_default="0"),
)

# Who reported a case, and all that was said in free words. Events carry only salted digests of it.
incident_personal = Table(
    "incident_personal",
    metadata,
    Column("district", Text, primary_key=True),
    Column("incident_id", Uuid, primary_key=True),
    Column("reporter", JSONB(none_as_null=True)),
    Column("description", Text),
    Column("subject", Text),
    Column("site", Text),
    Column("salt", LargeBinary, nullable=False),
    ForeignKeyConstraint(["district", "incident_id"], ["incident.district", "incident.id"],
                         name="fk_incident_personal_incident"),
)  # fmt: skip

# Why roads were closed, in free words.
closure_personal = Table(
    "closure_personal",
    metadata,
    Column("district", Text, primary_key=True),
    Column("closure_id", Uuid, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    ForeignKeyConstraint(["district", "closure_id"], ["closure.district", "closure.id"],
                         name="fk_closure_personal_closure"),
)  # fmt: skip

# Free words of an event: the note of a step or decision, the address from which a key was refused.
event_personal = Table(
    "event_personal",
    metadata,
    Column("district", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("incident_id", Uuid),
    Column("note", Text, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    Index("ix_event_personal_incident", "district", "incident_id"),
)

# A name that a person gave to the place of a case; two persons make it one that is acted on.
learned_name = Table(
    "learned_name",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("incident_id", Uuid, nullable=False),
    Column("confirmed_by", Text, nullable=False),
    moment("confirmed_at", now=True),
    Column("radius_m", Double, nullable=False),
    Column("salt", LargeBinary, nullable=False),
    shape("POINT"),
    UniqueConstraint("district", "name", "incident_id", "confirmed_by", name="uq_learned_name_person"),
    CheckConstraint("radius_m >= 0", name="radius_m"),
    ForeignKeyConstraint(["district", "incident_id"], ["incident.district", "incident.id"],
                         name="fk_learned_name_incident"),
    Index("ix_learned_name_incident", "district", "incident_id"),
)  # fmt: skip
