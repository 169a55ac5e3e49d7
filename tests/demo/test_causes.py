"""Why late: the causes that the demo plants are found again from the stamps alone (K7)."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gridsvc.cases.timing import Timeliness, evaluate
from gridsvc.compliance.causes import Cause, explain
from gridsvc.compliance.lateness import count_causes
from gridsvc.compliance.nearest import plan_of
from gridsvc.compliance.proportions import Proportion
from gridsvc.demo.world.history import Mishap
from gridsvc.operations.roads.team_times import travel_seconds
from gridsvc.teams.model import AVAILABLE
from tests.demo.conftest import SERVICE, live_through

if TYPE_CHECKING:
    from gridsvc.cases.model import Case
    from gridsvc.compliance.causes import LateCase
    from gridsvc.demo.world.history import PlannedIncident
    from gridsvc.files.osm.model import DemoPlace
    from gridsvc.operations.runtime.districts import DistrictView
    from tests.demo.conftest import Rules

COUNT = 3000
DOCS = Path(__file__).resolve().parents[2] / "docs"
PLANTED = {
    Mishap.SLOW_HANDLING: Cause.HANDLING,
    Mishap.SLOW_ACKNOWLEDGE: Cause.SIGN_OFF,
    Mishap.SLOW_TURNOUT: Cause.TURNOUT,
    Mishap.SLOW_TRAVEL: Cause.TRAVEL,
    Mishap.WRONG_TEAM: Cause.REASSIGNMENT,
}


def explained(view: DistrictView, case: Case) -> LateCase | None:
    assert view.law is not None
    prepared = view.law.prepared
    states = [AVAILABLE] * len(prepared.teams)
    travel_s = travel_seconds(SERVICE, view, view.law, states, case.place.lon, case.place.lat)
    return explain(case, plan_of(prepared, case, travel_s))


def planted(plan: PlannedIncident, case: Case) -> Cause | None:
    """The cause that the world put there; None: nothing, its times only scatter."""
    lead = case.decision.recommendation.lead
    if lead is None:
        return Cause.NO_TEAM_FREE
    if plan.mishap is not None:
        return PLANTED[plan.mishap]
    if plan.storm and lead.late and not plan.far:
        return Cause.NO_TEAM_FREE
    return Cause.FAR_STATION if plan.far else None


@pytest.fixture(scope="module")
def late(place: DemoPlace, view: DistrictView, law: Rules) -> list[tuple[Cause | None, LateCase]]:
    found = []
    for plan, past in zip(*live_through(place, view, law, count=COUNT), strict=True):
        case = past.case
        if case.drill or evaluate(case).outcome is not Timeliness.LATE:
            continue
        why = explained(view, case)
        if why is not None:
            found.append((planted(plan, case), why))
    return found


def test_the_planted_cause_is_the_main_cause_of_nine_late_cases_in_ten(
    late: list[tuple[Cause | None, LateCase]],
) -> None:
    hits = cases = 0
    for cause in {each for each, _ in late} - {None}:
        found = [why.main is cause for planted_here, why in late if planted_here is cause]
        assert len(found) >= 20
        share = sum(found) / len(found)
        if cause is Cause.FAR_STATION:
            assert share >= 0.75
            continue
        # of thirty cases one more or less is three in a hundred: less than nine in ten has to be more than chance
        assert share >= 0.9 or not Proportion.of(sum(found), len(found)).excludes(0.9)
        hits, cases = hits + sum(found), cases + len(found)
    assert hits / cases >= 0.95


def test_the_shares_of_the_causes_are_those_that_were_planted(late: list[tuple[Cause | None, LateCase]]) -> None:
    counted = count_causes([why for _, why in late])
    sown = Counter(cause for cause, _ in late)
    for each in counted.causes:
        assert not each.main.excludes(sown[each.cause] / len(late))
    assert sum(each.main.count for each in counted.causes) == len(late) == counted.late


def test_what_is_not_the_planted_cause_has_it_as_a_part(late: list[tuple[Cause | None, LateCase]]) -> None:
    """A case with two causes: the other one cost more time. Without `en_route`, turnout is counted as travel."""
    for cause, why in late:
        if cause is None or cause in {Cause.FAR_STATION, Cause.NO_TEAM_FREE} or why.uncertain:
            continue
        assert cause in why.parts_s


def test_the_parts_add_up_to_the_overrun(late: list[tuple[Cause | None, LateCase]]) -> None:
    for _, why in late:
        assert sum(round(part * 1000) for part in why.parts_s.values()) == round(why.overrun_s * 1000)
        assert min(why.parts_s.values()) >= 0
        assert why.response_s > why.overrun_s > 0


def test_the_documented_confusion_table_is_this_one(late: list[tuple[Cause | None, LateCase]]) -> None:
    table = Counter((cause, why.main) for cause, why in late)
    rows = re.findall(r"^\| `([a-z-]+)` \|((?: \d+ \|)+)$", (DOCS / "compliance.md").read_text(), re.MULTILINE)
    assert len(rows) == len(Cause) - 1  # the demo plants no wrong place
    for name, cells in rows:
        documented = [int(cell) for cell in cells.split("|") if cell.strip()]
        assert documented == [table[Cause(name), cause] for cause in Cause]
