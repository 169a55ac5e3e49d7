"""Named features of a map: the rivers, railways, hills and places that callers name."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0034"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
