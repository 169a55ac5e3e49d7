"""R17: the columns of many cases give the outcomes that each case alone gives, by every clock, for any stamps."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from gridsvc.cases.model import Case, Clock, Clocks, Engagement, Status
from gridsvc.cases.timing import (
    OUTCOMES,
    ResponseColumns,
    SentColumns,
    Timeliness,
    evaluate,
    evaluate_columns,
    stopped_columns,
)
from gridsvc.times import to_us
from tests.worlds.toy_cases import at, engagement, reported

if TYPE_CHECKING:
    from collections.abc import Sequence

CLOCKS = [Clock("policy", *each) for each in product(
    ("received", "dispatched"), ("first_on_scene", "lead_on_scene", "full_team_on_scene")
)]  # fmt: skip
SLOTS = ("1", "township", "partner-fire")
EMERGENCY = reported("leak")
ROUTINE = reported("noise")

minutes = st.integers(-3, 40)
teams = st.tuples(st.integers(0, 6), st.sampled_from(SLOTS), st.booleans(), st.booleans(), st.none() | minutes)
drawn = st.tuples(
    st.sampled_from(list(Status)), st.booleans(), st.none() | st.integers(0, 6), st.lists(teams, max_size=6)
)


def sent(number: int, since: int, slot: str, *, lead: bool, engaging: bool, came: int | None) -> Engagement:
    made = replace(engagement(number, slot, since, engaging=engaging), lead=lead)
    return made if came is None else replace(made, on_scene_at=at(came))


def made(number: int, status: Status, routine: bool, ordered: int | None, rows: Sequence[tuple[object, ...]]) -> Case:
    """A case with any stamps at all, also such as no step would write."""
    engagements = tuple(
        sent(n, since, slot, lead=lead, engaging=engaging, came=came)  # type: ignore[arg-type]
        for n, (since, slot, lead, engaging, came) in enumerate(rows)
    )
    clocks = Clocks(assigned_at=None if ordered is None else at(ordered))
    case = ROUTINE if routine else EMERGENCY
    return replace(case, id=UUID(int=number), status=status, clocks=clocks, engagements=engagements)


def by_columns(cases: Sequence[Case], clock: Clock, now_us: int) -> list[Timeliness | None]:
    engaged = [(row, each) for row, case in enumerate(cases) for each in case.engagements if each.engaging]
    columns = SentColumns(
        np.array([row for row, _ in engaged], dtype=np.int32),
        np.array([SLOTS.index(each.slot) for _, each in engaged], dtype=np.int32),
        np.array([each.lead for _, each in engaged], dtype=bool),
        np.array([to_us(each.since) for _, each in engaged], dtype=np.int64),
        np.array([to_us(each.on_scene_at) for _, each in engaged], dtype=np.int64),
    )
    starts = [case.reported_at if clock.start == "received" else case.clocks.assigned_at for case in cases]
    found = evaluate_columns(
        ResponseColumns(
            np.array([to_us(start) for start in starts], dtype=np.int64),
            stopped_columns(clock.stop, columns, len(cases)),
            np.array([-1 if case.target_s is None else case.target_s for case in cases], dtype=np.int32),
            np.array([case.open for case in cases], dtype=bool),
            np.array([case.status is Status.CANCELLED for case in cases], dtype=bool),
        ),
        now_us,
    )
    return [None if code < 0 else OUTCOMES[code] for code in found.tolist()]


@settings(max_examples=150, deadline=None)
@given(st.lists(drawn, max_size=8), st.integers(0, 60))
def test_r17_the_columns_agree_with_each_case(rows: list[tuple[Status, bool, int | None, list[tuple[object, ...]]]],
                                              minute: int) -> None:  # fmt: skip
    cases = [made(number, *row) for number, row in enumerate(rows)]
    for clock in CLOCKS:
        alone = [evaluate(replace(case, clock=clock)).at(at(minute)) for case in cases]
        assert by_columns(cases, clock, to_us(at(minute))) == alone


def test_r17_an_arrival_before_the_report_is_no_arrival() -> None:
    case = made(1, Status.ARCHIVED, False, 0, [(0, "1", True, True, -3)])
    assert evaluate(case).outcome is Timeliness.MISSING
    assert evaluate(replace(case, status=Status.HANDLING)).outcome is Timeliness.OPEN
    assert by_columns([case], case.clock, to_us(at(50))) == [Timeliness.MISSING]


def test_r17_no_case_has_no_outcome() -> None:
    assert by_columns([], CLOCKS[0], 0) == []
