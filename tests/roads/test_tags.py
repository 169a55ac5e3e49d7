"""What OpenStreetMap's tags say to a driver: may I, which way, how fast."""

from __future__ import annotations

import pytest

from gridsvc.roads.network.speeds import CHINA_KPH, CLASS_NUMBER, CLASSES, EUROPE_KPH, Speeds, speeds_for
from gridsvc.roads.network.tags import posted_kph, read_barrier, read_way

PLAIN = Speeds()


@pytest.mark.parametrize(
    ("value", "kph"),
    [("50", 50), ("50 km/h", 50), ("30 mph", 48.28), ("30mph", 48.28), ("none", 130), ("walk", 7), ("CN:urban", 50),
     ("DE:rural", 100), ("35 mph;40 mph", 56.33), ("80|60", 60), ("variable", None), ("signals", None), ("", None),
     ("-5", None), ("0", None), ("999", None), ("RU:urban", 50)],
)  # fmt: skip
def test_posted_limits(value: str, kph: float | None) -> None:
    assert posted_kph(value) == (None if kph is None else pytest.approx(kph, abs=0.01))


def speeds(**tags: str) -> tuple[float, float, float, float] | None:
    result = read_way(
        {"highway": "residential", **{key.replace("__", ":"): value for key, value in tags.items()}}, PLAIN
    )
    return None if result is None else result.kph


def open_ways(**tags: str) -> str:
    """Letters of what is open. n and N: anybody forward and backward; e and E: an emergency."""
    result = speeds(**tags)
    return "" if result is None else "".join(letter for letter, kph in zip("nNeE", result, strict=True) if kph > 0)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({}, "nNeE"),
        ({"oneway": "yes"}, "neE"),
        ({"oneway": "-1"}, "NeE"),
        ({"oneway": "no", "junction": "roundabout"}, "nNeE"),
        ({"junction": "roundabout"}, "ne"),
        ({"junction": "circular"}, "ne"),
        ({"highway": "motorway"}, "ne"),
        ({"highway": "trunk", "oneway": "yes"}, "ne"),
        ({"oneway": "yes", "oneway__motor_vehicle": "no"}, "nNeE"),
        ({"access": "private"}, "eE"),
        ({"access": "no", "motor_vehicle": "yes"}, "nNeE"),
        ({"access": "yes", "motorcar": "no"}, "eE"),
        ({"motor_vehicle": "agricultural;forestry"}, "eE"),
        ({"motor_vehicle": "destination;agricultural"}, "nNeE"),
        ({"access": "unknown"}, "nNeE"),
        ({"access": "private", "emergency": "no"}, ""),
        ({"highway": "track"}, "eE"),
        ({"highway": "track", "motor_vehicle": "yes"}, "nNeE"),
        ({"highway": "pedestrian"}, "eE"),
        ({"highway": "footway"}, ""),
        ({"highway": "construction"}, ""),
        ({"area": "yes"}, ""),
        ({"route": "ferry"}, ""),
        ({"smoothness": "impassable"}, ""),
    ],
)
def test_who_may_drive_which_way(tags: dict[str, str], expected: str) -> None:
    assert open_ways(**tags) == expected


def test_driven_speeds() -> None:
    assert speeds() == (26, 26, 26, 26)
    assert speeds(maxspeed="50") == (45, 45, 45, 45)
    assert speeds(maxspeed="50", maxspeed__backward="30") == (45, 27, 45, 27)
    assert speeds(maxspeed="100", surface="gravel") == (40, 40, 40, 40)
    assert speeds(highway="service", maxspeed="100") == (20, 20, 20, 20)
    # against the one-way street at 10 km/h, over private ground at 15
    assert speeds(oneway="yes") == (26, 0, 26, 10)
    assert speeds(access="private") == (0, 0, 15, 15)


@pytest.mark.parametrize(
    ("tags", "opens"),
    [({"barrier": "gate"}, (True, True)), ({"barrier": "gate", "access": "private"}, (False, True)),
     ({"barrier": "gate", "locked": "yes"}, (False, True)), ({"barrier": "lift_gate", "access": "no"}, (False, True)),
     ({"barrier": "bollard"}, (False, False)), ({"barrier": "bollard", "bollard": "removable"}, (False, True)),
     ({"barrier": "bollard", "motor_vehicle": "yes"}, (True, True)), ({"barrier": "block"}, (False, False)),
     ({"barrier": "chain"}, (False, True)), ({"barrier": "block", "emergency": "yes"}, (False, True)),
     ({"barrier": "entrance"}, None), ({"barrier": "cattle_grid"}, None), ({"highway": "crossing"}, None)],
)  # fmt: skip
def test_barriers(tags: dict[str, str], opens: tuple[bool, bool] | None) -> None:
    assert read_barrier(tags) == opens


def test_every_class_has_a_speed_in_both_regions() -> None:
    for table in (EUROPE_KPH, CHINA_KPH):
        assert set(table) == set(CLASSES) - {"gate"}
    assert CLASSES[CLASS_NUMBER["tertiary"]] == "tertiary"
    assert speeds_for(119.7, 29.1).class_kph == CHINA_KPH
    assert speeds_for(9.5, 47.1).class_kph == EUROPE_KPH
