"""Rivers, railways, hills and places that callers name, out of an OpenStreetMap file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import shapely
from pyproj import Geod

from gridsvc.files.osm.features import kind_of
from gridsvc.files.osm.places import read_places
from tests.worlds.osm_files import OsmFile

if TYPE_CHECKING:
    from pathlib import Path

POND = [(119.70, 29.10), (119.71, 29.10), (119.71, 29.11), (119.70, 29.11), (119.70, 29.10)]


def world() -> OsmFile:
    """A river in two ways, a railway with its yard, a pond, a hill, a bridge, a temple, and what nobody names."""
    osm = OsmFile()
    osm.way([(119.60, 29.10), (119.65, 29.11)], {"waterway": "river", "name": "武义江"})
    osm.way([(119.65, 29.11), (119.70, 29.12)], {"waterway": "river", "name": "武义江"})
    osm.way([(119.60, 29.20), (119.70, 29.20)], {"railway": "rail", "name": "沪昆铁路"})
    osm.way([(119.60, 29.21), (119.61, 29.21)], {"railway": "rail", "name": "沪昆铁路", "service": "yard"})
    osm.way(POND, {"natural": "water", "name": "安地湖"})
    osm.way(
        [(119.62, 29.1), (119.62, 29.102)],
        {"highway": "primary", "bridge": "yes", "name": "八一街", "bridge:name": "宏济桥"},
    )
    osm.node(119.66, 29.15, natural="peak", name="积道山")
    osm.node(119.67, 29.15, amenity="place_of_worship", name="太阳殿; 老太阳殿")
    osm.node(119.68, 29.15, amenity="parking", name="站前停车场")
    osm.node(119.69, 29.15, natural="peak")
    osm.node(119.69, 29.16, leisure="park", name="公园")
    osm.node(119.69, 29.17, amenity="fire_station", name="孝顺消防站")
    return osm


@pytest.mark.parametrize("shuffled", [False, True])
def test_what_callers_name_is_read_and_nothing_else(tmp_path: Path, shuffled: bool) -> None:
    found = read_places(world().write(tmp_path / "a.osm.pbf", shuffled=shuffled))
    assert [(each.name, each.kind) for each in found.features] == [
        ("太阳殿", "place"), ("安地湖", "water"), ("宏济桥", "bridge"), ("武义江", "river"), ("武义江", "river"),
        ("沪昆铁路", "railway"), ("积道山", "peak"),
    ]  # fmt: skip
    assert [each.name for each in found.stations] == ["孝顺消防站"]
    river = shapely.line_merge(shapely.union_all([each.geometry for each in found.features if each.kind == "river"]))
    assert river.geom_type == "LineString"
    assert shapely.get_coordinates(river).tolist() == [[119.60, 29.10], [119.65, 29.11], [119.70, 29.12]]


def test_the_radius_of_an_area_reaches_its_farthest_corner(tmp_path: Path) -> None:
    found = read_places(world().write(tmp_path / "a.osm.pbf"))
    (pond,) = [each for each in found.features if each.kind == "water"]
    farthest_m = max(Geod(ellps="WGS84").inv(pond.lon, pond.lat, *corner)[2] for corner in POND)
    assert pond.radius_m == pytest.approx(farthest_m, abs=2)
    (peak,) = [each for each in found.features if each.kind == "peak"]
    assert (peak.lon, peak.lat, peak.radius_m) == (119.66, 29.15, 300.0)


@pytest.mark.parametrize(
    "name", ["公园", "村文化礼堂", "公共厕所", "东门", "新大桥", "Spielplatz", "Parking", "12", "7号", "庙"]
)
def test_a_word_for_a_kind_of_thing_is_no_name(name: str) -> None:
    assert kind_of({"leisure": "park", "name": name}) is None


@pytest.mark.parametrize(
    ("tags", "kind"),
    [
        ({"waterway": "river", "name": "梅溪"}, "river"),
        ({"waterway": "stream", "name": "孝顺溪"}, "stream"),
        ({"railway": "station", "name": "孝顺站"}, "station"),
        ({"man_made": "bridge", "name": "东关大桥"}, "bridge"),
        ({"tourism": "attraction", "name": "锁园古村"}, "place"),
        ({"tourism": "information", "name": "锁园古村"}, None),
        ({"shop": "bakery", "name": "老王面包房"}, None),
        ({"amenity": "school", "name": "如家"}, None),
    ],
)
def test_the_kind_follows_the_tags(tags: dict[str, str], kind: str | None) -> None:
    assert kind_of(tags) == kind


@pytest.mark.shared
def test_liechtenstein_has_its_rivers_railway_and_hills(shared_data: Path) -> None:
    features = read_places(shared_data / "osm" / "liechtenstein.osm.pbf").features
    names = {(each.name, each.kind) for each in features}
    assert names >= {("Rhein", "river"), ("Gafleispitz", "peak"), ("Egelsee", "water"), ("Spiersbach", "stream")}
    assert any(each.kind == "railway" for each in features)
    assert all((each.radius_m == 0) == (each.geometry.geom_type == "LineString") for each in features)
