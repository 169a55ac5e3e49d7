"""Write grids in the formats that counties, planners and GIS programs take, in WGS-84 or another reference system."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput
from gridsvc.files.geodata_out import geodata_errors, replacing_geodata
from gridsvc.files.text import check_ending, replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas
    from pyproj import CRS

    from gridsvc.grids.levels import Grid

DRIVERS = {
    ".geojson": "GeoJSON", ".json": "GeoJSON", ".gpkg": "GPKG", ".fgb": "FlatGeobuf", ".kml": "LIBKML",
    ".parquet": "Parquet", ".shp": "ESRI Shapefile", ".zip": "ESRI Shapefile",
}  # fmt: skip
"""By ending; .zip is a packed Shapefile."""
_CGCS2000 = 4490


def write_boundaries(path: Path, grids: Sequence[Grid], crs: str | None = None) -> None:
    """Write grids with columns that `load grids` recognises and with their reference system; codes stay texts.

    A GeoPackage has a layer a level. `crs` is an EPSG code such as EPSG:4490 or EPSG:4549; None is WGS-84.

    Raises
    ------
    InvalidInput
        For a suffix that names no known format, a folder that is not there, or a reference system that is not known or
        that the format cannot have.
    """
    check_ending(path, tuple(DRIVERS))
    driver = DRIVERS[path.suffix.lower()]
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no folder {path.parent}.")
    system = _system(crs)
    if driver == "LIBKML" and not system.is_geographic:
        raise InvalidInput(
            f"{path}: KML is in degrees, not in {system.name}. Leave out --crs, or write .gpkg or .zip.",
            kind="unknown-datum",
        )
    if driver == "ESRI Shapefile" and path.suffix.lower() == ".shp":  # several files, which cannot be replaced at once
        with geodata_errors(path):
            _write(path, grids, system, driver)
    elif driver == "ESRI Shapefile":
        _write_packed(path, grids, system)
    elif driver == "Parquet":
        with replacing(path) as draft:
            _frame(grids, system).to_parquet(draft)
    else:
        with replacing_geodata(path) as draft:
            _write(draft, grids, system, driver, layer=path.stem)


def _write(path: Path, grids: Sequence[Grid], system: CRS, driver: str, layer: str | None = None) -> None:
    more: dict[str, Any] = {} if layer is None else {"layer": layer}
    if driver == "GPKG":
        for level in sorted({grid.level for grid in grids}):
            own = [grid for grid in grids if grid.level == level]
            _frame(own, system).to_file(path, driver=driver, engine="pyogrio", layer=level.key)
        return
    if driver == "GeoJSON":
        # RFC 7946 has no reference system but one; with the old `crs` member a reader need not guess.
        more |= {"RFC7946": "NO", "COORDINATE_PRECISION": "17", "SIGNIFICANT_FIGURES": "17"}
    if driver == "ESRI Shapefile":
        more["encoding"] = "UTF-8"
    frame = _frame(grids, system)
    if driver == "LIBKML":
        frame = frame.rename(columns={"name": "Name"})  # what map programs show beside a place
    if driver == "FlatGeobuf":
        more["SPATIAL_INDEX"] = "YES" if len(grids) else "NO"
    frame.to_file(path, driver=driver, engine="pyogrio", **more)


def _write_packed(path: Path, grids: Sequence[Grid], system: CRS) -> None:
    with tempfile.TemporaryDirectory(prefix="gridsvc-") as folder:
        with geodata_errors(path):
            _write(Path(folder) / f"{path.stem}.shp", grids, system, "ESRI Shapefile")
        with replacing(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(Path(folder).iterdir()):
                archive.write(file, file.name)


def _system(crs: str | None) -> CRS:
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        system = CRS.from_user_input("EPSG:4326" if crs is None else crs)
    except CRSError:
        raise InvalidInput(
            f"{crs!r} is no reference system that is written. Use EPSG:4326, EPSG:4490 or the EPSG code of a "
            "projection, for example EPSG:4549.",
            kind="unknown-datum",
        ) from None
    if not (system.is_geographic or system.is_projected):
        raise InvalidInput(f"{system.name} has no degrees or metres of a map. Use EPSG:4490.", kind="unknown-datum")
    return system


def _frame(grids: Sequence[Grid], system: CRS) -> geopandas.GeoDataFrame:
    import geopandas

    geodetic = system.geodetic_crs
    # CGCS2000 is taken as WGS-84: see coordinates
    stored = _CGCS2000 if geodetic is not None and geodetic.to_epsg() == _CGCS2000 else 4326
    frame = geopandas.GeoDataFrame(
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
        crs=stored,
    )
    return frame.to_crs(system)
