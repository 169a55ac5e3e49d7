"""Teams and their rosters: where they are, how soon the wheels turn, and what is no team."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.errors import InvalidInput
from gridsvc.files.teams import read_teams, write_teams
from gridsvc.teams.model import AVAILABLE, Roster, Team, TeamKind, TeamState, position, turnout_s
from tests.worlds import toy

if TYPE_CHECKING:
    from pathlib import Path

SQUADRON = toy.TEAMS[0]


def test_turnout_from_the_station_and_from_the_road() -> None:
    assert turnout_s(SQUADRON, AVAILABLE) == 60
    assert turnout_s(SQUADRON, TeamState(on_road=True)) == 15
    assert turnout_s(replace(SQUADRON, turnout_s=10), TeamState(on_road=True)) == 10
    assert turnout_s(replace(SQUADRON, turnout_s=0), AVAILABLE) == 0


def test_a_team_stands_at_its_station_until_it_reports() -> None:
    assert position(SQUADRON, AVAILABLE) == (SQUADRON.lon, SQUADRON.lat)
    assert position(SQUADRON, TeamState(lon=119.9, lat=29.2, position_age_s=5)) == (119.9, 29.2)


@pytest.mark.parametrize(("age_s", "stale"), [(None, False), (0, False), (1800, False), (1800.1, True)])
def test_a_team_without_a_device_is_never_stale(age_s: Any, stale: Any) -> None:
    assert TeamState(position_age_s=age_s).is_stale() is stale


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"lon": 29.1, "lat": 119.6}, "swap them"),
        ({"lon": float("nan")}, "is not a valid place"),
        ({"lat": float("inf")}, "is not a valid place"),
        ({"areas": ()}, "without an area grid"),
        ({"kind": TeamKind.TOWNSHIP, "township": None}, "no township code"),
        ({"kind": TeamKind.REGIONAL}, "without a region"),
        ({"staff_needed": 0}, "at least one officer"),
        ({"turnout_s": -1}, "not negative"),
        ({"id": ""}, "no id"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_cure(changed: Any, words: Any) -> None:
    with pytest.raises(InvalidInput, match=words):
        Roster((replace(SQUADRON, **changed),))


def test_an_id_twice() -> None:
    with pytest.raises(InvalidInput, match="occurs twice"):
        Roster((SQUADRON, SQUADRON))


def test_a_roster_is_the_same_in_any_order() -> None:
    roster = Roster(toy.TEAMS)
    assert Roster(toy.TEAMS[::-1]).version == roster.version
    assert Roster.from_document(roster.document()).version == roster.version
    assert Roster(toy.TEAMS[1:]).version != roster.version


def test_a_csv_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    teams = [*toy.TEAMS, replace(SQUADRON, id="more", areas=("A1", "A2"), turnout_s=40, represents=("bureau", "x"))]
    path.write_text(write_teams(teams), encoding="utf-8")
    assert read_teams(path) == teams


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("a,甲,综合行政执法局,navy,119.6,29.1,A1", "line 2: kind 'navy'"),
        ("a,甲,海军,squadron,119.6,29.1,A1", "line 2: no unit is called '海军'"),
        ("a,甲,bureau,squadron,east,29.1,A1", "line 2: lon is 'east'"),
        ("a,甲,bureau,squadron,29.1,119.6,A1", "swap them"),
        ("a,甲,bureau,squadron,119.6,29.1,", "without an area grid"),
        ("a,甲,bureau,squadron,119.6", "more or fewer cells"),
        ("a,甲,bureau,squadron,119.6,29.1,A1\na,乙,bureau,squadron,119.6,29.1,A2", "occurs twice"),
        ("", "holds no teams"),
    ],
)
def test_a_bad_row_is_refused_with_its_line(tmp_path: Path, row: Any, words: Any) -> None:
    path = tmp_path / "teams.csv"
    path.write_text("id,name,unit,kind,lon,lat,areas\n" + row + "\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match=words):
        read_teams(path, toy.CATALOGUE)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    path.write_text("id,name\na,b\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="column unit is missing"):
        read_teams(path)


def test_a_unit_by_name_becomes_its_id(tmp_path: Path) -> None:
    path = tmp_path / "teams.csv"
    path.write_text(
        "id,name,unit,kind,lon,lat,areas\na,甲,综合行政执法局,squadron,119.6,29.1,A1;A2\n", encoding="utf-8"
    )
    assert read_teams(path, toy.CATALOGUE) == [
        Team("a", "甲", "bureau", TeamKind.SQUADRON, 119.6, 29.1, areas=("A1", "A2"))
    ]
