"""The digests of rows, sealed: from this upgrade on, a change of them that did not go through the program is found."""

from __future__ import annotations

from alembic import op

from gridsvc.db.evidence import row_digests

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Write one event a district with the digests of the rows that there are; nothing proves what they said before."""
    row_digests.write_all(op.get_bind(), row_digests.UPGRADE)
