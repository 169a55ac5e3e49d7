"""`grids match`: lists out of files, the national list and generations; what a user types wrong."""

from __future__ import annotations

import csv
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
import shapely

from gridsvc.access.scopes import Role
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.posts import list_posts
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.files.grids.code_lists import read_code_list
from gridsvc.files.grids.divisions import list_divisions
from gridsvc.grids.levels import Level
from gridsvc.operations.access import keys
from gridsvc.operations.evidence.verify import verify
from gridsvc.operations.grids import generations, people
from gridsvc.operations.grids.code_lists import compare_lists
from gridsvc.operations.grids.review import review_generation
from tests.operations.grids.test_generations import DISTRICT, TOWNS, load, service, write

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service

__all__ = ["service"]


def listed(path: Path, *rows: str, header: str = "code,name", encoding: str = "utf-8") -> Path:
    path.write_text("\n".join((header, *rows)), encoding=encoding)
    return path


def test_a_national_code_says_level_and_parent(tmp_path: Path) -> None:
    file = listed(
        tmp_path / "a.csv", "330703000000,金东区", "330703101000,孝顺镇", "330703101316,兴联村委会", encoding="gb18030"
    )
    town, village = read_code_list(file)
    assert (town.level, town.parent, village.level, village.parent) == (
        Level.TOWNSHIP, "330703", Level.VILLAGE, "330703101000",
    )  # fmt: skip
    file = listed(tmp_path / "b.csv", "T1,孝顺镇,,乡镇,", "V1,兴联村,T1,村社,旧村", header="代码,名称,上级,级别,原名")
    town, village = read_code_list(file)
    assert (town.level, village.level, village.parent, village.former_name) == (
        Level.TOWNSHIP, Level.VILLAGE, "T1", "旧村",
    )  # fmt: skip
    assert read_code_list(listed(tmp_path / "c.csv", "V1,兴联村"), level=Level.VILLAGE)[0].level == Level.VILLAGE


@pytest.mark.parametrize(
    ("header", "rows", "words"),
    [
        ("code,name", ["V1,兴联村"], "row 2: the level of 'V1' is not known. Add a column level, or --level"),
        ("number,what", ["1,2"], "has no column code"),
        ("code,name", ["330703101316,兴联村", "330703101316,兴联"], "has no column code"),
        ("code,name,level", ["1,甲,village", "2,,village"], "row 3: code or name is empty"),
        ("code,name", ["330703101316,兴联村,3"], "row 2: 3 cells, but the header has 2"),
        ("code,name", ["330703000000,金东区"], "holds no township or village"),
        ("code,name", [], "holds no township or village|has no column code"),
    ],
)
def test_a_list_that_cannot_be_used_is_refused_with_row_and_cure(
    tmp_path: Path, header: str, rows: list[str], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_code_list(listed(tmp_path / "x.csv", *rows, header=header))


def test_a_file_the_national_list_and_a_draft_are_compared(service: Service, tmp_path: Path) -> None:
    load(service, write(tmp_path / "t.geojson", TOWNS))
    found = compare_lists(service, DISTRICT, "known", None)
    assert (found.after, found.left_out) == ("generation 1", ("village",))
    value = found.as_json()
    assert value["counts"] == {"township": {"same-code": 3, "gone": 8}}
    assert (value["gone"], value["new"]) == (8, 0)
    known = [each for each in list_divisions(DISTRICT) if each.level == Level.TOWNSHIP]
    other = listed(tmp_path / "x.csv", *(f"X{k},{each.name},township" for k, each in enumerate(known)),
                   header="code,name,level")  # fmt: skip
    out = tmp_path / "out.csv"
    found = compare_lists(service, DISTRICT, str(other), "known", out=out)
    assert found.as_json()["counts"] == {"township": {"same-name": len(known)}}
    with out.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["after"] for row in rows} == {each.code for each in known}
    with pytest.raises(InvalidInput, match="no level in common"):
        compare_lists(service, DISTRICT, str(listed(tmp_path / "v.csv", "330703101316,兴联村")), "1")
    with pytest.raises(NotFound, match="no generation 9"):
        compare_lists(service, DISTRICT, "9", None)
    with pytest.raises(InvalidInput, match=r"\.csv"):
        compare_lists(service, DISTRICT, "known", None, out=tmp_path / "x.txt")


