"""Roads in the wrong datum are named with their shift and refused with the cure; honest ones are taken (R20)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from gridsvc.coordinates import Datum, from_wgs84, to_wgs84
from gridsvc.db.grids.addresses import Address
from gridsvc.errors import InvalidInput, UndeclaredDatum
from gridsvc.operations.law.imports import load_addresses
from gridsvc.operations.roads import networks
from gridsvc.operations.roads.datum_guard import compare
from gridsvc.operations.runtime.districts import list_views
from gridsvc.roads.datum_fit import places_on
from gridsvc.roads.network.network import DEGREE
from tests.worlds import drives
from tests.worlds.district import DISTRICT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork

ALL = (*drives.valley(), *drives.town(), *drives.motorway())


def drawn_in(lines: Sequence[Any], datum: Datum, *, moved_m: float = 0.0) -> list[Any]:
    """Lines as a map in a datum has them; `moved_m`: each as another hand draws it, so far to a side."""
    draw = np.random.default_rng(8)
    found = []
    for line in lines:
        lon, lat = from_wgs84(*drives.to_degrees(line + draw.normal(0.0, 1.0, 2) * moved_m), datum)
        found.append(np.column_stack([(lon - drives.LON) * drives.EAST_M, (lat - drives.LAT) * drives.NORTH_M]))
    return found


def network(lines: Sequence[Any], datum: Datum = Datum.WGS84, *, moved_m: float = 0.0) -> RoadNetwork:
    return drives.roads_of(drawn_in(lines, datum, moved_m=moved_m))


def houses(line: Any, street: str = "") -> list[Address]:
    lon, lat = drives.drive(line, noise_m=15.0)
    parts = {"street": street} if street else {}
    return [Address(f"{n}号", "house", x, y, 30.0, "x", parts)
            for n, (x, y) in enumerate(zip(lon.tolist(), lat.tolist(), strict=True))]  # fmt: skip


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
@pytest.mark.parametrize("lines", [ALL, drives.town(), drives.valley()], ids=["all", "town", "valley"])
def test_shifted_roads_are_found_by_those_in_force(datum: Datum, lines: tuple[Any, ...]) -> None:
    shift = compare(network(lines, datum, moved_m=3.0), drives.network(), [], Datum.WGS84)
    assert shift is not None
    assert shift.likely is datum
    if datum is Datum.GCJ02:
        assert [shift.east_m, shift.north_m] == pytest.approx([463, -311], abs=40)


def test_a_file_with_many_more_roads_than_are_in_force_is_compared_the_other_way_round() -> None:
    """The valley's road is in force, and the file has the town and the motorway, too."""
    shift = compare(network(ALL, Datum.GCJ02), network(drives.valley()), [], Datum.WGS84)
    assert shift is not None
    assert (shift.likely, "those in force are" in shift.words) == (Datum.GCJ02, True)
    assert [shift.east_m, shift.north_m] == pytest.approx([463, -311], abs=40)


@pytest.mark.parametrize("moved_m", [0.0, 5.0, 15.0, 60.0])
@pytest.mark.parametrize("lines", [ALL, drives.town(), drives.valley(), drives.motorway()])
def test_honest_roads_are_not_called_shifted(moved_m: float, lines: tuple[Any, ...]) -> None:
    for new, present in ((lines, ALL), (ALL, lines)):
        assert compare(network(new, moved_m=moved_m), network(present), [], Datum.WGS84) is None


def test_roads_of_another_place_are_not_called_shifted() -> None:
    assert compare(network(drives.motorway()), network(drives.town()), [], Datum.WGS84) is None
    far = [np.add(line, [60_000.0, 0.0]) for line in drives.valley()]
    assert compare(network(far, Datum.GCJ02), drives.network(), [], Datum.WGS84) is None


def test_right_roads_that_are_read_as_gcj02_are_found() -> None:
    read = [
        np.column_stack([(lon - drives.LON) * drives.EAST_M, (lat - drives.LAT) * drives.NORTH_M])
        for lon, lat in (to_wgs84(*drives.to_degrees(line), Datum.GCJ02) for line in ALL)
    ]
    shift = compare(drives.roads_of(read), drives.network(), [], Datum.GCJ02)
    assert shift is not None
    assert (shift.declared, shift.likely) == (Datum.GCJ02, Datum.WGS84)


def test_without_roads_in_force_known_houses_tell_and_without_any_nothing_is_said() -> None:
    known = houses(drives.valley()[0])
    shift = compare(network(ALL, Datum.GCJ02), None, known, Datum.WGS84)
    assert shift is not None
    assert (shift.likely, "known houses" in shift.words) == (Datum.GCJ02, True)
    assert [shift.east_m, shift.north_m] == pytest.approx([463, -311], abs=40)
    assert compare(network(ALL), None, known, Datum.WGS84) is None
    assert compare(network(ALL, Datum.GCJ02), None, known[:20], Datum.WGS84) is None
    assert compare(network(ALL, Datum.GCJ02), None, [], Datum.WGS84) is None


def test_the_street_of_a_house_tells_what_a_dense_town_hides() -> None:
    street = drives.town()[14]
    known = houses(np.concatenate([street, street[::-1]]), "站前路")
    for datum in (Datum.WGS84, Datum.GCJ02):
        town = drives.roads_of(drawn_in(drives.town(), datum), names={14: "站前路"})
        shift = compare(town, None, known, Datum.WGS84)
        assert (Datum.WGS84 if shift is None else shift.likely) is datum


