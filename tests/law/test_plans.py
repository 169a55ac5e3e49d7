"""Run cards: what the shipped ones cover, and how a card that cannot be meant is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.errors import InvalidInput
from gridsvc.files.law.catalogue import read_catalogue, read_units
from gridsvc.files.law.response_plans import read_clock_rules, read_plan, read_plan_book
from gridsvc.law import URBAN_MANAGEMENT, ClockRules, Condition, PlanBook, ResponseClass, Urgency
from tests.conftest import PROJECT
from tests.worlds import toy

if TYPE_CHECKING:
    from pathlib import Path

GEODATA = PROJECT / "geodata"


@pytest.fixture(scope="module")
def units() -> Any:
    return read_units(GEODATA / "units.toml")


@pytest.fixture(scope="module")
def catalogue() -> Any:
    return read_catalogue(GEODATA / "jindong" / "catalogue.toml", GEODATA / "units.toml")[0]


@pytest.fixture(scope="module")
def clocks() -> Any:
    return read_clock_rules(GEODATA / "clock_policies.toml")


@pytest.fixture(scope="module")
def book(catalogue: Any, units: Any, clocks: Any) -> Any:
    return read_plan_book(GEODATA / "response_plans", clocks, catalogue, units)


class TestShippedCards:
    def test_at_least_twenty_types_over_all_eight_fields_and_urban_management(self, book: Any, catalogue: Any) -> None:
        assert len(book.plans) >= 20
        assert {plan.field for plan in book.plans.values()} == {each.id for each in catalogue.fields} | {
            URBAN_MANAGEMENT
        }

    def test_at_least_a_third_are_emergencies_at_five_and_fifteen_minutes(self, book: Any) -> None:
        urgent = [plan for plan in book.plans.values() if plan.urgency is Urgency.EMERGENCY]
        assert 3 * len(urgent) >= len(book.plans)
        assert {(plan.target(ResponseClass.URBAN), plan.target(ResponseClass.RURAL)) for plan in urgent} == {(300, 900)}
        assert all(plan.working_days for plan in book.plans.values() if plan not in urgent)

    def test_the_kinds_of_cards_that_were_asked_for(self, book: Any) -> None:
        plans = book.plans.values()

        def count(holds: Any) -> Any:
            return sum(bool(holds(plan)) for plan in plans)

        def specialists(plan: Any) -> Any:
            return {key.split("/")[0] for key in plan.matters if key.startswith("brigade-")}

        assert count(lambda plan: len(specialists(plan)) >= 2) >= 8
        assert count(lambda plan: any(c.hours or c.months for c in plan.conditions)) >= 4
        assert count(lambda plan: any(c.hours for c in plan.conditions)) >= 1
        assert count(lambda plan: any(c.months for c in plan.conditions)) >= 1
        assert count(lambda plan: plan.second_alarm) >= 3
        assert count(lambda plan: plan.partners) >= 3
        assert count(lambda plan: any(need.equipment for _, need in plan.all_needs())) >= 2
        partners = {need.unit for plan in plans for need in plan.partners}
        assert {"partner-police", "partner-traffic-police", "partner-fire", "partner-testing"} <= partners

    def test_every_name_is_in_both_languages(self, book: Any) -> None:
        for plan in book.plans.values():
            assert any("\u4e00" <= letter <= "\u9fff" for letter in plan.name)
            assert plan.name_en.isascii()

    def test_file_and_type_agree(self, book: Any) -> None:
        assert {path.stem for path in (GEODATA / "response_plans").glob("*.toml")} == set(book.plans)

    def test_the_document_comes_back_with_its_digest(self, book: Any, clocks: Any) -> None:
        again = PlanBook.from_document(book.document())
        assert again == book
        assert again.version == book.version
        assert ClockRules.from_document(clocks.document()) == clocks


class TestClocks:
    @pytest.mark.parametrize(
        ("village", "seat", "found"),
        [
            ("111", None, "urban"), ("112", None, "urban"), ("121", None, "rural"), ("220", "111", "rural"),
            (None, "111", "urban"), (None, "122", "rural"), (None, None, "rural"), ("", "112", "urban"),
        ],
    )  # fmt: skip
    def test_a_place_takes_its_villages_class_else_its_seats(
        self, clocks: Any, village: Any, seat: Any, found: Any
    ) -> None:
        assert clocks.response_classes.class_of(village, seat) == found

    def test_call_handling_counts_only_where_the_clock_starts_at_the_report(self, clocks: Any) -> None:
        assert clocks.get("received-to-lead-p90").handling_s == 45
        assert clocks.get("dispatched-to-lead-p90").handling_s == 0

    def test_an_unknown_policy_is_refused_with_the_known(self, clocks: Any) -> None:
        with pytest.raises(InvalidInput, match="received-to-lead-p90"):
            clocks.get("nonsense")

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ('start_event = "received"', 'start_event = "rung"', "use one of received, dispatched"),
            ('stop_event = "lead_on_scene"', 'stop_event = "seen"', "first_on_scene"),
            ("percentile = 90", "percentile = 100", "under 100"),
            ("percentile = 90", 'percentile = "90"', "give a number"),
            ("call_handling_s = 45", "call_handling_s = -1", "0 or more"),
            ('default = "received-to-lead-p90"', 'default = "x"', "`default` is 'x'"),
            ('id = "received-to-first-p90"', 'id = "received-to-lead-p90"', "occurs twice"),
        ],
    )
    def test_a_bad_policy_is_refused_with_its_place(self, tmp_path: Path, old: Any, new: Any, words: Any) -> None:
        text = (GEODATA / "clock_policies.toml").read_text(encoding="utf-8")
        assert old in text
        path = tmp_path / "clock_policies.toml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(InvalidInput, match=words) as refusal:
            read_clock_rules(path)
        assert "clock_policies.toml" in str(refusal.value) or "Clock policy" in str(refusal.value)


@pytest.mark.parametrize(
    ("hours", "inside", "outside"),
    [
        ((7 * 60, 18 * 60), ["07:00", "12:00", "17:59"], ["06:59", "18:00", "00:00"]),
        ((20 * 60, 6 * 60), ["20:00", "23:59", "00:00", "05:59"], ["06:00", "19:59", "12:00"]),
        ((18 * 60, 24 * 60), ["18:00", "23:59"], ["00:00", "17:59"]),
    ],
)
def test_hours_begin_inclusive_and_end_exclusive(hours: Any, inside: Any, outside: Any) -> None:
    condition = Condition("at times", (), hours=hours)
    for times, expected in ((inside, True), (outside, False)):
        for text in times:
            moment = toy.NOON.replace(hour=int(text[:2]), minute=int(text[3:]))
            assert condition.holds(moment, ResponseClass.URBAN) is expected, text


GOOD = """
type = "leak"
name = "泄漏"
name_en = "Leak"
field = "emergency"
urgency = "emergency"
priority = 1
matters = ["brigade-emergency/应急/dept-emergency"]
[targets]
urban_s = 300
rural_s = 900
[[need]]
unit = "brigade-emergency"
skills = ["hazmat"]
[[partner]]
unit = "partner-fire"
[[condition]]
name = "night"
hours = ["20:00", "06:00"]
[[condition.add]]
unit = "partner-police"
"""


class TestRefusedCards:
    def read(self, tmp_path: Path, text: str, clocks: Any, catalogue: Any, units: Any) -> Any:
        path = tmp_path / "leak.toml"
        path.write_text(text, encoding="utf-8")
        return read_plan(path, clocks, catalogue, units)

    def test_the_card_that_the_others_spoil_is_good(
        self, tmp_path: Path, clocks: Any, catalogue: Any, units: Any
    ) -> None:
        plan = self.read(tmp_path, GOOD, clocks, catalogue, units)
        assert plan.conditions[0].hours == (1200, 360)
        assert plan.clock_policy == clocks.default_policy

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ('type = "leak"', "", "`type` is missing"),
            ('type = "leak"', 'type = "Leak!"', "lower case"),
            ('type = "leak"', "type = 7", "give text"),
            ('type = "leak"', 'type = "leak"\ncolour = "red"', "`colour` is not known"),
            ('field = "emergency"', 'field = "magic"', "use one of agriculture"),
            ('urgency = "emergency"', 'urgency = "soon"', "use emergency or routine"),
            ('urgency = "emergency"', 'urgency = "routine"', "`working_days`"),
            ("priority = 1", "priority = 0", r"1 \(first\) to 5"),
            ("priority = 1", "priority = true", "whole number"),
            ("matters = [", 'matters = ["brigade-emergency/应急/dept-health", ', "did you mean brigade-emergency/应急"),
            ('matters = ["brigade-emergency/应急/dept-emergency"]', "matters = []", "`matters` is empty"),
            ("urban_s = 300", "urban_s = 0", "targets.urban_s"),
            ("urban_s = 300\n", "", "urban_s and rural_s"),
            ("urban_s = 300", "urban_minutes = 5", "`urban_minutes` is not known"),
            ('skills = ["hazmat"]', 'skills = ["magic"]', "need 1: no skill 'magic'; known are"),
            ('skills = ["hazmat"]', 'equipment = ["wand"]', "need 1: no equipment 'wand'"),
            ('skills = ["hazmat"]', "count = 0", "need 1: `count` is 0"),
            ('unit = "partner-fire"', 'unit = "partner-fir"', "did you mean partner-fire"),
            ('unit = "partner-fire"', 'unit = "township"', "township is no partner"),
            ('hours = ["20:00", "06:00"]', 'hours = ["20:00"]', "give two times"),
            ('hours = ["20:00", "06:00"]', 'hours = ["20:00", "25:00"]', "no time of day"),
            ('hours = ["20:00", "06:00"]', 'hours = ["20:00", "20:00"]', "begins and ends"),
            ('hours = ["20:00", "06:00"]', "months = [13]", "numbers from 1 to 12"),
            ('hours = ["20:00", "06:00"]', 'class = "suburban"', "use urban or rural"),
            ('hours = ["20:00", "06:00"]\n', "", "always holds"),
            ("[[condition]]", "[condition]", "condition"),
            ("priority = 1", "priority = 1\npriority = 2", "line"),
        ],
    )
    def test_refused_with_file_place_and_cure(
        self, tmp_path: Path, clocks: Any, catalogue: Any, units: Any, old: Any, new: Any, words: Any
    ) -> None:
        assert old in GOOD
        with pytest.raises(InvalidInput, match=words) as refusal:
            self.read(tmp_path, GOOD.replace(old, new, 1), clocks, catalogue, units)
        assert "leak.toml" in refusal.value.detail

    def test_one_type_in_two_files(self, tmp_path: Path, clocks: Any, catalogue: Any, units: Any) -> None:
        for name in ("a.toml", "b.toml"):
            (tmp_path / name).write_text(GOOD, encoding="utf-8")
        with pytest.raises(InvalidInput, match=r"b\.toml: type leak is in a\.toml already"):
            read_plan_book(tmp_path, clocks, catalogue, units)

    def test_an_empty_folder(self, tmp_path: Path, clocks: Any, catalogue: Any, units: Any) -> None:
        with pytest.raises(InvalidInput, match="one file a type"):
            read_plan_book(tmp_path, clocks, catalogue, units)


def test_an_unknown_type_names_the_nearest(book: Any) -> None:
    with pytest.raises(InvalidInput, match="straw-burning") as refusal:
        book.get("straw-burnin")
    assert refusal.value.kind == "unknown-type"
    with pytest.raises(InvalidInput):
        book.get("x" * 100_000)
    assert toy.PLANS.get("leak").priority == 1
