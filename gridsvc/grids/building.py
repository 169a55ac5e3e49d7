"""Build the file of an ownership index out of the grids of one generation."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.grids import layout
from gridsvc.grids.kernels.arguments import Borders, Cells, Crossed, Frame
from gridsvc.grids.kernels.raster_kernel import spread, sweep
from gridsvc.grids.kernels.records_kernel import emit
from gridsvc.grids.levels import Level

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from gridsvc.grids.levels import Grid

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]
    Rows = NDArray[np.int32]

_CELLS_PER_EDGE = 60
_MOST_CELLS = 1 << 23
_FEWEST_CELLS = 1 << 14
_EDGES_PER_RECORD = 12
_DEEPEST = 6
_GRIDS_AT_ONCE = 2000


def build_index(district: str, generation: int, grids: Iterable[Grid]) -> list[bytes | memoryview]:
    """Return the index file as blocks; the same grids in any order give the same bytes.

    Raises
    ------
    InvalidInput
        When there is no grid, a code occurs twice, or a geometry is empty or not finite: a generation like that is
        never activated.
    """
    ordered = sorted(grids, key=lambda grid: (-grid.level, grid.code))
    _refuse(district, ordered)
    levels = np.array([grid.level for grid in ordered], np.int8)
    outlines = _outlines_of(ordered)
    edges, face_first, faces = _unique_edges(outlines)
    frame = _frame_of(edges)
    west, south, cell, columns, rows = frame
    cells, pool = _rasterise(Borders(edges, face_first, faces, levels), frame)
    words = [
        json.dumps([g.code, g.name, g.parent, g.urban_rural_code, g.derived], ensure_ascii=False, separators=(",", ":"))
        for g in ordered
    ]
    encoded = [word.encode() for word in words]
    about = {
        "district": district,
        "bounds": [float(x) for x in (*outlines.coordinates.min(axis=0), *outlines.coordinates.max(axis=0))],
        "edges": len(edges),
        "level_keys": [level.key for level in Level if level in set(levels.tolist())],
    }
    return layout.pack(
        {
            "west_deg": west,
            "south_deg": south,
            "cell_deg": cell,
            "cells_per_deg": 1 / cell,
            "columns": columns,
            "rows": rows,
            "grids": len(ordered),
            "finest_level": int(levels.max()),
            "generation": generation,
        },
        {
            "about": json.dumps(about).encode(),
            "cells": cells.data.cast("B"),
            "pool": pool.data.cast("B"),
            "levels": levels.data.cast("B"),
            "chains": _chains(ordered).tobytes(),
            "text_at": np.concatenate([[0], np.cumsum([len(word) for word in encoded])]).astype(np.int64).tobytes(),
            "text": b"".join(encoded),
            "outline": _outline(edges, face_first, faces, levels).tobytes(),
            "coordinates": outlines.coordinates.data.cast("B"),
            "rings": outlines.rings.data.cast("B"),
            "polygons": outlines.polygons.data.cast("B"),
            "multipolygons": outlines.multipolygons.data.cast("B"),
        },
    )


def _refuse(district: str, ordered: Sequence[Grid]) -> None:
    if not ordered:
        raise InvalidInput(f"District {district} has no grids. Load at least one level.", kind="no-grids")
    codes = [grid.code for grid in ordered]
    if len(set(codes)) < len(codes):
        twice = sorted({code for code in codes if codes.count(code) > 1})[:5] if len(codes) < 5000 else []
        raise InvalidInput(f"Codes occur twice in district {district}: {', '.join(twice)}.", kind="duplicate-code")


def _as_multipolygon(grid: Grid) -> shapely.MultiPolygon:
    shape = grid.geometry
    if isinstance(shape, shapely.Polygon):
        shape = shapely.MultiPolygon([shape])
    if not isinstance(shape, shapely.MultiPolygon) or shape.is_empty:
        raise InvalidInput(f"Grid {grid.code} {grid.name} has no area: load a polygon for it.", kind="invalid-geometry")
    shape = shapely.force_2d(shape)
    coordinates = shapely.get_coordinates(shape)
    if not np.isfinite(coordinates).all() or (np.abs(coordinates) > (180, 90)).any():
        raise InvalidInput(
            f"Grid {grid.code} {grid.name} has coordinates that are no finite degrees.", kind="invalid-geometry"
        )
    return shape


@dataclass(frozen=True, slots=True, eq=False)
class _Outlines:
    """The geometry of all grids as arrays: vertices (n, 2), and where each ring, polygon and multipolygon begins."""

    coordinates: Floats
    rings: Ints
    polygons: Ints
    multipolygons: Ints


def _outlines_of(ordered: Sequence[Grid]) -> _Outlines:
    """Return the outlines of grids; shapely's copies of them are made for a few at a time."""
    coordinates: list[Floats] = []
    starts: tuple[list[Ints], ...] = tuple([np.zeros(1, np.int64)] for _ in range(3))
    for at in range(0, len(ordered), _GRIDS_AT_ONCE):
        shapes = [_as_multipolygon(grid) for grid in ordered[at : at + _GRIDS_AT_ONCE]]
        kind, vertices, offsets = shapely.to_ragged_array(shapes)
        assert kind == shapely.GeometryType.MULTIPOLYGON
        coordinates.append(np.ascontiguousarray(vertices[:, :2]))
        for known, offset in zip(starts, offsets, strict=True):
            known.append(np.asarray(offset[1:], np.int64) + known[-1][-1])
    return _Outlines(np.concatenate(coordinates), *(np.concatenate(known) for known in starts))


