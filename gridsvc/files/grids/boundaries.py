"""Boundaries of one level out of any file that GDAL reads: columns guessed and shown, datum declared, never assumed."""

from __future__ import annotations

import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from gridsvc.coordinates import Datum
from gridsvc.errors import InvalidInput
from gridsvc.files.csv_text import HEADERS, read_csv_text
from gridsvc.files.grids.columns import choose_columns, cut_names, text_of, texts_of
from gridsvc.files.grids.containers import TABLES, choose_layer, first_line, open_container
from gridsvc.files.grids.outlines import AREAL, Labels, Outlines, name_outlines, outlines_of, outlines_of_drawing
from gridsvc.files.grids.reference_systems import (
    are_metres,
    check_degrees,
    check_place,
    declares_crs,
    reference,
    refuse_metres,
)
from gridsvc.files.grids.shapefile_texts import choose_encoding, mend

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from numpy.typing import NDArray

    from gridsvc.coordinates import Bounds

_JSON = {".geojson", ".json", ".geojsonl", ".geojsons"}
_GEOMETRY_COLUMNS = "WKT,wkt,geom,the_geom,geometry,shape,几何,wkt_geom"


@dataclass(frozen=True, slots=True)
class Boundaries:
    """What one file holds. All lists have one entry a feature, in the order of the file.

    geometries: WGS-84, two dimensions, possibly invalid. codes, parents, officers, urban_rural_codes: None where the
    file has none. columns: which column was taken for what, to be shown. datum: of the degrees of the file; of a
    projection WGS-84. notes: what else a person should know.
    """

    names: list[str]
    codes: list[str | None]
    parents: list[str | None]
    officers: list[str | None]
    urban_rural_codes: list[str | None]
    geometries: NDArray[np.object_]
    columns: dict[str, str]
    crs: str
    datum: Datum = Datum.WGS84
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a district before its file is read; it decides between guesses, and makes cures exact.

    names: of the grids of this level. outline_name: of the whole district. near: a box round it.
    """

    names: frozenset[str] = frozenset()
    outline_name: str | None = None
    near: Bounds | None = None


class _Table(NamedTuple):
    """A layer as it was read."""

    dataset: Path
    layer: str
    shapes: NDArray[np.object_]
    table: dict[str, Sequence[Any]]
    crs: str | None
    notes: list[str]


def read_boundaries(
    path: Path,
    *,
    crs: str | None = None,
    fields: dict[str, str | None] | None = None,
    layer: str | None = None,
    encoding: str | None = None,
    labels: Path | None = None,
    expected: Expected | None = None,
) -> Boundaries:
    """Read the polygons of a file, folder or zip archive.

    Parameters
    ----------
    crs
        Datum (GCJ-02, BD-09, ...) or reference system (EPSG:4549, ...) of the coordinates; wins over the file.
    fields
        Columns by name: `code`, `name`, `parent`; those not given are guessed by their names and by what is in them.
    layer
        Which layer, where the file has several.
    encoding
        Of the texts; without it that which the file names, where it fits, or else UTF-8 or GB 18030.
    labels
        A file of points with names (and codes), one in each outline; for outlines without attributes.

    Raises
    ------
    InvalidInput
        For a file that is no geodata, is empty, has no such layer or column, or an unknown reference system; and
        UndeclaredDatum for one that does not say what its coordinates refer to, when `crs` does not either. The
        parameter `retry` has the options that cure it.
    NotFound
        When there is no such file.
    """
    known = expected or Expected()
    read = _read(path, layer, encoding, known.names, areal=True)
    drawing = read.dataset.suffix.lower() == ".dxf"
    if drawing:
        outlines = outlines_of_drawing(path, read.shapes, read.table, layer)
        table: dict[str, Sequence[Any]] = {}
    else:
        outlines = outlines_of(path, read.shapes)
        table = {name: [values[row] for row in outlines.rows] for name, values in read.table.items()}
    declared, datum, converts = _reference(path, read, crs, known.near)
    shapes = _converted(path, outlines.shapes, converts, declared, known.near)
    notes = [*read.notes, *outlines.notes]
    columns = choose_columns(path, table, dict(fields or {}), known.names)
    count = len(shapes)
    codes = texts_of(table, columns.get("code"), count)
    if labels is not None:
        joined = _read_labels(labels, crs, known)
        names, label_codes = name_outlines(path, shapes, joined, known.names)
        codes = [own or other for own, other in zip(codes, label_codes, strict=True)]
        notes.append(f"names from the points of {labels.name}")
    elif drawing:
        names = _names_of_drawing(path, outlines, shapes, converts, known)
        notes.append("names from the texts of the drawing")
    else:
        names = _names(path, table, columns, count, known.outline_name or path.stem)
        if not {"name", "code"} & set(columns):
            notes.append(f"the one outline has no name; it is named {names[0]!r}")
    return Boundaries(
        names=names,
        codes=codes,
        parents=texts_of(table, columns.get("parent"), count),
        officers=texts_of(table, columns.get("officer"), count),
        urban_rural_codes=texts_of(table, columns.get("urban_rural_code"), count),
        geometries=shapes,
        columns=columns,
        crs=declared,
        datum=datum,
        notes=[*notes, *cut_names(columns)],
    )


def _read(path: Path, layer: str | None, encoding: str | None, words: Collection[str], *, areal: bool) -> _Table:
    """Read a layer of a file; `areal`: one that may hold polygons."""
    with open_container(path) as layers, tempfile.TemporaryDirectory(prefix="gridsvc-") as folder:
        drawing = len(layers) == 1 and layers[0].dataset.suffix.lower() == ".dxf"
        candidates = layers if areal else [each for each in layers if "Polygon" not in each.kind] or layers
        chosen, notes = choose_layer(path, candidates, None if drawing else layer)
        dataset = chosen.dataset
        options: dict[str, str] = {}
        used, note = choose_encoding(dataset, encoding, words)
        if dataset.suffix.lower() in TABLES:
            dataset, options = _plain_csv(dataset, Path(folder)), _csv_options()
        else:
            dataset = mend(dataset, used, Path(folder))
        meta, shapes, values = _raw(path, dataset, chosen.name, used, options)
        table = _as_table([str(name) for name in meta["fields"]], values)
        if shapes is None:
            raise InvalidInput(
                f"{path} is a table without geometries ({', '.join(table)[:100]}). Boundaries are polygons: load the "
                "file of the outlines, or have them exported with a column WKT.",
                kind="no-polygons",
            )
        if not len(shapes):
            raise InvalidInput(f"{path} holds no features. Export the boundaries again.", kind="empty-file")
        with np.errstate(invalid="ignore"):
            flat = shapely.force_2d(shapely.from_wkb(shapes, on_invalid="ignore"))
        silent = chosen.dataset.suffix.lower() in _JSON and not declares_crs(chosen.dataset)
        declared = None if silent or not meta["crs"] else str(meta["crs"])
        return _Table(chosen.dataset, chosen.name, flat, table, declared, [*notes, *([note] if note else [])])


def _raw(path: Path, dataset: Path, layer: str, encoding: str | None, options: dict[str, str]) -> tuple[Any, Any, Any]:
    import pyogrio.errors
    import pyogrio.raw

    try:
        with warnings.catch_warnings():  # a ring that does not close is a fault to be listed, not a warning
            warnings.simplefilter("ignore", RuntimeWarning)
            meta, _, shapes, values = pyogrio.raw.read(dataset, layer=layer, encoding=encoding, **options)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, RuntimeError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise InvalidInput(
                f"{path}: texts are not {encoding or 'UTF-8'}; name their encoding by --encoding, for example GBK.",
                retry=[["--encoding", "GBK"], ["--encoding", "UTF-8"]],
            ) from error
        raise InvalidInput(f"{path} cannot be read: {first_line(error)}", kind="unreadable-file") from error
    return meta, shapes, values


def _as_table(fields: Sequence[str], values: Sequence[Any]) -> dict[str, Sequence[Any]]:
    """Return {column: values}; a second column of one name gets a number."""
    table: dict[str, Sequence[Any]] = {}
    for name, column in zip(fields, values, strict=True):
        number, free = 2, name
        while free in table:
            free, number = f"{name}_{number}", number + 1
        table[free] = column
    return table


def _plain_csv(dataset: Path, folder: Path) -> Path:
    """Return a CSV file in UTF-8 without a byte order mark: what an office saved is often GBK."""
    text = read_csv_text(dataset)
    copy = folder / dataset.name
    copy.write_bytes(text.content)
    return copy


def _csv_options() -> dict[str, str]:
    return {
        "GEOM_POSSIBLE_NAMES": _GEOMETRY_COLUMNS,
        "X_POSSIBLE_NAMES": ",".join(HEADERS["lon"]),
        "Y_POSSIBLE_NAMES": ",".join(HEADERS["lat"]),
        "KEEP_GEOM_COLUMNS": "NO",
    }


def _reference(
    path: Path, read: _Table, crs: str | None, near: Bounds | None
) -> tuple[str, Datum, Callable[[NDArray[np.float64]], NDArray[np.float64]]]:
    if crs is None and read.crs is None:
        flat = shapely.get_coordinates(read.shapes)
        if are_metres(flat):
            raise refuse_metres(path, flat, near)
    return reference(path, read.crs, crs)


def _converted(
    path: Path,
    shapes: NDArray[np.object_],
    converts: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    read: str,
    near: Bounds | None,
) -> NDArray[np.object_]:
    flat = shapely.get_coordinates(shapes)
    finite = np.isfinite(flat).all(axis=1)
    moved = flat.copy()
    moved[finite] = converts(flat[finite])
    off = finite & ~((np.abs(moved[:, 0]) <= 180) & (np.abs(moved[:, 1]) <= 90))
    if off.any():
        check_degrees(path, flat[finite], read, near)
        x, y = flat[np.argmax(off)]
        raise InvalidInput(f"{path}: ({x}, {y}) is no place in {read}. Name another reference system by --crs.",
                           kind="out-of-range")  # fmt: skip
    check_place(path, flat[finite], moved[finite], near)
    return np.asarray(shapely.set_coordinates(shapes.copy(), moved), dtype=object)


def _names(
    path: Path, table: dict[str, Sequence[Any]], columns: dict[str, str], count: int, outline_name: str
) -> list[str]:
    column = columns.get("name", columns.get("code"))
    if column is None:
        if count == 1:
            return [outline_name]
        raise InvalidInput(
            f"{path} has {count} outlines and no attributes that could name them. Give points with names, one in each.",
            kind="no-column",
            retry=[["--labels", "POINTS.csv"]],
        )
    names = [text_of(value) for value in table[column]]
    for row, name in enumerate(names, 1):
        if name is None:
            raise InvalidInput(f"{path}: feature {row} has no name in column {column!r}. Give it one.", kind="no-name")
    return [name for name in names if name is not None]


def _names_of_drawing(
    path: Path,
    outlines: Outlines,
    shapes: NDArray[np.object_],
    converts: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    expected: Expected,
) -> list[str]:
    drawn = outlines.labels
    assert drawn is not None
    placed = drawn._replace(places=converts(drawn.places) if len(drawn.names) else drawn.places)
    if not drawn.names and len(shapes) == 1:
        return [expected.outline_name or path.stem]
    return name_outlines(path, shapes, placed, expected.names)[0]


def _read_labels(path: Path, crs: str | None, expected: Expected) -> Labels:
    """Read points with names; `crs` is that of the outlines, for a file that does not say its own."""
    read = _read(path, None, None, expected.names, areal=False)
    kinds = shapely.get_type_id(read.shapes)
    if np.isin(kinds, AREAL).any() or not np.isin(kinds, (0, 4)).any():
        raise InvalidInput(f"{path} holds no points. Labels are points with names, one in each outline.",
                           kind="no-points")  # fmt: skip
    columns = choose_columns(path, read.table, {}, expected.names)
    _, _, converts = reference(path, read.crs, None if read.crs else crs)
    places = shapely.get_coordinates(shapely.centroid(read.shapes))
    texts = texts_of(read.table, columns.get("name", columns.get("code")), len(read.shapes))
    codes = texts_of(read.table, columns.get("code"), len(read.shapes))
    kept = [row for row, text in enumerate(texts) if text is not None and np.isfinite(places[row]).all()]
    return Labels([str(texts[row]) for row in kept], [codes[row] for row in kept], converts(places[kept]))
