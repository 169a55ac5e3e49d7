"""The law of the day, conditions and second alarms, and the price in coverage: on paper, from the sketch in toy.py."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.dispatch import Prepared
from gridsvc.errors import NotFound
from gridsvc.law import Competence, CompetenceLevel, Condition, Need, PlanBook, ResponseClass, Urgency
from gridsvc.teams.model import TeamKind
from tests.worlds import toy
from tests.worlds.toy import ENGAGED, OFF_DUTY, at, members, unfilled, verdict_of, without

if TYPE_CHECKING:
    from gridsvc.law import Matter


class TestLawOfTheDay:
    def test_before_approval_the_department_is_competent_and_has_no_team(self) -> None:
        before = at(7, local_time=toy.BEFORE_APPROVAL)
        assert [each["unit"] for each in before.competence] == ["dept-emergency", "dept-ecology"]
        assert {slot.unit for slot in before.unfilled} == {"dept-emergency", "dept-ecology"}
        assert all(slot.substitute is None for slot in before.unfilled)
        assert verdict_of(before, "ecology-1") == "not-competent"
        assert set(members(before)) == {"township", "partner-fire"}
        after = at(7)
        assert after.transfer == ()
        assert [each["unit"] for each in after.competence] == ["brigade-emergency", "brigade-ecology"]
        assert after.unfilled == ()
        assert {each["basis"] for each in before.competence} != {each["basis"] for each in after.competence}

    def test_a_departments_own_team_goes_while_it_is_competent(self) -> None:
        team = replace(toy.TEAMS[7], id="dept-team", unit="dept-emergency", kind=TeamKind.DEPARTMENT)
        toy_km = toy.KM | {"dept-team": 6}
        prepared = Prepared.of([*toy.TEAMS, team], toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        seconds = [60.0 * abs(toy_km[each] - 7) for each in prepared.team_ids]
        before = at(7, prepared=prepared, seconds=seconds, local_time=toy.BEFORE_APPROVAL)
        # Same gear as the brigade's team was asked for: the need moves with the power.
        assert members(before)["dept-emergency"] == "dept-team"
        assert verdict_of(at(7, prepared=prepared, seconds=seconds), "dept-team") == "not-competent"

    def test_a_further_squadron_stays_a_squadron_before_approval(self) -> None:
        card = replace(toy.LEAK, matters=(toy.HEALTH_MATTER.key,), needs=(Need("bureau"),))
        prepared = without(plans=PlanBook({"leak": card}))
        before = at(7, prepared=prepared, local_time=toy.BEFORE_APPROVAL)
        assert members(before)["bureau"] == "sq-a3"
        assert set(unfilled(before)) == {"dept-health"}
        assert set(members(at(7, prepared=prepared))) == {"township", "bureau", "partner-fire"}

    def test_a_routine_matter_of_a_brigade_is_proposed_for_transfer(self) -> None:
        plans = PlanBook({"noise": replace(toy.NOISE, matters=(toy.BUREAU_ECOLOGY_MATTER.key, toy.ECOLOGY_MATTER.key))})
        answer = at(7, "noise", prepared=Prepared.of(toy.TEAMS, toy.CATALOGUE, plans, toy.CLOCKS))
        assert [(each["matter"], each["to_unit"]) for each in answer.transfer] == [
            (toy.ECOLOGY_MATTER.key, "brigade-ecology")
        ]

    def test_a_card_whose_matter_left_the_catalogue_is_still_answered(self) -> None:
        plans = PlanBook({"leak": replace(toy.LEAK, matters=("brigade-ecology/失踪/dept-ecology",))})
        answer = at(7, prepared=Prepared.of(toy.TEAMS, toy.CATALOGUE, plans, toy.CLOCKS))
        assert members(answer)["brigade-ecology"] == "ecology-1"
        assert "not in the catalogue" in answer.competence[0]["basis"]


class TestConditionsAndAlarms:
    @pytest.mark.parametrize(("hour", "extra"), [(19, 0), (20, 1), (23, 1), (5, 1), (6, 0)])
    def test_a_condition_holds_by_the_hour_past_midnight(self, hour: int, extra: int) -> None:
        night = Condition("night", (Need("partner-fire"),), hours=(20 * 60, 6 * 60))
        prepared = without(plans=PlanBook({"leak": replace(toy.LEAK, conditions=(night,))}))
        answer = at(7, prepared=prepared, local_time=toy.NOON.replace(hour=hour))
        assert sum(slot.startswith("partner-fire") for slot in members(answer)) == 1 + extra

    def test_a_condition_holds_by_month_and_class(self) -> None:
        summer = Condition("summer", (Need("partner-fire"),), months=frozenset({6, 7}))
        rural = Condition("rural", (Need("neighbour-township"),), response_class=ResponseClass.RURAL)
        prepared = without(plans=PlanBook({"leak": replace(toy.LEAK, conditions=(summer, rural))}))
        july = toy.NOON.replace(month=7)
        assert "partner-fire#2" in members(at(7, prepared=prepared, local_time=july))
        assert "neighbour-township" in members(at(7, prepared=prepared))
        urban = members(at(7, prepared=prepared, response_class=ResponseClass.URBAN))
        assert not {"partner-fire#2", "neighbour-township"} & set(urban)

    def test_a_second_alarm_adds_only_the_difference(self) -> None:
        first = at(7)
        held = {chosen.slot: chosen.team_id for chosen in (first.lead, *first.members)}
        busy: dict[str, Any] = {team.replace("-", "_"): ENGAGED for team in held.values()}
        second = at(7, alarm=2, held=held, team_states=toy.states(**busy))
        assert second.lead is None
        assert second.meets_target is None
        assert members(second) == {
            "brigade-emergency#2": "emergency-2",
            "partner-fire#2": "fire-2",
            "neighbour-township": "town-t1",
        }
        assert not set(members(second).values()) & set(held.values())
        assert {verdict_of(second, team) for team in held.values()} == {"already-sent"}

    def test_a_second_alarm_sends_what_the_first_could_not(self) -> None:
        first = at(7, team_states=toy.states(fire_1=OFF_DUTY, fire_2=OFF_DUTY))
        held = {chosen.slot: chosen.team_id for chosen in (first.lead, *first.members)}
        second = at(7, alarm=2, held=held)
        assert {"partner-fire", "partner-fire#2"} <= set(members(second))

    def test_a_card_may_ask_for_two_teams_of_the_own_township(self) -> None:
        card = replace(toy.LEAK, township_need=Need("township", count=2))
        answer = at(7, prepared=without(plans=PlanBook({"leak": card})))
        assert members(answer)["township"] == "town-t2"
        assert unfilled(answer)["township#2"].reason == "no-further-team"

    def test_a_second_alarm_may_add_two_of_a_unit(self) -> None:
        card = replace(toy.LEAK, second_alarm=(Need("partner-fire", count=2),))
        answer = at(7, prepared=without(plans=PlanBook({"leak": card})), alarm=2)
        assert {"partner-fire", "partner-fire#2"} <= set(members(answer))
        assert unfilled(answer)["partner-fire#3"].reason == "no-further-team"

    def test_two_needs_of_one_unit_keep_the_larger_count(self) -> None:
        needs = (Need("brigade-ecology", count=2), Need("brigade-ecology", skills=frozenset({"drone"})))
        answer = at(7, prepared=without(plans=PlanBook({"leak": replace(toy.LEAK, needs=needs)})))
        assert unfilled(answer)["brigade-ecology"].reason == "skill"
        assert members(answer)["brigade-ecology#2"] == "ecology-1"

    def test_a_neighbour_is_of_another_township(self) -> None:
        # A second team of the own township stands nearer than any neighbour, and stays.
        own = replace(toy.TEAMS[5], id="town-t2-b")
        prepared = Prepared.of([*toy.TEAMS, own], toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        km = toy.KM | {"town-t2-b": 7}
        answer = at(7, prepared=prepared, alarm=2, seconds=[60.0 * abs(km[each] - 7) for each in prepared.team_ids])
        assert members(answer)["neighbour-township"] == "town-t1"
        assert verdict_of(answer, "town-t2-b") == "slower"

    def test_an_excluded_team_is_passed_over(self) -> None:
        answer = at(7, excluded=frozenset({"sq-a2"}))
        assert answer.lead.team_id == "sq-a3"
        assert verdict_of(answer, "sq-a2") == "declined"


class TestCoveragePrice:
    def test_among_equal_assemblies_the_smallest_loss_goes(self) -> None:
        # The hazmat team is the last with 375 s. Of the two fire teams fire-1 comes in 225 s; fire-2 is put at 200 s of
        # driving here, so that it comes in 305 s: later, in time all the same, and cheaper.
        loss = [0.0] * len(toy.TEAMS)
        loss[toy.PREPARED.index["fire-1"]] = 2.0
        loss[toy.PREPARED.index["fire-2"]] = 0.5
        seconds = toy.travel(7)
        seconds[toy.PREPARED.index["fire-2"]] = 200.0
        answer = at(7, seconds=seconds, loss=loss)
        assert members(answer)["partner-fire"] == "fire-2"
        assert answer.full_team_response_s == pytest.approx(375)
        assert answer.coverage_loss == pytest.approx(0.5)
        assert verdict_of(answer, "fire-1") == "coverage"

    def test_the_lead_is_never_traded_for_coverage(self) -> None:
        loss = [0.0] * len(toy.TEAMS)
        loss[toy.PREPARED.index["sq-a2"]] = 99.0
        assert at(7, loss=loss).lead.team_id == "sq-a2"

    def test_equal_leads_are_decided_by_loss_then_by_id(self) -> None:
        assert at(7.5).lead.team_id == "sq-a2"
        loss = [0.0] * len(toy.TEAMS)
        loss[toy.PREPARED.index["sq-a2"]] = 1.0
        assert at(7.5, loss=loss).lead.team_id == "sq-a3"


class TestWhoHoldsThePower:
    """R6, R7: a routine case is led and handled by the unit whose matter it is."""

    @staticmethod
    def delegated(township: str | None = None) -> Prepared:
        """The noise matter as the townships' own, or that of one township."""
        rule = Competence(
            toy.BUREAU_ECOLOGY_MATTER.key, CompetenceLevel.TOWNSHIP, None, toy.APPROVED, None, "赋权", township
        )
        catalogue = replace(toy.CATALOGUE, competences=(*toy.CATALOGUE.competences, rule))
        return Prepared.of(toy.TEAMS, catalogue, toy.PLANS, toy.CLOCKS)

    def test_a_delegated_matter_is_led_and_handled_by_the_township(self) -> None:
        answer = at(7, "noise", prepared=self.delegated())
        assert (answer.lead.team_id, answer.lead.slot) == ("town-t2", "1")
        assert (answer.handler.team_id, answer.handler.rule) == ("town-t2", "township")
        assert (answer.members, answer.unfilled, answer.transfer) == ((), (), ())
        assert verdict_of(answer, "sq-a2") == "not-competent"
        assert verdict_of(answer, "town-t1") == "other-township"

    def test_a_matter_delegated_to_one_township_is_the_bureaus_elsewhere(self) -> None:
        prepared = self.delegated(toy.T1)
        assert at(2, "noise", prepared=prepared).lead.team_id == "town-t1"
        assert at(7, "noise", prepared=prepared).lead.team_id == "sq-a2"

    def test_a_township_without_a_team_is_named_and_its_neighbour_offered(self) -> None:
        rest = [team for team in toy.TEAMS if team.id != "town-t2"]
        prepared = Prepared.of(rest, self.delegated().catalogue, toy.PLANS, toy.CLOCKS)
        slot = unfilled(at(7, "noise", prepared=prepared, seconds=toy.travel(7, prepared)))["1"]
        # joint-r1 at 4 needs 180 + 135 s, town-t1 at 2 needs 300 + 105 s.
        assert (slot.unit, slot.reason, toy.substitute_of(slot).team_id) == (
            f"township-{toy.T2}",
            "no-such-unit",
            "joint-r1",
        )

    def test_an_emergency_is_the_bureaus_to_lead_whatever_is_delegated(self) -> None:
        card = replace(toy.LEAK, matters=(toy.BUREAU_ECOLOGY_MATTER.key,))
        prepared = Prepared.of(toy.TEAMS, self.delegated().catalogue, PlanBook({"leak": card}), toy.CLOCKS)
        answer = at(7, prepared=prepared)
        assert (answer.lead.team_id, answer.handler.team_id) == ("sq-a2", "sq-a2")

    def test_before_approval_the_department_leads_and_handles_a_routine_case(self) -> None:
        team = replace(toy.TEAMS[7], id="dept-team", unit="dept-ecology", kind=TeamKind.DEPARTMENT)
        prepared = Prepared.of([*toy.TEAMS, team], toy.CATALOGUE, toy.PLANS, toy.CLOCKS)
        seconds = [60.0 * abs((toy.KM | {"dept-team": 6})[each] - 7) for each in prepared.team_ids]
        before = at(7, "noise", prepared=prepared, seconds=seconds, local_time=toy.BEFORE_APPROVAL)
        assert (before.lead.team_id, before.handler.team_id, before.handler.rule) == (
            "dept-team",
            "dept-team",
            "power-holder",
        )
        assert members(before) == {"township": "town-t2"}
        assert verdict_of(before, "sq-a2") == "not-competent"
        after = at(7, "noise", prepared=prepared, seconds=seconds)
        assert (after.lead.team_id, after.handler.rule) == ("sq-a2", "area-squadron")

    def test_before_approval_an_emergency_is_led_by_the_fastest_squadron(self) -> None:
        assert at(7, local_time=toy.BEFORE_APPROVAL).lead.team_id == "sq-a2"


class TestMatters:
    @pytest.mark.parametrize("matter", toy.MATTERS, ids=lambda matter: matter.key)
    def test_r7_every_row_of_the_catalogue_can_be_reported(self, matter: Matter) -> None:
        answer = at(7, "matter", matter=matter.key)
        assert (answer.type, answer.urgency, answer.target_s) == ("matter", Urgency.ROUTINE, None)
        assert [each["matter"] for each in answer.competence] == [matter.key]
        assert (answer.lead.team_id, answer.handler.team_id) == ("sq-a2", "sq-a2")

    def test_r7_a_brigades_matter_brings_the_brigade_and_is_proposed_for_transfer(self) -> None:
        answer = at(7, "matter", matter=toy.ECOLOGY_MATTER.key)
        assert members(answer) == {"township": "town-t2", "brigade-ecology": "ecology-1"}
        assert [each["to_unit"] for each in answer.transfer] == ["brigade-ecology"]

    def test_a_matter_that_is_in_no_catalogue_is_refused_with_the_nearest(self) -> None:
        with pytest.raises(NotFound, match=toy.HEALTH_MATTER.key):
            at(7, "matter", matter="brigade-health/卫生健康/dept-health")
