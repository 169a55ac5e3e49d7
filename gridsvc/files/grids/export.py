"""Write grids in the formats that counties, planners and GIS programs take, in WGS-84 or another reference system."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.errors import InvalidInput
from gridsvc.files.geodata_out import geodata_errors, replacing_geodata
from gridsvc.files.text import check_ending, replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import geopandas
    from pyproj import CRS
    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.fault import Fault
    from gridsvc.grids.levels import Grid

FAULT_ENDINGS = (".gpkg", ".geojson", ".json")
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


def write_faults(path: Path, faults: Sequence[Fault]) -> int:
    """Write the polygons of faults as one layer `faults`, WGS-84, and return how many have polygons.

    Codes and names are joined by commas; `cure` is the command that removes the fault.

    Raises
    ------
    InvalidInput
        For an ending that is not in FAULT_ENDINGS, and where the file cannot be written.
    """
    drawn = [(fault, parts) for fault in faults if (parts := _polygons(fault.shape))]
    write_features(
        path,
        "faults",
        [
            (
                {
                    "kind": fault.kind,
                    "blocking": fault.blocking,
                    "codes": ",".join(fault.codes),
                    "names": ",".join(fault.names),
                    "area_m2": round(fault.area_m2, 2),
                    "words": fault.words,
                    "cure": fault.cure,
                },
                shapely.union_all(parts) if len(parts) > 1 else parts[0],
            )
            for fault, parts in drawn
        ],
    )
    return len(drawn)


def write_features(path: Path, layer: str, rows: Sequence[tuple[dict[str, Any], BaseGeometry]]) -> None:
    """Write polygons (WGS-84) with their attributes as one layer of MultiPolygons, .gpkg or .geojson.

    Raises
    ------
    InvalidInput
        For an ending that is not in FAULT_ENDINGS, and where the file cannot be written.
    """
    import geopandas

    check_ending(path, FAULT_ENDINGS)
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no folder {path.parent}.")
    drawn = [(row, parts) for row, shape in rows if (parts := _polygons(shape))]
    shapes = [shapely.multipolygons(parts) for _, parts in drawn]
    frame = geopandas.GeoDataFrame([row for row, _ in drawn], geometry=shapes, crs=4326)
    more = {} if path.suffix.lower() == ".gpkg" else {"RFC7946": "NO", "COORDINATE_PRECISION": "15"}
    driver = DRIVERS[path.suffix.lower()]
    with replacing_geodata(path) as draft:
        frame.to_file(draft, driver=driver, engine="pyogrio", layer=layer, geometry_type="MultiPolygon", **more)


def _polygons(shape: BaseGeometry) -> list[BaseGeometry]:
    parts = shapely.get_parts(shapely.get_parts(shape))
    return [part for part in parts if shapely.get_dimensions(part) == 2]


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
