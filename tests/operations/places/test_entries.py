"""What a gazetteer is made of: each source gives its entries, with owners and radius."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyproj import Geod

from gridsvc.grids.index import OwnershipIndex
from gridsvc.operations.places.entries import LEARNED, LEARNED_ONCE, Sources, entries_of, learned_entries
from gridsvc.places.gazetteer import Gazetteer
from gridsvc.places.geocode import geocode
from gridsvc.places.model import DistrictName
from tests.operations.places.world import DISTRICT, FUCUN, MIDDLE, XIAOSHUN, grids, learned, line, road, sources, spot

if TYPE_CHECKING:
    from gridsvc.db.places.learned import LearnedName
    from gridsvc.places.features import NamedFeature
    from gridsvc.places.model import Entry

GEOD = Geod(ellps="WGS84")


def named(entries: list[Entry], name: str) -> list[Entry]:
    return [each for each in entries if each.name == name]


@pytest.fixture(scope="module")
def entries() -> list[Entry]:
    return entries_of(sources())


def test_a_grid_is_found_at_the_settlement_of_its_name_and_reaches_to_its_farthest_border(
    entries: list[Entry],
) -> None:
    (seat,) = named(entries, "孝顺镇")
    assert (seat.kind, seat.lon, seat.lat, seat.codes) == ("township", 119.64, 29.15, ("R1", XIAOSHUN))
    corners = [(x, y) for x in (119.60, MIDDLE) for y in (29.0, 29.2)]
    farthest_m = max(GEOD.inv(119.64, 29.15, *corner)[2] for corner in corners)
    assert seat.radius_m == pytest.approx(farthest_m, abs=10)


def test_a_village_has_its_chain(entries: list[Entry]) -> None:
    (village,) = named(entries, "低田村委会")
    assert (village.township, village.village) == ("孝顺镇", "低田村委会")
    assert village.codes == ("R1", XIAOSHUN, "A1", "V2")


def test_an_address_has_the_owners_of_its_point_and_its_fields(entries: list[Entry]) -> None:
    (house,) = named(entries, "孝顺镇站前路12号")
    assert (house.kind, house.township, house.village) == ("house", "孝顺镇", "浦口村委会")
    assert house.parts == {"street": "站前路", "house": "12号"}
    (hamlet,) = named(entries, "石塘坞")
    assert (hamlet.kind, hamlet.township, hamlet.radius_m) == ("place", "傅村镇", 800.0)


def test_former_townships_are_today_s(entries: list[Entry]) -> None:
    (former,) = named(entries, "鞋塘镇")
    assert (former.former_of, former.township, former.codes) == (XIAOSHUN, "孝顺镇", ("R1", XIAOSHUN))


def test_names_of_other_counties_are_elsewhere_and_own_ones_are_not(entries: list[Entry]) -> None:
    places = {each.name: each.parts["in"] for each in entries if each.kind == "elsewhere"}
    assert places["佛堂镇"] == "义乌市"
    assert places["上海市"] == "上海市"
    assert not {"金东区", "金华市", "浙江省", "孝顺镇"} & set(places)


def test_a_road_has_an_entry_in_each_township_and_each_of_its_junctions_one() -> None:
    lines = [
        road("站前路", (119.61, 29.1), (119.64, 29.1)),
        road("站前路", (119.64, 29.1), (119.68, 29.1)),
        road("光明街", (119.64, 29.1), (119.64, 29.15)),
        road("一弄", (119.61, 29.1), (119.61, 29.11)),
        road("二弄", (119.61, 29.1), (119.60, 29.09)),
        road("远路", (119.9, 29.1), (119.91, 29.1)),
    ]
    found = entries_of(sources(roads=lines))
    assert {each.township for each in named(found, "站前路")} == {"孝顺镇", "傅村镇"}
    west = next(each for each in named(found, "站前路") if each.township == "孝顺镇")
    assert west.lon == pytest.approx(119.625)
    assert west.radius_m == pytest.approx(GEOD.inv(119.625, 29.1, 119.61, 29.1)[2], abs=2)
    crossings = [each for each in found if each.kind == "junction"]
    pairs = {(each.parts["street"], each.parts["street2"]) for each in crossings}
    assert pairs == {("光明街", "站前路"), ("一弄", "站前路"), ("二弄", "站前路")}  # not that of two lanes
    met = next(each for each in crossings if each.parts["street"] == "光明街")
    assert (met.lon, met.lat) == pytest.approx((119.64, 29.1))
    assert met.township == "孝顺镇"
    assert named(found, "远路") == []  # beyond the district


def test_a_name_is_acted_on_from_two_different_persons_on() -> None:
    def source(*given: LearnedName) -> list[str]:
        return [each.source for each in learned_entries(given, sources().index)]

    one = learned("老供销社", "Chen", 119.61)
    assert source(one) == [LEARNED_ONCE]
    assert source(one, learned("老供销社", "Chen", 119.611, number=2)) == [LEARNED_ONCE]
    assert source(one, learned("老供销社", "Lin", 119.611, number=2)) == [LEARNED]
    # Of one name at two places 5 km from each other each has one person.
    assert source(one, learned("老供销社", "Lin", 119.66, number=2)) == [LEARNED_ONCE, LEARNED_ONCE]


def test_a_learned_name_reaches_as_far_as_its_places_do() -> None:
    given = [
        learned("老供销社", "Chen", 119.61, radius_m=30),
        learned("老供销社", "Lin", 119.612, number=2, radius_m=90),
    ]
    (entry,) = learned_entries(given, sources().index)
    assert (entry.lon, entry.township) == (119.61, "孝顺镇")
    assert entry.radius_m == pytest.approx(GEOD.inv(119.61, 29.1, 119.612, 29.1)[2] + 30, abs=2)


def test_without_grids_addresses_are_found_without_owners() -> None:
    (house,) = named(entries_of(Sources(DISTRICT, None, sources().addresses)), "孝顺镇站前路12号")
    assert (house.township, house.village, house.codes) == (None, None, ())


def test_the_order_of_the_sources_decides_nothing() -> None:
    whole = sources()
    turned = Sources(DISTRICT, whole.index, list(reversed(whole.addresses)))

    def key(entry: Entry) -> tuple[str, ...]:
        return (entry.name, entry.kind, repr(entry))

    assert sorted(entries_of(whole), key=key) == sorted(entries_of(turned), key=key)
    assert FUCUN in {code for each in entries_of(turned) for code in each.codes}


# ------------------------------------------------------------------------------------------------------ named features


@pytest.fixture(scope="module")
def index() -> OwnershipIndex:
    return OwnershipIndex.build(DISTRICT, 1, grids())


def of_features(index: OwnershipIndex, *features: NamedFeature) -> list[Entry]:
    return [each for each in entries_of(Sources(DISTRICT, index, features=features)) if each.source == "features"]


def test_a_named_point_has_its_owners_and_its_radius(index: OwnershipIndex) -> None:
    (temple,) = of_features(index, spot("太阳殿", 119.61))
    assert (temple.kind, temple.radius_m, temple.township, temple.codes) == (
        "place", 60.0, "孝顺镇", ("R1", XIAOSHUN, "A1", "V1"),
    )  # fmt: skip


def test_a_river_is_a_place_in_each_township_that_it_passes(index: OwnershipIndex) -> None:
    west, middle, east = (119.55, 29.1), (119.65, 29.1), (119.75, 29.1)
    found = of_features(index, line("武义江", "river", west, middle), line("武义江", "river", middle, east))
    assert {each.township for each in found} == {"孝顺镇", "傅村镇"}
    half_m = GEOD.inv(119.60, 29.1, 119.65, 29.1)[2] / 2
    for each in found:
        assert each.lat == pytest.approx(29.1, abs=1e-6)
        assert half_m - 200 <= each.radius_m <= half_m + 600  # its middle, to both borders of the township
        far_m = max(GEOD.inv(each.lon, each.lat, lon, 29.1)[2] for lon in ends(each))
        assert each.radius_m >= far_m - 1


def ends(entry: Entry) -> tuple[float, float]:
    return (119.60, MIDDLE) if entry.township == "孝顺镇" else (MIDDLE, 119.70)


def test_a_name_of_a_grid_or_a_road_is_theirs(index: OwnershipIndex) -> None:
    """低田 is the village before it is the brook, and so is what only lacks the word for what it is."""
    station = spot("孝顺镇傅村", 119.61)  # in 孝顺镇, so that 傅村 is left of it
    features = (spot("低田", 119.68), spot("孝顺街道", 119.68), spot("太阳殿", 119.68), station)
    assert [each.name for each in of_features(index, *features)] == ["太阳殿"]


def test_a_name_that_is_also_beyond_the_district_is_known_there(index: OwnershipIndex) -> None:
    found = of_features(index, spot("太阳殿", 119.61), spot("太阳殿", 119.8), spot("月亮殿", 119.8))
    assert sorted((each.name, each.kind) for each in found) == [("太阳殿", "elsewhere"), ("太阳殿", "place")]
    gazetteer = Gazetteer.of(found, DistrictName("金东区"))
    (best, *_) = geocode("太阳殿", gazetteer)
    assert best.confirm
    assert best.township == "孝顺镇"


def test_without_grids_features_say_no_township_and_are_left_out() -> None:
    assert entries_of(Sources(DISTRICT, None, features=(spot("太阳殿", 119.61),)))[0].kind == "elsewhere"