def test_a_place_every_hundred_metres_of_all_roads() -> None:
    road = np.array([[0.0, 0.0], [950.0, 0.0], [950.0, 250.0]])
    lon, lat = places_on(drives.roads_of([road]))
    found = np.column_stack([(lon - drives.LON) * drives.EAST_M, (lat - drives.LAT) * drives.NORTH_M])
    # ten pieces of 95 m and three of 83 m, each by its start
    expected = [[95.0 * n, 0.0] for n in range(10)] + [[950.0, 250.0 / 3 * n] for n in range(3)]
    assert found == pytest.approx(np.array(expected), abs=0.1)


# ---------------------------------------------------------------------------------------------------------- the service


def written(folder: Path, datum: Datum, *, crs: str | None = "EPSG:4326", name: str = "roads.gpkg") -> Path:
    lines = [shapely.LineString(np.column_stack(from_wgs84(*drives.to_degrees(line), datum))) for line in ALL]
    joined = [shapely.LineString([line.coords[0] for line in lines])]
    path = folder / name
    table = gpd.GeoDataFrame({"highway": ["residential"] * (len(lines) + 1)}, geometry=lines + joined, crs=crs)
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_file(path)
    return path


def network_in_force(service: Service) -> RoadNetwork:
    with service.database.transaction() as connection:
        (view,) = list_views(service, connection)
    assert view.network is not None
    return view.network


def datum_notes(service: Service, path: Path, datum: Datum | None = None) -> list[str]:
    """Load a file, whose roads do not reach everywhere, and return what is said of its datum."""
    loaded = networks.load_roads(service, DISTRICT, path=path, datum=datum, accept_uncovered=True)
    return [note for note in loaded["notes"] if "read as" in note]


def test_a_shifted_file_is_refused_and_the_cure_loads_it(service: Service, tmp_path: Path) -> None:
    networks.establish(service, DISTRICT, drives.network(), source="before")
    before = network_in_force(service).digest
    path = written(tmp_path, Datum.GCJ02)
    with pytest.raises(InvalidInput, match=r"lies 4\d\d m east and 3\d\d m south of what is in force") as refused:
        networks.load_roads(service, DISTRICT, path=path)
    assert refused.value.kind == "shifted-datum"
    assert refused.value.parameters["retry"] == [["--datum", "gcj02"], ["--datum", "wgs84"]]
    assert network_in_force(service).digest == before
    assert datum_notes(service, path, Datum.GCJ02) == []
    here = network_in_force(service)
    assert np.array(here.bounds) == pytest.approx(np.array(drives.network().bounds), abs=1e-6)
    assert here.facts["km"] == pytest.approx(drives.network().facts["km"], rel=1e-4)
    [as_it_is] = datum_notes(service, path, Datum.WGS84)
    assert "it was read as WGS-84" in as_it_is


def test_the_first_roads_are_compared_with_known_houses(service: Service, tmp_path: Path) -> None:
    """The one road of the district on paper is far from these, so that it tells nothing."""
    known = houses(drives.valley()[0])
    load_addresses(service, DISTRICT, known, path=tmp_path / "houses.csv", datum=Datum.WGS84, actor="test")
    with pytest.raises(InvalidInput, match="known houses"):
        networks.load_roads(service, DISTRICT, path=written(tmp_path, Datum.GCJ02))
    assert datum_notes(service, written(tmp_path, Datum.WGS84)) == []


def test_a_file_that_names_no_reference_system_is_read_in_the_datum_that_a_person_says(
    service: Service, tmp_path: Path
) -> None:
    networks.establish(service, DISTRICT, drives.network(), source="before")
    path = written(tmp_path, Datum.GCJ02, crs=None, name="roads.parquet")
    with pytest.raises(UndeclaredDatum) as refused:
        networks.load_roads(service, DISTRICT, path=path)
    assert refused.value.parameters["retry"] == [["--datum", "wgs84"], ["--datum", "gcj02"]]
    assert datum_notes(service, path, Datum.GCJ02) == []
    assert np.array(network_in_force(service).bounds) == pytest.approx(np.array(drives.network().bounds), abs=1e-6)
    metres = gpd.read_parquet(path).set_crs(4326).to_crs(4549).set_crs(None, allow_override=True)
    metres.to_parquet(tmp_path / "metres.parquet")
    with pytest.raises(UndeclaredDatum, match="no degrees"):
        networks.load_roads(service, DISTRICT, path=tmp_path / "metres.parquet", datum=Datum.GCJ02)


@pytest.mark.shared
def test_the_roads_of_a_real_country_are_found_shifted_and_not_when_honest(shared_data: Path) -> None:
    here, _ = drives.moved_to_jindong(shared_data / "osm" / "liechtenstein.osm.pbf")
    assert compare(here, here, [], Datum.WGS84) is None
    for datum in (Datum.GCJ02, Datum.BD09):
        lon, lat = (np.asarray(each, np.float64) * DEGREE for each in (here.vertex_lon, here.vertex_lat))
        east, north = (np.round(each / DEGREE).astype(np.int32) for each in from_wgs84(lon, lat, datum))
        shift = compare(replace(here, vertex_lon=east, vertex_lat=north), here, [], Datum.WGS84)
        assert shift is not None
        assert shift.likely is datum
        if datum is Datum.GCJ02:
            assert [shift.east_m, shift.north_m] == pytest.approx([463, -311], abs=25)
