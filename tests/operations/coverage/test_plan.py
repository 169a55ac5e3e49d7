"""Plans of the district on paper: by hand, under the rules of the reform, and every way to be refused.

The squadrons stand at stones 1, 6, 9 and 12 and drive 3.34 stones in time; the villages, one case each, are at stones
2, 6.5, 9.5 and 14. The stations of all teams are candidates.
"""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np
import pyogrio
import pytest

from gridsvc.db.jobs import jobs
from gridsvc.errors import GridsvcError, InvalidInput, NotFound
from gridsvc.files.coverage import kept_matrix, read_candidates, read_scenario, write_plan
from gridsvc.grids.posts import NewPost, Post
from gridsvc.operations.coverage import plan_jobs
from gridsvc.operations.coverage.plan import make_plan
from gridsvc.operations.coverage.scenario import MODELS, Scenario
from gridsvc.operations.coverage.sites import Candidate
from gridsvc.operations.grids.people import put_posts
from gridsvc.operations.jobs.jobs import run_attempt
from tests.worlds.district import DISTRICT, report

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service


def asked(model: str = "mclp", **more: Any) -> Scenario:
    return Scenario.from_json({"model": model, "demand": "villages"} | more)


def stone(lon: float) -> float:
    return round((lon - 119.6) * 100, 1)


def at(*stones: float) -> list[Candidate]:
    return [Candidate(f"stone {each:g}", 119.6 + each / 100, 29.1, cost) for cost, each in enumerate(stones, start=1)]


def test_every_model_gives_its_plan_with_a_proof(service: Service) -> None:
    here = at(1, 4, 6, 8, 9, 12)
    # From 8 stones 6.5 and 9.5 are in time, from 4 stones 2 and 6.5, from 12 stones 9.5 and 14.
    found = {
        model: make_plan(service, DISTRICT, asked(model, p=3, near_share=0.5), candidates=here) for model in MODELS
    }
    assert all(each["optimal"] and each["gap"] == 0 for each in found.values())
    assert json.loads(json.dumps(found)) == found
    assert found["lscp"]["objective"] == 2
    assert [stone(site["lon"]) for site in found["lscp"]["sites"]] in ([4, 12], [12, 4])
    assert found["mclp"]["objective"] == pytest.approx(4)
    # Median of stones 2, 6.5, 9.5, 14 by three of the six: 1 + 0.5 + 2.5 + 2 from 1, 6, 12, or 9 in place of 6 or 12.
    stones = 1 + 0.5 + 2.5 + 2
    others = (1 + 2.5 + 0.5 + 5, 2 + 0.5 + 2.5 + 2, 1 + 1.5 + 1.5 + 2)
    assert found["p-median"]["objective"] == pytest.approx(58.4 * min(stones, *others), rel=0.005)
    assert found["p-center"]["objective"] == pytest.approx(58.4 * 2, rel=0.005)
    covered = found["mclp"]["covered"]["all"]
    assert (covered["before"]["share"], covered["after"]["share"]) == (1.0, 1.0)


def test_a_job_makes_the_plan_in_the_background(service: Service) -> None:
    wanted = {"model": "mclp", "p": 2, "demand": "villages"}
    job = UUID(json.loads(plan_jobs.ask_plan(service, DISTRICT, wanted, asked_by="test").body)["id"])
    claimed = service.database.run(lambda connection: jobs.claim_job(connection, "test"))
    assert claimed is not None
    assert run_attempt(service, job, claimed.attempt)
    found = plan_jobs.get_plan(service, str(job))
    assert (found["state"], found["result"]["objective"], found["result"]["optimal"]) == ("done", 4.0, True)
    with pytest.raises(InvalidInput, match="A scenario names its `model`"):
        plan_jobs.ask_plan(service, DISTRICT, {"p": 2}, asked_by="test")
    with pytest.raises(NotFound, match="no plan"):
        plan_jobs.get_plan(service, "0")


