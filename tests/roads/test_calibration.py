"""Travel times fitted to recorded trips: numbers by hand, a generator of another form, too little, worse, and SFFD."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gridsvc.coordinates import distance_m
from gridsvc.errors import InvalidInput
from gridsvc.roads.calibration.factors import Trips, choose, fit, lengths_of, rank
from gridsvc.roads.calibration.fit import Fallback, calibrate, latest
from gridsvc.roads.calibration.model import GROUPS, ROAD_GROUPS, Calibration, LengthBand, seconds_by_group
from gridsvc.roads.network.speeds import CLASSES

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

GENERATED = ("main", "minor", "local")


def trips_of(
    seconds: ArrayLike,
    observed_s: NDArray[np.float64] | list[float],
    *,
    hour: ArrayLike = 12,
    urban: ArrayLike = True,
    case: ArrayLike | None = None,
    groups: tuple[str, ...] = GENERATED,
) -> Trips:
    n = len(observed_s)
    return Trips(
        groups,
        np.asarray(seconds, float),
        np.broadcast_to(np.asarray(hour, np.int64), n).copy(),
        np.broadcast_to(np.asarray(urban, bool), n).copy(),
        np.asarray(observed_s, float),
        np.arange(n) if case is None else np.asarray(case),
        np.arange(n, dtype=float),
    )


def another_form(n: int, seed: int, *, strength: float = 1.0) -> Trips:
    """Trips that no setting of the model would make.

    A power of the whole network time, lognormal, with an effect of every incident that its teams share and one of every
    hour, smooth and stronger in town. No road class in it.
    """
    draw = np.random.default_rng(seed)
    case = np.sort(draw.integers(0, int(n * 0.6), n))
    seconds = draw.dirichlet((1.5, 1.0, 0.8), n) * draw.lognormal(5.3, 0.5, n)[:, None]
    of_case = draw.normal(0, 0.15, n)[case]
    hour = draw.integers(0, 24, n)[case]
    urban = (draw.random(n) < 0.6)[case]
    rush = np.exp(-(((hour - 8) / 2.0) ** 2)) + np.exp(-(((hour - 18) / 2.5) ** 2))
    of_hour = strength * np.where(urban, 0.45, 0.15) * rush
    observed = 3.2 * seconds.sum(axis=1) ** 0.82 * np.exp(of_hour + of_case + draw.normal(0, 0.2, n))
    return trips_of(seconds, observed, hour=hour, urban=urban, case=case)


# by hand


def test_every_class_has_a_group_and_the_rest_is_on_foot() -> None:
    assert sorted(name for classes in ROAD_GROUPS.values() for name in classes) == sorted(CLASSES)
    ms = [0] * len(CLASSES)
    ms[CLASSES.index("primary")], ms[CLASSES.index("secondary_link")] = 40_000, 2_000
    ms[CLASSES.index("residential")] = 18_000
    assert seconds_by_group(ms, 65_500) == {"main": 42.0, "local": 18.0, "on-foot": 5.5}


BY_HAND = Calibration(
    level="hour",
    factors={"main": 1.2, "local": 0.9},
    start_s=20.0,
    hours={"urban": [*[None] * 8, 1.5, *[1.0] * 15], "rural": [None] * 24},
    lengths=(LengthBand(0.0, 100, 0.8, 1.0, 1.4, 1.6), LengthBand(200.0, 100, 0.9, 1.0, 1.2, 1.3)),
    evidence={"trips": 200},
)


def test_a_range_by_hand() -> None:
    # 20 + 1.2 x 100 + 0.9 x 10 + 6 on foot as it is = 155, short: 0.8, 1.0, 1.4, 1.6 times that
    result = BY_HAND.travel_range({"main": 100.0, "local": 10.0, "on-foot": 6.0}, 12, "urban")
    assert (result.p05_s, result.p50_s, result.p90_s, result.p95_s, result.basis) == (
        124.0,
        155.0,
        217.0,
        248.0,
        "hour",
    )
    # at 8 in town 1.5 times as long, 232.5 s: the ratios of longer trips
    result = BY_HAND.travel_range({"main": 100.0, "local": 10.0, "on-foot": 6.0}, 8, "urban")
    assert (result.p50_s, result.p90_s) == (232.5, 279.0)
    # no trips at that time, nor in the country at any: what the classes say, and it is said
    assert BY_HAND.travel_range({"main": 100.0}, 3, "urban").basis == "class"
    assert BY_HAND.travel_range({"main": 100.0}, 12, "rural").basis == "class"


def test_a_document_is_its_digest() -> None:
    text = BY_HAND.document()
    assert BY_HAND.version == hashlib.sha256(text.encode()).hexdigest()
    again = Calibration.from_document(text)
    assert again.document() == text
    assert again.travel_range({"main": 100.0}, 12, "urban") == BY_HAND.travel_range({"main": 100.0}, 12, "urban")
    with pytest.raises(InvalidInput, match="another format"):
        Calibration.from_document(json.dumps(json.loads(text) | {"format": 2}))


def test_the_ranks_of_split_conformal_prediction() -> None:
    ordered = np.arange(1.0, 20.0)
    # 19 values: rank ceil(20 x 0.9) = 18, ceil(20 x 0.95) = 19, floor(20 x 0.05) = 1
    assert [rank(ordered, q) for q in (0.9, 0.95, 0.05)] == [18.0, 19.0, 1.0]
    assert rank(ordered[:5], 0.95) == 5.0


def test_one_factor_is_pulled_towards_one_by_ten_trips() -> None:
    result = fit(trips_of(np.full((100, 3), 50.0), np.full(100, 300.0)), "district")
    # 100 trips of twice the time and 10 of the network's: 2 ^ (100 / 110)
    assert result.factor == pytest.approx(2 ** (100 / 110))
    assert result.level == "district"


def test_two_groups_are_told_apart_and_the_third_has_too_few() -> None:
    draw = np.random.default_rng(3)
    share = draw.beta(0.3, 0.3, 4000)
    seconds = draw.uniform(60, 600, 4000)[:, None] * np.column_stack([share, 1 - share, np.zeros(4000)])
    seconds[:5, 2] = 100.0
    result = fit(trips_of(seconds, 30.0 + seconds @ (1.5, 0.8, 1.0)), "class")
    assert result.factor[:2] == pytest.approx((1.5, 0.8), abs=0.02)
    # the start is pulled a little towards none
    assert 26.0 < result.start_s < 30.0
    assert result.lacking == ("local",)
    # what has too few takes the district's
    assert result.factor[2] == pytest.approx(
        float(fit(trips_of(seconds, 30.0 + seconds @ (1.5, 0.8, 1.0)), "district").factor[0])
    )


def test_no_factor_is_below_a_fifth() -> None:
    seconds = np.tile(((300.0, 0.0, 0.0), (0.0, 300.0, 0.0)), (200, 1))
    result = fit(trips_of(seconds, seconds @ (1.0, 0.1, 1.0)), "class")
    assert result.factor[1] == pytest.approx(0.2)


def test_an_outlier_moves_nothing() -> None:
    draw = np.random.default_rng(4)
    seconds = draw.uniform(20, 300, (1000, 3))
    observed = seconds.sum(axis=1) * 1.25
    observed[::25] *= 12.0
    assert fit(trips_of(seconds, observed), "class").factor == pytest.approx(np.full(3, 1.25), abs=0.02)


# a generator of another form


def test_a_generator_of_another_form() -> None:
    """Held out are the latest quarter; the p50 must be nearer than the network and the range must hold what it says."""
    result = [calibrate(another_form(4000, seed)) for seed in (1, 2, 3)]
    for verdict in result:
        assert verdict.outcome == "fitted"
        assert verdict.uncalibrated is not None
        assert verdict.calibrated is not None
        assert verdict.calibrated.mae_s < 0.75 * verdict.uncalibrated.mae_s
        assert verdict.calibrated.width_s < verdict.uncalibrated.width_s
        # 1,000 trips of 600 cases: three standard errors of a share of 0.9, of cases rather than trips, are 0.037
        assert 0.863 <= verdict.calibrated.coverage <= 0.937
        assert 0.863 <= verdict.calibrated.within_p90 <= 0.937
    # with hours as strong as these, hours are what is chosen
    assert {verdict.calibration.level for verdict in result if verdict.calibration} == {"hour"}


def test_hours_without_effect_are_not_worth_their_factors() -> None:
    level, errors, _ = choose(another_form(600, 7, strength=0.0))
    assert level != "hour"
    assert errors["hour"] > errors[level]


def test_the_rush_is_found() -> None:
    verdict = calibrate(another_form(6000, 5))
    assert verdict.calibration is not None
    urban, rural = (np.array(verdict.calibration.hours[name], float) for name in ("urban", "rural"))
    # exp(0.45) over what the day is at 8, in town; the pull makes it less
    assert urban[8] / urban[12] == pytest.approx(np.exp(0.45), rel=0.12)
    assert rural[8] / rural[12] < urban[8] / urban[12]


def test_the_same_trips_give_the_same_document() -> None:
    one, other = (calibrate(another_form(800, 9), {"network": "x"}).calibration for _ in range(2))
    assert one is not None
    assert other is not None
    assert one.document() == other.document()


def test_trips_of_one_case_are_never_divided() -> None:
    trips = another_form(2000, 11)
    late = latest(trips)
    assert not set(trips.case[late]) & set(trips.case[~late])
    assert late.mean() == pytest.approx(0.25, abs=0.02)
    assert trips.at_s[late].min() > trips.at_s[~late].min()


# too little


def test_too_few_trips_stay_uncalibrated() -> None:
    nothing = calibrate(trips_of(np.empty((0, 3)), []))
    assert (nothing.outcome, nothing.trips) == ("too-few", 0)
    verdict = calibrate(another_form(79, 1))
    assert (verdict.outcome, verdict.calibration) == ("too-few", None)
    assert verdict.fallbacks == (Fallback("district", "uncalibrated", "too-few"),)


def test_few_trips_get_one_factor_and_say_so() -> None:
    verdict = calibrate(another_form(120, 1))
    assert verdict.calibration is not None
    assert verdict.calibration.level == "district"
    assert verdict.fallbacks == (Fallback("class", "district", "too-few"), Fallback("hour", "district", "too-few"))
    assert verdict.calibration.travel_range({"main": 100.0}, 8, "urban").basis == "district"


def test_a_time_of_day_without_trips_falls_back_on_the_classes() -> None:
    trips = another_form(4000, 2)
    verdict = calibrate(trips.take(~(~trips.urban & ((trips.hour >= 22) | (trips.hour < 6)))))
    assert verdict.calibration is not None
    assert verdict.fallbacks == (Fallback("rural night", "class", "too-few"),)
    assert verdict.calibration.travel_range({"main": 100.0}, 23, "rural").basis == "class"
    assert verdict.calibration.travel_range({"main": 100.0}, 23, "urban").basis == "hour"


def test_lengths_with_few_trips_are_put_together() -> None:
    seconds = np.concatenate([np.full(300, 100.0), np.full(40, 200.0), np.full(300, 300.0), np.full(20, 900.0)])
    trips = trips_of(np.column_stack([seconds, 0 * seconds, 0 * seconds]), seconds)
    assert [(band.from_s, band.trips) for band in lengths_of(trips, seconds)] == [(0.0, 340), (240.0, 320)]


# worse


def test_calibrating_is_refused_where_it_is_worse() -> None:
    """The early trips went through road works, twice as slow; the latest go as the network says."""
    draw = np.random.default_rng(21)
    seconds = draw.uniform(30, 300, (1000, 3))
    slow = np.where(np.arange(1000) < 740, 2.0, 1.0)
    verdict = calibrate(trips_of(seconds, seconds.sum(axis=1) * slow * np.exp(draw.normal(0, 0.1, 1000))))
    assert (verdict.outcome, verdict.calibration) == ("worse", None)
    assert verdict.calibrated is not None
    assert verdict.uncalibrated is not None
    assert verdict.calibrated.mae_s > 3 * verdict.uncalibrated.mae_s
    assert verdict.calibrated.coverage < 0.8


def test_a_network_that_is_right_is_not_improved_on() -> None:
    """Where the network's times are the medians, factors can only add noise: mostly its times stay, with a range."""
    result = []
    for seed in range(12):
        draw = np.random.default_rng(seed)
        seconds = draw.uniform(30, 300, (200, 3))
        result.append(calibrate(trips_of(seconds, seconds.sum(axis=1) * np.exp(draw.normal(0, 0.3, 200)))))
    ranges = [verdict.calibration for verdict in result if verdict.outcome == "range-only"]
    assert len(ranges) >= 6
    for each in ranges:
        assert each is not None
        span = each.travel_range({"main": 300.0, "local": 200.0}, 8, "urban")
        assert (span.p50_s, span.basis) == (500.0, "uncalibrated")
        # nine in ten of lognormal 0.3: exp(0.3 x 1.2816), from 200 trips
        assert span.p90_s == pytest.approx(500 * np.exp(0.3 * 1.2816), rel=0.12)


