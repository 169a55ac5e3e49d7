"""From a report to a case: the place, its class and its townships, and when it was reported."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import shapely

from gridsvc.cases.decide import (
    Classes,
    Location,
    Standing,
    facts_of,
    place_beside,
    place_in,
    reported_at_of,
)
from gridsvc.cases.model import Place, Unknown
from gridsvc.errors import InvalidInput
from gridsvc.grids.ownership import Owner, Ownership, Rule, Share
from gridsvc.law import ResponseClass, Urgency
from tests.worlds import toy
from tests.worlds.toy_cases import START

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

R1, R2 = Owner(toy.R1, "东部"), Owner(toy.R2, "西部")
T2, T3 = Owner(toy.T2, "曹宅镇"), Owner(toy.T3, "孝顺镇")
NO_OWNERS = (None, None, None, None)
# 111 and 112 are urban; the seat of T3 is urban.
CLASSES = Classes(toy.CLOCKS.response_classes, {toy.T2: "220", toy.T3: "112"})
LINE = shapely.LineString([(119.69, 29.1), (119.72, 29.1)])


def placed(ownership: Ownership, *, radius_m: float | None = None, extent: BaseGeometry | None = None) -> Place:
    return place_in(Location(119.7, 29.1, radius_m, extent), ownership, CLASSES)


def line(*shares: Share, owners: object = NO_OWNERS, rule: Rule = Rule.DISTRICT) -> Place:
    ownership = Ownership("330703", owners, rule, 3, shares=shares, confirm=True)  # type: ignore[arg-type]
    return placed(ownership, extent=LINE)


def townships(where: Place) -> tuple[str | None, tuple[str, ...]]:
    facts = facts_of(where, "leak", None, toy.NOON, drill=False)
    return facts.township, facts.townships


def test_r3_across_regions_the_district_owns_the_place_in_the_strictest_class_with_each_township() -> None:
    place = line(Share((R1, T2, None, None), 0.6, "220"), Share((R2, T3, None, None), 0.4, "111"))
    assert (place.owners, place.rule, place.owned_level) == (NO_OWNERS, "district", "district")
    assert place.response_class is ResponseClass.URBAN
    assert townships(place) == (None, (toy.T2, toy.T3))


def test_r3_within_a_region_the_region_owns_it() -> None:
    shares = Share((R1, T2, None, None), 0.6, "220"), Share((R1, Owner(toy.T1, "东孝街道"), None, None), 0.4, "220")
    place = line(*shares, owners=(R1, None, None, None), rule=Rule.INTERIOR)
    assert (place.owned_level, place.response_class) == ("regional", ResponseClass.RURAL)
    assert townships(place) == (None, (toy.T2, toy.T1))


def test_r3_within_a_township_it_is_the_own_one() -> None:
    place = line(Share((R1, T2, None, None), 1.0, "220"), owners=(R1, T2, None, None), rule=Rule.INTERIOR)
    assert place.owned_level == "township"
    assert townships(place) == (toy.T2, ())


def test_r3_a_line_that_ends_in_a_hole_of_the_grids_still_has_the_slot_of_its_township() -> None:
    shares = Share((R1, T2, None, None), 0.6, "220"), Share((R1, None, None, None), 0.4)
    place = line(*shares, owners=(R1, None, None, None), rule=Rule.GAP)
    assert place.owned_level is None
    assert townships(place) == (None, (toy.T2,))


def test_r3_what_lies_outside_the_district_has_no_say_in_the_class() -> None:
    place = line(
        Share((R1, T2, None, None), 0.6, "220"),
        Share(NO_OWNERS, 0.4, "111"),
        owners=(R1, T2, None, None),
        rule=Rule.INTERIOR,
    )
    assert place.response_class is ResponseClass.RURAL


def test_r3_a_radius_keeps_the_owner_and_the_class_of_its_middle() -> None:
    shares = Share((R1, T2, None, None), 0.6, "220"), Share((R2, T3, None, None), 0.4, "111")
    ownership = Ownership(
        "330703", (R1, T2, None, None), Rule.BORDER, 3, shares=shares, confirm=True, urban_rural_code="220"
    )
    place = placed(ownership, radius_m=150.0)
    assert (place.response_class, place.radius_m, place.confirm) == (ResponseClass.RURAL, 150.0, True)
    assert townships(place) == (toy.T2, ())


def test_r15_a_village_without_a_code_takes_that_of_its_townships_seat() -> None:
    ownership = Ownership("330703", (R2, T3, None, Owner("V3", "村三")), Rule.INTERIOR, 3)
    assert placed(ownership).response_class is ResponseClass.URBAN


def test_r2_a_place_beside_the_district_has_nobody_and_the_way_to_it() -> None:
    beside = place_beside(Location(119.0, 29.0), CLASSES, generation=3, beside=(1234.6, 90.04))
    assert beside.ownership_json() == {"rule": "outside", "generation": 3, "distance_m": 1235, "bearing_deg": 90.0}
    assert place_beside(Location(119.0, 29.0), CLASSES, generation=None).rule == "gap"


def test_a_second_alarm_tells_dispatch_what_is_held_and_who_is_not_to_be_sent() -> None:
    standing = Standing(2, {"1": "sq-a2"}, frozenset({"fire-1"}))
    facts = facts_of(
        placed(Ownership("330703", (R1, T2, None, None), Rule.INTERIOR, 3)),
        "leak",
        None,
        toy.NOON,
        drill=True,
        standing=standing,
    )
    assert (facts.alarm, facts.excluded, facts.drill) == (2, frozenset({"fire-1"}), True)
    assert facts.held == {"1": "sq-a2"}


@pytest.mark.parametrize(
    ("given", "counts"),
    [(None, START), (START - timedelta(hours=2), START - timedelta(hours=2)), (START + timedelta(hours=23), START)],
)
def test_r21_a_report_counts_from_when_it_was_made_and_never_from_the_future(
    given: datetime | None, counts: datetime
) -> None:
    for urgency in Urgency:
        assert reported_at_of(given, START, urgency) == (counts, ())


@pytest.mark.parametrize(
    ("given", "kind"),
    [(START + timedelta(hours=25), "time-in-future"), (START - timedelta(days=367), "time-too-early")],
)
def test_r10_a_wrong_clock_refuses_no_emergency(given: datetime, kind: str) -> None:
    assert reported_at_of(given, START, Urgency.EMERGENCY) == (START, (Unknown("reported_at", "wrong-clock"),))
    with pytest.raises(InvalidInput) as refused:
        reported_at_of(given, START, Urgency.ROUTINE)
    assert refused.value.kind == kind
