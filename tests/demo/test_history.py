"""The demo's past: a finite fleet, lawful steps, lateness with causes; through the real decisions, in memory."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from gridsvc.cases.model import Status
from gridsvc.demo.world.history import Mishap
from gridsvc.grids.levels import Level
from gridsvc.teams.model import Roster, TeamKind
from tests.demo.conftest import NOW, live_through

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from gridsvc.files.osm.model import DemoPlace
    from gridsvc.operations.runtime.districts import DistrictView
    from tests.demo.conftest import Past, Rules

COUNT = 600


@pytest.fixture(scope="module")
def past(place: DemoPlace, view: DistrictView, law: Rules) -> Past:
    return live_through(place, view, law, count=COUNT)


def test_the_roster_is_lawful_and_half_of_the_brigades_are_posted_down(view: DistrictView, place: DemoPlace) -> None:
    assert view.law is not None
    teams = view.law.prepared.teams
    Roster(teams)
    brigades = [team for team in teams if team.kind is TeamKind.BRIGADE]
    assert len({team.unit for team in brigades}) == 6
    assert sum(team.township is not None for team in brigades) == len(brigades) / 2
    assert sum(team.kind is TeamKind.TOWNSHIP for team in teams) == 11
    assert sum(team.kind is TeamKind.REGIONAL for team in teams) == 3
    assert {code for team in teams for code in team.areas} == {grid.code for grid in place.list_grids(Level.AREA)}


def test_every_incident_is_written_once_and_has_one_whole_owner_chain(past: Past) -> None:
    planned, cases = past
    assert len(planned) == len(cases) == COUNT
    assert len({case.case.id for case in cases}) == COUNT
    for case in cases:
        assert all(case.case.place.owners)
        assert NOW - timedelta(days=731) <= case.case.triggered_at <= NOW


def test_no_team_is_in_two_places_at_once(past: Past) -> None:
    busy: dict[UUID, list[tuple[datetime, datetime]]] = defaultdict(list)
    for case in past[1]:
        for row in case.case.engagements:
            if row.engaging:
                busy[row.team_id].append((row.since, row.until or NOW))
    for spans in busy.values():
        spans.sort()
        assert all(before[1] <= after[0] for before, after in pairwise(spans))


def test_a_team_that_was_recommended_and_does_not_go_is_on_the_case_that_is_named(past: Past) -> None:
    """Cases that waited for a team are decided again; what is said of each missing team is held to all engagements."""
    sent = {str(case.case.id): case.case.engagements for case in past[1]}
    missing = [
        (row["at"], each) for case in past[1] for row in case.event_rows
        for each in json.loads(row["body"])["data"].get("differs", {}).get("missing", ())
    ]  # fmt: skip
    assert len(missing) >= 3
    assert any(each["reason"] == "engaged" for _, each in missing)
    for at, each in missing:
        assert (each["reason"] == "engaged") == (each["incident_id"] is not None)
        if each["incident_id"] is not None:
            assert each["team_id"] in {str(row.team_id) for row in sent[each["incident_id"]]}
        else:
            of_team = [row for rows in sent.values() for row in rows if str(row.team_id) == each["team_id"]]
            begun = [row for row in of_team if row.engaging and row.since < at - timedelta(minutes=1)]
            assert not [row for row in begun if row.until is None or row.until > at]


def test_clocks_run_forward_and_nothing_happens_after_now(past: Past) -> None:
    for case in past[1]:
        clocks = [
            getattr(case.case.clocks, c)
            for c in ("accepted_at", "assigned_at", "handled_at", "feedback_at", "archived_at")
        ]
        stamps = [at for at in clocks if at is not None]
        assert stamps == sorted(stamps)
        assert all(case.case.triggered_at <= at <= NOW for at in stamps)
        assert all(row["at"] <= NOW for row in case.event_rows)
        for row in case.case.engagements:
            assert (row.until is None) == (row.outcome is None)
            assert row.until is None or row.until >= row.since


def test_ten_to_thirty_percent_of_the_emergencies_are_late_by_every_cause(past: Past) -> None:
    planned, cases = past
    late, counted = 0, 0
    causes: Counter[str] = Counter()
    for plan, case in zip(planned, cases, strict=True):
        response_s = case.lead_response_s()
        if response_s is None:
            continue
        counted += 1
        assert case.case.target_s is not None
        if response_s > case.case.target_s:
            late += 1
            shown = case.case.decision.recommendation
            if plan.mishap is not None:
                causes[str(plan.mishap)] += 1
            elif shown.lead is None:
                causes["no-unit-free"] += 1
            elif not shown.meets_target:
                causes["far-post"] += 1
    assert counted > 200
    assert 0.10 <= late / counted <= 0.30
    wanted = {str(m) for m in Mishap if m is not Mishap.CALLED_OFF} | {"no-unit-free", "far-post"}
    assert wanted <= set(causes)


def test_some_stamps_are_missing_and_a_few_are_impossible(past: Past) -> None:
    leads = [row for case in past[1] for row in case.case.engagements if row.lead and row.engaging]
    ended = [row for row in leads if row.outcome == "cleared"]
    missing = sum(row.on_scene_at is None for row in ended) / len(ended)
    assert 0.01 < missing < 0.15
    impossible = [r for r in ended if r.en_route_at and r.on_scene_at and r.en_route_at > r.on_scene_at]
    assert 1 <= len(impossible) <= 0.05 * len(ended)


def test_a_handful_is_open_now_and_most_teams_are_free(past: Past, view: DistrictView) -> None:
    assert view.law is not None
    live = {row.team_id for case in past[1] for row in case.case.engagements if row.until is None and row.engaging}
    recent = [case for case in past[1] if case.case.triggered_at > NOW - timedelta(hours=1)]
    assert 2 <= len(recent) <= 6
    assert 1 <= len(live) <= len(view.law.prepared.teams) / 3
    old = [case for case in past[1] if case.case.triggered_at < NOW - timedelta(days=30)]
    assert {case.case.status for case in old} <= {Status.ARCHIVED, Status.CANCELLED}


def test_drills_and_called_off_cases_are_among_them_and_do_not_count(past: Past) -> None:
    drills = [case for case in past[1] if case.case.drill]
    called_off = [case for case in past[1] if case.case.status is Status.CANCELLED]
    assert drills
    assert called_off
    assert all(case.lead_response_s() is None for case in (*drills, *called_off))


def test_the_same_seed_lives_through_the_same_past(place: DemoPlace, view: DistrictView, law: Rules) -> None:
    def result(seed: int) -> list[tuple[object, ...]]:
        return [
            (
                case.case.type,
                case.case.triggered_at,
                [(r.team_id, r.since, r.until) for r in case.case.engagements],
            )
            for case in live_through(place, view, law, seed=seed, count=60)[1]
        ]

    assert result(5) == result(5)
    assert result(5) != result(6)
