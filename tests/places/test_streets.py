"""Streets, house numbers, kilometre posts and junctions of two made-up towns."""

from __future__ import annotations

import pytest

from gridsvc.coordinates import distance_m
from gridsvc.places.gazetteer import Gazetteer
from gridsvc.places.geocode import geocode
from gridsvc.places.model import Candidate, DistrictName, Entry
from gridsvc.places.streets import find_house, route_spellings


def house(street: str, number: str, lon: float, lat: float, town: str, postcode: str = "") -> Entry:
    parts = {"street": street, "house": number} | ({"postcode": postcode} if postcode else {})
    return Entry(f"{street} {number}, {town}", "house", lon, lat, 20.0, town, None, ("9", town), parts=parts)


def post(km: str, lon: float) -> Entry:
    parts = {"street": "330国道", "km": km}
    return Entry(f"330国道K{km}", "kilometre", lon, 29.2, 100.0, "孝顺镇", None, ("330703", "1"), parts=parts)


WEST = Gazetteer.of(
    [
        Entry("Vaduz", "township", 9.52, 47.14, 3000.0, "Vaduz", None, ("9", "Vaduz")),
        Entry("Schaan", "township", 9.51, 47.17, 3000.0, "Schaan", None, ("9", "Schaan")),
        house("Landstrasse", "10", 9.500, 47.170, "Schaan", "9494"),
        house("Landstrasse", "20", 9.510, 47.170, "Schaan", "9494"),
        house("Landstrasse", "10", 9.520, 47.140, "Vaduz", "9490"),
        house("Äulestrasse", "38", 9.521, 47.139, "Vaduz", "9490"),
        house("Äulestrasse", "38a", 9.522, 47.139, "Vaduz", "9490"),
        house("Im Bretscha", "22", 9.505, 47.168, "Schaan", "9494"),
        Entry("Chur", "elsewhere", 9.53, 46.85, 5000.0),
    ],
    DistrictName("Liechtenstein"),
)

EAST = Gazetteer.of(
    [
        Entry("孝顺镇", "township", 119.87, 29.18, 5000.0, "孝顺镇", None, ("330703", "1")),
        Entry("傅村镇", "township", 119.90, 29.24, 5000.0, "傅村镇", None, ("330703", "2")),
        Entry("余宅村", "village", 119.88, 29.19, 700.0, "孝顺镇", "余宅村", ("330703", "1", "11")),
        house("正涵南街", "100号", 119.870, 29.180, "孝顺镇"),
        house("正涵南街", "120号", 119.870, 29.182, "孝顺镇"),
        house("正涵南街", "101号", 119.871, 29.180, "孝顺镇"),
        Entry("余宅村7号", "house", 119.881, 29.191, 20.0, "孝顺镇", "余宅村", parts={"house": "7"}),
        Entry("330国道", "road", 119.88, 29.2, 9000.0, None, None, ("330703",), parts={"street": "330国道"}),
        post("120", 119.80),
        post("122", 119.82),
        Entry(
            "正涵南街与站前路口", "junction", 119.872, 29.181, 25.0, "孝顺镇", None, ("330703", "1"),
            parts={"street": "站前路", "street2": "正涵南街"},
        ),
        Entry("孝顺镇人民医院", "place", 119.873, 29.183, 60.0, "孝顺镇", None, ("330703", "1")),
    ],
    DistrictName("金东区", ("浙江省", "金华市")),
)  # fmt: skip


def best(text: str, gazetteer: Gazetteer) -> Candidate:
    return geocode(text, gazetteer)[0]


@pytest.mark.parametrize(
    "text",
    [
        "Landstrasse 20, 9494 Schaan",
        "Schaan, Landstrasse 20",
        "9494 Schaan Landstr. 20",
        "LANDSTRASSE 20",
        "Landstraße 20 Schaan",
        "Landstrasse20,Schaan",
    ],
)
def test_a_house_in_any_order(text: str) -> None:
    found = best(text, WEST)
    assert (found.level, found.lon, found.township) == ("house", 9.510, "Schaan")
    assert not found.confirm


