"""The district on paper at work, by hand; plans that the reform forbids; every way to be refused.

The squadrons stand at stones 1, 6, 9 and 12, one in each area. Two leaks at stone 16 come within a second of each other
on each day of the past. Call handling and turnout are 45 s and 60 s, a stone takes 58.4 s, and the last 11 m are walked
in 8 s: sq-a4 is there after 346.6 s, sq-a3 after 521.8 s, and both are late (300 s). From stone 14 it takes 229.8 s.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from gridsvc.db.grids.versions import get_versions
from gridsvc.db.jobs import jobs
from gridsvc.errors import Conflict, GridsvcError, InvalidInput
from gridsvc.law import TOWNSHIP
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.jobs import jobs as jobs_of
from gridsvc.operations.jobs.jobs import run_attempt
from gridsvc.operations.runtime.districts import view_at
from gridsvc.operations.simulation.carry import carried
from gridsvc.operations.simulation.simulate import simulate
from gridsvc.operations.simulation.wanted import Wanted
from tests.worlds.district import DISTRICT, TEAM_IDS, report

if TYPE_CHECKING:
    from gridsvc.dispatch import Prepared
    from gridsvc.operations.runtime.service import Service

NAMES = {number: name for name, number in TEAM_IDS.items()}


def asked(**more: Any) -> Wanted:
    return Wanted.from_json({"days": 3, "replications": 4} | more)


def plan(**more: Any) -> dict[str, Any]:
    return {"name": "nearer", "model": "mclp", "p": 4, "candidates": "village"} | more


@pytest.fixture
def two_leaks(service: Service) -> Service:
    report(service, km=16.0)
    report(service, km=16.0)
    return service


def figure(found: dict[str, Any], fleet: str, name: str) -> float:
    figures = next(each["figures"] for each in found["fleets"] if each["name"] == fleet)
    mean: float = figures["all"][name]["mean"]
    return mean


@pytest.mark.parametrize("dispatch", ["service", "nearest"])
def test_today_by_hand(two_leaks: Service, dispatch: str) -> None:
    found = simulate(two_leaks, DISTRICT, asked(dispatch=dispatch))
    assert (found["cases"], found["days_of_the_past"], found["places"], found["calls"]) == (2, 1, 1, 24)
    assert all(each["assumed"] for each in found["durations"].values())
    assert figure(found, "today", "mean_s") == pytest.approx((346.6 + 521.8) / 2, rel=0.002)
    assert figure(found, "today", "in_time") == 0
    assert (found["plans"], found["differences"], found["validation"]) == ([], [], None)
    assert json.loads(json.dumps(found)) == found


def test_a_plan_is_carried_into_the_simulation_and_is_better(two_leaks: Service) -> None:
    found = simulate(two_leaks, DISTRICT, asked(scenarios=[plan()], broken_rules="keep"))
    moved = {NAMES[each["team_id"]]: round((each["lon"] - 119.6) * 100, 1) for each in found["plans"][0]["moved"]}
    assert moved["sq-a4"] == 14.0
    assert figure(found, "nearer", "in_time") == 0.5
    gain = found["differences"][0]["figures"]["all"]["in_time"]
    assert (gain["mean"], gain["low"], gain["high"], gain["excludes_zero"]) == (0.5, 0.5, 0.5, True)
    assert all(not rule["worse"] for rule in found["plans"][0]["rules"])


def test_a_plan_that_the_reform_forbids_is_refused_or_corrected(two_leaks: Service) -> None:
    """Two posts leave two areas without the squadron that they have today."""
    bad = plan(p=2)
    with pytest.raises(Conflict, match=r"breaks rules .* squadron-per-area \(.*\)\. Plan with the rule as-today"):
        simulate(two_leaks, DISTRICT, asked(scenarios=[bad]))
    played = simulate(two_leaks, DISTRICT, asked(scenarios=[bad], broken_rules="ignore"))["plans"][0]
    assert not played["corrected"]
    assert len(next(rule["worse"] for rule in played["rules"] if rule["rule"] == "squadron-per-area")) >= 2
    with pytest.raises(InvalidInput, match=r"2 posts keeps all rules\. 4 posts would do"):
        simulate(two_leaks, DISTRICT, asked(scenarios=[bad], broken_rules="keep"))
    free = plan(existing="closable")
    kept = simulate(two_leaks, DISTRICT, asked(scenarios=[free], broken_rules="keep"))["plans"][0]
    assert len({site["area"] for site in kept["sites"]}) == 4


def test_a_job_simulates_in_the_background(two_leaks: Service) -> None:
    arguments = {"district": DISTRICT, "simulation": {"days": 3, "replications": 2}}
    job = UUID(json.loads(jobs_of.ask(two_leaks, "simulate", arguments, asked_by="test").body)["id"])
    claimed = two_leaks.database.run(lambda connection: jobs.claim_job(connection, "test"))
    assert claimed is not None
    assert run_attempt(two_leaks, job, claimed.attempt)
    found = jobs_of.get(two_leaks, job)
    assert (found["state"], found["result"]["calls"]) == ("done", 12)


@pytest.mark.parametrize(("more", "words"), [
    ({"dispatch": "magic"}, "use one of service, nearest"),
    ({"days": 0}, "Give 1 to 36500"),
    ({"days": "many"}, "`days` cannot be read"),
    ({"replications": 1}, "Give 2 to 1000"),
    ({"load": 2}, "give `arrivals` = poisson"),
    ({"load": float("nan"), "arrivals": "poisson"}, "`load` is nan"),
    ({"speed": 3}, "A simulation has no `speed`"),
    ({"scenarios": 5}, "`scenarios` cannot be read"),
    ({"scenarios": [{"model": "mclp", "p": 1, "existing": "ignored"}]}, "`existing` = closable"),
    ({"scenarios": [plan(p=5, existing="fixed")], "broken_rules": "ignore"}, "has 4 teams"),
    ({"validate": True}, "0 cases of the newer half"),
    ({"arrivals": "poisson", "load": 900.0, "days": 365}, "calls wait at once"),
])  # fmt: skip
def test_what_cannot_be_simulated_is_refused_with_its_cure(
    two_leaks: Service, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(GridsvcError, match=words):
        simulate(two_leaks, DISTRICT, asked(**({"dispatch": "nearest"} | more)))


def test_without_a_past_nothing_is_simulated(service: Service) -> None:
    with pytest.raises(InvalidInput, match="no emergencies of the past"):
        simulate(service, DISTRICT, asked())


def prepared_of(service: Service) -> Prepared:
    with service.database.transaction() as connection:
        return law_of(view_at(service, connection, get_versions(connection, DISTRICT))).prepared


def test_teams_go_the_shortest_ways_and_a_township_keeps_its_team(service: Service) -> None:
    prepared = prepared_of(service)

    def post(stone: float, township: str = "") -> dict[str, Any]:
        return {"lon": 119.6 + stone / 100, "lat": 29.1, "township": township, "units": 1}

    teams, moved = carried(prepared, "bureau", [post(5), post(1), post(8), post(13)])
    assert {NAMES[each.id]: round((each.lon - 119.6) * 100) for each in moved} == {"sq-a2": 5, "sq-a3": 8, "sq-a4": 13}
    assert [each.id for each in teams] == list(prepared.team_ids)
    # two posts for four teams: the others go to the nearest of both
    _, moved = carried(prepared, "bureau", [post(1), post(12)])
    assert {NAMES[each.id]: round((each.lon - 119.6) * 100) for each in moved} == {"sq-a2": 1, "sq-a3": 12}
    own = next(team for team in prepared.teams if team.township is not None and str(team.kind) == "township")
    with pytest.raises(InvalidInput, match="no team of its own"):
        carried(prepared, TOWNSHIP, [post(3, "330799999000")])
    _, moved = carried(prepared, TOWNSHIP, [post(3.3, str(own.township))])
    assert [each.id for each in moved] == [own.id]
