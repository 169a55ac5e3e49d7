"""What is in the wrong datum is found by its distances to roads; what is honest is not called shifted (R20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from gridsvc.coordinates import Datum, from_wgs84, shift_words, to_wgs84
from gridsvc.roads.datum_fit import FEWEST_PLACES, distinct_places, fit_places, fit_roads
from gridsvc.roads.movement import find_moving
from tests.worlds import drives

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from gridsvc.roads.datum_fit import RoadFit

EAST_M, NORTH_M = 463.0, -311.0
"""What GCJ-02 shifts by in Jindong: measured at the district's outline, ../shared/data/SOURCES.md."""


def places_of(world: str, **how: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a device reports of a drive in one of three places."""
    line = {"valley": drives.valley()[0], "town": drives.through_town(), "motorway": drives.motorway()[0]}[world]
    return drives.drive(line, **how)  # type: ignore[arg-type]


def fit_of(lon: NDArray[np.float64], lat: NDArray[np.float64], declared: Datum = Datum.WGS84) -> RoadFit:
    found = fit_places(drives.network(), lon, lat, declared)
    assert found is not None
    return found


@pytest.mark.parametrize("world", ["valley", "town", "motorway"])
@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_a_shifted_stream_is_found_with_its_datum_and_shift(world: str, datum: Datum) -> None:
    lon, lat = places_of(world)
    sent = from_wgs84(lon, lat, datum)
    fit = fit_of(*sent)
    assert (fit.is_shifted, fit.datum) == (True, datum)
    assert fit.best_m < 15
    east_m = float((sent[0] - lon).mean()) * drives.EAST_M
    north_m = float((sent[1] - lat).mean()) * drives.NORTH_M
    within_m = 40 if world == "motorway" else 25  # the other carriageway is 25 m away, and fits as well
    assert [fit.east_m, fit.north_m] == pytest.approx([east_m, north_m], abs=within_m)


def test_the_shift_of_gcj02_is_the_one_that_was_measured_in_jindong() -> None:
    fit = fit_of(*from_wgs84(*places_of("valley"), Datum.GCJ02))
    assert [fit.east_m, fit.north_m] == pytest.approx([EAST_M, NORTH_M], abs=25)
    assert shift_words(462.0, -309.0) == "462 m east and 309 m south"


@pytest.mark.parametrize("world", ["valley", "town", "motorway"])
@pytest.mark.parametrize("noise_m", [0.0, 5.0, 10.0, 30.0, 100.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_honest_stream_is_never_called_shifted(world: str, noise_m: float, seed: int) -> None:
    """From a survey's receiver to a feature phone that is 100 m off."""
    fit = fit_of(*places_of(world, noise_m=noise_m, seed=seed))
    assert not fit.is_shifted
    assert fit.is_clear or noise_m > 5


@pytest.mark.parametrize("declared", [Datum.GCJ02, Datum.BD09])
def test_a_right_stream_that_is_read_in_a_wrong_datum_is_found(declared: Datum) -> None:
    lon, lat = places_of("valley")
    fit = fit_of(*to_wgs84(lon, lat, declared), declared=declared)
    assert (fit.is_shifted, fit.datum) == (True, Datum.WGS84)
    right = fit_of(lon, lat, Datum.CGCS2000)
    assert (right.is_clear, right.is_shifted) == (True, False)


def test_a_shift_that_hides_in_noise_is_not_called_anything() -> None:
    fit = fit_of(*from_wgs84(*places_of("town", noise_m=60.0), Datum.GCJ02))
    assert (fit.is_clear, fit.is_shifted) == (False, False)


def test_a_stream_of_which_a_third_is_on_no_mapped_road_is_still_found() -> None:
    lon, lat = drives.drive(drives.valley()[0])
    away = np.arange(len(lon)) % 3 == 0
    lat = np.where(away, lat + 400 / drives.NORTH_M, lat)
    assert not fit_of(lon, lat).is_shifted
    assert fit_of(*from_wgs84(lon, lat, Datum.GCJ02)).is_shifted


@pytest.mark.parametrize("seed", range(40))
def test_drives_on_roads_that_no_map_has_are_not_called_shifted(seed: int) -> None:
    """A new road, a forest track: nothing near it is known, so chance alone may bring it to a road."""
    x = np.arange(-8_000.0, 1.0, 25.0)
    line = np.column_stack([x, 700.0 * np.random.default_rng(seed).uniform(-2, 3) + drives.wave(x, 50 + seed, 250.0)])
    assert not fit_of(*drives.drive(line, seed=seed)).is_shifted


@pytest.mark.parametrize("seed", range(10))
def test_a_new_road_beside_the_old_one_is_not_called_shifted(seed: int) -> None:
    """A bypass that follows the valley's road some 100 to 600 m beside it, and comes nearer at places."""
    old = drives.valley()[0]
    beside = old.copy()
    beside[:, 1] += drives.wave(old[:, 0], seed, 60.0) - 120.0 - 50.0 * seed
    assert not fit_of(*drives.drive(beside)).is_shifted


def test_a_car_park_says_nothing() -> None:
    draw = np.random.default_rng(4)
    lon, lat = drives.to_degrees(np.array([5_000.0, 900.0]) + draw.normal(0.0, 100.0, (3_000, 2)))
    assert fit_places(drives.network(), lon, lat, Datum.WGS84) is None
    shifted = from_wgs84(lon, lat, Datum.GCJ02)
    assert fit_places(drives.network(), *shifted, Datum.WGS84) is None


def test_few_places_say_nothing() -> None:
    lon, lat = drives.drive(drives.valley()[0], step_m=250.0)
    few = slice(FEWEST_PLACES - 1)
    assert fit_places(drives.network(), lon[few], lat[few], Datum.WGS84) is None
    assert fit_places(drives.network(), lon[:0], lat[:0], Datum.WGS84) is None


def test_places_far_from_every_road_say_nothing() -> None:
    lon, lat = drives.drive(drives.valley()[0])
    for east_deg in (1.0, -110.0):  # the second is outside China, where GCJ-02 does not shift
        fit = fit_of(lon + east_deg, lat)
        assert (fit.is_clear, fit.is_shifted) == (False, False)


def test_of_each_square_of_a_hundred_metres_one_place_counts() -> None:
    metres = np.array([[0.0, 50.0], [5.0, 55.0], [2_000.0, 50.0], [2_001.0, 51.0], [1_060.0, 0.0], [np.nan, 0.0]])
    lon, lat = drives.to_degrees(metres)
    assert len(distinct_places(lon, lat)) == 3
    site = np.random.default_rng(6).uniform(0.0, 900.0, (400, 2))
    site[7] = 40_000.0, 0.0  # a jump of the device makes no drive of it
    assert len(distinct_places(*drives.to_degrees(site))) == 0


@pytest.mark.shared
@pytest.mark.parametrize("noise_m", [5.0, 10.0, 100.0])
def test_over_the_streets_of_a_real_country(shared_data: Path, noise_m: float) -> None:
    """Drives through Liechtenstein, moved to Jindong: none honest is called shifted, and shifted ones are found."""
    network, _ = drives.moved_to_jindong(shared_data / "osm" / "liechtenstein.osm.pbf")
    fits_of: dict[Datum, list[RoadFit]] = {datum: [] for datum in (Datum.WGS84, Datum.GCJ02, Datum.BD09)}
    for seed in range(12):
        lon, lat = drives.random_drive(network, seed, noise_m=noise_m)
        for datum, fits in fits_of.items():
            fit = fit_places(network, *from_wgs84(lon, lat, datum), Datum.WGS84)
            assert fit is not None
            fits.append(fit)
    assert not any(fit.is_shifted for fit in fits_of[Datum.WGS84])
    for datum in (Datum.GCJ02, Datum.BD09):
        assert all(fit.datum is datum for fit in fits_of[datum] if fit.is_shifted)
        found = sum(fit.is_shifted for fit in fits_of[datum])
        assert found >= 11 if noise_m < 20 else found == 0


# ---------------------------------------------------------------------------------------------------------------- roads


@pytest.mark.parametrize("datum", [Datum.GCJ02, Datum.BD09])
def test_shifted_roads_are_found_from_right_places(datum: Datum) -> None:
    places = drives.drive(drives.valley()[0])
    moved = []
    for line in (*drives.valley(), *drives.town(), *drives.motorway()):
        lon, lat = from_wgs84(*drives.to_degrees(line), datum)
        moved.append(np.column_stack([(lon - drives.LON) * drives.EAST_M, (lat - drives.LAT) * drives.NORTH_M]))
    fit = fit_roads(drives.roads_of(moved), *places, Datum.WGS84)
    assert fit is not None
    assert (fit.is_shifted, fit.datum) == (True, datum)
    if datum is Datum.GCJ02:
        assert [fit.east_m, fit.north_m] == pytest.approx([EAST_M, NORTH_M], abs=25)
    right = fit_roads(drives.network(), *places, Datum.WGS84)
    assert right is not None
    assert (right.is_clear, right.is_shifted) == (True, False)


# ------------------------------------------------------------------------------------------------------------- movement


def test_only_positions_of_a_vehicle_on_the_move_count() -> None:
    """A stop of ten minutes, 2 km at 10 m/s, a walk of five minutes at 1.4 m/s; a position every 10 s."""
    metres = np.concatenate([np.zeros(60), np.arange(0, 2_000, 100.0), 2_000 + 14.0 * np.arange(30)])
    at_s = np.arange(0.0, 10.0 * len(metres), 10.0)
    lon, lat = drives.to_degrees(np.column_stack([metres, 0 * metres]))
    unknown = np.full(len(metres), np.nan)
    moving = find_moving(at_s, lon, lat, unknown)
    assert not moving[:60].any()
    # speed is over the last minute, so that it takes 180 m of six positions to be a vehicle
    assert moving[63:80].all()
    assert not moving[86:].any()
    assert not find_moving(at_s, lon, lat, np.full(len(metres), 80.0)).any()
    assert len(find_moving(at_s[:0], lon[:0], lat[:0], unknown[:0])) == 0


def test_what_jumps_or_comes_after_a_long_silence_is_no_movement() -> None:
    lon, lat = drives.to_degrees(np.array([[0.0, 0.0], [9_000.0, 0.0], [10_000.0, 0.0]]))
    at_s = np.array([0.0, 60.0, 2_000.0])
    assert find_moving(at_s, lon, lat, np.full(3, np.nan)).tolist() == [False, False, False]
