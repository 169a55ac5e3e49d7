"""Roads with a name near a place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gridsvc.roads.network.building import build
from gridsvc.roads.network.nearby import list_named_roads
from gridsvc.roads.network.speeds import CLASS_NUMBER
from tests.worlds import toy_roads


def test_they_are_listed_by_name_with_their_pieces_and_widest_class() -> None:
    # stubs at 3 and 4 make junctions of them
    points = toy_roads.SQUARE | {6: (-180.0, 360.0), 7: (540.0, 360.0)}
    stubs = {15: ([3, 6], 36.0, "both"), 16: ([4, 7], 36.0, "both")}
    made = toy_roads.survey(points, toy_roads.SQUARE_WAYS | stubs)
    classes = made.road_class.copy()
    classes[0] = CLASS_NUMBER["primary"]
    # ways 10 (1-2) and 14 (2-5) are one street of two classes, 12 (4-3) another; the rest has no name
    names = np.array([1, -1, 0, -1, 1, -1, -1], np.int32)
    network = build(replace(made, name=names, names=("北街", "南街"), road_class=classes), toy_roads.QUIET, "toy")
    north, south = list_named_roads(network, *toy_roads.lonlat(180.0, 180.0), 2000.0)
    assert (north.name, south.name) == ("北街", "南街")
    assert (north.rank, south.rank) == (CLASS_NUMBER["residential"], CLASS_NUMBER["primary"])
    ends = {toy_roads.lonlat(*toy_roads.SQUARE[point]) for point in (3, 4)}
    assert np.allclose(sorted(map(tuple, north.segments.reshape(-1, 2))), sorted(ends), atol=1e-7)
    assert len(south.segments) == 2
    assert list_named_roads(network, 10.0, 10.0, 500.0) == []
