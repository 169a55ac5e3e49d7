"""Posts added, moved and closed in the district on paper, by hand; and people counted beside the cases.

The squadrons stand at stones 1, 6, 9 and 12 and drive 3.34 stones in time; the villages, one case each, are at stones
2, 6.5, 9.5 and 14. Only V1 is sq-a1's alone, and V4 sq-a4's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.errors import GridsvcError, InvalidInput
from gridsvc.files.coverage import read_population
from gridsvc.operations.coverage.demand import Inhabited
from gridsvc.operations.coverage.plan import make_plan
from gridsvc.operations.coverage.scenario import Scenario
from tests.operations.imports.worlds import ROWS, load, row, written
from tests.worlds.district import DISTRICT

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service


def place(stone: float, name: str | None = None) -> dict[str, Any]:
    return {"lon": 119.6 + stone / 100, "lat": 29.1} | ({} if name is None else {"name": name})


def what_if(service: Service, *, people: list[Inhabited] | None = None, **changes: Any) -> dict[str, Any]:
    more = {name: changes.pop(name) for name in ("rules", "demand", "minutes") if name in changes}
    value = {"model": "what-if", "demand": "villages", "changes": changes} | more
    return make_plan(service, DISTRICT, Scenario.from_json(value), population=people)


def cells(rows: list[dict[str, Any]]) -> list[str]:
    return [each["cell"] for each in rows]


def test_a_closed_post_loses_what_is_its_alone(service: Service) -> None:
    found = what_if(service, close=["sq-a1"])
    assert (cells(found["lost"]), cells(found["gained"]), found["objective"]) == (["V1"], [], 3.0)
    assert [each["name"] for each in found["closed"]] == ["sq-a1"]
    assert [(each["code"], each["class"], each["demand_lost"]) for each in found["grids"]] == [("V1", "urban", 1.0)]
    change = found["covered"]["all"]["change"]
    assert (change["gained"], change["lost"], change["share"]) == (0.0, 1.0, -0.25)
    # Three posts of these candidates reach all four villages, from stones 4 (V1, V2), 9 and 12.
    assert (found["bound"], found["optimal"]) == (4.0, False)


def test_a_moved_post_keeps_its_team_and_a_new_one_takes_over(service: Service) -> None:
    moved = what_if(service, move=[place(4, "sq-a1")])
    assert (moved["gained"], moved["lost"], moved["optimal"]) == ([], [], True)
    assert [(each["name"], each["exists"]) for each in moved["sites"] if not each["exists"]] == [("sq-a1", False)]
    assert moved["closed"] == []
    assert [each["name"] for each in moved["moved"]] == ["sq-a1"]
    far = what_if(service, move=[place(7, "sq-a4")])
    assert cells(far["lost"]) == ["V4"]
    mended = what_if(service, close=["sq-a4"], add=[place(15)])
    assert (mended["lost"], mended["objective"]) == ([], 4.0)
    assert [each["name"] for each in mended["sites"] if not each["exists"]] == ["new post 1"]


def test_nothing_is_left_where_all_posts_close(service: Service) -> None:
    found = what_if(service, close=["sq-a1", "sq-a2", "sq-a3", "sq-a4"])
    assert (found["objective"], found["sites"], found["drive_s"]["after"]) == (0.0, [], None)
    assert cells(found["outside"]) == ["V1", "V2", "V3", "V4"]


def test_cases_are_told_by_class_and_hour(service: Service, tmp_path: Path) -> None:
    """Imported cases c1 at stone 1 and c2 at stone 6, both at 8 o'clock and urban, and c7 at stone 1 at 23 o'clock."""
    load(service, written(tmp_path, [*ROWS, row("c7", "E1", 7, 1.0, class_="", received="2026-03-07 23:30:00")]))
    found = what_if(service, demand="imported", close=["sq-a1"])
    hours = {each["hour"]: (each["before"]["covered"], each["after"]["covered"]) for each in found["hours"]}
    assert hours == {8: (2.0, 1.0), 23: (1.0, 0.0)}
    assert {each["class"] for each in found["hours"]} == {"urban"}
    [grid] = found["grids"]
    parts = [(part["from"], part["lost"]) for part in grid["parts_of_day"]]
    assert parts == [(0, 0.0), (6, 1.0), (12, 0.0), (18, 1.0)]
    assert found["covered"]["all"]["before"]["high"] == 1.0
    assert found["covered"]["all"]["change"]["low"] < -2 / 3 < found["covered"]["all"]["change"]["high"]


def test_people_are_counted_beside_the_cases_or_planned_for(service: Service) -> None:
    """300 live at stone 2, 50 at stone 14, 7 outside of the district."""
    people = [Inhabited(119.62, 29.1, 300.0), Inhabited(119.74, 29.1, 50.0), Inhabited(118.0, 29.1, 7.0)]
    found = what_if(service, people=people, close=["sq-a1"])
    everybody = found["people"]["all"]
    assert (everybody["before"]["demand"], everybody["before"]["covered"], everybody["after"]["covered"]) == (
        350.0, 350.0, 50.0,
    )  # fmt: skip
    assert everybody["change"]["low"] is None
    assert [(each["code"], each["people_lost"]) for each in found["grids"]] == [("V1", 300.0)]
    assert what_if(service, close=["sq-a1"])["people"] is None
    asked = Scenario(model="mclp", p=1, demand="population", existing="ignored")
    plan = make_plan(service, DISTRICT, asked, population=people)
    assert (plan["objective"], plan["covered"]["all"]["after"]["low"]) == (300.0, None)
    with pytest.raises(InvalidInput, match="needs the file of it"):
        make_plan(service, DISTRICT, asked)
    with pytest.raises(InvalidInput, match="Of 1 places with people none is in district"):
        make_plan(service, DISTRICT, asked, population=[people[2]])


def test_a_rule_of_the_reform_is_checked_or_kept(service: Service) -> None:
    """Each of the areas A1 to A4 has one squadron; at stone 7 sq-a4 is in A2."""
    found = what_if(service, move=[place(7, "sq-a4")])
    assert [(each["holds"], each["broken"]) for each in found["rules"]] == [(False, ["A2", "A4"])]
    with pytest.raises(InvalidInput, match="do not keep the rule `squadron-per-area A2`"):
        what_if(service, move=[place(7, "sq-a4")], rules=["squadron-per-area"])
    assert what_if(service, move=[place(13, "sq-a4")], rules=["squadron-per-area"])["rules"][0]["holds"]


@pytest.mark.parametrize(("changes", "words"), [
    ({}, "name a post to `add`, `move` or `close`"),
    ({"close": ["sq-a9"]}, "The unit has no post 'sq-a9'. It has sq-a1, sq-a2"),
    ({"close": ["town-t1"]}, "The unit has no post 'town-t1'"),
    ({"close": ["sq-a1"], "move": [place(4, "sq-a1")]}, "closed or moved twice"),
    ({"add": [{"lon": 29.1, "lat": 119.62}]}, "look swapped"),
    ({"add": [{"lon": float("nan"), "lat": 29.1}]}, "not a finite number|NaN|nan"),
    ({"add": [{"lon": 118.0, "lat": 29.1}]}, "would be outside of the townships"),
    ({"add": [{"lon": 119.62}]}, "cannot be read: 'lat'"),
    ({"open": ["sq-a1"]}, "`changes` has no 'open'"),
])  # fmt: skip
def test_what_cannot_be_changed_is_refused_with_its_cure(service: Service, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(GridsvcError, match=words):
        what_if(service, **changes)


def test_changes_belong_to_a_what_if() -> None:
    with pytest.raises(InvalidInput, match="belong to the model what-if"):
        Scenario.from_json({"model": "mclp", "p": 2, "changes": {"close": ["A"]}})
    with pytest.raises(InvalidInput, match="belong to the model what-if"):
        Scenario.from_json({"model": "what-if"})
    asked = Scenario.from_json({"model": "what-if", "changes": {"close": "A"}})
    assert Scenario.from_json(asked.as_json()) == asked


def test_a_file_of_people_is_read_whole_or_refused(tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("lon,lat,population\n119.62,29.1,12.5\n119.63,29.1,0\n", encoding="utf-8")
    assert read_population(file) == [(119.62, 29.1, 12.5)]
    file.write_text("h3,people\n88309a4c51fffff,7\n", encoding="utf-8")
    assert read_population(file)[0][2] == 7
    for text, words in (
        ("lon,lat\n119.62,29.1\n", "Add `people`"),
        ("lon,lat,people\n119.62,29.1,-3\n", "'-3' is no number of people"),
        ("lon,lat,people\n,29.1,3\n119.62,29.1,3\n", "1 rows have no usable position"),
        ("h3,people\nnowhere,3\n", "'nowhere' is no H3 cell"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(InvalidInput, match=words):
            read_population(file)
