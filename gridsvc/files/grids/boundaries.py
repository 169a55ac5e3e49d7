"""Boundaries of one level out of any file that GDAL reads: columns guessed and shown, datum declared, never assumed."""

from __future__ import annotations

import codecs
import re
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from gridsvc.coordinates import find_datum, to_wgs84
from gridsvc.errors import InvalidInput, NotFound, UndeclaredDatum

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pyproj import CRS, Transformer

# What columns are called, in Chinese cadastres and elsewhere; earlier names win.
_CALLED = {
    "code": (
        "code",
        "grid_code",
        "gridcode",
        "网格编码",
        "网格代码",
        "统计用区划代码",
        "区划代码",
        "行政区划代码",
        "行政区代码",
        "编码",
        "代码",
        "xzqdm",
        "zldwdm",
        "qsdwdm",
        "adcode",
        "village_code",
        "town_code",
        "bm",
        "dm",
    ),
    "name": (
        "name",
        "grid_name",
        "gridname",
        "网格名称",
        "村名称",
        "村社名称",
        "村名",
        "乡镇名称",
        "乡镇名",
        "行政区名称",
        "区划名称",
        "名称",
        "名字",
        "xzqmc",
        "zldwmc",
        "qsdwmc",
        "village",
        "town",
        "nam",
        "mc",
    ),
    "parent": (
        "parent",
        "parent_code",
        "上级编码",
        "上级代码",
        "上级网格编码",
        "上级网格",
        "上级",
        "所属乡镇代码",
        "所属乡镇",
        "所属片区",
        "pcode",
        "sjdm",
    ),
    "officer": ("officer", "网格员", "网格长", "执法队员", "专职执法队员"),
    "urban_rural_code": ("urban_rural_code", "ur_code", "城乡分类代码", "城乡分类", "cxfldm"),
}
_AREAL = (3, 6)
_UNPUBLISHED = {"4214", "4555", "4610"}
"""EPSG codes of Beijing 1954, New Beijing and Xian 1980; what PROJ knows of them holds offshore and in Ordos only."""
_SHIFT_M = 10.0
"""How well the shift between a datum and WGS-84 must be known."""


@dataclass(frozen=True, slots=True)
class Boundaries:
    """What one file holds. All lists have one entry a feature, in the order of the file.

    geometries: WGS-84, two dimensions, possibly invalid. codes, parents, officers, urban_rural_codes: None where the
    file has none. columns: which column was taken for what, to be shown. notes: what else a person should know.
    """

    names: list[str]
    codes: list[str | None]
    parents: list[str | None]
    officers: list[str | None]
    urban_rural_codes: list[str | None]
    geometries: NDArray[np.object_]
    columns: dict[str, str]
    crs: str
    notes: list[str] = field(default_factory=list)


def read_boundaries(
    path: Path,
    *,
    crs: str | None = None,
    code_field: str | None = None,
    name_field: str | None = None,
    parent_field: str | None = None,
    layer: str | None = None,
    encoding: str | None = None,
) -> Boundaries:
    """Read the polygons of a file.

    Parameters
    ----------
    crs
        Datum (GCJ-02, BD-09, ...) or reference system (EPSG:4549, ...) of the coordinates; wins over the file.
    code_field, name_field, parent_field
        Columns; those not given are guessed by their names.
    layer
        Which layer, where the file has several.
    encoding
        Of the texts of a Shapefile; without it, and without a .cpg file beside it, UTF-8 or else GB 18030.

    Raises
    ------
    InvalidInput
        For a file that is no geodata, is empty, has no such layer or column, or an unknown reference system; and
        UndeclaredDatum for one that does not say what its coordinates refer to, when `crs` does not either.
    NotFound
        When there is no such file.
    """
    import pyogrio.errors
    import pyogrio.raw

    if not path.exists():
        raise NotFound(f"There is no file {path}.", kind="no-file")
    layer = _choose_layer(path, layer)
    encoding, note = _choose_encoding(path, encoding)
    try:
        with warnings.catch_warnings():  # a ring that does not close is a fault to be listed, not a warning
            warnings.simplefilter("ignore", RuntimeWarning)
            meta, _, shapes, values = pyogrio.raw.read(path, layer=layer, encoding=encoding)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"{path} cannot be read: {_first_line(error)}", kind="unreadable-file") from error
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"{path}: texts are not {encoding or 'UTF-8'}; name their encoding by --encoding, for example GBK."
        ) from error
    if shapes is None or not len(shapes):
        raise InvalidInput(f"{path} holds no features. Export the boundaries again.", kind="empty-file")
    fields = [str(name) for name in meta["fields"]]
    table: dict[str, Sequence[Any]] = dict(zip(fields, values, strict=True))
    wanted = {"code": code_field, "name": name_field, "parent": parent_field}
    columns = _choose_columns(path, table, wanted)
    read, converts = _reference(path, meta["crs"], crs)
    return Boundaries(
        names=_names(path, table, columns),
        codes=_texts(table, columns.get("code"), len(shapes)),
        parents=_texts(table, columns.get("parent"), len(shapes)),
        officers=_texts(table, columns.get("officer"), len(shapes)),
        urban_rural_codes=_texts(table, columns.get("urban_rural_code"), len(shapes)),
        geometries=_geometries(path, shapes, converts, read),
        columns=columns,
        crs=read,
        notes=[note] if note else [],
    )


