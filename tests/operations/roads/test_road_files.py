"""Road files that do not cover their district: refused with the bounds, or held for a decision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.errors import InvalidInput
from gridsvc.operations.roads.networks import load_roads
from tests.worlds.district import DISTRICT, open_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service


@pytest.fixture(scope="module")
def service(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The district on paper: townships of 6 km by 0.2 degrees side by side from 119.59 east, 29 to 29.2 north."""
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path_factory.mktemp("toy"))
        yield service
        service.database.close()


def network_in_force(service: Service) -> str:
    from gridsvc.db.grids.versions import get_versions

    return str(service.database.run(lambda connection: get_versions(connection, DISTRICT)).network)


def lattice(path: Path, west: float, south: float, east: float, north: float) -> Path:
    """Write streets every 0.01 degrees that meet at points of both."""
    across = [round(west + k / 100, 6) for k in range(round((east - west) * 100) + 1)]
    up = [round(south + k / 100, 6) for k in range(round((north - south) * 100) + 1)]
    lines = [[[x, y] for x in across] for y in up] + [[[x, y] for y in up] for x in across]
    features = [
        {
            "type": "Feature",
            "properties": {"highway": "residential"},
            "geometry": {"type": "LineString", "coordinates": c},
        }
        for c in lines
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_roads_of_another_place_are_refused_with_both_bounds(service: Service, tmp_path: Path) -> None:
    before = network_in_force(service)
    with pytest.raises(InvalidInput) as refused:
        load_roads(service, DISTRICT, path=lattice(tmp_path / "away.geojson", 121.0, 29.0, 121.1, 29.1))
    assert refused.value.kind == "roads-elsewhere"
    parameters: dict[str, Any] = refused.value.parameters
    assert parameters["roads_bounds"] == pytest.approx([121.0, 29.0, 121.1, 29.1], abs=1e-6)
    assert parameters["district_bounds"] == pytest.approx([119.59, 29.0, 119.77, 29.2], abs=1e-6)
    # 121.0 - 119.77 = 1.23 degrees of 97.4 km
    assert parameters["away_m"] == pytest.approx(1.23 * 97_400, rel=0.01)
    assert parameters["direction"] == "east"
    assert "--district" in refused.value.detail
    with pytest.raises(InvalidInput, match="east of it"):
        load_roads(service, DISTRICT, path=tmp_path / "away.geojson", accept_uncovered=True)
    assert network_in_force(service) == before


def test_townships_without_roads_are_listed_and_ask_for_a_decision(service: Service, tmp_path: Path) -> None:
    """Streets from 119.59 to 119.65 are the first township; the next two, 6 km each, begin where they end."""
    before = network_in_force(service)
    file = lattice(tmp_path / "west.geojson", 119.59, 29.0, 119.65, 29.2)
    with pytest.raises(InvalidInput) as refused:
        load_roads(service, DISTRICT, path=file)
    assert refused.value.kind == "roads-missing"
    assert refused.value.parameters["retry"] == [["--accept-uncovered"]]
    rows = refused.value.parameters["cover"]["grids"]
    shares = {row["name"]: row["bare_share"] for row in rows}
    assert sorted(shares.values()) == pytest.approx([0, 1 - 2000 / (0.06 * 97_350), 1], abs=0.02)
    assert refused.value.parameters["cover"]["bare_grids"] == ["V3", "V4"]
    assert "2 of 3 township grids" in refused.value.detail
    assert "(100%)" in refused.value.detail
    assert network_in_force(service) == before

    loaded = load_roads(service, DISTRICT, path=file, accept_uncovered=True)
    assert loaded["cover"]["grids"] == rows
    assert any("Farther than 2 km" in note for note in loaded["notes"])
    assert network_in_force(service) == loaded["network"] != before


def test_roads_that_cover_the_district_are_loaded_without_a_word_of_it(service: Service, tmp_path: Path) -> None:
    loaded = load_roads(service, DISTRICT, path=lattice(tmp_path / "all.geojson", 119.58, 28.99, 119.78, 29.21))
    assert all(row["bare_km2"] == 0 for row in loaded["cover"]["grids"])
    assert not any("Farther than" in note for note in loaded["notes"])
    assert loaded["margin"]["least_m"] < 20_000
