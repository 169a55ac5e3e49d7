"""The faults of a draft as a map shows them: polygons with the area and the place that the check tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
import shapely
from pyproj import Geod
from shapely.geometry import shape
from starlette.testclient import TestClient

from gridsvc.api.app import create_app
from gridsvc.db.access import viewers
from gridsvc.db.access.url_forms import keywords_of
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.versions import ensure_district
from gridsvc.db.session.connection import Database
from gridsvc.grids.levels import Grid, Level
from gridsvc.operations.grids import checks
from gridsvc.operations.runtime.service import Service
from tests.desk.ogc import features
from tests.worlds.district import DISTRICT, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster

GEOD = Geod(ellps="WGS84")
ITEMS = "/collections/faults/items"
HAIR = 2e-8
"""Degrees: 2 mm, which six decimals do not show."""


def town(code: str, geometry: shapely.geometry.base.BaseGeometry) -> Grid:
    return Grid(code, f"town {code}", Level.TOWNSHIP, None, geometry)


def draft() -> list[Grid]:
    """A row of townships: A and B overlap, a gap lies between B and C, a hair between C and D; E crosses itself."""
    hair = shapely.Polygon([(119.63, 29.02), (119.63 + HAIR, 29.03), (119.63, 29.04)])
    return [
        town("A", shapely.box(119.60, 29.0, 119.611, 29.05)),
        town("B", shapely.box(119.61, 29.0, 119.62, 29.05) - shapely.box(119.618, 29.02, 119.62, 29.03)),
        town("C", shapely.box(119.62, 29.0, 119.63, 29.05)),
        town("D", shapely.box(119.63, 29.0, 119.64, 29.05) - hair),
        town("E", shapely.Polygon([(119.64, 29.0), (119.65, 29.05), (119.65, 29.0), (119.64, 29.05)])),
        town("F", shapely.LineString([(119.66, 29.0), (119.66, 29.05)])),
    ]


@pytest.fixture(scope="module")
def checked(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Any, Any]]:
    with scratch_database(cluster) as url:
        service = Service(Database(url), tmp_path_factory.mktemp("faults"))

        def work(connection: Any) -> None:
            ensure_district(connection, DISTRICT)
            made = store.open_draft(connection, DISTRICT, of=None, source={})
            store.write_grids(connection, DISTRICT, made.number, draft(), levels=Level)

        service.database.run(work)
        found = checks.check(service, DISTRICT)
        yield service, found, url
        service.database.close()


@pytest.fixture(scope="module")
def shown(checked: tuple[Any, Any, Any]) -> list[dict[str, Any]]:
    with TestClient(create_app(checked[0], sign_in=False), base_url="http://localhost") as web:
        return features(web, ITEMS)


def area_m2(polygon: Any) -> float:
    return abs(GEOD.geometry_area_perimeter(polygon)[0])


def test_every_fault_with_a_place_is_a_polygon_that_a_map_shows(checked: Any, shown: list[dict[str, Any]]) -> None:
    placed = [fault for fault in checked[1].faults if fault.lon is not None]
    kinds = {fault.kind for fault in placed}
    assert {"overlap", "gap", "sliver", "invalid"} <= kinds
    assert len(shown) == len(placed)
    for fault, each in zip(placed, shown, strict=True):
        found = each["properties"]
        assert (found["kind"], found["codes"], found["words"]) == (fault.kind, list(fault.codes), fault.words)
        assert (found["lon"], found["lat"], found["cure"]) == (fault.lon, fault.lat, fault.cure)
        polygon = shape(each["geometry"])
        assert polygon.geom_type == "MultiPolygon"
        assert polygon.is_valid
        assert not polygon.is_empty
        assert polygon.distance(shapely.Point(fault.lon, fault.lat)) < 2e-6


def test_overlaps_and_gaps_have_the_area_that_is_told(shown: list[dict[str, Any]]) -> None:
    """By hand: a cell of 0.001 by 0.05 degrees of the overlap, 0.002 by 0.01 of the gap."""
    polygons = {
        each["properties"]["kind"]: shape(each["geometry"])
        for each in shown
        if each["properties"]["area_m2"] > 100 and each["properties"]["kind"] in {"overlap", "gap"}
    }
    assert polygons["overlap"].equals(shapely.box(119.61, 29.0, 119.611, 29.05))
    assert polygons["gap"].equals(shapely.box(119.618, 29.02, 119.62, 29.03))
    for each in shown:
        said_m2 = each["properties"]["area_m2"]
        if each["properties"]["kind"] in polygons and said_m2 > 100:
            assert area_m2(shape(each["geometry"])) == pytest.approx(said_m2, rel=1e-4)


def test_a_hair_and_a_line_are_drawn_as_wide_as_a_coordinate_is_exact(
    checked: Any, shown: list[dict[str, Any]]
) -> None:
    hairs = [each for each in shown if 0 < each["properties"]["area_m2"] < 5]
    assert hairs
    for each in hairs:
        assert shape(each["geometry"]).area > 0
    of_line = [each for each in shown if each["properties"]["codes"] == ["F"]]
    assert of_line
    assert all(0 < shape(each["geometry"]).area < 1e-11 for each in of_line)


def test_the_view_has_the_same_ones_with_all_their_decimals(checked: Any, shown: list[dict[str, Any]]) -> None:
    address = keywords_of(viewers.url_as(checked[2], viewers.viewer_of(None)))
    with psycopg.connect(**address) as connection:  # type: ignore[arg-type]
        rows = connection.execute(
            "select kind, codes, area_m2, ST_AsBinary(geom) from boundary_fault order by (split_part(id, '-', 3))::int"
        ).fetchall()
    assert [(kind, codes) for kind, codes, _, _ in rows] == [
        (each["properties"]["kind"], ", ".join(each["properties"]["codes"])) for each in shown
    ]
    for kind, _, said_m2, wkb in rows:
        if kind in {"overlap", "gap", "sliver"}:
            assert area_m2(shapely.from_wkb(wkb)) == pytest.approx(said_m2, rel=0.01, abs=0.01)
