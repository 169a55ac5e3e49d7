"""Outlines out of what is no layer of polygons: lines that close, drawings with texts, points that name outlines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.files.grids.columns import text_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_POINTS, _LINES, AREAL, _COLLECTION = (0, 4), (1, 2, 5), (3, 6), 7
_SHOWN = 3


class Labels(NamedTuple):
    """Names and codes (None: none) at places; places (n, 2) in the coordinates of the outlines they are for."""

    names: list[str]
    codes: list[str | None]
    places: NDArray[np.float64]


class Outlines(NamedTuple):
    """The features of a layer that are outlines.

    rows: which features, in the order of the file; shapes: one for each, 2-D; labels: texts of a drawing; notes: what
    to say of it.
    """

    rows: NDArray[np.intp]
    shapes: NDArray[np.object_]
    labels: Labels | None
    notes: list[str]


def outlines_of(path: Path, shapes: NDArray[np.object_]) -> Outlines:
    """Return the outlines of a layer.

    Raises
    ------
    InvalidInput
        For a layer of points, and for one of lines that do not close.
    """
    plain = np.array([_areal(shape) for shape in shapes], dtype=object)
    kinds = shapely.get_type_id(plain)
    if np.isin(kinds, AREAL).any():
        return Outlines(np.arange(len(plain)), plain, None, [])
    lines = np.flatnonzero(np.isin(kinds, _LINES))
    if len(lines):
        closed = np.array([row for row in lines if _is_closed(plain[row])], dtype=np.intp)
        if len(closed) == len(lines):
            made = np.array([_polygon(plain[row]) for row in closed], dtype=object)
            return Outlines(closed, made, None, [f"{len(closed)} closed lines are taken as outlines"])
        raise InvalidInput(
            f"{path} holds lines, {len(lines) - len(closed)} of {len(lines)} of which do not close, not polygons. "
            "Boundaries are polygons: have the areas exported.",
            kind="no-polygons",
        )
    if np.isin(kinds, _POINTS).any():
        raise InvalidInput(
            f"{path} holds no polygons: these are points, and boundaries are polygons. Points can name outlines: "
            f"gridsvc load grids OUTLINES --labels {path.name} ...",
            kind="no-polygons",
        )
    found = ", ".join(sorted({shape.geom_type for shape in plain if shape is not None and not shape.is_empty}))
    raise InvalidInput(f"{path} holds no polygons but {found or 'nothing'}. Boundaries are polygons.",
                       kind="no-polygons")  # fmt: skip


def outlines_of_drawing(
    path: Path, shapes: NDArray[np.object_], table: dict[str, Sequence[Any]], layer: str | None
) -> Outlines:
    """Return the closed lines and the filled areas of a drawing (DXF), once each, and its texts.

    `layer` is one of the layers that the drawing itself has; needed where several have outlines.
    """
    flat = np.array([_areal(shape) for shape in shapes], dtype=object)
    kinds = shapely.get_type_id(flat)
    drawn_on = [text_of(value) or "0" for value in table.get("Layer", ["0"] * len(flat))]
    texts = [text_of(value) for value in table.get("Text", [None] * len(flat))]
    areal = [row for row in range(len(flat)) if kinds[row] in AREAL or (kinds[row] in _LINES and _is_closed(flat[row]))]
    counts = {name: sum(drawn_on[row] == name for row in areal) for name in sorted({drawn_on[row] for row in areal})}
    if layer is not None and layer not in counts:
        raise InvalidInput(
            f"{path} has no outlines on a layer {layer!r}; it has them on {', '.join(counts) or 'none'}.",
            kind="no-layer",
            retry=[["--layer", name] for name in counts],
        )
    if len(counts) > 1 and layer is None:
        listed = ", ".join(f"{name} ({count})" for name, count in counts.items())
        raise InvalidInput(
            f"{path} is a drawing with outlines on {len(counts)} layers: choose one by --layer: {listed}.",
            kind="no-layer",
            retry=[["--layer", name] for name in counts],
        )
    if not areal:
        raise InvalidInput(
            f"{path} is a drawing without closed lines. Close the boundaries, or have the areas exported.",
            kind="no-polygons",
        )
    made: dict[bytes, tuple[int, shapely.Geometry]] = {}
    for row in areal:
        if layer in {None, drawn_on[row]}:
            shape = flat[row] if kinds[row] in AREAL else _polygon(flat[row])
            made.setdefault(shapely.to_wkb(shapely.normalize(shape)), (row, shape))
    named = [row for row in range(len(flat)) if kinds[row] in _POINTS and texts[row] is not None]
    labels = Labels(
        [_plain_text(texts[row] or "") for row in named],
        [None] * len(named),
        shapely.get_coordinates(flat[named]).reshape(-1, 2),
    )
    rows, kept = zip(*made.values(), strict=True)
    return Outlines(
        np.array(rows, dtype=np.intp), np.array(kept, dtype=object), labels, [f"a drawing: {len(kept)} outlines"]
    )


def name_outlines(
    path: Path, shapes: NDArray[np.object_], labels: Labels, words: Collection[str]
) -> tuple[list[str], list[str | None]]:
    """Return the name and the code (None: none) of each outline: those of the one label within it.

    Where several lie in one, that which is one of `words` is taken.

    Raises
    ------
    InvalidInput
        Where an outline has no label, or several that differ; says at which coordinates.
    """
    if not labels.names:
        raise InvalidInput(
            f"{path} is a drawing without attributes and without labels in its outlines. Add a layer of named points.",
            kind="no-name",
            retry=[["--labels", "POINTS.csv"]],
        )
    inside: list[list[int]] = [[] for _ in shapes]
    points = shapely.points(labels.places)
    fine = np.array([shape if shapely.is_valid(shape) else shapely.make_valid(shape) for shape in shapes], dtype=object)
    for point, shape in zip(*shapely.STRtree(fine).query(points, predicate="intersects"), strict=True):
        inside[shape].append(int(point))
    names: list[str] = []
    codes: list[str | None] = []
    wrong: list[str] = []
    for shape, found in zip(fine, inside, strict=True):
        different = list(dict.fromkeys(labels.names[n] for n in found))
        known = [name for name in different if name in words]
        chosen = known if len(known) == 1 else different
        if len(chosen) == 1:
            names.append(chosen[0])
            codes.append(next((labels.codes[n] for n in found if labels.names[n] == chosen[0]), None))
            continue
        x, y = shapely.point_on_surface(shape).coords[0] if not shape.is_empty else (0.0, 0.0)
        wrong.append(f"at ({x:.10g}, {y:.10g}) " + (f"has {' and '.join(different[:3])}" if different else "has none"))
    if wrong:
        raise InvalidInput(
            f"{path}: {len(wrong)} of {len(fine)} outlines have not one label each: the one "
            f"{'; the one '.join(wrong[:_SHOWN])}. Correct the labels, or add a layer of named points.",
            kind="no-name",
            retry=[["--labels", "POINTS.csv"]],
        )
    return names, codes


def _areal(shape: shapely.Geometry | None) -> shapely.Geometry:
    """Return a shape; of a collection its areas, and an empty polygon for none."""
    if shape is None:
        return shapely.Polygon()
    if shapely.get_type_id(shape) == _COLLECTION:
        areas = [part for part in shapely.get_parts(shape) if shapely.get_type_id(part) in AREAL]
        return shapely.MultiPolygon([p for a in areas for p in shapely.get_parts(a)]) if areas else shape
    return shape


def _is_closed(line: shapely.Geometry) -> bool:
    return all(shapely.is_closed(part) and shapely.get_num_coordinates(part) >= 4 for part in shapely.get_parts(line))


def _polygon(line: shapely.Geometry) -> shapely.Geometry:
    rings = [shapely.Polygon(shapely.get_coordinates(part)) for part in shapely.get_parts(line)]
    return rings[0] if len(rings) == 1 else shapely.MultiPolygon(rings)


def _plain_text(text: str) -> str:
    """Return the text of an MTEXT without its line breaks."""
    return "".join(text.replace("\\P", " ").split())
