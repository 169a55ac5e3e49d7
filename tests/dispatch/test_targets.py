"""In time or late, who could be earlier, and why a team does not go: on paper, from the sketch in toy.py."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.dispatch import Prepared
from gridsvc.law import ResponseClass
from gridsvc.teams.model import TeamState, TeamStatus
from tests.worlds import toy
from tests.worlds.toy import ENGAGED, OFF_DUTY, at, members, unfilled, verdict_of

if TYPE_CHECKING:
    from gridsvc.dispatch import ChosenTeam
    from tests.worlds.toy import Answer

URBAN: dict[str, Any] = {"response_class": ResponseClass.URBAN}
ON_DRILL = TeamState(status=TeamStatus.ENGAGED, incident_id="drill-1", on_drill=True)

ACROSS: dict[str, Any] = {"regional": None, "township": None, "area": None, "village": None, "owned_level": "district",
          "townships": (toy.T2, toy.T3)}  # fmt: skip


def chosen(answer: Answer, slot: str) -> ChosenTeam:
    found: ChosenTeam = next(each for each in answer.team if each.slot == slot)
    return found


class TestLateTeams:
    def test_r7_a_late_member_has_the_nearest_earlier_substitute(self) -> None:
        # km 6.8: emergency-1 at 3 needs 228 + 90 + 45 = 363 s. joint-r1 at 4 has 168 + 135 = 303 s.
        answer = at(6.8, **URBAN)
        assert [each.slot for each in answer.team if each.late] == ["brigade-emergency"]
        late = chosen(answer, "brigade-emergency")
        assert (late.team_id, late.response_s) == ("emergency-1", 363)
        assert (toy.substitute_of(late).team_id, toy.substitute_of(late).response_s, toy.substitute_of(late).why) == (
            "joint-r1",
            303,
            "regional-joint-team",
        )
        assert (answer.meets_target, answer.team_meets_target) == (True, False)

    def test_r7_a_substitute_that_would_be_no_earlier_is_not_offered(self) -> None:
        # joint-r2 at 15 needs 492 + 135 s; emergency-2, without the gear, is busy.
        late = chosen(
            at(6.8, **URBAN, team_states=toy.states(joint_r1=ENGAGED, emergency_2=ENGAGED)), "brigade-emergency"
        )
        assert (late.late, late.substitute) == (True, None)
        assert late.as_json()["substitute"] is None

    def test_r7_a_late_lead_is_named_with_its_substitute(self) -> None:
        # km 16.5: sq-a4 at 12 needs 270 + 105 = 375 s, joint-r2 at 15 needs 90 + 135 = 225 s.
        answer = at(16.5, **URBAN)
        assert (answer.lead.team_id, answer.lead.late) == ("sq-a4", True)
        assert (toy.substitute_of(answer.lead).team_id, toy.substitute_of(answer.lead).response_s) == ("joint-r2", 225)
        assert (answer.meets_target, answer.team_meets_target) == (False, False)

    def test_r7_an_empty_slot_is_offered_a_substitute_before_a_late_one(self) -> None:
        answer = at(16.5, **URBAN, team_states=toy.states(town_t3=ENGAGED))
        assert toy.substitute_of(unfilled(answer)["township"]).team_id == "joint-r2"
        assert answer.lead.substitute is None

    def test_r7_nobody_is_late_where_the_target_is_longer(self) -> None:
        answer = at(6.8)
        assert not any(each.late or each.substitute for each in answer.team)
        assert "substitute" not in chosen(answer, "brigade-emergency").as_json()
        assert (answer.meets_target, answer.team_meets_target) == (True, True)

    def test_r7_the_last_second_of_the_target_is_in_time(self) -> None:
        # 300 - 105 = 195 s = 3.25 km from the squadron at 12.
        busy = toy.states(sq_a1=ENGAGED, sq_a2=ENGAGED, sq_a3=ENGAGED)
        assert not at(15.25, **URBAN, team_states=busy).lead.late
        assert at(15.26, **URBAN, team_states=busy).lead.late

    def test_r7_a_team_with_an_empty_slot_does_not_meet_the_target_as_a_whole(self) -> None:
        answer = at(7, team_states=toy.states(town_t2=ENGAGED))
        assert (answer.meets_target, answer.team_meets_target) == (True, False)

    def test_r15_a_routine_case_has_no_target_to_meet(self) -> None:
        answer = at(7, "noise")
        assert (answer.meets_target, answer.team_meets_target, answer.lead.late) == (None, None, False)


class TestVerdicts:
    def test_r11_a_team_on_another_case_is_engaged_and_not_slower(self) -> None:
        answer = at(7, team_states=toy.states(sq_a1=ENGAGED, fire_2=OFF_DUTY))
        assert (verdict_of(answer, "sq-a1"), verdict_of(answer, "fire-2")) == ("engaged", "off-duty")
        assert verdict_of(answer, "sq-a4") == "slower"

    @pytest.mark.parametrize(
        ("state", "verdict"), [(ENGAGED, "engaged"), (OFF_DUTY, "off-duty"), (TeamState(), "slower")]
    )
    def test_r11_the_same_for_a_routine_case_that_its_other_squadron_takes(
        self, state: TeamState, verdict: str
    ) -> None:
        both = [replace(t, areas=("A2", "A3")) if t.id in {"sq-a2", "sq-a3"} else t for t in toy.TEAMS]
        prepared = Prepared.of(both, toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        answer = at(7, "noise", prepared=prepared, team_states=toy.states(sq_a3=state))
        assert answer.lead.team_id == "sq-a2"
        assert verdict_of(answer, "sq-a3") == verdict

    def test_r11_a_free_team_whose_only_slot_is_held_is_told_so(self) -> None:
        answer = at(7, held={"1": "sq-a2"}, team_states=toy.states(sq_a2=ENGAGED, sq_a1=ENGAGED))
        assert verdict_of(answer, "sq-a3") == "slot-filled"
        assert verdict_of(answer, "sq-a1") == "engaged"
        assert verdict_of(answer, "sq-a2") == "already-sent"
        assert (answer.lead, answer.meets_target, answer.team_meets_target) == (None, None, None)

    def test_r8_of_two_leads_at_the_same_moment_the_dearer_stays_for_coverage(self) -> None:
        loss = [0.0] * len(toy.TEAMS)
        loss[toy.PREPARED.index["sq-a2"]] = 1.0
        answer = at(7.5, loss=loss)
        assert answer.lead.team_id == "sq-a3"
        assert verdict_of(answer, "sq-a2") == "coverage"


class TestDrills:
    def test_r16_a_live_case_takes_a_team_from_a_drill_and_says_which(self) -> None:
        answer = at(7, team_states=toy.states(sq_a2=ON_DRILL))
        assert (answer.lead.team_id, answer.lead.response_s, answer.lead.preempts) == ("sq-a2", 165, "drill-1")
        assert answer.as_json()["lead"]["preempts"] == "drill-1"
        assert all(member.preempts is None for member in answer.members)

    def test_r16_a_drill_takes_no_team_from_another_drill(self) -> None:
        answer = at(7, drill=True, team_states=toy.states(sq_a2=ON_DRILL))
        assert (answer.lead.team_id, answer.lead.preempts) == ("sq-a3", None)
        assert verdict_of(answer, "sq-a2") == "engaged"

    def test_r16_a_team_on_a_drill_that_is_not_needed_is_slower_and_not_engaged(self) -> None:
        answer = at(7, team_states=toy.states(sq_a3=ON_DRILL))
        assert answer.lead.team_id == "sq-a2"
        assert verdict_of(answer, "sq-a3") == "slower"

    def test_r16_a_routine_case_waits_on_its_work_list_and_ends_no_drill(self) -> None:
        answer = at(7, "noise", team_states=toy.states(sq_a2=ON_DRILL))
        assert (answer.lead.team_id, answer.lead.response_s, answer.lead.preempts) == ("sq-a2", 165, None)


class TestSeveralTownships:
    def test_r3_across_regions_any_regional_joint_team_leads_and_each_township_has_its_slot(self) -> None:
        # km 10.9: joint-r2 at 15 is 4.1 km away, joint-r1 at 4 is 6.9 km away.
        answer = at(10.9, **ACROSS)
        assert (answer.lead.team_id, answer.lead.response_s) == ("joint-r2", 246 + 135)
        assert (answer.handler.team_id, answer.handler.rule) == ("joint-r2", "regional-joint-team")
        assert members(answer) == {
            f"township-{toy.T2}": "town-t2",
            f"township-{toy.T3}": "town-t3",
            "brigade-emergency": "emergency-1",
            "brigade-ecology": "ecology-1",
            "partner-fire": "fire-2",
        }
        assert verdict_of(answer, "town-t1") == "other-township"
        assert verdict_of(answer, "joint-r1") == "slower"

    def test_r3_a_townships_empty_slot_is_named_by_the_township(self) -> None:
        slot = unfilled(at(10.9, **ACROSS, team_states=toy.states(town_t3=OFF_DUTY)))[f"township-{toy.T3}"]
        assert (slot.unit, slot.reason, toy.substitute_of(slot).team_id) == (
            f"township-{toy.T3}",
            "off-duty",
            "joint-r1",
        )

    def test_r7_within_a_region_its_own_joint_team_leads_both_townships(self) -> None:
        answer = at(5, owned_level="regional", township=None, area=None, village=None, townships=(toy.T1, toy.T2))
        assert (answer.lead.team_id, members(answer)[f"township-{toy.T1}"]) == ("joint-r1", "town-t1")
        assert members(answer)[f"township-{toy.T2}"] == "town-t2"
        assert verdict_of(answer, "joint-r2") == "other-region"

    def test_r3_the_one_township_that_a_line_into_a_hole_of_the_grids_touches_has_its_slot(self) -> None:
        answer = at(7, township=None, area=None, village=None, owned_level=None, townships=(toy.T2,))
        assert members(answer)["township"] == "town-t2"
        assert (answer.handler.team_id, answer.handler.rule) == ("sq-a2", "township-squadron")

    def test_a_neighbour_township_is_none_of_those_touched(self) -> None:
        assert members(at(10.9, **ACROSS, alarm=2))["neighbour-township"] == "town-t1"
