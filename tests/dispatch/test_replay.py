"""A dispatch is made again in a fresh process, from what was kept, to the same bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gridsvc.dispatch import Prepared, milliseconds, recommend_and_record, replay
from gridsvc.errors import InvalidInput
from gridsvc.teams.model import TeamState, TeamStatus
from tests.conftest import PROJECT
from tests.worlds import toy

if TYPE_CHECKING:
    from gridsvc.dispatch import CaseFacts

FRESH = """
import json, sys
from gridsvc.dispatch import Prepared, replay
kept = json.load(sys.stdin)
answer = replay(Prepared.from_documents(**kept["documents"]), kept["record"]).as_json()
del answer["considered_counts"]
print(json.dumps(answer))
"""


def documents(prepared: Prepared) -> dict[str, str]:
    return {
        "teams": prepared.roster.document(),
        "catalogue": prepared.catalogue.document(),
        "plans": prepared.plans.document(),
        "clock_policies": prepared.clocks.document(),
    }


def moment() -> tuple[CaseFacts, list[TeamState], list[int | None], list[float]]:
    states = toy.states(sq_a2=TeamState(status=TeamStatus.ENGAGED, incident_id="x"), fire_1=TeamState(on_road=True))
    return toy.case(7, excluded=frozenset({"ecology-1"})), states, milliseconds(toy.travel(7)), [0.25] * len(toy.TEAMS)


def test_a_fresh_process_gives_the_same_bytes() -> None:
    kept = {"documents": documents(toy.PREPARED), "record": recommend_and_record(toy.PREPARED, *moment()).record}
    answers = {
        subprocess.run(
            [sys.executable, "-c", FRESH],
            input=json.dumps(kept),
            capture_output=True,
            text=True,
            check=True,
            cwd=PROJECT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(PROJECT)},
        ).stdout.strip()
        for seed in ("1", "2")
    }
    decided = recommend_and_record(toy.PREPARED, *moment()).recommendation.as_json()
    del decided["considered_counts"]  # of the teams that are not in the record
    assert answers == {json.dumps(decided)}


def test_documents_come_back_with_their_digest() -> None:
    assert Prepared.from_documents(**documents(toy.PREPARED)).versions == toy.PREPARED.versions


@pytest.mark.parametrize("changed", ["teams", "catalogue", "plans", "clock_policies"])
def test_another_version_is_refused_and_named(changed: str) -> None:
    record = recommend_and_record(toy.PREPARED, *moment()).record
    parts = {
        "teams": (toy.TEAMS[1:], toy.CATALOGUE, toy.PLANS, toy.CLOCKS),
        "catalogue": (toy.TEAMS, replace(toy.CATALOGUE, source="another"), toy.PLANS, toy.CLOCKS),
        "plans": (toy.TEAMS, toy.CATALOGUE, replace(toy.PLANS, plans={"leak": toy.LEAK}), toy.CLOCKS),
        "clock_policies": (toy.TEAMS, toy.CATALOGUE, toy.PLANS, replace(toy.CLOCKS, default_policy="order")),
    }
    with pytest.raises(InvalidInput, match=changed) as refusal:
        replay(Prepared.of(*parts[changed]), record)
    assert refusal.value.parameters["document"] == changed


def test_one_tampered_input_gives_another_answer() -> None:
    record = recommend_and_record(toy.PREPARED, *moment()).record
    answer = replay(toy.PREPARED, record)
    del record["teams"]["sq-a2"]["status"]
    assert replay(toy.PREPARED, record) != answer