def test_what_a_plan_changes_is_named(service: Service) -> None:
    found = make_plan(service, DISTRICT, asked(p=1, existing="closable"), candidates=[])
    # One of the four squadrons: sq-a2 (V2), sq-a3 (V2, V3) or sq-a4 (V3, V4) cover 1, 2 and 2 villages.
    assert found["objective"] == pytest.approx(2)
    assert len(found["closed"]) == 3
    assert {each["cell"] for each in found["lost"]} == {each["cell"] for each in found["outside"]}
    assert len(found["lost"]) == 2
    assert "V1" in {each["cell"] for each in found["lost"]}
    fixed = make_plan(service, DISTRICT, asked(p=4, existing="fixed"), candidates=at(3))
    assert sorted(stone(site["lon"]) for site in fixed["sites"]) == [1, 6, 9, 12]
    assert all(site["exists"] for site in fixed["sites"])


def test_the_rules_of_the_reform_are_kept_or_the_plan_is_refused(service: Service) -> None:
    """Each of the areas A1 to A4 has one squadron: two posts cannot keep it, four can."""
    free = make_plan(service, DISTRICT, asked(p=2), candidates=at(4))
    broken = next(each for each in free["rules"] if each["rule"] == "squadron-per-area")
    assert not broken["holds"]
    assert broken["broken"]
    with pytest.raises(InvalidInput, match=r"2 posts keeps all rules\. 4 posts would do"):
        make_plan(service, DISTRICT, asked(p=2, rules=["squadron-per-area"]), candidates=at(4))
    kept = make_plan(service, DISTRICT, asked(p=4, rules=["squadron-per-area"]), candidates=at(4))
    assert [each["holds"] for each in kept["rules"]] == [True]
    assert len({site["area"] for site in kept["sites"]}) == 4


def test_each_village_has_an_officer_or_a_post(service: Service) -> None:
    """The teams of the townships stand in V1, V2 and V4; nobody is officer of V3 until one is named."""
    rule: dict[str, Any] = {"unit": "township", "rules": ["officer-per-village"], "existing": "fixed", "minutes": [60]}
    with pytest.raises(InvalidInput, match=r"3 posts keeps all rules\. 4 posts would do"):
        make_plan(service, DISTRICT, asked(p=3, **rule), candidates=at(9))
    kept = make_plan(service, DISTRICT, asked(p=4, **rule), candidates=at(4, 9))
    assert sorted(stone(site["lon"]) for site in kept["sites"]) == [2, 7, 9, 13]
    free = make_plan(service, DISTRICT, asked(p=3, **(rule | {"rules": []})), candidates=at(9))
    assert free["rules"] == [{"rule": "officer-per-village", "holds": False, "broken": ["V3"], "worse": []}]
    officer = NewPost("V3", Post.OFFICER, "Li", None, date(2026, 1, 1), None)
    put_posts(service, DISTRICT, [("here", officer)], source="test", actor="test")
    assert make_plan(service, DISTRICT, asked(p=3, **rule), candidates=at(9))["rules"][0]["holds"]


def test_a_budget_is_kept(service: Service) -> None:
    """Stone 12 costs 3; with stone 9 (2) and 6 (1) the budget of 3 allows 9 and 6, which cover V2 and V3."""
    plan = make_plan(service, DISTRICT, asked(p=3, budget=3, existing="ignored"), candidates=at(6, 9, 12))
    assert sum(site["cost"] for site in plan["sites"]) <= 3
    assert plan["objective"] == pytest.approx(2)


def test_only_lawful_teams_cover(service: Service) -> None:
    """A township's post covers its own township alone."""
    plan = make_plan(service, DISTRICT, asked("lscp", unit="township", minutes=[60]), candidates=[])
    assert len(plan["sites"]) == 3
    assert {site["township"] for site in plan["sites"]} == {
        each["township"] for each in plan["gained"] or plan["sites"]
    }