def _choose_layer(path: Path, layer: str | None) -> str | None:
    import pyogrio
    import pyogrio.errors

    try:
        layers = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
    except (pyogrio.errors.DataSourceError, RuntimeError, ValueError) as error:
        raise InvalidInput(
            f"{path} is no geodata file that GDAL reads ({_first_line(error)}). GeoJSON, GeoPackage, Shapefile, KML, "
            "FileGDB and others are; check that it is whole.",
            kind="unreadable-file",
        ) from error
    if layer is not None:
        if layer not in layers:
            raise InvalidInput(f"{path} has no layer {layer!r}; it has {', '.join(layers)}.", kind="no-layer")
        return layer
    if len(layers) > 1:
        raise InvalidInput(
            f"{path} has {len(layers)} layers: choose one by --layer: {', '.join(layers)}.", kind="no-layer"
        )
    if not layers:
        raise InvalidInput(f"{path} holds no layer with geometries.", kind="empty-file")
    return layers[0]


def _choose_encoding(path: Path, encoding: str | None) -> tuple[str | None, str | None]:
    """Return the encoding to read with, and what to say of it: a Shapefile's texts are UTF-8 or else Chinese."""
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise InvalidInput(f"There is no text encoding {encoding!r}; try GBK or UTF-8.") from None
        return encoding, None
    table = path.with_suffix(".dbf")
    if path.suffix.lower() != ".shp" or not table.exists() or path.with_suffix(".cpg").exists():
        return None, None
    content = table.read_bytes()
    for guess in ("UTF-8", "GB18030"):
        try:
            content[32:].decode(guess)
        except UnicodeDecodeError:
            continue
        return (
            guess,
            f"{table.name} names no encoding; its texts read as {guess}. Give --encoding where they look wrong.",
        )
    return "GB18030", f"{table.name} names no encoding; taken as GB18030. Give --encoding where texts look wrong."


def _choose_columns(path: Path, table: dict[str, Sequence[Any]], wanted: dict[str, str | None]) -> dict[str, str]:
    columns: dict[str, str] = {}
    listed = ", ".join(table) or "none at all"
    for what, result in wanted.items():
        if result is not None:
            if result not in table:
                raise InvalidInput(f"{path} has no column {result!r}; it has {listed}.", kind="no-column")
            columns[what] = result
    folded = {name.strip().lower(): name for name in reversed(list(table))}
    for what, names in _CALLED.items():
        guess = next((folded[name] for name in names if name in folded and folded[name] not in columns.values()), None)
        if what not in columns and guess is not None and (what != "code" or _are_codes(table[guess])):
            columns[what] = guess
    if "name" not in columns:
        texts = [name for name, values in table.items() if _are_texts(values) and name not in columns.values()]
        if len(texts) == 1:
            columns["name"] = texts[0]
        elif "code" not in columns:
            raise InvalidInput(
                f"{path}: which column has the names? Say it by --name-field; there are {listed}.", kind="no-column"
            )
    return columns


def _are_codes(values: Sequence[Any]) -> bool:
    """Say whether a guessed code column is different for every grid; an adcode that all share does not."""
    texts = [_text(value) for value in values]
    return None not in texts and len(set(texts)) == len(texts)


def _are_texts(values: Sequence[Any]) -> bool:
    return any(isinstance(value, str) and value.strip() for value in values)


def _text(value: object) -> str | None:
    if value is None or (isinstance(value, (float, np.floating)) and not np.isfinite(value)):
        return None
    if isinstance(value, (float, np.floating)) and float(value).is_integer():
        value = int(value)  # a code that a spreadsheet turned into a number
    return str(value).strip() or None


def _texts(table: dict[str, Sequence[Any]], column: str | None, count: int) -> list[str | None]:
    return [None] * count if column is None else [_text(value) for value in table[column]]


def _names(path: Path, table: dict[str, Sequence[Any]], columns: dict[str, str]) -> list[str]:
    column = columns.get("name", columns.get("code"))
    assert column is not None
    names = [_text(value) for value in table[column]]
    for row, name in enumerate(names, 1):
        if name is None:
            raise InvalidInput(f"{path}: feature {row} has no name in column {column!r}. Give it one.", kind="no-name")
    return [name for name in names if name is not None]


