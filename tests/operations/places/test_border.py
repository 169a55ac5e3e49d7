"""A point of the outer border has one owner, whether a neighbouring district is loaded or not (R1)."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import Grid, Level
from gridsvc.operations.places import owners
from tests.worlds.tilings import tile

if TYPE_CHECKING:
    from numpy.typing import NDArray


def district(code: str, *shapes: shapely.Polygon) -> OwnershipIndex:
    grids = [Grid(f"{code}{k:03}", f"t{k}", Level.TOWNSHIP, None, shape) for k, shape in enumerate(shapes)]
    return OwnershipIndex.build(code, 1, grids)


def one_by_one(indexes: list[OwnershipIndex], points: NDArray[np.float64]) -> list[str | None]:
    found = [owners.locate(indexes, lon, lat).owner(Level.TOWNSHIP) for lon, lat in points.tolist()]
    return [None if each is None else each.code for each in found]


def in_a_batch(indexes: list[OwnershipIndex], points: NDArray[np.float64]) -> list[str | None]:
    many = owners.locate_many(indexes, *points.T.copy())
    return [many.words["township"][number] for number in many.columns["township"]]


WEST, EAST = shapely.box(119.6, 29.0, 119.7, 29.1), shapely.box(119.7, 29.0, 119.8, 29.1)
SHARED = np.array([(119.7, 29.0), (119.7, 29.03), (119.7, 29.1)])


def test_without_a_neighbour_the_district_has_its_border() -> None:
    points = np.vstack([SHARED, [(119.65, 29.1), (119.6, 29.1)]])
    assert one_by_one([district("330701", WEST)], points) == in_a_batch([district("330701", WEST)], points)
    assert set(in_a_batch([district("330701", WEST)], points)) == {"330701000"}


def test_with_a_neighbour_exactly_one_district_has_it_the_same_for_one_and_for_many() -> None:
    # The half-open rule gives the border between them to the eastern one, whichever has the lower code.
    for west, east in (("330701", "330702"), ("330702", "330701")):
        indexes = sorted([district(west, WEST), district(east, EAST)], key=lambda index: index.district)
        # the corner in the north is on the rim of both: the lowest code has it
        expected = [f"{east}000", f"{east}000", "330701000"]
        assert one_by_one(indexes, SHARED) == in_a_batch(indexes, SHARED) == expected


def test_every_vertex_and_middle_of_an_edge_of_three_districts_is_owned_once() -> None:
    shapes = tile(3, 5)
    ring = shapely.get_coordinates(shapes)
    edges = np.concatenate([shapely.get_coordinates(shape)[:-1] for shape in shapes])
    ends = np.concatenate([shapely.get_coordinates(shape)[1:] for shape in shapes])
    points = np.vstack([ring, (edges + ends) / 2])
    for order in permutations(range(3)):
        indexes = [district(f"33070{code}", shapes[k]) for code, k in enumerate(order)]
        for each in indexes:
            each._find = each._find_plainly
        found = one_by_one(indexes, points)
        assert None not in found
        assert found == in_a_batch(indexes, points)
        # and it is one that touches the point
        own = [shapes[order[int(code[5])]] for code in found if code is not None]
        assert shapely.dwithin(np.array(own), shapely.points(points), 1e-9).all()
