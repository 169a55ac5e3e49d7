"""The entries of a gazetteer for the named features of a map."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import LocalMetres, metres_per_degree
from gridsvc.places.features import LINES
from gridsvc.places.model import Entry
from gridsvc.places.names import forms_of
from gridsvc.places.text import spell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from gridsvc.operations.places.owner_chains import OwnerChains
    from gridsvc.places.features import NamedFeature

    Floats = NDArray[np.float64]

SOURCE = "features"
_STEP_M = 200.0
"""Along a line, the township is looked up at least so often."""


def feature_entries(features: Sequence[NamedFeature], owners: OwnerChains, others: Iterable[Entry]) -> list[Entry]:
    """Return an entry for each point in the grids, and for each township that a line passes.

    others: the entries known already. What spells like a grid or a road of them, with or without the word for what it
    is, gets none: a caller means those. A name that a point beyond the grids has, too, is also an entry elsewhere.
    """
    if owners.index is None or not features:
        return []
    taken = _spellings(others)
    free = [each for each in features if spell(each.name) not in taken]
    found = _points([each for each in free if each.kind not in LINES], owners)
    found += _lines([each for each in free if each.kind in LINES], owners)
    # without its township a name may be that of another grid: Schaan-Vaduz in Schaan
    return [each for each in found if taken.isdisjoint(key for key, _ in forms_of(each))]


def _spellings(entries: Iterable[Entry]) -> set[str]:
    kinds = {"regional", "township", "area", "village", "road"}
    return {key for entry in entries if entry.kind in kinds for key, _ in forms_of(entry)}


def _points(features: Sequence[NamedFeature], owners: OwnerChains) -> list[Entry]:
    lonlat = np.array([(each.lon, each.lat) for each in features]).reshape(-1, 2)
    rows = owners.rows(lonlat[:, 0], lonlat[:, 1]).tolist()
    here = {spell(each.name) for each, row in zip(features, rows, strict=True) if row >= 0}
    found = []
    for each, row, (lon, lat) in zip(features, rows, lonlat.tolist(), strict=True):
        if row >= 0:
            township, village, codes = owners.chain(row)
            found.append(Entry(each.name, "place", lon, lat, each.radius_m, township, village, codes, source=SOURCE))
        elif spell(each.name) in here:
            parts = {"in": "", "level": "place"}
            found.append(Entry(each.name, "elsewhere", lon, lat, each.radius_m, source=SOURCE, parts=parts))
    return found


def _lines(features: Sequence[NamedFeature], owners: OwnerChains) -> list[Entry]:
    """Return an entry for each name, kind and township: the spot nearest the middle of what is there of the line."""
    by_name: dict[tuple[str, str], list[Floats]] = defaultdict(list)
    for each in features:
        by_name[each.name, each.kind].append(_spots(each.geometry))
    found = []
    for (name, _), pieces in sorted(by_name.items(), key=lambda pair: pair[0]):
        spots = np.concatenate(pieces)
        rows = owners.rows(spots[:, 0], spots[:, 1])
        groups: dict[str | None, list[int]] = defaultdict(list)
        for number, row in enumerate(rows.tolist()):
            if row >= 0:
                groups[owners.chain(row)[0]].append(number)
        for _, numbers in sorted(groups.items(), key=lambda pair: pair[0] or ""):
            found.append(_middle(name, spots[numbers], owners))
    return found


def _spots(line: shapely.Geometry) -> Floats:
    """Return places along a line, (n, 2) degrees, at most _STEP_M from each other."""
    _, north_m = metres_per_degree(float(shapely.get_coordinates(line)[0, 1]))
    return np.asarray(shapely.get_coordinates(shapely.segmentize(line, _STEP_M / north_m)), np.float64)


def _middle(name: str, spots: Floats, owners: OwnerChains) -> Entry:
    x, y = LocalMetres(float(spots[:, 0].mean()), float(spots[:, 1].mean())).to_metres(spots[:, 0], spots[:, 1])
    at = int(np.argmin(np.hypot(x, y)))
    reach_m = float(np.ceil(np.hypot(x - x[at], y - y[at]).max())) + _STEP_M
    lon, lat = spots[at].tolist()
    township, village, codes = owners.chain(int(owners.rows(spots[at : at + 1, 0], spots[at : at + 1, 1])[0]))
    return Entry(name, "place", lon, lat, reach_m, township, village, codes, source=SOURCE)