def test_a_generation_with_other_codes_is_reviewed_with_the_rule_of_each(service: Service, tmp_path: Path) -> None:
    """The first township has another code and name, the two others are one; nothing says so but the ground."""
    load(service, write(tmp_path / "t.geojson", TOWNS))
    generations.activate(service, DISTRICT, 1)
    assert review_generation(service, DISTRICT, 1).as_json()["codes"]["matches"] == []
    west, middle, east = TOWNS.values()
    load(service, write(tmp_path / "t.geojson", {"新一": west, "新二": shapely.union(middle, east)}))
    value = review_generation(service, DISTRICT, 2).as_json()["codes"]
    assert value["counts"] == {"township": {"same-ground": 1, "merged": 2}}
    assert (value["gone"], value["new"]) == (0, 0)
    assert {(m["rule"], m["before_name"], m["after_name"]) for m in value["matches"]} == {
        ("same-ground", "孝顺镇", "新一"), ("merged", "傅村镇", "新二"), ("merged", "曹宅镇", "新二"),
    }  # fmt: skip
    both = compare_lists(service, DISTRICT, "1", "2").as_json()
    assert both["matches"] == value["matches"]


def test_posts_follow_a_grid_to_its_new_code_and_the_day_before_stays_as_it_was(
    service: Service, tmp_path: Path
) -> None:
    load(service, write(tmp_path / "t.geojson", TOWNS))
    generations.activate(service, DISTRICT, 1)
    posts = listed(
        tmp_path / "posts.csv", "孝顺镇,leader,王一,13812345678,2026-01-01", "傅村镇,officer,李二,,2026-01-01",
        header="grid,post,name,phone,from",
    )  # fmt: skip
    people.load_posts(service, DISTRICT, posts, actor="test")
    with service.database.transaction() as connection:
        old = {area[1]: area[0] for area in store.list_areas(connection, DISTRICT, 1)}
    keys.add_key(service, "Chen", Role.OFFICER, district=DISTRICT, grid=old["孝顺镇"])
    west, middle, east = TOWNS.values()
    load(service, write(tmp_path / "t.geojson", {"新一": west, "新二": shapely.union(middle, east)}))
    compared = compare_lists(service, DISTRICT, "1", "2")
    with pytest.raises(InvalidInput, match=r"of generation 2 is not in force\. Activate it first"):
        people.move_posts(service, compared, actor="test")
    generations.activate(service, DISTRICT, 2)
    with service.database.transaction() as connection:
        new = {area[1]: area[0] for area in store.list_areas(connection, DISTRICT, 2)}
    assert new["新一"] != old["孝顺镇"]
    day = date(2026, 7, 1)
    for dry_run in (True, False):
        found = people.move_posts(service, compared, day=day, dry_run=dry_run, actor="test")
        assert [(p["grid"], p["to"], p["name"], p["phone"]) for p in rows(found["moved"])] == [
            (old["孝顺镇"], new["新一"], "王一", "138****5678")
        ]
        assert [(p["grid"], p["why"], p["name"]) for p in rows(found["left"])] == [(old["傅村镇"], "merged", "李二")]
        assert found["keys"] == ["Chen"]
    with service.database.transaction() as connection:
        held = list_posts(connection, DISTRICT)
    assert [(h.grid, h.name, h.since, h.until) for h in held if h.name == "王一"] == [
        (old["孝顺镇"], "王一", date(2026, 1, 1), day),
        (new["新一"], "王一", day, None),
    ]
    assert rows(people.people_of(service, DISTRICT, new["新一"], on=day)["people"])[0]["name"] == "王一"
    assert people.move_posts(service, compared, day=day, actor="test")["moved"] == []
    seal_all(service.database)
    assert all(report.holds for report in verify(service))


def rows(found: Json) -> list[dict[str, Any]]:
    assert isinstance(found, list)
    return [dict(each) for each in found if isinstance(each, dict)]
