"""Every address of a real country, as its people write it: house numbers, postcodes, municipalities."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING

import pytest
import shapely

from gridsvc.coordinates import distance_m
from gridsvc.files.osm.places import read_places
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import Grid, Level
from gridsvc.operations.places.feature_entries import feature_entries
from gridsvc.operations.places.owner_chains import OwnerChains
from gridsvc.places.gazetteer import Gazetteer
from gridsvc.places.geocode import geocode
from gridsvc.places.model import DistrictName, Entry

if TYPE_CHECKING:
    from pathlib import Path

NEAR_M = 150.0


@pytest.mark.shared
def test_every_address_of_liechtenstein_as_it_is_written(shared_data: Path) -> None:
    found = read_places(shared_data / "osm" / "liechtenstein.osm.pbf")
    towns = [area for area in found.areas if area.admin_level == 8]
    entries = []
    for area in towns:
        point = area.geometry.representative_point()
        entries.append(Entry(area.name, "township", point.x, point.y, 3000.0, area.name, codes=("LI", area.name)))
    tree = shapely.STRtree([area.geometry for area in towns])
    houses = []
    for a in found.addresses:
        inside = tree.query(shapely.Point(a.lon, a.lat), predicate="within")
        if len(inside):
            town = towns[int(inside[0])].name
            parts = {"street": a.street, "house": a.house_number, "postcode": a.postcode}
            houses.append(Entry(a.text, "house", a.lon, a.lat, 20.0, town, None, ("LI", town), parts=parts))
    grids = [Grid(area.name, area.name, Level.TOWNSHIP, None, area.geometry) for area in towns]
    owners = OwnerChains(OwnershipIndex.build("LI", 1, grids))
    features = feature_entries(found.features, owners, [*entries, *houses])
    gazetteer = Gazetteer.of([*entries, *houses, *features], DistrictName("Liechtenstein"))
    chance = random.Random(9490)
    verdicts: Counter[str] = Counter()
    for house in chance.sample(houses, 300):
        street, number, postcode = house.parts["street"], house.parts["house"], house.parts["postcode"]
        text = chance.choice(
            [
                f"{street} {number}, {postcode} {house.township}".replace(",  ", ", "),
                f"{house.township}, {street} {number}",
                f"{street.upper()} {number} {house.township}",
                f"{street.replace('strasse', 'str.')} {number}, {house.township}",
                f"{street.replace('ä', 'ae').replace('ö', 'oe').replace('ü', 'ue')} {number} in {house.township}",
            ]
        )
        best = geocode(text, gazetteer)[0]
        off_m = distance_m(best.lon, best.lat, house.lon, house.lat)
        right = best.township == house.township and off_m <= max(NEAR_M, best.radius_m)
        verdicts[("right" if right else "wrong") + ("" if best.confirm else " sure")] += 1
        verdicts["house"] += best.level == "house" and off_m <= NEAR_M
    assert verdicts["wrong sure"] == 0
    assert verdicts["right sure"] >= 285
    assert verdicts["house"] >= 285
    places = [each for each in features if each.kind == "place"]
    assert len(places) > 150
    for place in places:  # by its name alone: sure only where it is
        best = geocode(place.name, gazetteer)[0]
        assert best.township == place.township or best.confirm
        with_town = geocode(f"{place.name}, {place.township}", gazetteer)[0]
        assert with_town.township == place.township or with_town.confirm
