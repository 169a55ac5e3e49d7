"""Two code lists of one district: each rule on a pair that it takes, and what no rule may take."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import shapely

from gridsvc.files.grids.divisions import list_divisions
from gridsvc.grids.code_lists import CodeMatch, count_rules, match_codes, match_grids
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.naming import KnownDivision

if TYPE_CHECKING:
    from pathlib import Path


def village(code: str, name: str, parent: str = "T1", former: str | None = None) -> KnownDivision:
    return KnownDivision(Level.VILLAGE, code, name, parent, former)


def told(matches: list[CodeMatch]) -> set[tuple[str, str | None, str | None]]:
    return {(m.rule, m.before.code if m.before else None, m.after.code if m.after else None) for m in matches}


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        (village("1", "王坦村村民委员会"), village("1", "王坦村委会"), "same-code"),
        (village("1", "王坦村委会"), village("9", "王坦 村委会"), "same-name"),
        (village("1", "水角村委会"), village("1", "水阁村委会", former="水角村委会"), "former-name"),
        (village("1", "水角村委会"), village("9", "水阁村委会", former="水角村"), "former-name"),
        (village("1", "大项村委会"), village("9", "大项社区居委会"), "changed-kind"),
        (village("1", "卢村村委会"), village("1", "芦村村委会"), "renamed"),
        (village("1", "后傅村委会"), village("9", "后傅村委会", "T2"), "moved-parent"),
    ],
)
def test_each_rule_takes_its_pair(before: KnownDivision, after: KnownDivision, rule: str) -> None:
    (found,) = match_codes([before], [after])
    assert (found.rule, found.before, found.after) == (rule, before, after)
    assert found.is_plain is (rule == "same-code")


def test_a_code_that_another_village_got_is_not_a_new_name() -> None:
    """The list was renumbered: 1 went to B, and A is 2 now."""
    found = match_codes([village("1", "甲村"), village("2", "乙村")], [village("2", "甲村"), village("3", "乙村")])
    assert told(found) == {("same-name", "1", "2"), ("same-name", "2", "3")}


def test_what_is_there_twice_is_not_guessed() -> None:
    before = [village("1", "桥头村"), village("2", "桥头村", "T2")]
    assert told(match_codes(before, [village("8", "桥头村"), village("9", "桥头村", "T2")])) == {
        ("same-name", "1", "8"),
        ("same-name", "2", "9"),
    }
    found = match_codes(before, [village("9", "桥头村", "T3")])
    assert told(found) == {("gone", "1", None), ("gone", "2", None), ("new", None, "9")}
    assert all("more than once: 1, 2, 9" in each.why for each in found)


def test_what_is_in_one_list_only_is_gone_or_new() -> None:
    found = match_codes([village("1", "甲村")], [village("2", "乙村")])
    assert told(found) == {("gone", "1", None), ("new", None, "2")}
    assert {each.why for each in found} == {"neither its code nor its name is in the other list"}
    assert count_rules(found) == {"village": {"gone": 1, "new": 1}}


def test_parents_are_the_same_where_they_are_matched() -> None:
    """The township has another code; its villages are in the same parent all the same."""
    town = KnownDivision(Level.TOWNSHIP, "T1", "孝顺镇", "D")
    again = KnownDivision(Level.TOWNSHIP, "T7", "孝顺镇", "D")
    found = match_codes([town, village("1", "甲村")], [again, village("5", "甲村", "T7")])
    assert told(found) == {("same-name", "T1", "T7"), ("same-name", "1", "5")}
    (moved,) = match_codes([village("1", "甲村")], [village("1", "甲村", "T7")])
    assert (moved.rule, moved.why, moved.is_plain) == ("same-code", "parent T1 is T7 now", False)


def grid(code: str, west: float, east: float, name: str | None = None) -> Grid:
    return Grid(code, name or f"{code}村", Level.VILLAGE, "T1", shapely.box(119.6 + west, 29.0, 119.6 + east, 29.02))


def test_the_ground_says_what_names_and_codes_do_not() -> None:
    before = [
        grid("A", 0, 0.01),
        grid("B", 0.01, 0.02),
        grid("C", 0.02, 0.03),
        grid("D", 0.03, 0.05),
        grid("E", 0.05, 0.06),
    ]
    after = [
        grid("甲", 0, 0.02),  # A and B are one
        grid("乙", 0.02, 0.03),  # C under another code and name
        grid("丙", 0.03, 0.04), grid("丁", 0.04, 0.05),  # D in two
        grid("戊", 0.06, 0.07),  # new ground; E is gone
    ]  # fmt: skip
    assert told(match_grids(before, after)) == {
        ("merged", "A", "甲"), ("merged", "B", "甲"), ("same-ground", "C", "乙"), ("split", "D", "丙"),
        ("split", "D", "丁"), ("gone", "E", None), ("new", None, "戊"),
    }  # fmt: skip


def test_what_others_explain_in_part_only_is_listed_beside_them() -> None:
    """A third of D went to F, which was there before; two fifths of 甲 are new ground."""
    before = [grid("D", 0, 0.03), grid("F", 0.03, 0.04), grid("B", 0.05, 0.06)]
    after = [grid("丙", 0, 0.01), grid("丁", 0.01, 0.02), grid("F", 0.02, 0.04), grid("甲", 0.05, 0.06667)]
    assert told(match_grids(before, after)) == {
        ("same-code", "F", "F"), ("split", "D", "丙"), ("split", "D", "丁"), ("gone", "D", None),
        ("merged", "B", "甲"), ("new", None, "甲"),
    }  # fmt: skip


def test_a_village_that_takes_another_in_and_one_that_gives_a_part_away() -> None:
    found = match_grids([grid("A", 0, 0.01), grid("B", 0.01, 0.03)], [grid("A", 0, 0.03)])
    assert told(found) == {("same-code", "A", "A"), ("merged", "B", "A")}
    found = match_grids([grid("A", 0, 0.03)], [grid("A", 0, 0.02), grid("B", 0.02, 0.03)])
    assert told(found) == {("same-code", "A", "A"), ("split", "A", "B")}


def test_a_code_that_lies_elsewhere_now_says_so() -> None:
    (found,) = match_grids([grid("A", 0, 0.01)], [grid("A", 0.02, 0.03, "B村")])
    assert (found.rule, found.why, found.is_plain) == ("renamed", "no common ground", False)
    wrong = shapely.Polygon([(119.6, 29), (119.61, 29.01), (119.61, 29), (119.6, 29.01)])  # crosses itself
    assert match_grids([grid("A", 0, 0.01)], [Grid("A", "B村", Level.VILLAGE, "T1", wrong)])[0].why == ""


@pytest.mark.shared
def test_the_villages_of_2016_and_2023(shared_data: Path) -> None:
    """Each division of either list is in one row, and no pair disagrees with the join that the data came with."""
    with (shared_data / "jindong" / "adcode_2016_gcj02.csv").open(encoding="utf-8") as file:
        before = [
            KnownDivision(Level.from_key({"town": "township"}.get(row[3], row[3])), row[0], row[2], row[1])
            for row in csv.reader(file)
            if row[3] in {"town", "village"}
        ]
    with (shared_data / "jindong" / "villages.csv").open(encoding="utf-8", newline="") as file:
        joined = {row["code"]: row["match"] for row in csv.DictReader(file)}
    after = list_divisions("330703")
    found = [each for each in match_codes(before, after) if each.level == Level.VILLAGE]
    counts = Counter(each.rule for each in found)
    news = [each.after.code for each in found if each.after is not None]
    olds = [each.before.code for each in found if each.before is not None]
    assert (sorted(news), len(olds)) == (sorted(joined), len(set(olds)))
    assert len(olds) == sum(each.level == Level.VILLAGE for each in before) == 513
    by_code = {each.after.code: each.rule for each in found if each.after is not None}
    rules = {"code+name": "same-code", "code-only(name differs)": "former-name", "name": "changed-kind", "none": "new"}
    assert by_code == {code: rules[how] for code, how in joined.items()}
    assert counts == {"same-code": 269, "former-name": 17, "changed-kind": 11, "new": 64, "gone": 216}
    # Without the former names that the list of 2023 has, the 17 are new names of the same code.
    plain = match_codes(before, [replace(each, former_name=None) for each in after])
    assert Counter(each.rule for each in plain if each.level == Level.VILLAGE)["renamed"] == 17
