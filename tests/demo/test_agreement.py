"""The demo's proof of its travel times can fail, and holds on a town of one-way streets and odd corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from gridsvc.demo.world.agreement import compare_with_networkx
from gridsvc.files.roads.read import read_osm
from gridsvc.roads.search.matrices import matrix
from tests.worlds.osm_files import OsmFile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> RoadNetwork:
    osm = OsmFile()
    random = np.random.default_rng(4)
    kinds = ("residential", "tertiary", "primary")
    for n in range(12):
        row = [(10 + 0.003 * k + 0.0002 * n, 50 + 0.002 * n) for k in range(12)]
        line = [(10 + 0.003 * n + 0.0002 * k, 50 + 0.002 * k) for k in range(12)]
        for points in (row, line):
            tags = {"highway": kinds[int(random.integers(3))]}
            if random.random() < 0.4:
                tags["oneway"] = "yes"
            osm.way(points[::-1] if random.random() < 0.5 else points, tags)
    return read_osm(osm.write(tmp_path_factory.mktemp("town") / "town.osm.pbf"))


def places(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    random = np.random.default_rng(seed)
    return random.uniform(10, 10.035, 40), random.uniform(50, 50.022, 40)


@pytest.mark.parametrize("profile", ["emergency", "normal"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_two_hundred_agree_to_a_hundredth_of_a_second(town: RoadNetwork, profile: str, seed: int) -> None:
    found = compare_with_networkx(town, *places(seed), profile)
    assert found.compared == found.agree == 200
    assert found.largest_s < 0.01


def test_a_wrong_engine_is_found_out(town: RoadNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    def half_a_second_late(network: RoadNetwork, origins: Snaps, ends: Snaps, profile: str) -> NDArray[np.float64]:
        return matrix(network, origins, ends, profile) + 0.5

    monkeypatch.setattr("gridsvc.demo.world.agreement.matrix", half_a_second_late)
    assert compare_with_networkx(town, *places(1)).agree == 0
