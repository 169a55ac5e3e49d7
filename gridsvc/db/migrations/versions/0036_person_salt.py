"""The digests of persons, sealed: from this upgrade on, an altered name or number of a post's holder is found."""

from __future__ import annotations

from pathlib import Path

from alembic import op

from gridsvc.db.evidence import row_digests

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    connection.connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    row_digests.write_all(connection, row_digests.UPGRADE, tables=("person",))
