"""A place loads the districts that can hold it, and gets the answer that all districts together give."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.cases.decide import Location
from gridsvc.db.session.connection import Database
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.grids import generations
from gridsvc.operations.places.locate import TAKEN_WITHIN_M, locate_in
from gridsvc.operations.roads import networks
from gridsvc.operations.runtime.districts import list_views
from gridsvc.operations.runtime.layout import Districts
from gridsvc.operations.runtime.service import Service
from gridsvc.operations.runtime.version_cache import ABSENT
from tests.worlds.district import scratch_database, toy_road
from tests.worlds.tilings import SIDE_DEG, SOUTH, WEST, nest, tile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.grids.levels import Grid

CODES = ("330701", "330702", "330703", "330704", "330705")


@pytest.fixture(scope="module")
def lands() -> dict[str, NDArray[np.object_]]:
    """The villages of five districts whose boxes overlap and whose lands do not: slices round one point."""
    villages = tile(60, seed=4)
    middle = shapely.centroid(villages)
    angle = np.arctan2(shapely.get_y(middle) - SOUTH - SIDE_DEG / 2, shapely.get_x(middle) - WEST - SIDE_DEG / 2)
    part = ((angle + np.pi) / (2 * np.pi) * len(CODES)).astype(int).clip(0, len(CODES) - 1)
    return {code: villages[part == number] for number, code in enumerate(CODES)}


@pytest.fixture(scope="module")
def url(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory, lands: dict[str, NDArray[np.object_]]
) -> Iterator[str]:
    with scratch_database(cluster) as url:
        service = Service(Database(url), tmp_path_factory.mktemp("made"))
        for code, villages in lands.items():
            generations.establish(service, code, grids_of(code, villages), source={"tiling": True}, synthetic=True)
        service.database.close()
        yield url


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Service]:
    """A process that starts now, with nothing in memory."""
    service = Service(Database(url, pool=2), tmp_path)
    yield service
    service.database.close()


def grids_of(code: str, villages: NDArray[np.object_]) -> list[Grid]:
    return [replace(grid, urban_rural_code="111") for grid in nest(villages, code=code)]


def lowest(lands: dict[str, NDArray[np.object_]], place: BaseGeometry) -> str | None:
    """The lowest code of the districts that hold a place, by shapely alone."""
    return next((code for code, villages in lands.items() if shapely.intersects(villages, place).any()), None)


def places(count: int, seed: int, margin_deg: float) -> NDArray[np.float64]:
    draw = np.random.default_rng(seed)
    low, high = (WEST - margin_deg, SOUTH - margin_deg), (WEST + SIDE_DEG + margin_deg, SOUTH + SIDE_DEG + margin_deg)
    return draw.uniform(low, high, (count, 2))


def test_a_point_has_the_district_that_shapely_finds(service: Service, lands: dict[str, NDArray[np.object_]]) -> None:
    found, beside = set(), 0
    with service.database.transaction() as connection:
        districts = Districts.now(service, connection)
        for lon, lat in places(600, seed=1, margin_deg=0.02).tolist():
            placed = locate_in(districts, Location(lon, lat))
            expected = lowest(lands, shapely.Point(lon, lat))
            if expected is None:
                assert placed.ownership is None
                beside += 1
            else:
                assert (placed.view.code, placed.ownership is not None) == (expected, True)
                found.add(expected)
    assert found == set(CODES)
    assert beside > 50


def test_a_point_on_the_border_of_districts_has_exactly_one_of_them(
    service: Service, lands: dict[str, NDArray[np.object_]]
) -> None:
    holders: dict[tuple[float, float], list[str]] = {}
    for lon, lat in shapely.get_coordinates(np.concatenate(list(lands.values()))).tolist():
        near = [code for code, villages in lands.items() if shapely.intersects(villages, shapely.Point(lon, lat)).any()]
        inner = min(lon - WEST, lat - SOUTH, WEST + SIDE_DEG - lon, SOUTH + SIDE_DEG - lat) > 1e-9
        if len(near) > 1 and inner:
            holders[lon, lat] = near
    assert len(holders) > 100
    with service.database.transaction() as connection:
        every = Districts.of(list_views(service, connection))
        some = Districts.now(service, connection)
        for (lon, lat), codes in holders.items():
            placed = locate_in(some, Location(lon, lat))
            assert placed.ownership is not None
            assert placed.view.code in codes
            assert placed.view.code == locate_in(every, Location(lon, lat)).view.code


def test_lines_and_radii_and_places_beside_get_the_answer_of_all_districts(service: Service) -> None:
    draw = np.random.default_rng(2)
    with service.database.transaction() as connection:
        every = Districts.of(list_views(service, connection))
        some = Districts.now(service, connection)
        for number, (lon, lat) in enumerate(places(150, seed=3, margin_deg=0.1).tolist()):
            line = shapely.LineString([(lon, lat), (lon + draw.uniform(-0.1, 0.1), lat + draw.uniform(-0.1, 0.1))])
            where = [Location(lon, lat), Location(lon, lat, 3000.0), Location(lon, lat, extent=line)][number % 3]
            one, other = locate_in(some, where), locate_in(every, where)
            assert (one.view.code, one.ownership, one.beside) == (other.view.code, other.ownership, other.beside)


def test_only_the_district_of_the_place_is_loaded(service: Service, lands: dict[str, NDArray[np.object_]]) -> None:
    inside = shapely.Point(lands["330703"][5].representative_point())
    with service.database.transaction() as connection:
        locate_in(Districts.now(service, connection), Location(inside.x, inside.y))
    loaded = {code for code in CODES if service.cache.get("index", (code, 1)) is not ABSENT}
    assert loaded == {"330703"}


def test_far_from_all_districts_the_nearest_is_named(service: Service) -> None:
    with service.database.transaction() as connection, pytest.raises(InvalidInput) as refused:
        locate_in(Districts.now(service, connection), Location(WEST - 1.0, SOUTH + 0.1))
    assert refused.value.parameters["distance_m"] > TAKEN_WITHIN_M


def test_a_process_sees_districts_that_another_one_loads_and_moves(
    cluster: EmbeddedCluster, tmp_path: Path, lands: dict[str, NDArray[np.object_]]
) -> None:
    def code_at(service: Service, place: shapely.Point) -> str | None:
        with service.database.transaction() as connection:
            placed = locate_in(Districts.now(service, connection), Location(place.x, place.y))
            return placed.view.code if placed.ownership is not None else None

    inside = [lands[code][4].representative_point() for code in CODES[:2]]
    with scratch_database(cluster) as url:
        one, other = (Service(Database(url, pool=2), tmp_path / name) for name in ("one", "other"))
        with pytest.raises(NotFound, match="No district is loaded"):
            code_at(one, inside[0])
        generations.establish(other, CODES[0], grids_of(CODES[0], lands[CODES[0]]), source={})
        assert [code_at(one, place) for place in inside] == [CODES[0], None]
        generations.establish(other, CODES[1], grids_of(CODES[1], lands[CODES[1]]), source={})
        assert [code_at(one, place) for place in inside] == [CODES[0], CODES[1]]
        generations.establish(other, CODES[1], grids_of(CODES[1], lands[CODES[2]]), source={})
        assert [code_at(one, place) for place in inside] == [CODES[0], None]
        networks.establish(other, "330709", toy_road(), source="toy")
        with one.database.transaction() as connection:
            districts = Districts.now(one, connection)
            assert [view.code for view in districts.touching(shapely.Point(119.65, 29.1))][-1] == "330709"
        one.database.close()
        other.database.close()
