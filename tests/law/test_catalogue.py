"""The catalogue of matters: the printed annex against its true sums, and who is competent on a day."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.dispatch import CaseFacts, Prepared, recommend
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.files.law.catalogue import CSV_COLUMNS, read_catalogue, read_units
from gridsvc.law import BUREAU, Catalogue, Competence, CompetenceLevel, PlanBook, ResponseClass, SumDifference, UnitKind
from gridsvc.teams.model import AVAILABLE, Team, TeamKind
from tests.conftest import PROJECT
from tests.worlds import toy

if TYPE_CHECKING:
    from pathlib import Path

UNITS = PROJECT / "geodata" / "units.toml"
CATALOGUE = PROJECT / "geodata" / "jindong" / "catalogue.toml"
BEFORE, AFTER = date(2021, 12, 31), date(2022, 1, 1)
TOWNSHIP = "330703101000"
DELEGATED = {"bureau/农村环境卫生/dept-agriculture", "bureau/室外公共场所无照经营/dept-market"}


@pytest.fixture(scope="module")
def loaded() -> Any:
    return read_catalogue(CATALOGUE, UNITS)


@pytest.fixture(scope="module")
def catalogue(loaded: Any) -> Any:
    return loaded[0]


class TestPrintedAndTrue:
    def test_the_annex_counted(self, loaded: Any) -> None:
        _, report = loaded
        assert (report.rows, report.items, report.distinct_fields, report.departments) == (41, 3950, 38, 26)
        assert (report.fields, report.brigades) == (8, 6)
        assert report.approvals == {"2022-01-01": 41}
        assert report.fields_without_brigade == ("health", "natural-resources")
        assert report.fields_under_two_units == ("工业和信息化", "林业", "生态环境")

    def test_printed_22_areas_stand_beside_26_rows(self, loaded: Any) -> None:
        assert loaded[1].differences == (
            SumDifference("bureau", "areas", printed=22, found=26, note="equals its 22 distinct departments"),
        )

    def test_units_add_up_as_printed(self, catalogue: Any) -> None:
        sums: dict[str, int] = {}
        for matter in catalogue.matters:
            sums[matter.unit] = sums.get(matter.unit, 0) + matter.items
        assert sums == {
            "bureau": 1776, "brigade-transport": 323, "brigade-agriculture": 343, "brigade-culture": 131,
            "brigade-emergency": 353, "brigade-market": 995, "brigade-ecology": 29,
        }  # fmt: skip

    @pytest.mark.shared
    def test_the_annex_as_a_table_is_the_same(self, catalogue: Any, shared_data: Path) -> None:
        table, report = read_catalogue(shared_data / "jindong" / "catalogue.csv", UNITS)
        assert (report.rows, report.items) == (41, 3950)
        assert table.matters == catalogue.matters

    def test_a_wrong_sum_is_refused_and_loads_with_a_reason(self, tmp_path: Path) -> None:
        wrong = tmp_path / "catalogue.toml"
        text = CATALOGUE.read_text(encoding="utf-8").replace('["住房城乡建设", 761,', '["住房城乡建设", 760,')
        wrong.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput, match="bureau add up to 1775, its printed total is 1776") as refusal:
            read_catalogue(wrong, UNITS)
        assert refusal.value.kind == "sum-differs"
        _, report = read_catalogue(wrong, UNITS, override_reason="one item repealed")
        assert report.override_reason == "one item repealed"
        assert {(each.unit, each.what, each.found) for each in report.differences} == {
            ("bureau", "items", 1775), ("bureau", "areas", 26), ("all units", "items", 3949),
        }  # fmt: skip


class TestCompetence:
    @pytest.mark.parametrize(
        ("key", "before", "after"),
        [
            ("bureau/卫生健康/dept-health", "dept-health", "bureau"),
            ("bureau/自然资源/dept-natural-resources", "dept-natural-resources", "bureau"),
            ("bureau/生态环境/dept-ecology", "dept-ecology", "bureau"),
            ("brigade-ecology/生态环境/dept-ecology", "dept-ecology", "brigade-ecology"),
            ("bureau/林业/dept-agriculture", "dept-agriculture", "bureau"),
            ("brigade-agriculture/林业/dept-agriculture", "dept-agriculture", "brigade-agriculture"),
            ("bureau/工业和信息化/dept-economy-commerce", "dept-economy-commerce", "bureau"),
            ("brigade-market/工业和信息化/dept-economy-commerce", "dept-economy-commerce", "brigade-market"),
        ],
    )
    def test_the_department_before_approval_the_unit_from_that_day(
        self, catalogue: Any, key: Any, before: Any, after: Any
    ) -> None:
        assert catalogue.competent_unit(key, BEFORE, TOWNSHIP).unit == before
        assert catalogue.competent_unit(key, AFTER, TOWNSHIP).unit == after
        assert "四（三）" in catalogue.competent_unit(key, BEFORE, TOWNSHIP).basis

    def test_every_matter_has_one_unit_on_every_day(self, catalogue: Any) -> None:
        for matter in catalogue.matters:
            for day in (date.min, BEFORE, AFTER, date.max):
                assert catalogue.find_unit(catalogue.competent_unit(matter.key, day, None).unit)

    def test_health_and_natural_resources_have_no_brigade_and_resolve_to_the_bureau(self, catalogue: Any) -> None:
        assert catalogue.unit_of_field("health", AFTER) == BUREAU
        assert catalogue.unit_of_field("natural-resources", AFTER) == BUREAU
        assert catalogue.unit_of_field("ecology", AFTER) == "brigade-ecology"

    def test_a_brigade_acts_from_the_day_that_it_exists(self, catalogue: Any) -> None:
        founded = replace(catalogue.get_field("health"), brigade="brigade-market", brigade_since=date(2027, 1, 1))
        later = replace(catalogue, fields=(founded,))
        assert later.unit_of_field("health", date(2026, 12, 31)) == BUREAU
        assert later.unit_of_field("health", date(2027, 1, 1)) == "brigade-market"

    def test_a_delegated_matter_is_the_townships_own(self, catalogue: Any) -> None:
        key = "bureau/农村环境卫生/dept-agriculture"
        found = catalogue.competent_unit(key, AFTER, TOWNSHIP)
        assert (found.unit, found.level) == (f"township-{TOWNSHIP}", CompetenceLevel.TOWNSHIP)
        assert catalogue.competent_unit(key, AFTER, None).unit == BUREAU
        assert catalogue.competent_unit(key, BEFORE, TOWNSHIP).unit == "dept-agriculture"

    def test_a_delegation_may_name_one_township(self) -> None:
        rule = Competence(
            toy.HEALTH_MATTER.key, CompetenceLevel.TOWNSHIP, None, toy.APPROVED, None, "trial", township=toy.T1
        )
        trial = replace(toy.CATALOGUE, competences=(*toy.CATALOGUE.competences, rule))
        assert trial.competent_unit(toy.HEALTH_MATTER.key, AFTER, toy.T1).unit == f"township-{toy.T1}"
        assert trial.competent_unit(toy.HEALTH_MATTER.key, AFTER, toy.T2).unit == BUREAU

    def test_a_field_name_is_no_key(self, catalogue: Any) -> None:
        with pytest.raises(NotFound, match="brigade-ecology/生态环境/dept-ecology"):
            catalogue.get_matter("生态环境")

    @pytest.mark.parametrize(
        ("spans", "words"),
        [
            ([(None, date(2022, 1, 1)), (date(2022, 2, 1), None)], "overlap or leave days"),
            ([(None, date(2022, 2, 1)), (date(2022, 1, 1), None)], "overlap or leave days"),
            ([(None, None), (None, None)], "overlap or leave days"),
            ([(date(2022, 1, 1), None)], "no unit is competent"),
            ([], "no unit is competent"),
        ],
    )
    def test_days_without_a_unit_or_with_two_are_refused(self, spans: Any, words: Any) -> None:
        rules = [
            Competence(toy.HEALTH_MATTER.key, CompetenceLevel.DISTRICT, BUREAU, since, until, "x")
            for since, until in spans
        ]
        with pytest.raises(InvalidInput, match=words):
            replace(toy.CATALOGUE, matters=(toy.HEALTH_MATTER,), competences=tuple(rules))


class TestFiles:
    def test_the_document_comes_back_whole(self, catalogue: Any) -> None:
        again = Catalogue.from_document(catalogue.document())
        assert again == catalogue
        assert again.version == catalogue.version

    def test_six_brigades_26_departments_and_the_partners(self) -> None:
        kinds = [unit.kind for unit in read_units(UNITS).units]
        assert (kinds.count(UnitKind.BUREAU), kinds.count(UnitKind.BRIGADE), kinds.count(UnitKind.DEPARTMENT)) == (
            1,
            6,
            26,
        )
        assert kinds.count(UnitKind.PARTNER) >= 4

    @pytest.mark.parametrize(
        ("row", "words"),
        [
            ("卫生大队,,1,1,卫生,1,卫生健康局", "line 2: no unit is called '卫生大队'"),
            ("综合行政执法局,,1,1,卫生,many,卫生健康局", "line 2: 'many' is no count"),
            ("综合行政执法局,,1,1,卫生,-1,卫生健康局", "line 2: '-1' is negative"),
            ("综合行政执法局,,1,1,卫生", "line 2: more or fewer cells"),
            ("", "holds no rows"),
            ("综合行政执法局,,1,1,卫生,1,卫生健康局\n综合行政执法局,,1,2,卫生,0,卫生健康局", "occurs twice"),
            ("综合行政执法局,,1,1,卫生,1,卫生健康局\n综合行政执法局,,2,2,医,0,卫生健康局", "line 3: .* other totals"),
        ],
    )
    def test_a_bad_row_is_refused_with_its_line(self, tmp_path: Path, row: Any, words: Any) -> None:
        path = tmp_path / "catalogue.csv"
        path.write_text(",".join(CSV_COLUMNS) + "\n" + row + "\n", encoding="utf-8")
        with pytest.raises(InvalidInput, match=words):
            read_catalogue(path, UNITS)

    @pytest.mark.parametrize("items", ["2.5", "inf", "true", "2022-01-01", "[1]"])
    def test_a_count_that_is_no_whole_number_is_refused(self, tmp_path: Path, items: str) -> None:
        path = tmp_path / "catalogue.toml"
        path.write_text(f'[[unit]]\nid = "bureau"\nmatters = [["卫生", {items}, "卫生健康局"]]\n', encoding="utf-8")
        with pytest.raises(InvalidInput, match=r"unit 1 .*, matter 1: .* is no count"):
            read_catalogue(path, UNITS)

    def test_a_csv_may_tell_the_day_of_approval_row_by_row(self, tmp_path: Path) -> None:
        path = tmp_path / "catalogue.csv"
        rows = "综合行政执法局,,,1,卫生,7,卫生健康局,2023-07-01\n综合行政执法局,,,2,水利,5,水务局,\n"
        path.write_text(",".join(CSV_COLUMNS) + ",approved\n" + rows, encoding="utf-8")
        catalogue, report = read_catalogue(path, UNITS)
        assert report.approvals == {"2023-07-01": 1, "not approved": 1}
        assert catalogue.competent_unit("bureau/卫生/dept-health", date(2023, 6, 30), None).unit == "dept-health"
        assert catalogue.competent_unit("bureau/卫生/dept-health", date(2023, 7, 1), None).unit == "bureau"
        assert catalogue.competent_unit("bureau/水利/dept-water", date.max, None).unit == "dept-water"
        path.write_text(path.read_text(encoding="utf-8").replace("2023-07-01", "July"), encoding="utf-8")
        with pytest.raises(InvalidInput, match="line 2: 'July' is no day"):
            read_catalogue(path, UNITS)

    def test_a_csv_as_chinese_offices_save_it(self, tmp_path: Path) -> None:
        path = tmp_path / "catalogue.csv"
        path.write_bytes((",".join(CSV_COLUMNS) + "\n综合行政执法局,,7,1,卫生,7,卫生健康局\n").encode("gb18030"))
        catalogue, report = read_catalogue(path, UNITS, approved=date(2022, 1, 1))
        assert report.items == 7
        assert catalogue.competent_unit("bureau/卫生/dept-health", BEFORE, None).unit == "dept-health"
        assert catalogue.competent_unit("bureau/卫生/dept-health", AFTER, None).unit == "bureau"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("[[unit]", "line 1"),
            ("x = 1\nunit = []", "`x` is not known"),
            ("", "`unit` is missing"),
            ('[[unit]]\nid = "bureau"\nmatters = [["a", 1]]', r"matter 1: give \[field, items, department\]"),
            ('[[unit]]\nid = "bureau"\nmatters = []\n[[approval]]\nsince = "2022"', "is no day"),
            ('[[unit]]\nid = "bureau"\nmatters = []\n[[delegation]]\nmatter = "x"\nbasis = "y"', "'x' is no matter"),
        ],
    )
    def test_a_bad_toml_is_refused_with_its_place(self, tmp_path: Path, text: str, words: Any) -> None:
        path = tmp_path / "catalogue.toml"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput, match=words):
            read_catalogue(path, UNITS)

    @pytest.mark.parametrize("name", ["missing.toml", "missing.csv", "catalogue.xlsx"])
    def test_no_such_file_or_kind(self, tmp_path: Path, name: str) -> None:
        with pytest.raises((InvalidInput, NotFound), match=name):
            read_catalogue(tmp_path / name, UNITS)


def teams_of(catalogue: Any, *, without: Any = ()) -> Any:
    """One team of each brigade, one squadron and one township team; nobody of the departments."""
    units = [(unit.id, TeamKind.BRIGADE) for unit in catalogue.units if unit.kind is UnitKind.BRIGADE]
    teams = [Team(unit, unit, unit, kind, 119.7, 29.1) for unit, kind in units if unit not in without]
    teams.append(Team("squadron", "", BUREAU, TeamKind.SQUADRON, 119.7, 29.1, areas=("A",), township=TOWNSHIP))
    teams.append(Team("town", "", f"township-{TOWNSHIP}", TeamKind.TOWNSHIP, 119.7, 29.1, township=TOWNSHIP))
    teams.append(Team("joint", "", BUREAU, TeamKind.REGIONAL, 119.7, 29.1, region="R"))
    return teams


def answer_for(matter: Any, catalogue: Any, teams: Any, on: Any) -> Any:
    plans = PlanBook({"noise": replace(toy.NOISE, matters=(matter,))})
    prepared = Prepared.of(teams, catalogue, plans, toy.CLOCKS)
    when = datetime(on.year, on.month, on.day, 12, tzinfo=toy.CHINA)
    case = CaseFacts("noise", when, ResponseClass.URBAN, "R", TOWNSHIP, "A", "V")
    return recommend(prepared, case, [AVAILABLE] * len(teams), [60.0] * len(teams))


@pytest.mark.parametrize("row", range(41))
def test_each_row_sends_the_enforcing_unit_the_area_squadron_and_the_township(catalogue: Any, row: Any) -> None:
    matter = catalogue.matters[row]
    answer = answer_for(matter.key, catalogue, teams_of(catalogue), AFTER)
    units = {answer.lead.unit, *(member.unit for member in answer.members)}
    if matter.key in DELEGATED:  # R7: led and handled by the township's own team
        assert units == {f"township-{TOWNSHIP}"}
        assert answer.lead.team_id == answer.handler.team_id == "town"
    else:
        assert {matter.unit, BUREAU, f"township-{TOWNSHIP}"} <= units
        assert answer.lead.team_id == answer.handler.team_id == "squadron"
    assert answer.unfilled == ()
    if matter.unit != BUREAU:
        answer = answer_for(matter.key, catalogue, teams_of(catalogue, without=[matter.unit]), AFTER)
        [slot] = answer.unfilled
        assert (slot.unit, slot.reason, slot.substitute.team_id) == (matter.unit, "no-such-unit", "joint")
    before = answer_for(matter.key, catalogue, teams_of(catalogue), BEFORE)
    [slot] = before.unfilled
    assert (slot.unit, slot.reason, slot.substitute) == (matter.department, "no-such-unit", None)
