"""Where brigades must stand for whole joint teams in the district on paper, by hand.

A leak needs a squadron, the township, the fire brigade, ecology, and an emergency team with a gas detector: that is
emergency-1 alone, at stone 3. Brigades have 300 - 45 - 90 = 165 s to drive, 2.83 stones; ecology stands at stones 8 and
14. The villages, one case each, are at stones 2, 6.5, 9.5 and 14: V1 lacks ecology, V2 and V4 the gas detector; V3 is
out of reach of both fire brigades, at stones 5 and 16. From stone 4 both brigades reach V1 and V2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.errors import InvalidInput, NotFound
from gridsvc.operations.coverage.ground import Given
from gridsvc.operations.coverage.joint import make_joint_plan
from gridsvc.operations.coverage.scenario import Scenario
from tests.worlds.district import DISTRICT

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service


def joint(service: Service, *units: str, demand: str = "villages") -> dict[str, Any]:
    return make_joint_plan(service, DISTRICT, Scenario(model="lscp", demand=demand), Given(), units)


def stands(found: dict[str, Any], unit: str, when: str) -> list[float]:
    return sorted(round((each["lon"] - 119.6) * 100, 1) for each in found["teams"] if each["unit"] == unit
                  for _ in range(each[when]))  # fmt: skip


def test_brigades_stand_where_most_joint_teams_are_whole(service: Service) -> None:
    found = joint(service)
    everybody = found["whole"]["all"]
    assert (everybody["before"]["covered"], everybody["after"]["covered"], everybody["after"]["demand"]) == (0, 2, 4)
    assert (found["objective"], found["bound"], found["optimal"], found["gap"]) == (2.0, 2.0, True, 0.0)
    assert found["units"] == ["brigade-ecology", "brigade-emergency"]
    assert found["out_of_reach"] == {"partner-fire": 1.0}
    assert stands(found, "brigade-ecology", "today") == [8, 14]
    assert 4.0 in stands(found, "brigade-emergency", "then")
    [detector] = [each for each in found["teams"] if "hazmat" in each["skills"] and each["then"]]
    assert round((detector["lon"] - 119.6) * 100) == 4


def test_teams_of_other_units_stay(service: Service) -> None:
    """With ecology alone to place V1 becomes whole: emergency-1 is one stone from it."""
    found = joint(service, "brigade-ecology")
    assert {each["unit"] for each in found["teams"]} == {"brigade-ecology"}
    assert found["objective"] == 1.0
    assert found["out_of_reach"] == {"brigade-emergency": 3.0, "partner-fire": 1.0}


def test_what_cannot_be_planned_is_refused(service: Service) -> None:
    with pytest.raises(NotFound, match="No team is of the unit 'brigade-none'"):
        joint(service, "brigade-none")
    with pytest.raises(InvalidInput, match="no demand in these hours"):
        joint(service, demand="history")