def _reference(
    path: Path, result: str | None, crs: str | None
) -> tuple[str, Callable[[NDArray[np.float64]], NDArray[np.float64]]]:
    """Return what the coordinates refer to, and what turns (n, 2) of them into WGS-84 degrees."""
    if crs is None:
        if result is None or (path.suffix.lower() in {".geojson", ".json"} and not _declares_crs(path)):
            raise UndeclaredDatum(
                f"{path} does not say what its coordinates refer to, and 500 m hang on it. Say it by --crs: EPSG:4326, "
                "EPSG:4490 (CGCS2000), GCJ-02 (Amap, Tencent), BD-09 (Baidu), or the EPSG code of a projection."
            )
        crs = result
    datum = find_datum(crs)
    if datum is not None:
        return datum.value, lambda c: np.column_stack(to_wgs84(c[:, 0].copy(), c[:, 1].copy(), datum))
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        system = CRS.from_user_input(crs)
    except CRSError:
        raise InvalidInput(
            f"{crs!r} is no reference system that is known. Use EPSG:4326, EPSG:4490, GCJ-02, BD-09 or an EPSG code.",
            kind="unknown-datum",
        ) from None
    found = find_datum(":".join(system.to_authority() or ("", "")))
    if found is not None:
        return found.value, lambda c: c
    transformer = _transformer(system)
    return system.name, lambda c: np.column_stack(transformer.transform(c[:, 0], c[:, 1]))


def _is_unpublished(geodetic: CRS | None) -> bool:
    return geodetic is not None and (geodetic.to_authority(min_confidence=20) or ("", ""))[1] in _UNPUBLISHED


def _transformer(system: CRS) -> Transformer:
    """Return what turns a reference system into WGS-84; refuses one whose shift nobody published.

    Without parameters PROJ would take the degrees of Xian 1980 or Beijing 1954 as they are: 100 m off, and silent.
    """
    from pyproj import Transformer
    from pyproj.transformer import TransformerGroup

    geodetic = system.geodetic_crs
    if geodetic is not None and find_datum(":".join(geodetic.to_authority() or ("", ""))) is not None:
        return Transformer.from_crs(system, 4326, always_xy=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the best grid is not here: the next best is measured below
        known = (
            []
            if _is_unpublished(geodetic)
            else [t for t in TransformerGroup(system, 4326, always_xy=True).transformers if 0 <= t.accuracy <= _SHIFT_M]
        )
    if not known:
        raise InvalidInput(
            f"{system.name} lies tens of metres from WGS-84, by parameters that are not public. Have the file "
            "converted to CGCS2000 (EPSG:4490) by whoever surveyed it.",
            kind="unknown-datum",
        )
    return known[0]


def _declares_crs(path: Path) -> bool:
    """Say whether a GeoJSON file has the `crs` member, which stands before or after the features."""
    with path.open("rb") as file:
        head = file.read(1 << 16)
        file.seek(max(path.stat().st_size - (1 << 16), 0))
        tail = file.read()
    return any(re.search(rb'"crs"\s*:\s*\{', part) for part in (head, tail))


def _geometries(
    path: Path, shapes: NDArray[np.object_], converts: Callable[[NDArray[np.float64]], NDArray[np.float64]], crs: str
) -> NDArray[np.object_]:
    with np.errstate(invalid="ignore"):
        read = shapely.force_2d(shapely.from_wkb(shapes, on_invalid="ignore"))
    for row, shape in enumerate(read):
        if shape is None:
            read[row] = shapely.Polygon()
        elif shapely.get_type_id(shape) == 7:  # a collection: its areas count
            areas = [part for part in shapely.get_parts(shape) if shapely.get_type_id(part) in _AREAL]
            read[row] = shapely.MultiPolygon([p for a in areas for p in shapely.get_parts(a)]) if areas else shape
    if not any(shapely.get_type_id(shape) in _AREAL for shape in read):
        kinds = ", ".join(sorted({shape.geom_type for shape in read}))
        raise InvalidInput(f"{path} holds no polygons but {kinds}. Boundaries are polygons.", kind="no-polygons")
    flat = shapely.get_coordinates(read)
    finite = np.isfinite(flat).all(axis=1)
    moved = flat.copy()
    moved[finite] = converts(flat[finite])
    off = finite & ~((np.abs(moved[:, 0]) <= 180) & (np.abs(moved[:, 1]) <= 90))
    if off.any():
        x, y = flat[np.argmax(off)]
        cure = "They look like metres of a projection: name it by --crs, for example EPSG:4549."
        if abs(x) <= 90 and abs(y) <= 180:
            cure = "They look swapped: write longitude before latitude."
        raise InvalidInput(f"{path}: ({x}, {y}) are no degrees of {crs}. {cure}", kind="out-of-range")
    return np.asarray(shapely.set_coordinates(read, moved), dtype=object)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
