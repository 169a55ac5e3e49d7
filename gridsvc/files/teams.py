"""Read and write teams (CSV or GeoJSON)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.catalogue import Catalogue
    from gridsvc.teams import Team


def read_teams(path: Path, catalogue: Catalogue | None = None) -> list[Team]:
    """Read a CSV with the columns of `Team` (lists separated by ;); unknown units refused where a catalogue is given."""
    raise NotImplementedError