def _ring_edges(outlines: _Outlines) -> tuple[Floats, Ints]:
    """Return (n, 4) ax, ay, bx, by of every edge, canonical, and its face."""
    points = outlines.coordinates + 0.0  # no negative zeros
    within = (points[1:] != points[:-1]).any(axis=1)
    within[outlines.rings[1:-1] - 1] = False
    ends = np.empty((int(within.sum()), 4))
    ends[:, :2] = points[:-1][within]
    ends[:, 2:] = points[1:][within]
    of_polygon = np.repeat(np.arange(len(outlines.multipolygons) - 1), np.diff(outlines.multipolygons))
    of_ring = np.repeat(of_polygon, np.diff(outlines.polygons))
    face = np.repeat(of_ring, np.diff(outlines.rings))[:-1][within]
    ax, ay, bx, by = ends.T
    turned = (by < ay) | ((by == ay) & (bx > ax))
    ends[turned] = ends[turned][:, [2, 3, 0, 1]]
    return ends, face.astype(np.int64)


def _unique_edges(outlines: _Outlines) -> tuple[Floats, Ints, Rows]:
    """Merge edges with the same numbers; return them and the faces of each (CSR).

    They are brought together by a hash. Two that collide only stay two, which is as right, and slower.
    """
    ends, face = _ring_edges(outlines)
    bits = ends.view(np.uint64)
    hashed = np.zeros(len(ends), np.uint64)
    for column in range(4):
        hashed = (hashed ^ bits[:, column]) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    order = np.lexsort([face, hashed])
    ends, face, hashed = ends[order], face[order], hashed[order]
    new = np.ones(len(ends), bool)
    new[1:] = (hashed[1:] != hashed[:-1]) | (ends[1:] != ends[:-1]).any(axis=1)
    first = np.append(np.flatnonzero(new), len(ends)).astype(np.int64)
    # Neighbours in space, neighbours in memory; ties by the numbers themselves, so that no order of rows shows.
    edges = ends[new]
    place = np.lexsort([edges[:, 3], edges[:, 2], edges[:, 0], edges[:, 1]])
    lengths = np.diff(first)[place]
    face_first = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    take = np.repeat(first[:-1][place] - face_first[:-1], lengths) + np.arange(face_first[-1])
    return np.ascontiguousarray(edges[place]), face_first, face[take].astype(np.int32)


