"""Write a report of compliance: a page, its document, its table; and areas for a map."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import parquet

from gridsvc.compliance.report.page import page
from gridsvc.compliance.report.tables import COLUMNS, table_rows
from gridsvc.files.geodata_out import replacing_geodata
from gridsvc.files.text import check_ending, replacing, write_text

if TYPE_CHECKING:
    from pathlib import Path

REPORT_ENDINGS = (".html", ".json", ".csv", ".parquet")
AREA_ENDINGS = (".geojson", ".json", ".gpkg")
_WORDS = frozenset(COLUMNS) - {"n", "count", "value", "low", "high"}


def write_report(path: Path, document: dict[str, Any], language: str) -> None:
    """Write a report as .html in a language, its document as .json, its figures as .csv or .parquet.

    Raises InvalidInput for another ending, and where the file cannot be written.
    """
    check_ending(path, REPORT_ENDINGS, device_ok=True)
    ending = path.suffix.lower()
    if ending == ".html":
        write_text(path, page(document, language))
    elif ending == ".csv":
        with replacing(path) as draft, draft.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(table_rows(document))
    elif ending == ".parquet":
        rows = table_rows(document)
        columns = {name: pa.array([each[name] for each in rows], _type(name)) for name in COLUMNS}
        with replacing(path) as draft:
            parquet.write_table(pa.table(columns), draft)
    else:
        write_text(path, json.dumps(document, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n")


def _type(name: str) -> pa.DataType:
    if name in _WORDS:
        return pa.string()
    return pa.int64() if name in {"n", "count"} else pa.float64()


def write_late_areas(path: Path, collection: dict[str, Any]) -> None:
    """Write areas as GeoJSON, or as a GeoPackage where the name ends with .gpkg; lon/lat WGS-84 (EPSG:4326).

    Raises InvalidInput for an ending that is not in AREA_ENDINGS, and where the file cannot be written.
    """
    check_ending(path, AREA_ENDINGS, device_ok=True)
    if path.suffix.lower() != ".gpkg":
        write_text(path, json.dumps(collection, ensure_ascii=False, allow_nan=False))
        return
    import geopandas as gpd
    import shapely

    rows = [
        each["properties"] | {name: ",".join(each["properties"][name]) for name in ("townships", "township_names")}
        for each in collection["features"]
    ]
    shapes = [shapely.geometry.shape(each["geometry"]) for each in collection["features"]]
    frame = gpd.GeoDataFrame(rows, geometry=shapes, crs="EPSG:4326")
    with replacing_geodata(path) as draft:
        frame.to_file(draft, layer="late_areas", driver="GPKG", engine="pyogrio")
