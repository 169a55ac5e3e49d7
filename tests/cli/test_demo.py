"""`gridsvc demo` and `load osm` as a user runs them: a process, its exit code, its JSON; a data folder of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.worlds.osm_files import OsmFile, square

if TYPE_CHECKING:
    from collections.abc import Iterator


class Program:
    """The command line over one data folder."""

    def __init__(self, folder: Path) -> None:
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("GRIDSVC_")} | {"GRIDSVC_DATA": str(folder)}

    def run(self, *words: object) -> subprocess.CompletedProcess[str]:
        told = [sys.executable, "-m", "gridsvc", *map(str, words)]
        return subprocess.run(told, env=self.env, capture_output=True, text=True, timeout=280)

    def json(self, *words: object) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    # under /tmp with a short name: a socket's path is short
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-demo-", dir="/tmp"))
    folder.chmod(0o755)
    made = Program(folder / "data")
    yield made
    made.run("db", "down")
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def made(program: Program) -> dict[str, Any]:
    found: dict[str, Any] = program.json("demo", "--incidents", 120, "--no-serve")
    evidence = program.json("audit", "verify")
    assert [report["unsealed"] for report in evidence] == [0], "the demo leaves events that wait for a service"
    return found


def test_the_demo_ends_with_its_one_json_object(made: dict[str, Any]) -> None:
    assert list(made["grids"]) == ["regional", "township", "area", "village"]
    assert made["grids"]["township"] == 11
    assert made["grids"]["village"] == 361
    assert made["district"] == "330703"
    assert made["synthetic"] is True
    assert made["incidents"] == made["owned"] == 120
    assert made["dispatched"] >= 110
    assert 0.65 <= made["met_target_share"] <= 0.95
    assert made["lead_response_p90_s"] > 0
    assert made["roads"]["arcs"] > 2 * made["roads"]["nodes"]
    assert made["teams"] > 50
    assert made["seconds"] > 0


def test_the_second_run_uses_what_is_there_and_another_wish_is_refused(program: Program, made: dict[str, Any]) -> None:
    begun = time.monotonic()
    again = program.json("demo", "--no-serve")
    assert {k: v for k, v in again.items() if k != "seconds"} == {k: v for k, v in made.items() if k != "seconds"}
    assert again["seconds"] < made["seconds"]
    assert time.monotonic() - begun < 60
    other = program.run("demo", "--incidents", 7, "--no-serve")
    assert other.returncode == 3
    assert "incidents 120, not 7" in other.stderr
    assert "GRIDSVC_DATA" in other.stderr


def test_its_grids_have_no_blocking_fault_and_its_vacancies_are_listed(program: Program, made: dict[str, Any]) -> None:
    checked = program.json("grids", "check")
    assert checked["blocking"] is False
    kinds = {fault["kind"] for fault in checked["faults"]}
    assert "no-officer" in kinds
    assert not kinds & {"invalid", "overlap", "gap", "sliver", "orphan", "misplaced", "duplicate-code"}


def test_a_case_names_who_answers_for_it_at_every_level(program: Program, made: dict[str, Any]) -> None:
    newest = program.json("incidents", "list", "--limit", 1)[0]
    case = program.json("incidents", "show", newest["number"])
    answers_for = case["responsible"]
    people = program.json("grids", "people", case["owners"]["village"]["code"])
    assert {level: bool(one["name"]) for level, one in answers_for.items()} == dict.fromkeys(made["grids"], True)
    assert people["responsible"] == answers_for["village"] | {
        key: people["responsible"][key] for key in ("phone", "from", "until")
    }
    regional = program.json("grids", "people", case["owners"]["regional"]["code"])["people"]
    assert [each["post"] for each in regional] == ["leader", "deputy", "deputy"]


def test_its_events_are_sealed_in_a_chain_that_holds(program: Program, made: dict[str, Any]) -> None:
    done = program.run("audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr


def test_people_are_told_what_is_made_up_that_it_agrees_with_networkx_and_who_went(
    program: Program, made: dict[str, Any]
) -> None:
    done = program.run("demo", "--no-serve")
    assert done.returncode == 0
    assert "200 of 200 agree with networkx" in done.stdout
    assert "made up from a seed" in done.stdout
    assert "A dispatched incident" in done.stdout
    assert re.search(
        r"^1 +\S.* (yes|late) *$", done.stdout, re.MULTILINE
    )  # the team in slot 1, and whether it is in time


def test_it_serves_without_sign_in_and_ctrl_c_ends_it(program: Program, made: dict[str, Any]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = [sys.executable, "-m", "gridsvc", "demo", "--port", str(port), "--replay", "600x"]
    served = subprocess.Popen(told, env=program.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              start_new_session=True)  # fmt: skip
    try:
        count = None
        for _ in range(240):
            assert served.poll() is None, served.stdout and served.stdout.read()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/incidents?limit=200", timeout=5) as got:
                    count = len(json.load(got)["items"])
            except OSError:
                pass
            if count is not None and count > made["incidents"]:
                break
            time.sleep(0.5)
        assert count is not None
        assert count > made["incidents"], "the replay reports incidents"
    finally:
        os.killpg(served.pid, signal.SIGINT)
        out, _ = served.communicate(timeout=60)
    assert "Traceback" not in out
    assert f"http://127.0.0.1:{port}/" in out


def town(folder: Path, *, boundaries: bool) -> Path:
    """A file with a mesh of streets and, where asked for, two townships."""
    osm = OsmFile(negative=True)
    for n in range(21):
        osm.way([(10 + 0.002 * k, 50 + 0.001 * n) for k in range(21)], {"highway": "residential", "name": f"Row {n}"})
        osm.way([(10 + 0.002 * n, 50 + 0.001 * k) for k in range(21)], {"highway": "tertiary", "name": f"Line {n}"})
    if boundaries:
        osm.area(6, "Left", [(osm.way(square(10.0, 50.0, 0.02), {}), "outer")])
        osm.area(6, "Right", [(osm.way(square(10.02, 50.0, 0.02), {}), "outer")])
        osm.node(10.005, 50.005, amenity="fire_station", name="Fire house")
        osm.node(10.03, 50.01, **{"addr:housenumber": "7", "addr:street": "High Street"})
    return osm.write(folder / ("with.osm.pbf" if boundaries else "without.osm.pbf"), shuffled=True)


@pytest.mark.parametrize("boundaries", [True, False])
def test_a_real_place_with_other_levels_or_none_is_owned_and_dispatched(
    program: Program, tmp_path: Path, boundaries: bool
) -> None:
    made = program.json("demo", "--osm", town(tmp_path, boundaries=boundaries), "--incidents", 30, "--no-serve")
    assert made["district"].startswith("90000")
    assert made["incidents"] == made["owned"] == 30
    assert made["dispatched"] > 25
    assert made["synthetic"] is not boundaries
    assert made["grids"]["township"] == 2 if boundaries else made["grids"]["township"] >= 3


def test_load_osm_takes_what_the_file_has_and_makes_nothing_up(program: Program, tmp_path: Path) -> None:
    told = program.json("load", "osm", town(tmp_path, boundaries=True), "--district", "900777")
    assert told["grids"] == {"regional": 0, "township": 2, "area": 0, "village": 0}
    assert told["stations"] == 1
    assert told["addresses"] == 1
    assert told["roads"]["arcs"] > 0
    assert program.json("grids", "check", "--district", "900777")["blocking"] is False


def test_files_that_are_no_place_are_refused_with_exit_3(program: Program, tmp_path: Path) -> None:
    whole = town(tmp_path, boundaries=True).read_bytes()
    (tmp_path / "empty.osm.pbf").write_bytes(b"")
    (tmp_path / "cut.osm.pbf").write_bytes(whole[: len(whole) * 2 // 3])
    for name in ("empty", "cut", "missing"):
        for words in (("demo", "--no-serve", "--osm"), ("load", "osm")):
            done = program.run(*words, tmp_path / f"{name}.osm.pbf")
            assert done.returncode == 3, (name, words, done.stderr)
            assert "Refused" in done.stderr
            assert "Traceback" not in done.stderr


def test_wrong_words_are_usage_errors(program: Program) -> None:
    for words in (("--level", "x"), ("--level", "county=3"), ("--replay", "fast"), ("--incidents", "-1")):
        assert program.run("demo", "--no-serve", *words).returncode == 2
