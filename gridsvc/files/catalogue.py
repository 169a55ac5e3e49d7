"""Read the catalogue of matters (CSV or TOML) and the units it names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.catalogue import Catalogue, CatalogueReport


def read_catalogue(path: Path, units: Path, *, override_reason: str | None = None) -> tuple[Catalogue, CatalogueReport]:
    """Read `path` (catalogue.toml or .csv) with the units of `units` (units.toml), and compare sums with print."""
    raise NotImplementedError
