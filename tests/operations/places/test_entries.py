"""What a gazetteer is made of: each source gives its entries, with owners and radius."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyproj import Geod

from gridsvc.operations.places.entries import LEARNED, LEARNED_ONCE, Sources, entries_of, learned_entries
from tests.operations.places.world import DISTRICT, FUCUN, MIDDLE, XIAOSHUN, learned, road, sources

if TYPE_CHECKING:
    from gridsvc.db.places.learned import LearnedName
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
