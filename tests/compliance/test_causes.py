"""Why late, by hand: reported at 8:00, target 900 s, call handling 45 s planned; see worlds/toy_cases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from gridsvc.cases.events import apply
from gridsvc.cases.model import Case, Clock
from gridsvc.compliance.causes import Cause, FreeTeam, LateCase, Plan, explain
from gridsvc.compliance.lateness import count_causes
from gridsvc.compliance.nearest import plan_of
from tests.worlds import toy
from tests.worlds.toy_cases import at, ordered, place, reported, team_step

PLAN = Plan(45.0, {}, {"1": FreeTeam("sq-a2", 165.25)})
"""The team that is sent was the nearest: handling 45 s + turnout 60.25 s + travel 60 s."""


def case(order: float = 0.75, *, stop: str = "lead_on_scene", start: str = "received", **stamps: float) -> Case:
    """A case whose lead (team 10) is ordered after some minutes; stamps of the lead in minutes after eight."""
    one = apply(reported(clock=Clock("lead", start, stop)), ordered(reported(), order, "1", "township"))
    lead = one.engagements[0]
    clocks: dict[str, Any] = {f"{name}_at": at(minutes) for name, minutes in stamps.items()}
    return one.with_engagement(replace(lead, **clocks))


def why(one: Case, plan: Plan = PLAN) -> LateCase:
    found = explain(one, plan)
    assert found is not None
    return found


def test_a_response_in_time_or_without_an_arrival_has_no_cause() -> None:
    assert explain(case(on_scene=15.0), PLAN) is None
    assert explain(case(en_route=30.0), PLAN) is None


def test_every_part_by_hand_and_they_add_up() -> None:
    # ordered at 8:05:00, acknowledged :15, off at 8:06:15, there at 8:20:00: 1200 s of 900 s.
    late = why(case(5.0, acknowledged=5.25, en_route=6.25, on_scene=20.0))
    assert (late.response_s, late.overrun_s) == (1200.0, 300.0)
    assert late.excess_s == {Cause.HANDLING: 255.0, Cause.TURNOUT: 14.75, Cause.TRAVEL: 765.0}
    # 300 x 255 / 1034.75, 300 x 14.75 / 1034.75, 300 x 765 / 1034.75, in whole milliseconds
    assert late.parts_s == {Cause.HANDLING: 73.931, Cause.TURNOUT: 4.276, Cause.TRAVEL: 221.793}
    assert late.main is Cause.TRAVEL
    assert not late.uncertain


@pytest.mark.parametrize(
    ("changed", "cause", "excess_s"),
    [
        ({"order": 15.0, "acknowledged": 15.1, "en_route": 16.0, "on_scene": 17.0}, Cause.HANDLING, 855.0),
        # ordered at 0:45; signed off 14 min later, off 30.25 s after that, as planned beside the sign-off
        ({"acknowledged": 14.75, "en_route": 15.254_166_666, "on_scene": 16.25}, Cause.SIGN_OFF, 810.0),
        ({"acknowledged": 1.0, "en_route": 14.75, "on_scene": 15.75}, Cause.TURNOUT, 779.75),
        ({"acknowledged": 1.0, "en_route": 1.5, "on_scene": 16.5}, Cause.TRAVEL, 840.0),
    ],
)
def test_one_slow_step_is_the_main_cause(changed: dict[str, Any], cause: Cause, excess_s: float) -> None:
    late = why(case(**changed))
    assert late.main is cause
    assert late.excess_s[cause] == excess_s
    assert next(each for each in late.remedies if each.kind == cause).meets_target


def test_no_team_was_free_at_the_report_and_the_wait_counts_beyond_the_planned_handling() -> None:
    one = case(14.0, en_route=15.0, on_scene=16.0)
    nobody = replace(one.decision.recommendation, lead=None)
    late = why(replace(one, decision=replace(one.decision, recommendation=nobody)))
    assert late.main is Cause.NO_TEAM_FREE
    assert late.excess_s == {Cause.NO_TEAM_FREE: 795.0}


def test_a_nearer_team_was_busy() -> None:
    one = case(en_route=1.75, on_scene=16.0)
    far = replace(one.engagements[0], travel_s=855.0, response_s=960.25)
    one = one.with_engagement(far)
    shown = one.decision.recommendation
    assert shown.lead is not None
    chosen = replace(shown, lead=replace(shown.lead, team_id=str(far.team_id)))
    late = why(replace(one, decision=replace(one.decision, recommendation=chosen)))
    assert late.main is Cause.NO_TEAM_FREE
    assert late.excess_s == {Cause.NO_TEAM_FREE: 795.0}
    free = next(each for each in late.remedies if each.kind == "nearest-team-free")
    assert (free.team_id, free.response_s, free.meets_target) == ("sq-a2", 165.25, True)


def test_a_person_sent_another_team_than_the_recommended_one() -> None:
    one = case(en_route=1.75, on_scene=16.0)
    late = why(one.with_engagement(replace(one.engagements[0], travel_s=855.0, response_s=960.25)))
    assert late.main is Cause.REASSIGNMENT
    recommended = next(each for each in late.remedies if each.kind == "recommended-team")
    assert recommended.meets_target  # sq-a2 at km 6: 45 + 60 + 60 s
    assert recommended.response_s == 165.0


def test_the_first_team_declined_and_another_came() -> None:
    one = team_step(case(), 10, "decline", 10.0)
    one = apply(one, ordered(one, 10.5, "1", first=30))
    second = next(each for each in one.engagements if each.team_id == UUID(int=30))
    late = why(one.with_engagement(replace(second, en_route_at=at(11.5), on_scene_at=at(16))))
    assert late.main is Cause.REASSIGNMENT
    assert late.excess_s[Cause.REASSIGNMENT] == 585.0


def test_even_the_nearest_station_is_too_far() -> None:
    one = case(en_route=1.75, on_scene=21.0)
    one = one.with_engagement(replace(one.engagements[0], travel_s=1100.0, response_s=1205.0))
    late = why(one, Plan(45.0, {}, {"1": FreeTeam("sq-a2", 1205.0)}, FreeTeam("fire-1", 800.0, "fire-1")))
    assert late.main is Cause.FAR_STATION
    assert late.excess_s[Cause.FAR_STATION] == 305.0
    other = next(each for each in late.remedies if each.kind == "other-station")
    assert (other.station, other.meets_target) == ("fire-1", True)


def test_the_team_reported_its_arrival_from_another_place() -> None:
    one = case(en_route=1.75, on_scene=20.0)
    assert why(one, replace(PLAN, off_place_m=499.0)).main is Cause.TRAVEL
    assert why(one, replace(PLAN, off_place_m=501.0)).main is Cause.WRONG_PLACE
    vague = replace(one, place=replace(one.place, radius_m=300.0))
    assert why(vague, replace(PLAN, off_place_m=501.0)).main is Cause.TRAVEL


@pytest.mark.parametrize("en_route", [{}, {"en_route": 25.0}, {"en_route": 0.5}])
def test_without_a_stamp_between_them_turnout_and_travel_are_not_separated(en_route: dict[str, Any]) -> None:
    late = why(case(on_scene=20.0, **en_route))
    assert late.uncertain
    assert late.excess_s == {Cause.TURNOUT_OR_TRAVEL: 1200.0 - 45 - 60.25 - 60}
    assert late.main is Cause.TURNOUT_OR_TRAVEL
    as_planned = next(each for each in late.remedies if each.kind == "turnout-or-travel")
    assert (as_planned.response_s, as_planned.meets_target) == (165.25, True)
    elsewhere = why(case(on_scene=20.0, **en_route), replace(PLAN, off_place_m=501.0))
    assert elsewhere.main is Cause.WRONG_PLACE


def test_a_clock_that_starts_at_the_order_has_no_handling() -> None:
    late = why(case(10.0, start="dispatched", en_route=11.0, on_scene=26.0), Plan(0.0))
    assert (late.response_s, late.overrun_s) == (960.0, 60.0)
    assert Cause.HANDLING not in late.parts_s


def test_a_full_team_is_late_by_its_last_member() -> None:
    one = case(stop="full_team_on_scene", en_route=1.5, on_scene=2.5)
    member = one.engagements[1]
    one = one.with_engagement(replace(member, en_route_at=at(15), on_scene_at=at(16)))
    late = why(one)
    assert late.main is Cause.TURNOUT
    assert late.overrun_s == 60.0


def test_the_plan_is_that_of_the_nearest_lawful_team_had_all_been_free() -> None:
    one = reported(where=place(7))
    travel_s: list[Any] = toy.travel(7)
    plan = plan_of(toy.PREPARED, one, travel_s)
    assert plan.nearest["1"] == FreeTeam("sq-a2", 165.0)  # km 6: 45 + 60 + 60 s
    assert plan.nearest["township"].team_id == "town-t2"
    assert plan.station == FreeTeam("town-t2", 105.0, "town-t2")  # stands at km 7: 45 + 60 s
    assert plan.handling_s == 45.0


def test_causes_are_counted_with_their_intervals_and_seconds() -> None:
    late = [
        why(case(15.0, en_route=16.0, on_scene=17.0)),
        why(case(en_route=1.5, on_scene=16.5)),
        why(case(en_route=1.5, on_scene=20.0)),
    ]
    counted = count_causes(late)
    by = {each.cause: each for each in counted.causes}
    assert list(by) == list(Cause)
    assert (by[Cause.TRAVEL].main.count, by[Cause.TRAVEL].main.n) == (2, 3)
    assert by[Cause.TRAVEL].main.low == pytest.approx(0.0943, abs=1e-4)  # exact interval of 2 of 3, by its table
    assert sum(each.overrun_s for each in counted.causes) == pytest.approx(120 + 90 + 300)
    assert sum(each.seconds.value or 0 for each in counted.causes) == pytest.approx(1)
    # travel 390 of 510 s: residuals of 120, 90 and 300 s with parts 0, 90 and 300 s, by hand
    travel = by[Cause.TRAVEL].seconds
    share = 390 / 510
    error = (3 / 2 * ((120 * share) ** 2 + (90 - 90 * share) ** 2 + (300 - 300 * share) ** 2)) ** 0.5 / 510
    assert travel.low == pytest.approx(share - 1.959964 * error, abs=1e-6)
    assert travel.high == 1.0
    assert {each.kind: (each.met.count, each.met.n) for each in counted.remedies}["travel"] == (2, 2)
    assert count_causes([]).causes[0].main.share is None
