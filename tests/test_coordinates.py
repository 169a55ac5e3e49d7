"""Datums, refusals and metres."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.coordinates import (
    Bounds,
    Datum,
    LocalMetres,
    bearing_deg,
    check_lonlat,
    check_lonlats,
    distance_m,
    equal_area_m,
    find_datum,
    from_wgs84,
    metres_per_degree,
    to_wgs84,
)
from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from pathlib import Path

JINDONG = Bounds(119.65, 28.99, 119.95, 29.31)


@pytest.mark.parametrize(
    ("datum", "expected"),
    [
        # What the coordinate converters that map clients ship answer for 116.404, 39.915 (Tian'anmen).
        (Datum.GCJ02, (116.41024449916938, 39.91640428150164)),
        (Datum.WGS84, (116.404, 39.915)),
        (Datum.CGCS2000, (116.404, 39.915)),
    ],
)
def test_forward_transforms_answer_as_map_clients_do(datum: Datum, expected: tuple[float, float]) -> None:
    assert from_wgs84(116.404, 39.915, datum) == pytest.approx(expected, abs=1e-12)


def test_bd09_is_baidus_shift_upon_gcj02() -> None:
    gcj = to_wgs84(116.404, 39.915, Datum.GCJ02)
    assert from_wgs84(*gcj, Datum.BD09) == pytest.approx((116.41036949371029, 39.92133699351021), abs=1e-9)


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_there_and_back_is_the_same_place_on_the_border_of_the_box(datum: Datum) -> None:
    """The shift ends at the box of the formulas: 72.004 to 137.8347 E, 0.8293 to 55.8271 N."""
    west, south, east, north = 72.004, 0.8293, 137.8347, 55.8271
    along_lon, along_lat = np.linspace(west, east, 5_001), np.linspace(south, north, 5_001)
    inward = np.array([0.0, 1e-7, 1e-4, 3e-3])[:, None]
    lon = np.concatenate([
        np.broadcast_to(along_lon, (4, 5_001)).ravel(), np.broadcast_to(along_lon, (4, 5_001)).ravel(),
        np.broadcast_to(west + inward, (4, 5_001)).ravel(), np.broadcast_to(east - inward, (4, 5_001)).ravel(),
    ])  # fmt: skip
    lat = np.concatenate([
        np.broadcast_to(south + inward, (4, 5_001)).ravel(), np.broadcast_to(north - inward, (4, 5_001)).ravel(),
        np.broadcast_to(along_lat, (4, 5_001)).ravel(), np.broadcast_to(along_lat, (4, 5_001)).ravel(),
    ])  # fmt: skip
    back_lon, back_lat = to_wgs84(*from_wgs84(lon, lat, datum), datum)
    assert np.abs(back_lon - lon).max() < 1e-9
    assert np.abs(back_lat - lat).max() < 1e-9


@pytest.mark.parametrize("place", [(9.52, 47.14), (-122.6, 45.5), (0.0, 90.0), (-180.0, -90.0), (71.9, 40.0)])
def test_outside_the_box_map_services_shift_nothing(place: tuple[float, float]) -> None:
    assert to_wgs84(*place, Datum.GCJ02) == place
    assert from_wgs84(*place, Datum.GCJ02) == place


@pytest.mark.parametrize("datum", list(Datum))
def test_there_and_back_is_the_same_place(datum: Datum) -> None:
    draw = np.random.default_rng(5)
    lon, lat = draw.uniform(74, 134, 20_000), draw.uniform(4, 53, 20_000)
    back_lon, back_lat = to_wgs84(*from_wgs84(lon, lat, datum), datum)
    assert np.abs(back_lon - lon).max() < 1e-9
    assert np.abs(back_lat - lat).max() < 1e-9
    one = to_wgs84(float(lon[0]), float(lat[0]), datum)
    many = to_wgs84(lon[:1], lat[:1], datum)
    assert type(one[0]) is float
    assert one == (many[0][0], many[1][0])


def test_outside_china_nothing_is_shifted() -> None:
    assert from_wgs84(9.52, 47.14, Datum.GCJ02) == (9.52, 47.14)


@pytest.mark.shared
def test_the_gcj02_outline_of_jindong_falls_upon_the_surveyed_one(shared_data: Path) -> None:
    fence = shapely.from_geojson((shared_data / "jindong" / "fence_gcj02.json").read_text())
    towns = json.loads((shared_data / "jindong" / "townships.geojson").read_text())
    outline = shapely.union_all([shapely.geometry.shape(f["geometry"]) for f in towns["features"]]).boundary
    plane = LocalMetres(119.8, 29.15)

    def off_m(lonlat: np.ndarray) -> np.ndarray:
        line = shapely.transform(outline, lambda c: np.column_stack(plane.to_metres(c[:, 0], c[:, 1])))
        spots = shapely.points(np.column_stack(plane.to_metres(lonlat[:, 0], lonlat[:, 1])))
        return np.asarray(shapely.distance(spots, line))

    given = shapely.get_coordinates(fence)
    moved = np.column_stack(to_wgs84(given[:, 0].copy(), given[:, 1].copy(), Datum.GCJ02))
    shift_m = np.hypot((given - moved)[:, 0] * 97_300, (given - moved)[:, 1] * 110_900)
    assert 500 < shift_m.mean() < 600
    # Two surveys of one line: half of the vertices within 31 m, all within 65 m; unconverted they are hundreds off.
    assert np.median(off_m(moved)) < 45
    assert off_m(moved).max() < 65
    assert np.percentile(off_m(given), 90) > 300


@pytest.mark.parametrize(
    ("lon", "lat", "kind"),
    [
        (math.nan, 29.1, "not-finite"),
        (119.7, math.inf, "not-finite"),
        (29.1, 119.7, "swapped"),
        (190.0, 29.1, "out-of-range"),
        (13_325_000.0, 3_390_000.0, "out-of-range"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_kind(lon: float, lat: float, kind: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_lonlat(lon, lat)
    assert refusal.value.kind == kind


def test_a_swapped_pair_is_known_by_the_district_where_both_numbers_are_in_range() -> None:
    liechtenstein = Bounds(9.47, 47.05, 9.64, 47.27)
    with pytest.raises(InvalidInput, match=r"longitude 9\.5 and latitude 47\.1"):
        check_lonlat(47.1, 9.5, near=liechtenstein)
    check_lonlat(47.1, 9.5)
    check_lonlat(9.9, 47.9, near=liechtenstein)


def test_arrays_are_refused_by_the_number_of_the_row() -> None:
    lon, lat = np.array([119.7, 29.1, 119.8]), np.array([29.1, 119.7, 29.2])
    with pytest.raises(InvalidInput, match=r"Row 2: .*swapped") as refusal:
        check_lonlats(lon, lat, near=JINDONG)
    assert refusal.value.parameters == {"row": 2}
    with pytest.raises(InvalidInput, match="3 longitudes and 2 latitudes"):
        check_lonlats(lon, lat[:2])
    with pytest.raises(InvalidInput, match="Row 3"):
        check_lonlats(lon, np.array([29.1, 29.1, math.nan]))


@pytest.mark.parametrize(
    ("name", "datum"),
    [("EPSG:4326", Datum.WGS84), ("wgs 84", Datum.WGS84), ("epsg:4490", Datum.CGCS2000), ("gcj02", Datum.GCJ02),
     ("BD-09", Datum.BD09), ("EPSG:4549", None)],
)  # fmt: skip
def test_datums_by_their_many_names(name: str, datum: Datum | None) -> None:
    assert find_datum(name) is datum


def test_an_unknown_datum_is_refused_and_the_known_are_listed() -> None:
    with pytest.raises(InvalidInput, match="GCJ-02") as refusal:
        Datum.from_name("Beijing54")
    assert refusal.value.kind == "unknown-datum"


def test_distances_and_bearings_on_paper() -> None:
    one_degree = math.pi * 6_371_008.8 / 180
    assert distance_m(119, 0, 120, 0) == pytest.approx(one_degree)
    assert distance_m(119, 29, 119, 30) == pytest.approx(one_degree)
    assert bearing_deg(119, 29, 119, 30) == pytest.approx(0)
    assert bearing_deg(119, 0, 120, 0) == pytest.approx(90)
    assert bearing_deg(119, 29, 119, 28) == pytest.approx(180)
    assert bearing_deg(120, 0, 119, 0) == pytest.approx(270)


def test_a_degree_has_the_length_of_the_ellipsoid() -> None:
    assert metres_per_degree(0) == pytest.approx((111_319.49, 110_574.28), abs=0.01)
    assert metres_per_degree(29.1)[0] == pytest.approx(97_346, abs=10)


def test_areas_are_those_of_the_ellipsoid() -> None:
    """The zone between two parallels has a closed form (Snyder 3-12); so has the whole earth, 510,065,622 km2."""
    pyproj = pytest.importorskip("pyproj")
    box = shapely.segmentize(shapely.box(119.6, 29.0, 119.7, 29.1), 0.001)
    expected, _ = pyproj.Geod(ellps="WGS84").geometry_area_perimeter(box)
    assert shapely.area(shapely.transform(box, equal_area_m)) == pytest.approx(expected, rel=1e-6)
    whole = shapely.box(-180, -90, 180, 90)
    assert shapely.area(shapely.transform(whole, equal_area_m)) == pytest.approx(510_065_621_724_089, rel=1e-9)
