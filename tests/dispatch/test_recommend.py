"""The joint team on paper: every number below is worked out from the sketch in toy.py."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gridsvc.dispatch import VERDICTS, Considered, Prepared
from gridsvc.errors import InvalidInput
from gridsvc.law import Need, PlanBook, ResponseClass
from gridsvc.teams.model import TeamKind, TeamState, TeamStatus
from tests.worlds import toy
from tests.worlds.toy import ENGAGED, OFF_DUTY, at, members, unfilled, verdict_of, without


class TestEmergency:
    def test_the_lead_is_the_fastest_squadron_and_the_handler_that_of_the_area(self) -> None:
        # km 7.8 lies in area A2 (squadron at 6: 1.8 km = 108 s); A3's squadron at 9 has 1.2 km = 72 s.
        answer = at(7.8)
        assert (answer.lead.slot, answer.lead.team_id) == ("1", "sq-a3")
        assert answer.lead.travel_s == pytest.approx(72)
        assert answer.lead.response_s == pytest.approx(45 + 60 + 72)
        assert (answer.handler.team_id, answer.handler.rule) == ("sq-a2", "area-squadron")

    def test_the_whole_team_and_its_last_arrival(self) -> None:
        answer = at(7)
        # hazmat team at 3: 240 s + 90 + 45 = 375, the last; ecology at 8: 60 + 135; fire at 5: 120 + 105.
        assert answer.lead.team_id == "sq-a2"
        assert members(answer) == {
            "township": "town-t2",
            "brigade-emergency": "emergency-1",
            "brigade-ecology": "ecology-1",
            "partner-fire": "fire-1",
        }
        assert answer.unfilled == ()
        assert answer.lead_response_s == pytest.approx(60 + 60 + 45)
        assert answer.full_team_response_s == pytest.approx(375)
        assert answer.clock_policy == "lead"

    @pytest.mark.parametrize(
        ("response_class", "target_s", "meets"), [(ResponseClass.URBAN, 300, False), (ResponseClass.RURAL, 900, True)]
    )
    def test_five_and_fifteen_minutes(self, response_class: ResponseClass, target_s: int, meets: bool) -> None:
        # km 16.5: squadron at 12, 4.5 km = 270 s + 105 = 375 s.
        answer = at(16.5, response_class=response_class)
        assert (answer.lead_response_s, answer.target_s, answer.meets_target) == (pytest.approx(375), target_s, meets)

    def test_a_target_is_met_to_the_second(self) -> None:
        # 300 - 105 = 195 s = 3.25 km from the squadron at 12, the only one that is free.
        busy = toy.states(sq_a1=ENGAGED, sq_a2=ENGAGED, sq_a3=ENGAGED)
        assert at(15.25, response_class=ResponseClass.URBAN, team_states=busy).meets_target
        assert not at(15.26, response_class=ResponseClass.URBAN, team_states=busy).meets_target

    def test_a_clock_that_starts_at_the_order_counts_no_call_handling(self) -> None:
        plans = PlanBook({"leak": replace(toy.LEAK, clock_policy="order")})
        answer = at(7, prepared=Prepared.of(toy.TEAMS, toy.CATALOGUE, plans, toy.CLOCKS))
        assert (answer.clock_policy, answer.lead_response_s) == ("order", pytest.approx(120))

    def test_a_team_on_patrol_turns_out_at_once(self) -> None:
        answer = at(7, team_states=toy.states(sq_a3=TeamState(on_road=True)))
        # sq-a3: 120 + 15 + 45 = 180 s, later than sq-a2's 165 s; at km 7.4 it is 156 against 189.
        assert answer.lead.team_id == "sq-a2"
        assert at(7.4, team_states=toy.states(sq_a3=TeamState(on_road=True))).lead.response_s == pytest.approx(156)

    def test_a_team_that_is_quick_from_its_station_is_no_slower_on_patrol(self) -> None:
        quick = [replace(team, turnout_s=5) if team.id == "sq-a2" else team for team in toy.TEAMS]
        prepared = Prepared.of(quick, toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        answer = at(7, prepared=prepared, team_states=toy.states(sq_a2=TeamState(on_road=True)))
        assert answer.lead.response_s == pytest.approx(45 + 5 + 60)

    def test_no_team_is_dropped_for_its_distance(self) -> None:
        # By road the near squadron is far: the river. The lead is the one that is there first, not the nearest.
        seconds = toy.travel(7)
        seconds[toy.PREPARED.index["sq-a2"]] = 3000.0
        answer = at(7, seconds=seconds)
        assert answer.lead.team_id == "sq-a3"
        assert Considered("sq-a2", 3000.0, "slower") in answer.considered

    def test_every_team_is_considered_with_seconds_and_verdict(self) -> None:
        answer = at(7)
        assert [each.team_id for each in answer.every] == sorted(toy.KM)
        assert all(each.verdict in VERDICTS for each in answer.every)
        assert {each.team_id: each.travel_s for each in answer.every} == {
            team_id: 60 * abs(km - 7) for team_id, km in toy.KM.items()
        }
        assert {verdict_of(answer, team) for team in ("joint-r1", "joint-r2")} == {"not-regional"}
        assert verdict_of(answer, "town-t1") == "other-township"
        assert verdict_of(answer, "emergency-2") == "skill"
        assert verdict_of(answer, "ecology-2") == "slower"

    def test_the_answer_names_the_nearest_ten_lawful_teams_and_counts_the_others(self) -> None:
        answer = at(7)
        # Lawful: four squadrons, town-t2, emergency-1 (emergency-2 has no gear), two of ecology, two of fire: ten.
        assert [(each.team_id, each.travel_s) for each in answer.considered] == [
            ("town-t2", 0),
            ("ecology-1", 60),
            ("sq-a2", 60),
            ("fire-1", 120),
            ("sq-a3", 120),
            ("emergency-1", 240),
            ("sq-a4", 300),
            ("sq-a1", 360),
            ("ecology-2", 420),
            ("fire-2", 540),
        ]
        assert answer.considered_counts == {"not-regional": 2, "other-township": 2, "skill": 1}

    def test_an_eleventh_lawful_team_is_counted(self) -> None:
        far = replace(toy.TEAMS[-1], id="fire-3")
        prepared = Prepared.of([*toy.TEAMS, far], toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        km = toy.KM | {"fire-3": 100}
        answer = at(7, prepared=prepared, seconds=[60.0 * abs(km[each] - 7) for each in prepared.team_ids])
        assert "fire-3" not in {each.team_id for each in answer.considered}
        assert answer.considered_counts == {"not-regional": 2, "other-township": 2, "skill": 1, "slower": 1}

    def test_an_unknown_type_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(InvalidInput, match="leak"):
            at(7, "leek")


class TestShortfalls:
    @pytest.mark.parametrize(
        ("state", "reason"),
        [
            (ENGAGED, "engaged"),
            (OFF_DUTY, "off-duty"),
            (TeamState(status=TeamStatus.OUT_OF_SERVICE), "out-of-service"),
            (TeamState(staff_present=1), "understaffed"),
            (TeamState(position_age_s=1801, lon=119.6, lat=29.1), "stale-position"),
        ],
    )
    def test_a_slot_is_named_with_its_reason(self, state: TeamState, reason: str) -> None:
        answer = at(7, team_states=toy.states(town_t2=state))
        assert unfilled(answer)["township"].reason == reason
        assert verdict_of(answer, "town-t2") == reason
        assert answer.full_team_response_s is None
        assert answer.lead is not None

    def test_a_slot_may_ask_for_more_officers_than_its_team_needs(self) -> None:
        need = replace(toy.LEAK.needs[0], staff=3)
        prepared = without(plans=PlanBook({"leak": replace(toy.LEAK, needs=(need,))}))
        for present, reason in ((None, "understaffed"), (2, "understaffed"), (3, None)):
            answer = at(7, prepared=prepared, team_states=toy.states(emergency_1=TeamState(staff_present=present)))
            slot = unfilled(answer).get("brigade-emergency")
            assert (slot and slot.reason) == reason
            assert verdict_of(answer, "emergency-1") == (reason or "chosen-member")
        weak = Prepared.of([replace(team, staff_needed=3) for team in toy.TEAMS], toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        answer = at(7, prepared=weak, team_states=toy.states(town_t2=TeamState(staff_present=2)))
        assert unfilled(answer)["township"].reason == "understaffed"

    def test_the_reason_is_that_of_the_team_that_would_have_been_first(self) -> None:
        # ecology-1 at 8 is nearer to km 7 than ecology-2 at 14, and farther from km 13.
        busy = toy.states(ecology_1=ENGAGED, ecology_2=OFF_DUTY)
        assert unfilled(at(7, team_states=busy))["brigade-ecology"].reason == "engaged"
        assert unfilled(at(13, team_states=busy))["brigade-ecology"].reason == "off-duty"
        # Of two teams barred by the card: emergency-1 at 3 lacks the meter, emergency-2 at 10 lacks both.
        no_meter = [replace(t, equipment=frozenset()) if t.id == "emergency-1" else t for t in toy.TEAMS]
        prepared = Prepared.of(no_meter, toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        assert unfilled(at(3, prepared=prepared))["brigade-emergency"].reason == "equipment"
        assert unfilled(at(10, prepared=prepared))["brigade-emergency"].reason == "skill"

    def test_a_team_with_an_old_position_is_proposed_where_nobody_else_is(self) -> None:
        old = TeamState(position_age_s=7200, lon=119.6, lat=29.1)
        nobody: dict[str, Any] = {"joint_r1": OFF_DUTY, "joint_r2": OFF_DUTY, "fire_2": OFF_DUTY}
        slot = unfilled(at(7, team_states=toy.states(fire_1=old, **nobody)))["partner-fire"]
        assert (slot.reason, toy.substitute_of(slot).team_id, toy.substitute_of(slot).why) == (
            "stale-position",
            "fire-1",
            "stale-position",
        )

    def test_a_team_too_small_for_one_slot_but_fit_for_another_is_only_slower(self) -> None:
        # The first ecology slot wants three officers, which nobody has; the second takes the nearer of the two.
        card = replace(toy.LEAK, needs=(Need("brigade-ecology", staff=3),), second_alarm=(Need("brigade-ecology"),))
        answer = at(7, prepared=without(plans=PlanBook({"leak": card})), alarm=2)
        assert members(answer)["brigade-ecology#2"] == "ecology-1"
        assert unfilled(answer)["brigade-ecology"].reason == "understaffed"
        assert verdict_of(answer, "ecology-2") == "slower"

    def test_a_slot_whose_only_team_fills_another_is_said_so(self) -> None:
        card = replace(toy.LEAK, needs=(Need("brigade-ecology", count=3),))
        answer = at(7, prepared=without(plans=PlanBook({"leak": card})))
        assert unfilled(answer)["brigade-ecology#3"].reason == "no-further-team"

    def test_a_position_is_fresh_for_half_an_hour(self) -> None:
        answer = at(7, team_states=toy.states(town_t2=TeamState(position_age_s=1800, lon=119.6, lat=29.1)))
        assert members(answer)["township"] == "town-t2"

    def test_the_neighbour_township_is_the_substitute(self) -> None:
        answer = at(7, team_states=toy.states(town_t2=ENGAGED))
        # joint-r1 at 4: 180 + 135 = 315 s; town-t1 at 2: 300 + 105 = 405 s: the joint team is nearer.
        substitute = toy.substitute_of(unfilled(answer)["township"])
        assert (substitute.team_id, substitute.why) == ("joint-r1", "regional-joint-team")
        assert substitute.response_s == pytest.approx(315)
        answer = at(7, team_states=toy.states(town_t2=ENGAGED, joint_r1=OFF_DUTY))
        substitute = toy.substitute_of(unfilled(answer)["township"])
        assert (substitute.team_id, substitute.why) == ("town-t1", "neighbour-township")

    def test_a_removed_brigade_is_named_and_the_joint_team_stands_in(self) -> None:
        answer = at(7, prepared=without("ecology-1", "ecology-2"))
        slot = unfilled(answer)["brigade-ecology"]
        assert (slot.unit, slot.reason, toy.substitute_of(slot).team_id) == (
            "brigade-ecology",
            "no-such-unit",
            "joint-r1",
        )

    def test_a_joint_team_stands_in_only_for_units_whose_officers_it_holds(self) -> None:
        teams = [
            replace(team, represents=("bureau",)) if team.kind is TeamKind.REGIONAL else team
            for team in toy.TEAMS
            if team.unit != "brigade-ecology"
        ]
        answer = at(7, prepared=Prepared.of(teams, toy.CATALOGUE, toy.PLANS, toy.CLOCKS))
        assert unfilled(answer)["brigade-ecology"].substitute is None

    def test_missing_gear_is_named_and_the_same_unit_proposed(self) -> None:
        answer = at(7, team_states=toy.states(emergency_1=ENGAGED, joint_r1=OFF_DUTY, joint_r2=OFF_DUTY))
        slot = unfilled(answer)["brigade-emergency"]
        assert (slot.reason, toy.substitute_of(slot).team_id, toy.substitute_of(slot).why) == (
            "engaged",
            "emergency-2",
            "skill",
        )
        answer = at(7, prepared=without("emergency-1", "joint-r1", "joint-r2"))
        assert unfilled(answer)["brigade-emergency"].reason == "skill"

    def test_substitutes_are_distinct(self) -> None:
        answer = at(7, prepared=without("ecology-1", "ecology-2", "joint-r2"), team_states=None)
        assert toy.substitute_of(unfilled(answer)["brigade-ecology"]).team_id == "joint-r1"
        prepared = without("ecology-1", "ecology-2", "emergency-1", "emergency-2", "joint-r2")
        substitutes = [slot.substitute for slot in at(7, prepared=prepared).unfilled]
        assert [None if s is None else s.team_id for s in substitutes] == ["joint-r1", None]

    def test_no_road_near_leaves_every_slot_waiting_and_refuses_nothing(self) -> None:
        answer = at(7, seconds=[None] * len(toy.TEAMS))
        assert (answer.lead, answer.members, answer.meets_target) == (None, (), False)
        assert {slot.reason for slot in answer.unfilled} == {"out-of-reach"}
        assert len(answer.unfilled) == 5

    def test_no_team_at_all(self) -> None:
        empty = Prepared.of([], toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        answer = at(7, prepared=empty)
        assert (answer.lead, answer.considered, answer.considered_counts, answer.handler) == (None, (), {}, None)
        assert {slot.reason for slot in answer.unfilled} == {"no-such-unit"}

    def test_a_hole_in_the_grids_still_has_a_lead_and_says_what_is_unknown(self) -> None:
        nobody: dict[str, Any] = dict.fromkeys(("regional", "township", "area", "village"))
        answer = at(7, owned_level=None, **nobody)
        assert answer.lead.team_id == "sq-a2"
        assert (answer.handler.team_id, answer.handler.rule) == ("sq-a2", "lead")
        slot = unfilled(answer)["township"]
        assert (slot.reason, toy.substitute_of(slot).team_id) == ("township-unknown", "town-t2")

    @pytest.mark.parametrize("seconds", [float("inf"), float("nan"), None])
    def test_unreachable_however_it_is_said(self, seconds: float | None) -> None:
        travel = toy.travel(7)
        travel[toy.PREPARED.index["sq-a2"]] = seconds
        answer = at(7, seconds=travel)
        assert Considered("sq-a2", None, "out-of-reach") in answer.every
        assert json.loads(json.dumps(answer.as_json(), allow_nan=False)) == answer.as_json()


class TestRegionalAndRoutine:
    @pytest.mark.parametrize("told", [{"owned_level": "regional"}, {"major": True}])
    def test_the_regional_joint_team_leads(self, told: dict[str, Any]) -> None:
        answer = at(7, **told)
        assert answer.lead.team_id == "joint-r1"
        assert answer.lead.response_s == pytest.approx(45 + 90 + 180)
        assert (answer.handler.team_id, answer.handler.rule) == ("joint-r1", "regional-joint-team")
        assert verdict_of(answer, "sq-a2") == "regional-leads"
        assert verdict_of(answer, "joint-r2") == "other-region"

    def test_across_regions_the_nearest_regional_joint_team_leads(self) -> None:
        answer = at(10.9, owned_level="district")
        # joint-r2 at 15: 4.1 km, joint-r1 at 4: 6.9 km.
        assert answer.lead.team_id == "joint-r2"

    def test_a_card_may_be_major_from_the_start(self) -> None:
        prepared = without(plans=PlanBook({"leak": replace(toy.LEAK, major=True)}))
        assert at(7, prepared=prepared).lead.team_id == "joint-r1"

    def test_of_two_squadrons_of_an_area_the_one_that_leads_keeps_the_case(self) -> None:
        both = [replace(t, areas=("A2", "A3")) if t.id in {"sq-a2", "sq-a3"} else t for t in toy.TEAMS]
        prepared = Prepared.of(both, toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        answer = at(7.9, "noise", prepared=prepared)
        assert answer.lead.team_id == answer.handler.team_id == "sq-a3"

    def test_one_type_in_two_townships_without_area_grids(self) -> None:
        for km, township in ((1, "town-t1"), (7, "town-t2"), (1, "town-t1")):
            assert members(at(km, area=None))["township"] == township

    def test_without_it_the_nearest_squadron_is_proposed(self) -> None:
        answer = at(7, owned_level="regional", team_states=toy.states(joint_r1=ENGAGED, joint_r2=OFF_DUTY))
        slot = unfilled(answer)["1"]
        assert (slot.reason, toy.substitute_of(slot).team_id, toy.substitute_of(slot).why) == (
            "engaged",
            "sq-a2",
            "bureau-squadron",
        )

    def test_a_routine_case_is_the_area_squadrons_however_near_another_is(self) -> None:
        answer = at(7.8, "noise")
        assert answer.lead.team_id == answer.handler.team_id == "sq-a2"
        assert verdict_of(answer, "sq-a3") == "other-area"
        assert (answer.target_s, answer.meets_target) == (None, None)
        assert members(answer) == {"township": "town-t2"}

    def test_a_routine_case_waits_on_the_work_list_of_a_busy_team(self) -> None:
        answer = at(7, "noise", team_states=toy.states(sq_a2=ENGAGED))
        assert (answer.lead.team_id, answer.lead.response_s) == ("sq-a2", None)
        assert answer.full_team_response_s is None
        assert not answer.unfilled

    def test_a_routine_case_without_its_squadron_proposes_the_neighbour(self) -> None:
        answer = at(7, "noise", prepared=without("sq-a2"))
        slot = unfilled(answer)["1"]
        assert (slot.reason, toy.substitute_of(slot).team_id, toy.substitute_of(slot).why) == (
            "no-such-unit",
            "sq-a3",
            "neighbour-squadron",
        )
        assert (answer.handler.team_id, answer.handler.rule) == ("sq-a3", "township-squadron")
        assert unfilled(at(7, "noise", area=None))["1"].reason == "area-unknown"
