"""Cases, teams and closures from the command line: names instead of ids, suggestions, actors in the events."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from gridsvc.coordinates import Datum, from_wgs84
from gridsvc.db.session.connection import Database
from gridsvc.operations.runtime.service import Service
from tests.cli.program import Program
from tests.worlds.district import TEAM_IDS, load_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-")
PLACE = ("119.61", "29.1001")


@pytest.fixture(scope="module")
def program(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("people")
    with scratch_database(cluster) as url:
        service = Service(Database(url), folder)
        load_toy(service)
        service.database.close()
        yield Program.of(GRIDSVC_DATABASE_URL=url, GRIDSVC_DATA=str(folder))


@pytest.fixture(scope="module")
def case(program: Program) -> dict[str, Any]:
    """A case that the command line reported, by the Chinese name of its type."""
    found: dict[str, Any] = program.json(
        "incidents", "report", "--type", "泄漏", *PLACE, "--actor", "Li Wei", "--source", "110"
    )
    return found


def test_a_case_is_reported_listed_and_shown_with_names(program: Program, case: dict[str, Any]) -> None:
    assert (case["type"], case["source"]) == ("leak", "110")
    assert UUID.match(case["id"])
    listed, _ = program.run("incidents", "list", "--status", "triggered")
    assert "泄漏" in listed
    assert case["id"] in listed
    shown, _ = program.run("incidents", "show", case["number"], "--events")
    assert "R1 > 330703101000 > A1 > V1" in shown
    assert "Li Wei" in shown


def test_a_recommendation_names_teams(program: Program) -> None:
    told, _ = program.run("recommend", "--type", "Leak", *PLACE)
    assert "sq-a1" in told
    assert not UUID.search(told)
    assert UUID.search(program.json("recommend", "--type", "leak", *PLACE)["recommendation"]["lead"]["team_id"])


def test_steps_take_team_names_and_refusals_give_them(program: Program, case: dict[str, Any]) -> None:
    number = case["number"]
    done = program.json("incidents", "step", number, "assign")
    assert done["status"] == "assigned"
    lead = next(a["team_id"] for a in done["assignments"] if a["lead"])
    name = next(name for name, team_id in TEAM_IDS.items() if team_id == lead)
    shown, _ = program.run("incidents", "step", number, "en-route", "--team", name.upper(), "--actor", "Li Wei")
    assert f"{name} (lead)" in shown
    events = program.json("incidents", "show", case["id"], "--events")["events"]
    assert [(e["kind"], e["actor"]) for e in events][-1] == ("en_route", "Li Wei")
    _, refused = program.run("incidents", "step", number, "acknowledge", "--team", "sq-a4", code=3)
    assert "sq-a4 is not on this case" in refused
    assert name in refused
    assert not UUID.search(refused)


def test_r7_a_team_outside_the_slots_needs_a_note(program: Program, case: dict[str, Any]) -> None:
    order = ("incidents", "step", case["number"], "assign", "--team", "sq-a4")
    _, refused = program.run(*order, "--note", " ", code=3)
    assert "Team sq-a4 fills no slot" in refused
    assert "`note`" in refused
    shown, _ = program.run(*order, "--note", "it has the pump")
    assert re.search(r"sq-a4 +outside the slots", shown)


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("incident", "list"), 2, "Did you mean incidents?"),
        (("incidents", "lst"), 2, "Did you mean list?"),
        (("load", "road"), 2, "Did you mean roads?"),
        (("incidents", "step", "1", "asign"), 2, "assign"),
        (("incidents", "list", "--status", "trigered"), 2, "triggered"),
        (("recommend", "--type", "leek", *PLACE), 3, "泄漏 (leak)"),
        (("recommend", "--type", "噪音", *PLACE), 3, "噪声 (noise)"),
        (("teams", "duty", "sq-a", "off"), 3, "sq-a1"),
        (("teams", "datum", "sq-a1", "mercator"), 3, "WGS-84, CGCS2000, GCJ-02 or BD-09"),
        (("incidents", "show", "77777"), 3, "incidents list"),
        (("incidents", "show", "first"), 3, "incidents list"),
        (("closures", "remove", "mine"), 3, "closures list"),
    ],
)
def test_a_mistyped_word_gets_a_suggestion(program: Program, words: list[str], code: int, hint: str) -> None:
    _, refused = program.run(*words, code=code)
    assert hint in refused


def test_a_team_goes_off_duty_by_its_name(program: Program) -> None:
    said, _ = program.run("teams", "duty", "town-t3", "off")
    assert said == "town-t3 is off duty.\n"
    rows = program.json("teams", "list", "--status", "off_duty")
    assert [row["name"] for row in rows] == ["town-t3"]
    listed, _ = program.run("teams", "list")
    assert "sq-a1" in listed
    assert not UUID.search(listed)


def test_a_person_says_which_datum_the_positions_of_a_team_arrive_in(program: Program) -> None:
    said, _ = program.run("teams", "datum", "town-t2", "GCJ-02", "--reason", "高德定位终端", "--actor", "Li Wei")
    assert said == "Positions of town-t2 are read as GCJ-02 from now on.\n"
    rows = program.json("teams", "list")
    assert {row["name"]: row["datum"] for row in rows if row["datum"] != "WGS-84"} == {"town-t2": "GCJ-02"}


def test_a_shifted_file_of_addresses_is_refused_with_the_command_that_cures_it(
    program: Program, tmp_path: Path
) -> None:
    east, north = from_wgs84(np.linspace(119.6, 119.76, 100), np.full(100, 29.1001), Datum.GCJ02)
    rows = [f"{n}号,{x:.7f},{y:.7f}" for n, (x, y) in enumerate(zip(east.tolist(), north.tolist(), strict=True))]
    file = tmp_path / "houses.csv"
    file.write_text("\n".join(["text,lon,lat", *rows]), encoding="utf-8")
    _, refused = program.run("load", "addresses", file, code=3)
    assert "as WGS-84 its addresses are" in refused
    cure, other = (shlex.split(line) for line in refused.splitlines() if line.startswith("  gridsvc"))
    assert (cure[-2:], other[-2:]) == (["--datum", "gcj02"], ["--datum", "wgs84"])
    assert program.run(*cure[1:])[0] == "100 addresses.\n"
    _, doubt = program.run(*other[1:])
    assert "it was read as WGS-84" in doubt


def test_roads_are_closed_and_opened_again(program: Program) -> None:
    line = ("119.62", "29.1", "119.63", "29.1")
    made = program.json("closures", "add", *line, "--reason", "积水", "--actor", "Li Wei")
    assert made["edges"] >= 1
    listed, _ = program.run("closures", "list")
    assert "积水" in listed
    assert made["id"] in listed
    program.run("closures", "remove", made["id"])
    assert program.json("closures", "list") == []
    program.run("closures", "remove", made["id"], code=3)
    program.run("closures", "add", "119.62", "--reason", "x", code=2)
    for option in ("--from", "--until"):
        late = ("closures", "add", *line, "--reason", "x", option, "9999-12-31T23:59:59-14:00")
        _, refused = program.run(*late, code=3)
        assert f"{option} '9999-12-31T23:59:59-14:00' is outside the years 1901 to 2199" in refused


def test_a_line_is_reported_from_a_file(program: Program, tmp_path: Path) -> None:
    file = tmp_path / "line.geojson"
    file.write_text(
        '{"type": "Feature", "geometry": {"type": "LineString", "coordinates": [[119.61, 29.1], [119.62, 29.1]]}}'
    )
    made = program.json("incidents", "report", "--type", "noise", "--geometry", file, "--drill")
    assert made["drill"] is True
    file.write_text("[" * 100_000)
    _, refused = program.run("incidents", "report", "--type", "noise", "--geometry", file, code=3)
    assert "nested too deeply" in refused


def test_a_case_is_corrected_and_what_changed_is_said(program: Program) -> None:
    # Which squadron leads at kilometre 13 depends on who is free; at 7 it is another one.
    number = program.json("incidents", "report", "--type", "leak", "119.73", "29.1001")["number"]
    program.run("incidents", "step", number, "assign")
    shown = program.run("incidents", "show", number)
    printed, _ = program.run("incidents", "place", number, "119.67", "29.1001", "--dry-run")
    assert "Owners before: R2 > 330703103000 > A4 > V4" in printed
    assert re.search(r"Would change: the place, the owners, [^\n]*the recommended lead, ", printed), printed
    assert re.search(r"The clock would stop at 20\d\d-\d\d-\d\d \d\d:\d\d", printed)
    assert "Nothing is stored." in printed
    printed, _ = program.run("incidents", "owner", number, "330703103000", "--dry-run")
    assert "Would change: the owners" in printed
    assert program.run("incidents", "show", number) == shown
    _, refused = program.run("incidents", "owner", number, "330703103000", code=2)
    assert "Say why, with --reason TEXT. To see only what would change, add --dry-run." in refused
    printed, _ = program.run("incidents", "place", number, "119.67", "29.1001", "--reason", "north gate")
    assert "Owners before: R2 > 330703103000 > A4 > V4" in printed
    assert re.search(r"No longer belongs there: sq-a[34] \(1\)", printed)
    assert "Missing there: sq-a2 (1)" in printed
    assert "Missing there: town-t2 (township)" in printed
    words = ("incidents", "owner", number, "330703103000", "--reason", "agreed", "--actor", "Li Wei")
    named = program.json(*words)
    assert (named["owners"]["township"]["code"], named["ownership"]["rule"]) == ("330703103000", "person")
    shown = program.json("incidents", "show", number)["correction"]
    assert (shown["kind"], shown["by"], shown["reason"]) == ("owner", "Li Wei", "agreed")