def test_a_range_that_does_not_hold_is_refused() -> None:
    """The latest trips scatter three times as much: nearer on average, but the range promises too much."""
    draw = np.random.default_rng(22)
    seconds = draw.uniform(30, 300, (1000, 3))
    spread = np.where(np.arange(1000) < 750, 0.15, 0.45)
    verdict = calibrate(trips_of(seconds, 2.0 * seconds.sum(axis=1) * np.exp(draw.normal(0, 1, 1000) * spread)))
    assert verdict.outcome == "range-too-narrow"
    assert verdict.calibration is None


def test_where_it_is_worse_though_better_overall_is_named() -> None:
    draw = np.random.default_rng(23)
    seconds = draw.uniform(30, 300, (3000, 3))
    night = draw.random(3000) < 0.03
    # few nights, as the network says; all else 1.6 times as long
    factor = np.where(night, 1.0, 1.6)
    trips = trips_of(
        seconds, seconds.sum(axis=1) * factor * np.exp(draw.normal(0, 0.1, 3000)), hour=np.where(night, 2, 12)
    )
    early = trips.take(np.arange(3000) < 750)
    verdict = calibrate(early)
    assert verdict.outcome == "fitted"
    assert [(each["response_class"], each["time"]) for each in verdict.worse_at] == [("urban", "night")]


