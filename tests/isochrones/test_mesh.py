"""The mesh: tiles without folds that fit together, kept as files; areas do not depend on which came first."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.errors import InvalidInput
from gridsvc.isochrones import Mesh, isochrones
from gridsvc.isochrones import mesh as mesh_module
from gridsvc.isochrones.lattice import HEIGHT, OFFSET, Lattice, lattice_of
from gridsvc.isochrones.mesh import open_tile, tile_bytes
from gridsvc.isochrones.tiles import EAST, NORTH, SOUTH, WEST, build_tile, section
from gridsvc.roads.network.building import build
from gridsvc.roads.search.snapping import snap
from tests.worlds.toy_roads import EAST_M, NORTH_M, QUIET, lonlat, network, random_world

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.roads.network.network import RoadNetwork

Side = list[tuple[tuple[int, int], ...]]


def test_tiles_have_no_fold_and_no_gap_and_agree_on_their_borders() -> None:
    for seed in range(3):
        net = build(random_world(seed, crossings=900), QUIET, "random")
        lattice = lattice_of(net)
        tiles = [build_tile(net, "normal", lattice, number) for number in range(lattice.count)]
        assert sum(len(section(tile, "edge")) > 0 for tile in tiles) > 4
        for number, tile in enumerate(tiles):
            x, y = (section(tile, name).astype(np.int64) for name in ("corner_lon", "corner_lat"))
            a, b, c = section(tile, "triangle").reshape(-1, 3).T
            twice = (x[b] - x[a]) * (y[c] - y[a]) - (y[b] - y[a]) * (x[c] - x[a])
            assert (twice > 0).all()
            assert twice.sum() == 2 * lattice.width * lattice.height
            if number % lattice.columns + 1 < lattice.columns:
                assert _side(tile, EAST) == _side(tiles[number + 1], WEST)
            if number + lattice.columns < lattice.count:
                assert _side(tile, NORTH) == _side(tiles[number + lattice.columns], SOUTH)


def _side(tile: np.ndarray, side: int) -> Side:
    """The stretches along a side of a tile in their order, each with the corner places it joins."""
    first, along = section(tile, "side_first"), section(tile, "side_triangle")
    x, y = section(tile, "corner_lon"), section(tile, "corner_lat")
    corners, beyond = (section(tile, name).reshape(-1, 3) for name in ("triangle", "neighbour"))
    result = []
    for i in range(first[side], first[side + 1]):
        k = int(np.flatnonzero(beyond[along[i]] >> 1 == -1 - i)[0])
        ends = corners[along[i]][[(k + 1) % 3, (k + 2) % 3]]
        result.append(tuple(sorted((int(x[c]), int(y[c])) for c in ends)))
    return result


def test_every_road_is_a_chain_of_sides_but_where_a_bridge_crosses() -> None:
    # a street of 1 km, another over it on a bridge, which two more join to it
    points = {1: (-500, 0), 2: (500, 0), 3: (20, -300), 4: (40, 300), 5: (-200, 0), 6: (-200, 400)}
    ways = {1: ([1, 5, 2], 36.0, "both"), 2: ([3, 4], 36.0, "both"), 3: ([5, 6, 4], 36.0, "both")}
    net = network({k: (float(x), float(y)) for k, (x, y) in points.items()}, ways)
    lattice = lattice_of(net)
    broken_m = 0.0
    for number in range(lattice.count):
        tile = build_tile(net, "normal", lattice, number)
        x, y = section(tile, "corner_lon") / 1e7 * EAST_M, section(tile, "corner_lat") / 1e7 * NORTH_M
        corners, beyond = (section(tile, name).reshape(-1, 3) for name in ("triangle", "neighbour"))
        road = {
            frozenset((int(corners[t, (k + 1) % 3]), int(corners[t, (k + 2) % 3])))
            for t, k in zip(*np.nonzero(beyond & 1), strict=True)
        }
        first, corner = section(tile, "edge_first"), section(tile, "edge_corner")
        for a, b in pairwise(first):
            for p, q in pairwise(corner[a:b].tolist()):
                if frozenset((p, q)) not in road:
                    broken_m += float(np.hypot(x[p] - x[q], y[p] - y[q]))
    assert 0 < broken_m < 5


def _long_road(*, along_the_lattice: bool) -> RoadNetwork:
    """A street of 20 km eastward, through tile after tile, every 500 m a stub; on a line of the lattice if wanted."""
    y = OFFSET * 1e-7 * NORTH_M if along_the_lattice else 0.0
    points = {i: (500.0 * i, y) for i in range(41)} | {100 + i: (500.0 * i, y + 80.0) for i in range(41)}
    return network(
        points, {1: (list(range(41)), 72.0, "both")} | {10 + i: ([i, 100 + i], 36.0, "both") for i in range(41)}
    )


@pytest.mark.parametrize("along_the_lattice", [False, True])
def test_an_area_goes_on_from_tile_to_tile(along_the_lattice: bool) -> None:
    net = _long_road(along_the_lattice=along_the_lattice)
    y = OFFSET * 1e-7 * NORTH_M if along_the_lattice else 0.0
    mesh = Mesh(net, "normal")
    # 400 s at 20 m/s from 9.25 km
    area = isochrones(net, snap(net, *lonlat(9250, y + 5)), [(400 + 5 * 0.24) / 60], "from", "normal", mesh=mesh)[0]
    assert len(mesh.tiles.rows) >= 6
    assert area.geometry.is_valid
    assert len(area.geometry.geoms) == 1
    assert not area.geometry.geoms[0].interiors
    assert area.certificate is not None
    assert area.certificate.wrong == 0
    road = shapely.LineString([lonlat(0, y), lonlat(20_000, y)])
    west, _, east, _ = area.geometry.intersection(road).bounds
    assert west * EAST_M == pytest.approx(1250, abs=3)
    assert east * EAST_M == pytest.approx(17_250, abs=3)
    stub = lonlat(5000, y + 79)
    assert shapely.contains_xy(area.geometry, *stub)


def test_an_area_is_the_same_whichever_tiles_and_budgets_came_first(monkeypatch: pytest.MonkeyPatch) -> None:
    net = build(random_world(7, crossings=900), QUIET, "random")
    draw = np.random.default_rng(3)
    places = [snap(net, *lonlat(*draw.uniform(1000, 5000, 2))) for _ in range(6)]
    alone = [isochrones(net, here, [4], "from", "normal", mesh=Mesh(net, "normal"), certified=False) for here in places]
    together = Mesh(net, "normal")
    monkeypatch.setattr(mesh_module, "MOST_BYTES", 0)
    for here, (area,) in reversed(list(zip(places, alone, strict=True))):
        _, again, _ = isochrones(net, here, [2, 4, 7], "from", "normal", mesh=together, certified=False)
        assert again.geometry.wkb == area.geometry.wkb
        assert area.geometry.area > 0


def test_areas_nest_although_drawn_apart() -> None:
    net = build(random_world(5, crossings=900), QUIET, "random")
    mesh = Mesh(net, "normal")
    draw = np.random.default_rng(4)
    for _ in range(4):
        here = snap(net, *lonlat(*draw.uniform(500, 5500, 2)))
        budgets = np.sort(draw.uniform(0.5, 9, 8)).tolist()
        drawn = [isochrones(net, here, [m], "to", "normal", mesh=mesh, certified=False)[0].geometry for m in budgets]
        assert all(shape.is_valid for shape in drawn)
        for small, large in pairwise(drawn):
            # to a tenth of a millimetre
            assert large.buffer(1e-9).covers(small)


def test_a_tile_is_a_file_made_once() -> None:
    net = _long_road(along_the_lattice=False)
    files: dict[str, bytes] = {}
    made = []

    def keep(name: str, make: Callable[[], bytes]) -> bytes:
        if name not in files:
            made.append(name)
            files[name] = make()
        return files[name]

    here = snap(net, *lonlat(9000, 5))
    first, second = (
        isochrones(net, here, [3], "from", "normal", mesh=Mesh(net, "normal", keep), certified=False)[0].geometry
        for _ in range(2)
    )
    assert first.wkb == second.wkb
    assert made
    assert len(made) == len(files)
    name, content = files.popitem()
    number = int(name.split(".")[0])
    assert np.array_equal(open_tile(content), build_tile(net, "normal", lattice_of(net), number))
    with pytest.raises(InvalidInput):
        open_tile(net.to_bytes())
    with pytest.raises(InvalidInput):
        open_tile(content[:-1] + b"?")
    assert tile_bytes(open_tile(content)) == content


def test_the_lattice_lies_where_it_lies() -> None:
    lattice = lattice_of(_long_road(along_the_lattice=False))
    assert (lattice.south - OFFSET) % HEIGHT == 0
    assert (lattice.west - OFFSET) % lattice.width == 0
    east_m, north_m = lattice.metres()[lattice.rows // 2] * (lattice.width, lattice.height)
    assert east_m == pytest.approx(north_m, rel=0.01)
    assert Lattice(0, 0, 10, 20, 3, 2).corner(4) == (10, 20)


def test_another_profile_is_refused() -> None:
    with pytest.raises(InvalidInput, match="profile"):
        Mesh(_long_road(along_the_lattice=False), "heli")