def test_history_is_the_demand_where_there_is_one(service: Service) -> None:
    with pytest.raises(InvalidInput, match="no demand for bureau"):
        make_plan(service, DISTRICT, Scenario(model="mclp", p=1))
    for _ in range(3):
        report(service, km=12.0)
    plan = make_plan(service, DISTRICT, Scenario(model="mclp", p=1))
    assert plan["objective"] == 3
    assert plan["covered"]["all"]["after"] == {
        "demand": 3.0, "covered": 3.0, "share": 1.0, "low": pytest.approx(0.2924, abs=1e-4), "high": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(("more", "words"), [
    ({"model": "magic"}, "use one of lscp"),
    ({"p": None}, "give `p`"),
    ({"p": 99}, "there are 4 sites"),
    ({"p": 0}, "Give 1 to 10000"),
    ({"minutes": [5, 15]}, "takes 1 limits"),
    ({"model": "dsm", "minutes": [5]}, "takes 2 limits"),
    ({"minutes": [float("nan")]}, "`minutes` is nan"),
    ({"minutes": ["five"]}, "could not convert"),
    ({"budget": float("inf")}, "`budget` is inf"),
    ({"capacity": 3}, "Only p-median"),
    ({"hours": [3]}, "cannot be read"),
    ({"unit": "brigade-none"}, "No team is of the unit"),
    ({"candidates": "moon"}, "use one of stations"),
    ({"speed": 3}, "A scenario has no `speed`"),
    ({"demand": "history"}, "no demand for bureau"),
    ({"model": "lscp", "minutes": [1]}, r"out of reach of every candidate \(V4\)\. 2 minutes"),
    ({"model": "p-median", "p": 1, "capacity": 2}, "the 1 largest sum to 2"),
])  # fmt: skip
def test_what_cannot_be_planned_is_refused_with_its_cure(service: Service, more: dict[str, Any], words: str) -> None:
    with pytest.raises(GridsvcError, match=words):
        make_plan(service, DISTRICT, asked(**({"p": 2} | more)), candidates=[])


def test_a_matrix_is_kept_for_the_same_places_and_roads(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "m.npz"
    first = make_plan(service, DISTRICT, asked(p=2), candidates=at(4), kept_matrix=kept_matrix(file))
    with np.load(file) as kept:
        contents = dict(kept)
    slow = contents["seconds"] * 10
    np.savez(file, **(contents | {"seconds": slow}))
    assert make_plan(service, DISTRICT, asked(p=2), candidates=at(4), kept_matrix=kept_matrix(file))["objective"] == 0
    other = make_plan(service, DISTRICT, asked(p=2), candidates=at(4, 5), kept_matrix=kept_matrix(file))
    assert other["objective"] >= first["objective"]
    file.write_text("no matrix")
    with pytest.raises(InvalidInput, match="is no matrix"):
        make_plan(service, DISTRICT, asked(p=2), candidates=at(4), kept_matrix=kept_matrix(file))


def test_files_of_a_plan(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('model = "mclp"\np = 3\ntime-limit-s = 5\n')
    assert Scenario.from_json(read_scenario(tmp_path / "a.toml")).time_limit_s == 5
    (tmp_path / "c.csv").write_text("name,lon,lat,cost\nA,119.61,29.1,2.5\n", encoding="utf-8")
    assert read_candidates(tmp_path / "c.csv") == [("A", 119.61, 29.1, 2.5)]
    (tmp_path / "c.csv").write_text("name,lon,lat,cost\nA,119.61,29.1,nan\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="row 2: the cost 'nan'"):
        read_candidates(tmp_path / "c.csv")
    rows: dict[str, list[dict[str, Any]]] = {"posts": [{"name": "A", "lon": 119.61, "lat": 29.1}], "lost": []}
    for name in ("plan.gpkg", "plan.geojson"):
        write_plan(tmp_path / name, rows)
        frame = pyogrio.read_dataframe(tmp_path / name)
        assert (frame.name[0], frame.geometry[0].x, frame.geometry[0].y) == ("A", 119.61, 29.1)
