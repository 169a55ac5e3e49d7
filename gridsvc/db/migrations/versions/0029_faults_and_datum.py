"""The faults of the boundaries as polygons, and the datum of a team's positions, for QGIS and GDAL."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0029"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().connection.cursor().execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
