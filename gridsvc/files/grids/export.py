"""Write grids to GeoJSON, GeoPackage or Shapefile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput
from gridsvc.files.geodata_out import geodata_errors, replacing_geodata
from gridsvc.files.text import check_ending

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import geopandas

    from gridsvc.grids.levels import Grid

DRIVERS = {".geojson": "GeoJSON", ".json": "GeoJSON", ".gpkg": "GPKG", ".shp": "ESRI Shapefile"}


def write_boundaries(path: Path, grids: Sequence[Grid]) -> None:
    """Write grids with columns that `load grids` recognises, WGS-84 and said so; a GeoPackage has a layer a level.

    Raises
    ------
    InvalidInput
        For a suffix that names no known format, or a folder that is not there.
    """
    check_ending(path, tuple(DRIVERS))
    driver = DRIVERS[path.suffix.lower()]
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no folder {path.parent}.")
    more = {"encoding": "UTF-8"} if driver == "ESRI Shapefile" else {}
    # RFC 7946 has no reference system but one; with the old `crs` member a reader need not guess.
    if driver == "GeoJSON":
        more = {"RFC7946": "NO", "COORDINATE_PRECISION": "17", "SIGNIFICANT_FIGURES": "17"}
    if driver == "ESRI Shapefile":  # several files, which cannot be replaced at once
        with geodata_errors(path):
            _frame(grids).to_file(path, driver=driver, engine="pyogrio", **more)
        return
    with replacing_geodata(path) as draft:
        if driver == "GeoJSON":
            _frame(grids).to_file(draft, driver=driver, engine="pyogrio", layer=path.stem, **more)
            return
        for level in sorted({grid.level for grid in grids}):
            own = [grid for grid in grids if grid.level == level]
            _frame(own).to_file(draft, driver=driver, engine="pyogrio", layer=level.key)


def _frame(grids: Sequence[Grid]) -> geopandas.GeoDataFrame:
    import geopandas

    return geopandas.GeoDataFrame(
        {
            "code": [grid.code for grid in grids],
            "name": [grid.name for grid in grids],
            "level": [grid.level.key for grid in grids],
            "parent": [grid.parent for grid in grids],
            "ur_code": [grid.urban_rural_code for grid in grids],
            "derived": [int(grid.derived) for grid in grids],
            "officer": [grid.officer for grid in grids],
        },
        geometry=[grid.geometry for grid in grids],
        crs=4326,
    )
