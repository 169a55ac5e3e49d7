"""A file of addresses in the wrong datum is named with its shift and refused with the cure; an honest one is taken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gridsvc.coordinates import Datum, from_wgs84
from gridsvc.db.grids.addresses import Address, list_addresses
from gridsvc.errors import InvalidInput
from gridsvc.grids.index import OwnershipIndex
from gridsvc.operations.law.imports import load_addresses
from gridsvc.operations.places.datum_guard import compare, named_rows
from tests.operations.places import world
from tests.worlds import drives
from tests.worlds.district import DISTRICT, as_superuser

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

FILE = Path("houses.csv")


def houses(sent_in: Datum, line: Any, *, set_back_m: float = 12.0, street: str = "") -> list[Address]:
    """Houses along a road, a number every 60 m, some metres from it."""
    lon, lat = drives.drive(line, noise_m=set_back_m)
    there = from_wgs84(lon, lat, sent_in)
    parts = {"street": street} if street else {}
    return [Address(f"{street}{n}号", "house", x, y, 30.0, FILE.name, parts)
            for n, (x, y) in enumerate(zip(*map(np.ndarray.tolist, there), strict=True))]  # fmt: skip


def on_the_road(sent_in: Datum) -> list[Address]:
    """Houses along the one road of the district on paper."""
    lon, lat = np.linspace(119.6, 119.76, 200), 29.1 + np.random.default_rng(1).normal(0, 1e-4, 200)
    there = from_wgs84(lon, lat, sent_in)
    rows = enumerate(zip(*map(np.ndarray.tolist, there), strict=True))
    return [Address(f"{n}号", "house", x, y, 30.0, FILE.name) for n, (x, y) in rows]


def stored(service: Service) -> list[Address]:
    with service.database.transaction() as connection:
        return list_addresses(connection, DISTRICT)


def test_a_shifted_file_is_refused_with_the_shift_and_the_cure(service: Service) -> None:
    honest = on_the_road(Datum.WGS84)
    assert load_addresses(service, None, honest, path=FILE, datum=None, actor="test") == (200, [])
    with pytest.raises(InvalidInput, match=r"houses.csv lies \d+ m east and 3\d\d m south of") as refused:
        load_addresses(service, None, on_the_road(Datum.GCJ02), path=FILE, datum=None, actor="test")
    said = refused.value.parameters
    assert refused.value.kind == "shifted-datum"
    assert (said["declared"], said["likely"]) == ("WGS-84", "GCJ-02")
    assert said["north_m"] == pytest.approx(-311, abs=25)
    assert said["retry"] == [["--datum", "gcj02"], ["--datum", "wgs84"]]
    assert {each.text: each.lon for each in stored(service)} == {each.text: each.lon for each in honest}


def test_a_datum_that_a_person_says_is_taken_and_a_doubt_is_said(service: Service) -> None:
    sent = on_the_road(Datum.GCJ02)
    assert load_addresses(service, None, sent, path=FILE, datum=Datum.GCJ02, actor="test") == (200, [])
    right = {each.text: each for each in on_the_road(Datum.WGS84)}
    assert max(abs(each.lon - right[each.text].lon) for each in stored(service)) < 1e-8
    count, notes = load_addresses(service, None, sent, path=FILE, datum=Datum.WGS84, actor="test")
    assert count == 200
    assert "as GCJ-02" in notes[0]
    with as_superuser(service.database.url) as connection:
        rows = connection.execute("select body from incident_event where kind = 'load addresses' order by id")
        events = [json.loads(body)["data"] for (body,) in rows]
    assert [each["datum"] for each in events] == ["GCJ-02", "WGS-84"]
    assert events[1]["notes"] == notes


def test_few_addresses_are_taken_as_they_are(service: Service) -> None:
    few = on_the_road(Datum.GCJ02)[:30]
    assert load_addresses(service, None, few, path=FILE, datum=None, actor="test") == (30, [])


@pytest.mark.parametrize("where", ["valley", "town", "motorway"])
def test_honest_houses_are_not_called_shifted(where: str) -> None:
    line = {"valley": drives.valley()[0], "town": drives.through_town(), "motorway": drives.motorway()[0]}[where]
    for set_back_m in (5.0, 20.0, 60.0):
        assert compare(drives.network(), None, houses(Datum.WGS84, line, set_back_m=set_back_m), Datum.WGS84) is None


def test_the_street_of_a_house_tells_what_a_dense_town_hides() -> None:
    street = drives.town()[14]
    network = drives.roads_of([*drives.town()], names={14: "站前路"})
    for sent_in, found in ((Datum.WGS84, None), (Datum.GCJ02, Datum.GCJ02), (Datum.BD09, Datum.BD09)):
        line = np.concatenate([street, street[::-1]])
        rows = houses(sent_in, line, set_back_m=18.0, street="站前路")
        shift = compare(network, None, rows, Datum.WGS84)
        assert (None if shift is None else shift.likely) == found
        assert shift is None or "their own streets" in shift.words


def test_without_roads_the_grids_that_the_rows_name_tell() -> None:
    index = OwnershipIndex.build(world.DISTRICT, 1, world.grids())
    draw = np.random.default_rng(2)
    lon, lat = draw.uniform(119.605, 119.695, 400), draw.uniform(29.05, 29.15, 400)
    villages = np.where(lon < 119.63, "浦口村", np.where(lon < world.MIDDLE, "低田村", "桥头村"))

    def rows(sent_in: Datum) -> list[Address]:
        there = from_wgs84(lon, lat, sent_in)
        columns = zip(villages.tolist(), *map(np.ndarray.tolist, there), strict=True)
        return [Address(f"{village}{n}号", "house", x, y, 30.0, FILE.name, {} if n % 2 else {"village": village})
                for n, (village, x, y) in enumerate(columns)]  # fmt: skip

    assert compare(None, index, rows(Datum.WGS84), Datum.WGS84) is None
    shift = compare(None, index, rows(Datum.GCJ02), Datum.WGS84)
    assert shift is not None
    assert shift.likely is Datum.GCJ02
    assert [shift.east_m, shift.north_m] == pytest.approx([463, -311], abs=25)  # it differs by some metres there
    # of 9 km with two borders, 463 m each: a tenth of the rows
    assert shift.measured["wrong"] == pytest.approx(400 * 2 * 463 / 8_756, abs=15)
    assert shift.measured["wrong_as_likely"] == 0


def test_a_village_counts_before_a_township_and_a_field_before_the_text() -> None:
    index = OwnershipIndex.build(world.DISTRICT, 1, world.grids())
    names = index.grids.names

    def named(text: str, **parts: str) -> str | None:
        (row,) = named_rows(index, [Address(text, "house", 0.0, 0.0, 30.0, "x", parts)]).tolist()
        return None if row < 0 else names[row]

    assert named("孝顺镇浦口村1号") == "浦口村委会"
    assert named("孝顺镇1号") == "孝顺镇"
    assert named("孝顺镇浦口村1号", township="傅村镇") == "傅村镇"
    assert named("1号", township="孝顺镇", village="浦口村") == "浦口村委会"
    assert named("站前路1号") is None


@pytest.mark.shared
def test_the_addresses_of_a_country_are_told_by_their_streets(shared_data: Path) -> None:
    """Liechtenstein, moved to Jindong with its streets: 1,006 houses of OpenStreetMap."""
    network, found = drives.moved_to_jindong(shared_data / "osm" / "liechtenstein.osm.pbf")
    for sent_in in (Datum.WGS84, Datum.GCJ02, Datum.BD09):
        lon, lat = from_wgs84(found.lon, found.lat, sent_in)
        rows = [Address(each, "house", x, y, 30.0, "x", {"street": each})
                for each, x, y in zip(found.streets, lon.tolist(), lat.tolist(), strict=True)]  # fmt: skip
        shift = compare(network, None, rows, Datum.WGS84)
        assert (Datum.WGS84 if shift is None else shift.likely) is sent_in
        if sent_in is Datum.GCJ02 and shift is not None:
            assert [shift.east_m, shift.north_m] == pytest.approx([463, -311], abs=25)
