"""Who covers what in the district on paper, by hand; what a dispatch costs; the moves that mend it.

Without a history every village is one case of a leak, at its middle: stones 2, 6.5, 9.5 and 14, all urban (300 s). The
squadrons stand at stones 1, 6, 9 and 12, and have 300 - 45 - 60 = 195 s to drive, 3.34 stones: stone 2 is covered by
sq-a1, stone 6.5 by sq-a2 and sq-a3, stone 9.5 by sq-a3, sq-a4 (2.5 stones) and not by sq-a2 (3.5), stone 14 by sq-a4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest

from gridsvc.cases.decide import Report
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.teams import set_duty
from gridsvc.operations.cases.considered import list_case_considered
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.coverage.now import cover_now, move_ups, moves_now
from gridsvc.operations.coverage.table import find_loss, get_table
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.runtime.districts import view_at
from gridsvc.operations.teams.positions import SentPosition, put_position
from gridsvc.teams.model import AVAILABLE
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, report

if TYPE_CHECKING:
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

NAMES = {number: name for name, number in TEAM_IDS.items()}


def view_of(service: Service) -> DistrictView:
    with service.database.transaction() as connection:
        return view_at(service, connection, get_versions(connection, DISTRICT))


def test_a_team_covers_what_the_law_and_the_clock_let_it(service: Service) -> None:
    view = view_of(service)
    table = get_table(service, view)
    assert view.law is not None
    assert table.demand.source == "villages"
    ids = view.law.prepared.team_ids
    lead = table.columns.of_unit("bureau")
    reached = {}
    for team, team_id in enumerate(ids):
        covers = table.columns.covered_by(team, table.seconds[team].astype(float), float(table.ready_s[team]))
        villages = sorted(table.demand.cells[table.columns.place[c]] for c in lead.tolist() if covers[c])
        if villages:
            reached[NAMES[team_id]] = villages
    assert reached == {"sq-a1": ["V1"], "sq-a2": ["V2"], "sq-a3": ["V2", "V3"], "sq-a4": ["V3", "V4"]}


def test_the_loss_of_a_dispatch_is_what_nobody_else_covers(service: Service) -> None:
    view = view_of(service)
    table = get_table(service, view)
    assert view.law is not None
    ids = view.law.prepared.team_ids
    states = [AVAILABLE] * len(ids)
    loss = find_loss(service, view, states)
    assert loss is not None
    # Five slots for each of four villages; of the bureau's, V1 is sq-a1's alone and V4 sq-a4's alone.
    by_name = {NAMES[team_id]: loss[team] for team, team_id in enumerate(ids)}
    assert table.free.total == pytest.approx(20.0)
    assert by_name["sq-a1"] == pytest.approx(1 / 20)
    assert by_name["sq-a2"] == pytest.approx(0)
    assert by_name["sq-a4"] == pytest.approx(1 / 20)
    # With sq-a3 on a case, V2 is sq-a2's alone and V3 sq-a4's.
    states[ids.index(TEAM_IDS["sq-a3"])] = toy.ENGAGED
    loss = find_loss(service, view, states)
    assert loss is not None
    assert loss[ids.index(TEAM_IDS["sq-a2"])] == pytest.approx(1 / 20)
    assert loss[ids.index(TEAM_IDS["sq-a4"])] == pytest.approx(2 / 20)


def test_counts_that_follow_the_teams_are_those_of_a_recount(service: Service) -> None:
    view = view_of(service)
    table = get_table(service, view)
    draw = np.random.default_rng(4)
    teams = len(table.ready_s)
    covers = np.array(
        [table.columns.covered_by(t, table.seconds[t].astype(float), float(table.ready_s[t])) for t in range(teams)]
    )
    for _ in range(30):
        free = draw.random(teams) < 0.6
        assert (table.free.counts(free) == covers[free].sum(axis=0)).all()
        for team in np.flatnonzero(free).tolist():
            alone = covers[team] & (covers[free].sum(axis=0) == 1)
            assert table.free.losses(free)[team] == pytest.approx(table.columns.weight[alone].sum())


def test_of_teams_as_early_the_one_goes_that_nobody_misses(service: Service) -> None:
    """R8: stone 7.5 is as near to sq-a2 as to sq-a3, and without sq-a4 the village V3 is sq-a3's alone."""
    here = Report(type="leak", lon=119.675, lat=29.1001)
    assert recommend(service, here)["recommendation"]["coverage_loss"] is not None
    off = UUID(TEAM_IDS["sq-a4"])
    service.database.run(lambda connection: set_duty(connection, DISTRICT, off, on_duty=False))
    answer = recommend(service, here)["recommendation"]
    verdicts = {NAMES[each["team_id"]]: (each["travel_s"], each["verdict"]) for each in answer["considered"]}
    assert verdicts["sq-a2"][0] == verdicts["sq-a3"][0]
    assert (verdicts["sq-a2"][1], verdicts["sq-a3"][1]) == ("chosen-lead", "coverage")
    case = UUID(report(service, km=7.5))
    everyone = {NAMES[each["team_id"]]: each["verdict"] for each in list_case_considered(service, case)["items"]}
    assert everyone["sq-a3"] == verdicts["sq-a3"][1]
    assert replay(service, case).same


