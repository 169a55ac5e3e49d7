"""R17: met, late, missing or open, by each clock policy; target 900 s, reported at 8:00, ordered at 8:05."""

from __future__ import annotations

import pytest

from gridsvc.cases.events import apply
from gridsvc.cases.model import Case, Clock
from gridsvc.cases.timing import Timeliness, evaluate
from tests.worlds.toy_cases import at, ordered, preempted, reported, step, team_step

RECEIVED, DISPATCHED = "received", "dispatched"
DUE = {RECEIVED: at(15), DISPATCHED: at(20)}
FIRST, LEAD, FULL = "first_on_scene", "lead_on_scene", "full_team_on_scene"


def sent(start: str = RECEIVED, stop: str = LEAD, *, drill: bool = False) -> Case:
    """An emergency with the lead (team 10) and two members (11, 12), ordered at 8:05."""
    case = reported(clock=Clock("policy", start, stop), drill=drill)
    return apply(case, ordered(case, 5, "1", "township", "partner-fire"))


def arrivals(case: Case, **minutes: float) -> Case:
    """Let teams arrive: t10=14 is team 10 at 8:14."""
    for name, minute in minutes.items():
        case = team_step(case, int(name[1:]), "on_scene", minute)
    return case


def close(case: Case, name: str = "archive") -> Case:
    if name == "archive":
        case = step(step(case, "handle", 40), "feedback", 41)
    return step(case, name, 42)


@pytest.mark.parametrize("start", [RECEIVED, DISPATCHED])
@pytest.mark.parametrize(
    ("stop", "came", "minute"),
    [
        (FIRST, {"t11": 8, "t10": 30, "t12": 30}, 8),
        (LEAD, {"t11": 8, "t10": 14, "t12": 30}, 14),
        (FULL, {"t11": 8, "t10": 9, "t12": 14}, 14),
    ],
)
def test_r17_met(start: str, stop: str, came: dict[str, float], minute: float) -> None:
    for case in (arrivals(sent(start, stop), **came), close(arrivals(sent(start, stop), **came))):
        timing = evaluate(case)
        assert (timing.outcome, timing.due_at, timing.arrived_at) == (Timeliness.MET, DUE[start], at(minute))


@pytest.mark.parametrize("start", [RECEIVED, DISPATCHED])
@pytest.mark.parametrize(
    ("stop", "came", "minute"),
    [
        (FIRST, {"t11": 21, "t10": 30}, 21),
        (LEAD, {"t11": 8, "t10": 21}, 21),
        (FULL, {"t11": 8, "t10": 9, "t12": 21}, 21),
    ],
)
def test_r17_late(start: str, stop: str, came: dict[str, float], minute: float) -> None:
    timing = evaluate(arrivals(sent(start, stop), **came))
    assert (timing.outcome, timing.due_at, timing.arrived_at) == (Timeliness.LATE, DUE[start], at(minute))


def test_r17_the_clock_that_starts_at_the_order_allows_five_minutes_more() -> None:
    assert evaluate(arrivals(sent(RECEIVED), t10=18)).outcome is Timeliness.LATE
    assert evaluate(arrivals(sent(DISPATCHED), t10=18)).outcome is Timeliness.MET


def test_r17_the_last_second_is_in_time() -> None:
    assert evaluate(arrivals(sent(), t10=15)).outcome is Timeliness.MET
    assert evaluate(arrivals(sent(), t10=15 + 1 / 60)).outcome is Timeliness.LATE


@pytest.mark.parametrize(("stop", "came"), [(FIRST, {}), (LEAD, {"t11": 8, "t12": 8}), (FULL, {"t10": 8, "t11": 8})])
def test_r17_no_stamp_is_open_then_late_and_missing_once_closed(stop: str, came: dict[str, float]) -> None:
    case = arrivals(sent(stop=stop), **came)
    timing = evaluate(case)
    assert (timing.outcome, timing.due_at, timing.arrived_at) == (Timeliness.OPEN, at(15), None)
    assert timing.at(at(15)) is Timeliness.OPEN
    assert timing.at(at(15.1)) is Timeliness.LATE
    assert evaluate(close(case)).outcome is Timeliness.MISSING
    assert evaluate(close(case)).at(at(99)) is Timeliness.MISSING


@pytest.mark.parametrize("stop", [FIRST, LEAD, FULL])
def test_r17_a_case_that_is_not_ordered_has_no_due_time_by_the_clock_of_the_order(stop: str) -> None:
    waits = reported(clock=Clock("policy", DISPATCHED, stop))
    assert (evaluate(waits).outcome, evaluate(waits).due_at) == (Timeliness.OPEN, None)
    assert evaluate(waits).at(at(999)) is Timeliness.OPEN
    assert evaluate(reported(clock=Clock("policy", RECEIVED, stop))).at(at(999)) is Timeliness.LATE


@pytest.mark.parametrize("stop", [FIRST, LEAD, FULL])
def test_r17_a_case_cancelled_before_anybody_came_is_not_timed(stop: str) -> None:
    assert evaluate(close(sent(stop=stop), "cancel")).outcome is None


def test_r17_a_case_cancelled_after_the_arrival_keeps_its_outcome() -> None:
    assert evaluate(close(arrivals(sent(), t10=14), "cancel")).outcome is Timeliness.MET
    assert evaluate(close(arrivals(sent(), t10=21), "cancel")).outcome is Timeliness.LATE


def test_r15_a_routine_case_stays_out_of_the_five_and_fifteen_minutes() -> None:
    case = arrivals(apply(reported("noise"), ordered(reported("noise"), 5, "1")), t10=6)
    for each in (case, close(case)):
        timing = evaluate(each)
        assert (timing.outcome, timing.due_at, timing.arrived_at) == (None, None, None)


def test_r16_a_drill_is_timed_by_the_same_clock() -> None:
    case = sent(drill=True)
    assert evaluate(arrivals(case, t10=14)).outcome is Timeliness.MET
    taken = apply(case, preempted(case, 10, 8))
    assert evaluate(taken).outcome is Timeliness.OPEN
    assert evaluate(close(taken)).outcome is Timeliness.MISSING


class TestReplacements:
    def test_r17_a_lead_that_replaces_another_stops_the_clock(self) -> None:
        case = team_step(sent(), 10, "decline", 6)
        case = apply(case, ordered(case, 7, "1", first=20))
        assert evaluate(case).outcome is Timeliness.OPEN
        assert evaluate(arrivals(case, t20=14)).arrived_at == at(14)

    def test_r17_the_team_is_full_when_the_last_slot_of_the_first_order_has_its_replacement(self) -> None:
        case = team_step(arrivals(sent(stop=FULL), t10=8, t11=9), 12, "withdraw", 10)
        assert evaluate(case).outcome is Timeliness.OPEN
        case = apply(case, ordered(case, 11, "partner-fire", "brigade-ecology", first=20))
        # The brigade is a reinforcement: it was not part of the first joint team.
        assert evaluate(arrivals(case, t20=14)).arrived_at == at(14)

    def test_r17_a_second_team_in_a_slot_does_not_make_it_late_again(self) -> None:
        case = arrivals(sent(stop=FULL), t10=8, t11=9, t12=10)
        case = apply(case, ordered(case, 11, "township", first=20))
        assert evaluate(arrivals(case, t20=30)).arrived_at == at(10)
