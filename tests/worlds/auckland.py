"""Auckland of JEMSS.jl: its roads with their times, stations, and where its ambulances stand; read from ../shared/data.

Its demand is a raster that is not there. Junctions with access to houses stand in for it, counted on H3 cells: where
many streets meet, many people live. So figures are of its roads and stations, not of its calls.
"""

from __future__ import annotations

import csv
import io
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import h3
import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import cKDTree

from gridsvc.simulation.model import Fleet

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

CALLS_PER_DAY = 159.6 + 68.6 + 51.8
"""demand_1.csv: high, medium and low priority."""
SHARES = np.array([159.6, 68.6, 51.8]) / CALLS_PER_DAY


@dataclass(frozen=True, slots=True, eq=False)
class Auckland:
    """roads: seconds from node to node with lights and sirens. stations, places: nodes. weight: (places,).

    to_s (stations, places), back_s (stations, places), between_s (places, places): seconds. ambulances: the station of
    each, as in ambulances_1.csv.
    """

    roads: csr_array
    arcs: int
    stations: NDArray[np.int64]
    places: NDArray[np.int64]
    weight: NDArray[np.float64]
    to_s: NDArray[np.float64]
    back_s: NDArray[np.float64]
    between_s: NDArray[np.float64]
    ambulances: tuple[int, ...]

    def fleet(self, at: Sequence[int], turnout_s: float) -> Fleet:
        """Return a fleet with one ambulance at each of these stations."""
        rows = list(at)
        return Fleet(self.to_s[rows], self.back_s[rows], self.between_s, np.full(len(rows), turnout_s))


def rows_of(text: str) -> list[list[str]]:
    """Return the rows that begin with a number: tables of JEMSS have several lines of header."""
    return [row for row in csv.reader(io.StringIO(text)) if row and row[0].replace(".", "").isdigit()]


def read_auckland(folder: Path, resolution: int = 7) -> Auckland:
    """Read the city; its places are the middles of the cells."""
    with zipfile.ZipFile(folder / "roads.zip") as packed:
        arcs = np.array([row[1:5] for row in rows_of(packed.read("arcs.csv").decode())], float)
        nodes = np.array([row[1:4] for row in rows_of(packed.read("nodes.csv").decode())], float)
    start, end, seconds = arcs[:, 0].astype(int) - 1, arcs[:, 1].astype(int) - 1, arcs[:, 3] * 86_400
    order = np.lexsort((seconds, end, start))
    first = np.flatnonzero(np.append(True, (np.diff(start[order]) != 0) | (np.diff(end[order]) != 0)))
    kept = order[first]  # of parallel arcs the quickest
    roads = csr_array((seconds[kept], (start[kept], end[kept])), shape=(len(nodes), len(nodes)))
    scale = np.array([np.cos(np.radians(nodes[:, 1].mean())), 1.0])
    tree = cKDTree(nodes[:, :2] * scale)
    rows = rows_of((folder / "stations_1.csv").read_text(encoding="utf-8"))
    stations = np.asarray(tree.query(np.array([row[1:3] for row in rows], float) * scale)[1], np.int64)
    houses = np.flatnonzero(nodes[:, 2] == 1)
    cells = np.array([h3.latlng_to_cell(y, x, resolution) for x, y in nodes[houses, :2]])
    _, cell = np.unique(cells, return_inverse=True)
    count = np.bincount(cell)
    middle = np.column_stack([np.bincount(cell, nodes[houses, axis]) / count for axis in (0, 1)])
    places = houses[cKDTree(nodes[houses, :2] * scale).query(middle * scale)[1]]
    to_s, back_s = dijkstra(roads, indices=stations), dijkstra(roads.T.tocsr(), indices=stations)
    reached = np.isfinite(to_s[:, places]).all(axis=0) & np.isfinite(back_s[:, places]).all(axis=0)
    places, weight = places[reached], count[reached].astype(float)
    between_s = dijkstra(roads, indices=places)[:, places]
    teams = rows_of((folder / "ambulances_1.csv").read_text(encoding="utf-8"))
    return Auckland(roads, len(arcs), stations, places, weight, to_s[:, places], back_s[:, places], between_s,
                    tuple(int(row[1]) - 1 for row in teams))  # fmt: skip