def _frame_of(edges: Floats) -> Frame:
    """Choose the cells. Their sizes are m * 2^e, m in 8..15: corners are exact numbers."""
    west, south = float(min(edges[:, 0].min(), edges[:, 2].min())), float(edges[:, 1].min())
    east, north = float(max(edges[:, 0].max(), edges[:, 2].max())), float(edges[:, 3].max())
    wanted = min(max(_CELLS_PER_EDGE * len(edges), _FEWEST_CELLS), _MOST_CELLS)
    width, height = max(east - west, 1e-5), max(north - south, 1e-5)
    ideal = max(math.sqrt(width * height / wanted), max(width, height) / 30_000)
    mantissa, exponent = math.frexp(ideal)  # 0.5 <= mantissa < 1
    cell = math.ceil(mantissa * 16) * 2.0 ** (exponent - 4)
    column0, row0 = math.floor(west / cell) - 1, math.floor(south / cell) - 1
    columns = math.floor(east / cell) + 2 - column0
    rows = math.floor(north / cell) + 2 - row0
    return Frame(column0 * cell, row0 * cell, cell, columns, rows)


def _rasterise(borders: Borders, frame: Frame) -> tuple[Rows, Ints]:
    """Return the codes of the cells and the pool of records."""
    counts = np.zeros(frame.columns * frame.rows, np.int64)
    spread(borders.edges, frame, counts, counts, np.empty(0, np.int32), False)
    first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    entries = np.empty(int(first[-1]), np.int32)
    spread(borders.edges, frame, counts, first[:-1].copy(), entries, True)
    finest = int(borders.levels.max())
    codes, mixed, state_first, states = sweep(borders, Crossed(first, entries), frame, finest)
    wests = frame.west + (mixed % frame.columns) * frame.cell
    souths = frame.south + (mixed // frame.columns) * frame.cell
    # cells without edges hold no entries
    first = np.concatenate([[0], np.cumsum(counts[mixed])]).astype(np.int64)
    cells = Cells(wests, souths, mixed, first, entries, state_first, states)
    chunks: list[Ints] = []
    written = 0
    side = frame.cell
    for depth in range(_DEEPEST + 1):
        words, of_cells, smaller = emit(borders, cells, side, written, depth < _DEEPEST, _EDGES_PER_RECORD, finest)
        if depth == 0:
            codes[cells.target] = of_cells
        else:
            _patch(chunks, cells.target, of_cells)
        chunks.append(words)
        written += len(words)
        cells = smaller
        side /= 4
        if not len(cells.west):
            break
    return codes, np.concatenate(chunks) if written else np.zeros(1, np.int64)


def _patch(chunks: list[Ints], targets: Ints, codes: Ints) -> None:
    """Write the codes of cut cells into the record of the cell that was cut, which is in the newest chunk."""
    before = sum(len(chunk) for chunk in chunks[:-1])
    chunks[-1].view(np.int32)[targets - 2 * before] = codes


def _chains(ordered: Sequence[Grid]) -> Rows:
    """Return (n + 1, 4): for each grid the row of its owner at every level, itself and its parents; -1 none."""
    row_of = {grid.code: row for row, grid in enumerate(ordered)}
    chains = np.full((len(ordered) + 1, len(Level)), -1, np.int32)
    for row, grid in enumerate(ordered):
        link: Grid | None = grid
        while link is not None:
            chains[row, link.level - 1] = row_of[link.code]
            above = ordered[row_of[link.parent]] if link.parent in row_of else None
            link = above if above is not None and above.level < link.level else None
    return chains


def _outline(edges: Floats, face_first: Ints, faces: Rows, levels: NDArray[np.int8]) -> Floats:
    """Return the edges that some level has on one side only: the district's outline, and where neighbours disagree."""
    of_edge = np.repeat(np.arange(len(edges)), np.diff(face_first))
    single = np.zeros(len(edges), bool)
    for level in Level:
        count = np.bincount(of_edge[levels[faces] == level], minlength=len(edges))
        single |= count % 2 == 1
    return np.ascontiguousarray(edges[single])