def test_a_house_number_that_exists_in_two_towns_is_a_question() -> None:
    found = geocode("Landstrasse 10", WEST)
    assert {c.township for c in found[:2]} == {"Schaan", "Vaduz"}
    assert all(c.confirm for c in found)
    assert best("Landstrasse 10, 9490", WEST).township == "Vaduz"
    assert not best("Landstrasse 10, 9490", WEST).confirm


@pytest.mark.parametrize("text", ["Aeulestrasse 38a, Vaduz", "Äulestr. 38A Vaduz", "aulestrasse 38 a, vaduz"])
def test_umlauts_and_letters_behind_the_number(text: str) -> None:
    assert best(text, WEST).lon == 9.522


def test_a_misspelt_street_with_its_town_is_found() -> None:
    found = best("Im Bretsha 22, Schaan", WEST)
    assert (found.level, found.lon) == ("house", 9.505)


def test_a_street_of_another_town_is_no_sure_answer() -> None:
    found = geocode("Äulestrasse 38, Schaan", WEST)
    assert all(c.confirm for c in found)
    assert geocode("Bahnhofstrasse 3, Zürich", WEST) == []
    assert best("Chur", WEST).level == "elsewhere"


def test_a_number_between_two_known_ones_lies_between_them() -> None:
    found = best("孝顺镇正涵南街105号", EAST)
    between = best("孝顺镇正涵南街110号", EAST)
    assert (between.level, between.lon, between.township) == ("house", 119.870, "孝顺镇")
    assert between.lat == pytest.approx(29.181)
    # Half way: the radius reaches both known houses, 222 m from each other.
    assert between.radius_m == pytest.approx(distance_m(119.870, 29.180, 119.870, 29.182) / 2)
    assert not between.confirm
    # Of the odd side only 101 is known: between it and 120 across the street, and both are within the radius.
    assert distance_m(found.lon, found.lat, 119.871, 29.180) < found.radius_m
    assert distance_m(found.lon, found.lat, 119.870, 29.182) == pytest.approx(found.radius_m)


def test_a_number_far_beyond_the_last_known_one_is_the_street() -> None:
    found = best("孝顺镇正涵南街900号", EAST)
    assert found.level in {"road", "township"}
    assert (found.township, found.confirm) == ("孝顺镇", False)
    assert find_house(EAST.streets.houses["正涵南街"], 900, "") == []


@pytest.mark.parametrize("text", ["余宅村7号", "孝顺镇余宅村七号", "余宅7号"])
def test_a_house_of_a_village_without_street_names(text: str) -> None:
    assert best(text, EAST).level == "house"


@pytest.mark.parametrize("text", ["正涵南街一百二十号", "正涵南街120", "正涵南街１２０号3幢2单元"])
def test_numerals_of_a_house(text: str) -> None:
    assert best(text, EAST).lat == 29.182


@pytest.mark.parametrize(
    "text", ["330国道121公里处", "国道330 121公里", "G330 K121+000", "孝顺镇330国道121公里", "330国道桩号K121"]
)
def test_a_kilometre_between_two_posts(text: str) -> None:
    found = best(text, EAST)
    assert (found.level, found.township) == ("kilometre", "孝顺镇")
    assert found.lon == pytest.approx(119.81)


def test_a_kilometre_beyond_the_posts_is_no_kilometre() -> None:
    assert all(c.level != "kilometre" for c in geocode("330国道500公里", EAST))


@pytest.mark.parametrize(
    "text", ["正涵南街与站前路交叉口", "站前路正涵南街路口", "站前路/正涵南街", "孝顺镇站前路和正涵南街交汇处东北角"]
)
def test_two_roads_that_meet(text: str) -> None:
    found = best(text, EAST)
    assert (found.level, found.lon) == ("junction", 119.872)
    assert not found.confirm


def test_spellings_of_numbered_roads() -> None:
    assert route_spellings("g330") >= {"330国道", "国道330", "g330"}
    assert route_spellings("03省道") >= {"s03", "s3", "3省道", "省道3"}
    assert route_spellings("光南路") == {"光南路"}


def test_a_distance_that_is_said_widens_the_radius() -> None:
    near, far = best("孝顺镇人民医院", EAST), best("孝顺镇人民医院往北300米", EAST)
    assert far.radius_m == near.radius_m + 300
