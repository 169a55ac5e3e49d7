"""The demo's proof of its travel times can fail, and holds on a town of one-way streets and odd corners."""

from __future__ import annotations

import numpy as np
import pytest

from gridsvc.demo.world import agreement
from gridsvc.demo.world.agreement import compare_with_networkx
from gridsvc.files.roads.read import read_osm
from tests.worlds.osm_files import OsmFile


@pytest.fixture(scope="module")
def town(tmp_path_factory):
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


def places(seed: int):
    random = np.random.default_rng(seed)
    return random.uniform(10, 10.035, 40), random.uniform(50, 50.022, 40)


@pytest.mark.parametrize("profile", ["emergency", "normal"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_all_two_hundred_agree_to_a_hundredth_of_a_second(town, profile, seed):
    found = compare_with_networkx(town, *places(seed), profile=profile)
    assert found.compared == found.agree == 200
    assert found.largest_s < 0.01


def test_a_wrong_engine_is_found_out(town, monkeypatch):
    right = agreement.matrix
    monkeypatch.setattr(agreement, "matrix", lambda *words: right(*words) + 0.5)
    assert compare_with_networkx(town, *places(1)).agree == 0
