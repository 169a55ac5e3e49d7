"""The open cases of GIS programs are late from the end of their target on, as in the list and the figures."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0031"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
