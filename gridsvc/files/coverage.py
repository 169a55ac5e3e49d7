"""Files of coverage plans: scenarios (TOML), candidates (CSV), kept matrices (NumPy), and plans as geodata."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import h3
import numpy as np
import shapely

from gridsvc.coverage.report.page import page
from gridsvc.errors import InvalidInput
from gridsvc.files.csv_text import read_csv_text
from gridsvc.files.isochrones import write_layers
from gridsvc.files.law.catalogue import read_toml
from gridsvc.files.places.places import read_places
from gridsvc.files.text import check_ending, replacing, write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PLAN_ENDINGS = (".geojson", ".json", ".gpkg")
_SAME_DEG = 1e-6


def read_scenario(path: Path) -> dict[str, Any]:
    """Read a scenario: a TOML file with the names of the options; InvalidInput for a file that is none."""
    return read_toml(path)


def read_candidates(path: Path) -> list[tuple[str, float, float, float]]:
    """Read places for posts from CSV: lon, lat, and where there are such columns name and cost (1 without).

    Raises
    ------
    InvalidInput
        When a row has no position or no usable cost; candidates are not left out.
    """
    places = read_places(path)
    if len(places.bad):
        raise InvalidInput(
            f"{path}: {len(places.bad)} rows have no usable position. Correct them, or take them out.",
            kind="bad-candidates",
        )
    titles = [title.strip().lower() for title in places.text.columns]
    name_at = titles.index("name") if "name" in titles else None
    cost_at = titles.index("cost") if "cost" in titles else None
    found = []
    rows = zip(places.text.rows(), places.lon.tolist(), places.lat.tolist(), strict=True)
    for (number, cells), lon, lat in rows:
        cost = 1.0 if cost_at is None else _cost(path, number, cells[cost_at])
        found.append((f"candidate {number}" if name_at is None else cells[name_at].strip(), lon, lat, cost))
    return found


def _cost(path: Path, row: int, text: str) -> float:
    try:
        cost = float(text)
    except ValueError:
        cost = np.nan
    if not np.isfinite(cost) or cost < 0:
        raise InvalidInput(
            f"{path}, row {row}: the cost {text[:40]!r} is no number of 0 or more.", kind="bad-candidates"
        )
    return cost


def kept_matrix(path: Path) -> Callable[[Floats, Floats, dict[str, str], Callable[[], Floats]], Floats]:
    """Return a function that gives the seconds in a file where they are of the same places and roads, else keeps them.

    A file of other places or roads is replaced.
    """
    check_ending(path, (".npz",))

    def seconds(here: Floats, there: Floats, rests_on: dict[str, str], compute: Callable[[], Floats]) -> Floats:
        note = json.dumps(rests_on, sort_keys=True)
        if path.exists() and (found := _read_matrix(path, here, there, note)) is not None:
            return found
        value = compute()
        with replacing(path) as draft, draft.open("wb") as file:
            np.savez_compressed(file, seconds=value, origins=here, destinations=there, rests_on=np.array(note))
        return value

    return seconds


def _read_matrix(path: Path, here: Floats, there: Floats, note: str) -> Floats | None:
    try:
        with np.load(path, allow_pickle=False) as kept:
            places = (kept["origins"], kept["destinations"])
            seconds: Floats = kept["seconds"]
            same = str(kept["rests_on"]) == note
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        raise InvalidInput(
            f"{path} is no matrix that `--save-matrix` wrote. Name another file, or remove it.", kind="bad-matrix-file"
        ) from None
    for kept_places, asked in zip(places, (here, there), strict=True):
        same = same and kept_places.shape == asked.shape and bool((np.abs(kept_places - asked) < _SAME_DEG).all())
    return seconds if same else None


def read_population(path: Path) -> list[tuple[float, float, float]]:
    """Read where how many people live from CSV: lon, lat or `h3` (a cell, counted in its middle), and people.

    The people are in the column `people` or `population`. Rows with 0 people are left out.

    Raises
    ------
    InvalidInput
        When a column is missing, a row has no usable place, or no number of people of 0 or more; none is left out.
    """
    check_ending(path, (".csv",))
    text = read_csv_text(path)
    titles = [title.strip().lower() for title in text.columns]
    count_at = next((titles.index(name) for name in ("people", "population") if name in titles), None)
    if count_at is None:
        raise InvalidInput(
            f"{path} has the columns {', '.join(titles)[:200]}. Add `people`: how many live there.",
            kind="bad-population",
        )
    cell_at = titles.index("h3") if "h3" in titles else None
    if cell_at is None:
        places = read_places(path)
        if len(places.bad):
            raise InvalidInput(
                f"{path}: {len(places.bad)} rows have no usable position. Correct them, or take them out.",
                kind="bad-population",
            )
        rows = list(places.text.rows())
        middles = list(zip(places.lon.tolist(), places.lat.tolist(), strict=True))
    else:
        rows = list(text.rows())
        middles = [_cell_middle(path, number, cells[cell_at]) for number, cells in rows]
    counted = [(*middle, _people(path, number, cells[count_at])) for (number, cells), middle in
               zip(rows, middles, strict=True)]  # fmt: skip
    return [each for each in counted if each[2] > 0]


def _cell_middle(path: Path, row: int, text: str) -> tuple[float, float]:
    cell = text.strip().lower()
    if not h3.is_valid_cell(cell):
        raise InvalidInput(f"{path}, row {row}: {text[:40]!r} is no H3 cell.", kind="bad-population")
    lat, lon = h3.cell_to_latlng(cell)
    return lon, lat


def _people(path: Path, row: int, text: str) -> float:
    try:
        people = float(text)
    except ValueError:
        people = np.nan
    if not np.isfinite(people) or people < 0:
        raise InvalidInput(f"{path}, row {row}: {text[:40]!r} is no number of people.", kind="bad-population")
    return people


def write_plan_page(path: Path, document: dict[str, Any], language: str) -> None:
    """Write the report of a plan as one HTML page in `zh` or `en`.

    Raises InvalidInput for an ending that is not .html, and where the file cannot be written.
    """
    check_ending(path, (".html",), device_ok=True)
    write_text(path, page(document, language))


def write_plan(path: Path, layers: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    """Write rows in named layers as GeoPackage, or as one GeoJSON with the property `layer`; lon/lat WGS-84.

    A row has lon and lat, or `geometry` (GeoJSON) of an area.

    Raises
    ------
    InvalidInput
        For an ending that is not in PLAN_ENDINGS, and where the file cannot be written.
    """
    check_ending(path, PLAN_ENDINGS, device_ok=True)
    if path.suffix.lower() != ".gpkg":
        features = [
            {
                "type": "Feature",
                "geometry": row.get("geometry") or {"type": "Point", "coordinates": [row["lon"], row["lat"]]},
                "properties": {"layer": name} | _properties(row),
            }
            for name, rows in layers.items()
            for row in rows
        ]
        write_text(path, json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False))
        return
    shaped = {name: [(_properties(row), _wkb(row)) for row in rows] for name, rows in layers.items() if rows}
    areas = {name for name, rows in layers.items() if rows and "geometry" in rows[0]}
    write_layers(path, shaped, geometry_type={name: "MultiPolygon" if name in areas else "Point" for name in shaped})


def _wkb(row: dict[str, Any]) -> str:
    if "geometry" not in row:
        return str(shapely.to_wkb(shapely.Point(row["lon"], row["lat"]), hex=True))
    shape = shapely.geometry.shape(row["geometry"])
    parts = [each for each in shapely.get_parts(shape) if each.geom_type == "Polygon"]
    return str(shapely.to_wkb(shapely.MultiPolygon(parts), hex=True))


def _properties(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in {"lon", "lat", "geometry"}}