@pytest.mark.parametrize(
    ("seconds", "observed_s"),
    [
        ([[1.0, 1.0, 1.0]] * 2, [0.0, 60.0]),
        ([[1.0, 1.0, 1.0]] * 2, [60.0]),
        ([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0]], [60.0, 60.0]),
    ],
)
def test_trips_that_cannot_be_are_refused(seconds: list[list[float]], observed_s: list[float]) -> None:
    with pytest.raises(InvalidInput):
        trips_of(seconds, observed_s)


# San Francisco

DISTANCES_M = (500.0, 1000.0, 2000.0, 4000.0)
DETOUR, DRIVEN_KPH = 1.3, 40.0
"""Assumed before looking: road over straight line in a grid of streets, and the speed of a fire engine in town."""


def sffd(folder: Path) -> Trips:
    """Engines and trucks from the station of their number to the call.

    There is no road file of the city at hand: the classes are stretches of the straight line by distance from the
    station, not classes of road. A unit that was on the road already is taken to start at home all the same.
    """
    stations: dict[int, tuple[float, float]] = {}
    for feature in json.loads((folder / "stations.geojson").read_text())["features"]:
        name = feature["properties"]["common_name"]
        if "#" in name:
            lon, lat = feature["geometry"]["coordinates"]
            stations[int(re.sub(r"\D.*", "", name.split("#")[1]))] = lon, lat
    rows = []
    cases: dict[str, int] = {}
    for call in csv.DictReader((folder / "calls.csv").read_text().splitlines()):
        unit, left, there = call["Unit ID"], call["Response DtTm"], call["On Scene DtTm"]
        if unit[0] not in "ET" or not unit[1:].isdigit() or int(unit[1:]) not in stations or not (left and there):
            continue
        begin, end = (datetime.strptime(text, "%m/%d/%Y %I:%M:%S %p") for text in (left, there))  # noqa: DTZ007
        took_s = (end - begin).total_seconds()
        lat, lon = map(float, call["Location"].strip("()").split(","))
        metres = distance_m(*stations[int(unit[1:])], lon, lat)
        if metres < 50 or not metres / (150 / 3.6) < took_s <= 7200:
            continue
        ends = np.minimum(metres, [*DISTANCES_M, np.inf])
        stretches = np.diff(ends, prepend=0.0) * DETOUR / (DRIVEN_KPH / 3.6)
        number = cases.setdefault(call["Incident Number"], len(cases))
        rows.append((stretches, took_s, begin.hour, number, (begin - datetime(2020, 1, 1)).total_seconds()))  # noqa: DTZ001
    seconds, took, hour, case, at = zip(*rows, strict=True)
    groups = ("to 500 m", "to 1000 m", "to 2000 m", "to 4000 m", "beyond")
    return Trips(
        groups,
        np.array(seconds),
        np.array(hour),
        np.ones(len(rows), bool),
        np.array(took),
        np.array(case),
        np.array(at),
    )


@pytest.mark.shared
def test_calls_of_san_francisco(shared_data: Path) -> None:
    verdict = calibrate(sffd(shared_data / "sffd"))
    assert verdict.trips > 2500
    assert verdict.outcome == "fitted"
    assert verdict.uncalibrated is not None
    assert verdict.calibrated is not None
    assert verdict.calibrated.mae_s < 0.75 * verdict.uncalibrated.mae_s
    assert 0.86 <= verdict.calibrated.coverage <= 0.94
    assert verdict.calibrated.width_s < 0.75 * verdict.uncalibrated.width_s


def test_groups_are_what_the_network_gives() -> None:
    assert GROUPS == ("motorway", "main", "minor", "local", "on-foot")
