"""Where some points of an OpenStreetMap file are, without handing the others to Python.

osmium's own filter by id holds a set of ids in blocks of 4 MiB, one for each 33 million ids between the first and the
last: up to 1.6 GB, also for the extract of a town. A table of all locations of a file takes 16 bytes a point, so files
up to TABLE_FILE_BYTES are read into a table, and larger ones are filtered.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import osmium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from osmium.index import LocationTable
    from osmium.osm import Location, Node

TABLE_FILE_BYTES = 256 << 20
_BATCH = 1 << 16


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """Points with a location: ids, lon and lat in degrees, all (n,)."""

    ids: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


def read_locations(
    path: Path, needed: NDArray[np.int64], keys: tuple[str, ...], take: Callable[[Node], None]
) -> Located:
    """Return the needed points that the file has, in the order of the file; `needed` is sorted, without duplicates.

    `take` is called with every point of the file that has one of the keys among its tags.
    Raises RuntimeError, as osmium does, for a file that cannot be read.
    """
    nodes = osmium.FileProcessor(str(path), osmium.osm.NODE)
    if len(needed) and needed[0] >= 0 and path.stat().st_size <= TABLE_FILE_BYTES:
        kinds = osmium.index.map_types()
        nodes = nodes.with_locations("sparse_mmap_array" if "sparse_mmap_array" in kinds else "sparse_mem_array")
    for node in nodes.with_filter(osmium.filter.KeyFilter(*keys)):
        if isinstance(node, osmium.osm.Node):
            take(node)
    if (table := nodes.node_location_storage) is not None:
        # In a file that is not in ascending order a binary search misses points; what it finds is in that order.
        found = _collected(_searched(table, needed))
        if len(found.ids) == len(needed) or _is_sorted(path):
            return found
    return _collected(_filtered(path, needed))


def _is_sorted(path: Path) -> bool:
    """Whether the file declares that its points are in the ascending order of their ids."""
    return osmium.io.Reader(str(path), osmium.osm.NOTHING).header().get("sorting", "") == "Type_then_ID"


def _searched(table: LocationTable, needed: NDArray[np.int64]) -> Iterator[tuple[int, Location]]:
    for start in range(0, len(needed), _BATCH):
        for number in needed[start : start + _BATCH].tolist():
            try:
                yield number, table.get(number)
            except KeyError:
                continue


def _filtered(path: Path, needed: NDArray[np.int64]) -> Iterator[tuple[int, Location]]:
    nodes = osmium.FileProcessor(str(path), osmium.osm.NODE)
    if len(needed) and needed[0] >= 0:
        nodes = nodes.with_filter(osmium.filter.IdFilter(needed.tolist()))
        yield from ((node.id, node.location) for node in nodes if isinstance(node, osmium.osm.Node))
        return
    # the filter knows no negative ids, which editors give to new objects
    wanted = set(needed.tolist())
    for node in nodes:
        if isinstance(node, osmium.osm.Node) and node.id in wanted:
            yield node.id, node.location


def _collected(points: Iterator[tuple[int, Location]]) -> Located:
    ids, lon, lat = array("q"), array("d"), array("d")
    for number, location in points:
        if location.valid():
            ids.append(number)
            lon.append(location.lon)
            lat.append(location.lat)
    return Located(np.array(ids, np.int64), np.array(lon, np.float64), np.array(lat, np.float64))
