"""Calibrations of travel times: documents like the law, one in force a district."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE document DROP CONSTRAINT ck_document_kind")
    op.execute(
        "ALTER TABLE document ADD CONSTRAINT ck_document_kind "
        "CHECK (kind in ('catalogue', 'plans', 'clock_policies', 'teams', 'timers', 'calibration'))"
    )
    op.execute("ALTER TABLE district_version ADD COLUMN calibration TEXT")
