"""The preview of a correction: what the correction answers right after it, with nothing written and nothing locked."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from gridsvc.access.scopes import Caller, Role, Scope
from gridsvc.cases.decide import Report
from gridsvc.db.cases.incidents import find_case
from gridsvc.errors import Conflict, IllegalStep, NotAllowed, NotFound
from gridsvc.operations.cases.corrections import (
    Why,
    correct_place,
    override_owner,
    preview_owner,
    preview_place,
)
from gridsvc.operations.cases.read import get_case, list_case_events
from gridsvc.operations.cases.steps import Step, step_incident
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, report

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

NAMES = {team_id: name for name, team_id in TEAM_IDS.items()}
WHY = Why("The caller is at the other end of the road")
ONLY_PREVIEW = {"changes", "expected", "before", "recommendation_id", "correction"}


def at_km(km: float, **more: Any) -> Report:
    return Report(lon=119.6 + km / 100, lat=29.1001, **more)


def written(service: Service, case: UUID, what: float | str | Report) -> dict[str, Any]:
    if isinstance(what, str):
        return json.loads(override_owner(service, case, what, WHY, actor="Li Wei").body)  # type: ignore[no-any-return]
    where = at_km(what) if isinstance(what, float) else what
    return json.loads(correct_place(service, case, where, WHY, actor="Li Wei").body)  # type: ignore[no-any-return]


def previewed(service: Service, case: UUID, what: float | str | Report, **more: Any) -> dict[str, Any]:
    if isinstance(what, str):
        return preview_owner(service, case, what, **more)
    return preview_place(service, case, at_km(what) if isinstance(what, float) else what, **more)


@pytest.mark.parametrize("sent", [False, True])
@pytest.mark.parametrize("what", [7.0, 13.0, 18.0, toy.T2, "R1", at_km(4.9, radius_m=400.0)])
def test_it_is_what_the_correction_answers(service: Service, what: float | str | Report, sent: bool) -> None:
    case = UUID(report(service, km=1))
    if sent:
        step_incident(service, case, Step("assign"), actor="test")
    whole, events = get_case(service, case), list_case_events(service, case)
    preview = previewed(service, case, what)
    assert (get_case(service, case), list_case_events(service, case)) == (whole, events)
    done = written(service, case, what)
    assert {key: value for key, value in preview.items() if key not in ONLY_PREVIEW} == {
        key: value for key, value in done.items() if key not in ONLY_PREVIEW
    }
    assert {key: preview["before"][key] for key in done["before"]} == done["before"]
    assert preview["recommendation_id"] == whole["recommendation_id"]
    assert preview["correction"] is None
    assert preview["before"]["recommendation"]["lead"] == whole["recommendation"]["lead"]


def test_it_says_what_would_be_another(service: Service) -> None:
    case = UUID(report(service, km=1))
    assert previewed(service, case, 1.0)["changes"] == []
    moved = previewed(service, case, 7.0)
    assert {"place", "owners", "handler", "lead", "members"} <= set(moved["changes"])
    assert previewed(service, case, 1.1)["changes"] == ["place"]
    named = previewed(service, case, toy.T2)
    assert "place" not in named["changes"]
    assert {"owners", "members"} <= set(named["changes"])


def test_when_the_team_would_be_there(service: Service) -> None:
    case = UUID(report(service, km=1))
    whole = get_case(service, case)
    due = datetime.fromisoformat(whole["due_at"])
    near, far = previewed(service, case, 7.0), previewed(service, case, 16.9)
    now = datetime.fromisoformat(whole["triggered_at"])
    for each in (near, far):
        lead = each["recommendation"]["lead"]
        arrival = datetime.fromisoformat(each["expected"]["arrival_at"])
        # The call was handled already: turnout and travel are left, from now on.
        assert arrival - now >= timedelta(seconds=lead["travel_s"])
        assert arrival - now <= timedelta(seconds=lead["response_s"] + 60)
        assert each["expected"]["late"] == (arrival > due)


def test_a_team_on_its_way_has_its_turnout_behind_it(service: Service) -> None:
    case = UUID(report(service, km=1))
    step_incident(service, case, Step("assign"), actor="test")
    ordered = datetime.fromisoformat(previewed(service, case, 7.0)["expected"]["arrival_at"])
    lead = UUID(get_case(service, case)["assignments"][0]["team_id"])
    step_incident(service, case, Step("en_route", team_id=lead), actor="test")
    driving = datetime.fromisoformat(previewed(service, case, 7.0)["expected"]["arrival_at"])
    assert ordered - driving > timedelta(seconds=30)
    step_incident(service, case, Step("on_scene", team_id=lead), actor="test")
    there = previewed(service, case, 7.0)
    assert there["expected"]["arrival_at"] == get_case(service, case)["arrived_at"]
    assert there["expected"]["late"] is (there["timing"] == "late")


def test_it_waits_for_nobody(service: Service) -> None:
    case = UUID(report(service, km=1))
    with service.database.transaction() as connection:
        find_case(connection, case, lock=True)  # a step is at work
        assert "owners" in previewed(service, case, 7.0)["changes"]
        assert "owners" in previewed(service, case, toy.T2)["changes"]


def test_what_the_correction_refuses_the_preview_refuses(service: Service) -> None:
    case = UUID(report(service, km=1))
    seen = UUID(get_case(service, case)["recommendation_id"])
    for what in (7.0, toy.T2):
        assert previewed(service, case, what, seen=seen)["recommendation_id"] == str(seen)
        with pytest.raises(NotFound):
            previewed(service, UUID(int=1), what)
        with pytest.raises(NotAllowed):
            previewed(service.seen_by(Caller.of("Zhao", Role.OFFICER)), case, what)
    with pytest.raises(NotFound, match="has no grid"):
        previewed(service, case, "T9")
    written(service, case, 13.0)
    with pytest.raises(Conflict, match="corrected in the meantime"):
        previewed(service, case, 7.0, seen=seen)
    again = previewed(service, case, 7.0)
    assert again["correction"]["by"] == "Li Wei"
    step_incident(service, case, Step("cancel"), actor="test")
    with pytest.raises(IllegalStep):
        previewed(service, case, 7.0)


def test_of_a_place_beyond_the_callers_grid_it_says_no_more_than_that(service: Service) -> None:
    case = UUID(report(service, km=1))
    t1 = service.seen_by(Caller.of("Li Wei", Role.DISPATCHER, Scope(DISTRICT, toy.T1, ("R1", toy.T1, "A1", "V1"))))
    preview = previewed(t1, case, 7.0)
    assert preview["ownership"]["rule"] == "outside-scope"
    assert preview["changes"] == ["place", "owners"]
    assert preview["expected"] == {"arrival_at": None, "late": None}
    assert preview["recommendation"]["lead"] is None
    assert NAMES[preview["before"]["recommendation"]["lead"]["team_id"]] == "sq-a1"
    assert get_case(t1, case)["owners"] == preview["before"]["owners"]