def test_cover_now_says_what_is_outside_and_how_well_each_grid_is_prepared(service: Service) -> None:
    off = UUID(TEAM_IDS["sq-a4"])
    service.database.run(lambda connection: set_duty(connection, DISTRICT, off, on_duty=False))
    answer = cover_now(service, DISTRICT)
    # Without sq-a4 only the village V4 is out of the reach of a squadron.
    assert answer["teams"] == {"free": 14, "of": 15}
    assert answer["leads"] == {"demand": 4.0, "outside": 1.0, "covered_share": 0.75}
    assert [each["cell"] for each in answer["outside"]] == ["V4"]
    assert [(each["class"], each["target_s"]) for each in answer["classes"]] == [("urban", 300.0)]
    shares = {each["code"]: each["covered_share"] for each in answer["grids"]}
    assert shares == {toy.T1: 1.0, toy.T2: 1.0, toy.T3: 0.0}
    # To stone 2 the squadrons drive 58.4 s a stone: 1, 4 and 7 stones, after 105 s. Half and a quarter for later ones.
    arrival_s = [105 + 58.4 * stones for stones in (1, 4, 7)]
    expected = sum(60 / s * share for s, share in zip(arrival_s, (1, 0.5, 0.25), strict=True))
    ready = {each["code"]: each["preparedness"] for each in answer["grids"]}
    assert ready[toy.T1] == pytest.approx(expected, rel=0.01)
    everyone = cover_now(service, DISTRICT, level="village")
    assert {each["code"] for each in everyone["grids"]} == {"V1", "V2", "V3", "V4"}


def test_a_free_team_counts_from_where_it_is(service: Service) -> None:
    """sq-a1 has driven to stone 14: V1 is outside then."""
    sent = SentPosition(TEAM_IDS["sq-a1"], 119.74, 29.1)
    assert [each["cell"] for each in cover_now(service, DISTRICT)["outside"]] == []
    put_position(service, sent)
    assert [each["cell"] for each in cover_now(service, DISTRICT)["outside"]] == ["V1"]


def test_the_best_move_brings_back_what_a_case_takes_away(service: Service) -> None:
    """A leak at stone 1 takes sq-a1, and with it V1 (stone 2).

    The stations within 3.34 stones of it are at stones 1 to 5. The nearest squadron that nobody misses is sq-a2, since
    V2 stays covered by sq-a3; the nearest such station is at stone 5, one stone from its own.
    """
    case = UUID(report(service, km=1.0))
    found = move_ups(service, case)
    leads = [move for move in found["moves"] if NAMES[move["team_id"]].startswith("sq-")]
    assert {each["code"] for each in found["lost"]} >= {"V1"}
    assert 0 < found["lost_share"] < 1
    best = leads[0]
    assert NAMES[best["team_id"]] == "sq-a2"
    assert best["to"]["lon"] == pytest.approx(119.65)
    assert best["gain_share"] == pytest.approx(1 / 20)
    assert [grid["code"] for grid in best["grids"]] == ["V1"]
    assert best["drive_s"] == pytest.approx(58.4, rel=0.02)


def test_the_best_moves_of_now_are_those_of_what_is_outside_now(service: Service) -> None:
    """With sq-a1 off duty V1 (stone 2) is outside: as above, sq-a2 mends it from stone 5."""
    assert moves_now(service, DISTRICT)["outside_share"] == pytest.approx(
        1 - sum(each["demand"] - each["outside"] for each in cover_now(service, DISTRICT)["units"]) / 20
    )
    off = UUID(TEAM_IDS["sq-a1"])
    service.database.run(lambda connection: set_duty(connection, DISTRICT, off, on_duty=False))
    best = next(move for move in moves_now(service, DISTRICT)["moves"] if move["name"].startswith("sq-"))
    assert (best["name"], best["to"]["name"]) == ("sq-a2", "fire-1")
    assert best["to"]["lon"] == pytest.approx(119.65)
    assert (best["gain_share"], [grid["code"] for grid in best["grids"]]) == (pytest.approx(1 / 20), ["V1"])
