"""Whatever a person gives or the machine lacks: one sentence and an exit code, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from gridsvc.db.session.connection import Database
from gridsvc.operations.runtime.service import Service
from tests.cli.program import Program
from tests.worlds.district import load_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster


@pytest.fixture(scope="module")
def program(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    folder = tmp_path_factory.mktemp("robust")
    with scratch_database(cluster) as url:
        service = Service(Database(url), folder)
        load_toy(service)
        service.database.close()
        yield Program.of(GRIDSVC_DATABASE_URL=url, GRIDSVC_DATA=str(folder))


@pytest.fixture
def places(tmp_path: Path) -> Path:
    path = tmp_path / "places.csv"
    path.write_text("lon,lat\n119.61,29.1\n119.62,29.1\n")
    return path


@pytest.mark.parametrize("words", [("--help",), ("teams", "list"), ("teams", "list", "--json")])
def test_a_full_disk_under_stdout(program: Program, words: tuple[str, str, str] | tuple[str, str] | tuple[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        _, said = program.run(*words, code=3, stdout=full)
    assert said.count("\n") == 1
    assert "disk is full" in said


@pytest.mark.parametrize("command", ["locate", "isochrone", "travel-times", "grids export", "audit anchor"])
def test_a_full_disk_under_a_file(program: Program, places: Path, tmp_path: Path, command: str) -> None:
    """A file system of 64 kB that is full; the file that was there before is still there, and no draft beside it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this user may not mount a file system")
    typed: dict[str, tuple[list[object], str]] = {
        "locate": (["locate", "--file", places, "--out"], "o.csv"),
        "isochrone": (["isochrone", 119.61, 29.1, "--out"], "o.gpkg"),
        "travel-times": (["travel-times", "--origins", places, "--destinations", places, "--out"], "o.csv"),
        "grids export": (["grids", "export"], "o.gpkg"),
        "audit anchor": (["audit", "anchor"], "o.json"),
    }
    words, name = typed[command]
    try:
        (disk / name).write_text("the old file")
        with (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                try:
                    filler.write(b"x" * 4096)
                except OSError:
                    break
        _, said = program.run(*words, disk / name, code=3)
        assert name in said
        assert (disk / name).read_text() == "the old file"
        assert sorted(path.name for path in disk.iterdir()) == ["filler", name]
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("out", ["area.shp", "area", "area.kml"])
def test_an_ending_that_cannot_be_written_is_refused_before_the_work(
    program: Program, tmp_path: Path, out: str
) -> None:
    _, said = program.run("isochrone", 119.61, 29.1, "--out", tmp_path / out, code=3)
    assert ".geojson or .json or .gpkg" in said
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_that_knows_only_ascii(program: Program) -> None:
    program.run("closures", "add", 119.7, 29.1, "--reason", "积水")
    ascii_only: dict[str, Any] = {
        "PYTHONIOENCODING": "ascii",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    told, _ = program.run("recommend", "--type", "泄漏", 119.61, 29.1, **ascii_only)
    assert "泄漏 (leak)" in told
    listed, _ = program.run("closures", "list", **ascii_only)
    assert "积水" in listed


def test_a_reader_that_stops_reading(program: Program) -> None:
    typed = [sys.executable, "-m", "gridsvc", "teams", "list", "--json"]
    with subprocess.Popen(typed, env=program.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        process.wait()
    assert process.returncode in {0, 1}
    assert said == b""


@pytest.mark.parametrize("wait_s", [0.5, 1.5])
def test_ctrl_c(program: Program, places: Path, tmp_path: Path, wait_s: float) -> None:
    places.write_text("lon,lat\n" + "119.61,29.1\n" * 300_000)
    typed = [sys.executable, "-m", "gridsvc", "locate", "--file", str(places), "--out", str(tmp_path / "o.csv")]
    with subprocess.Popen(typed, env=program.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        time.sleep(wait_s)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    # Before the program's first line the interpreter alone is there to be stopped.
    assert process.returncode in {0, 130, -signal.SIGINT}
    assert b"atexit" not in said
    assert not list(tmp_path.glob(".*"))


def test_a_refused_file_ends_without_a_word_of_the_thread_that_loads_kernels(program: Program, tmp_path: Path) -> None:
    bad = tmp_path / "bad.csv"
    bad.write_text("lon,lat\nx,y\n")
    _, said = program.run("locate", "--file", bad, "--out", tmp_path / "o.csv", code=3)
    assert said.count("\n") == 1


def test_bad_rows_are_reported_and_the_rest_is_done(program: Program, tmp_path: Path) -> None:
    source, out = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_bytes("名称;经度;纬度\n甲;119,61;29,1\n\n乙;;29,1\n丙;29,1;119,61\n丁;119,66;29,1\n".encode("gb18030"))
    told, said = program.run("locate", "--file", source, "--out", out, "--json")
    assert json.loads(told)["rules"] == {"interior": 2}
    assert [bad["row"] for bad in json.loads(told)["bad"]] == [4, 5]
    assert "row 4: the longitude is empty" in said
    assert "swapped" in said
    assert "2 of the rows could not be used" in said
    rows = [line.split(";") for line in out.read_bytes().decode("gb18030").splitlines()]
    assert rows[0] == ["名称", "经度", "纬度", "regional", "township", "area", "village", "rule"]
    assert [(row[0], row[-1]) for row in rows[1:]] == [("甲", "interior"), ("乙", ""), ("丙", ""), ("丁", "interior")]


def test_a_bad_place_keeps_its_row_of_the_matrix(program: Program, places: Path, tmp_path: Path) -> None:
    places.write_text("lon,lat\n119.61,29.1\nx,29.1\n119.62,29.1\n")
    out = tmp_path / "m.csv"
    program.run("travel-times", "--origins", places, "--destinations", places, "--out", out)
    rows = [line.split(",") for line in out.read_text().splitlines()]
    assert [len(row) for row in rows] == [3, 3, 3]
    assert rows[1] == ["", "", ""]
    assert rows[0][1] == ""
    assert float(rows[0][2]) == pytest.approx(float(rows[2][0]))


_NUMBERS = st.sampled_from(
    ["nan", "inf", "-1e309", "1e400", "0", "-180", "91", "119.61", "29.1", "", "x", "１", "\udcff"]
)
_TEXTS = st.sampled_from(
    [
        "",
        " ",
        "[/red]",
        "\x1b[31m",
        "泄漏",
        "leak",
        "'",
        "%s",
        "\udcff\udcfe",
        "a" * 5000,
        "--",
        "-1",
        "2026-13-01",
        "../x",
        "1",
    ]
)
_FILES = st.sampled_from(
    [b"", b"\0", b"[" * 99_999, b"lon,lat\n" + b'"' * 5, b"a" * 140_000, b"\xff\xfe\x00", b'{"districts": {"1": []}}',
     b"lon,lat\n1,2\n" * 3, b"x = " + b"[" * 9_999, b"text,lon,lat\n\xd6\xd0,1,2\n", b"lon,lat\n1e999,-1e999\n"]
)  # fmt: skip
ENDINGS = ["in.csv", "in.toml", "in.json", "in.geojson", "in.osm.pbf", "in"]
_SHAPES = st.sampled_from(
    [
        ("locate", "N", "N"), ("locate", "--address", "T"), ("locate", "--file", "F", "--out", "O"),
        ("locate", "N", "N", "--as-of", "T"), ("recommend", "--type", "T", "N", "N"),
        ("incidents", "list", "--since", "T"), ("incidents", "show", "T"), ("incidents", "step", "T", "assign"),
        ("incidents", "report", "--type", "leak", "--geometry", "F", "--datum", "T"), ("teams", "duty", "T", "off"),
        ("teams", "datum", "T", "T"),
        ("closures", "add", "N", "N", "--reason", "T"), ("closures", "add", "--geometry", "F", "--reason", "T"),
        ("closures", "remove", "T"), ("travel-times", "--origins", "F", "--destinations", "F", "--out", "O"),
        ("isochrone", "N", "N", "--minutes", "T"), ("load", "addresses", "F"), ("load", "teams", "F"),
        ("load", "catalogue", "F"), ("load", "plans", "F"), ("load", "calendar", "F"), ("load", "roads", "F"),
        ("load", "grids", "F", "--level", "T"), ("load", "osm", "F", "--level", "T"),
        ("audit", "verify", "--anchor", "F"), ("audit", "replay", "T"), ("grids", "history", "T"),
        ("grids", "export", "O"), ("grids", "activate", "N"),
        ("jobs", "watch", "T"), ("keys", "pair", "T", "--team", "T"), ("erase", "T", "--dry-run"), ("T",),
    ]
)  # fmt: skip


@settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "20")), deadline=None, phases=[Phase.generate],
          derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(shape=_SHAPES, data=st.data())
def test_bad_input_to_any_command(
    program: Program, tmp_path: Path, shape: tuple[str, ...], data: st.DataObject
) -> None:
    """The fuzz: a command with bad numbers, texts and files answers, refuses, or calls it wrong usage."""
    words: list[str] = []
    outputs = ["/dev/full", str(tmp_path / "o.csv"), str(tmp_path / "no" / "o.csv")]
    for word in shape:
        if word == "F":
            file = tmp_path / data.draw(
                st.sampled_from(["in.csv", "in.toml", "in.json", "in.geojson", "in.osm.pbf", "in"])
            )
            file.write_bytes(data.draw(_FILES))
            words.append(str(file))
        elif word == "O":
            words.append(data.draw(st.sampled_from(outputs)))
        else:
            words.append(data.draw({"N": _NUMBERS, "T": _TEXTS}[word]) if word in {"N", "T"} else word)
    encoded = [word.encode("utf-8", "surrogateescape") for word in words]
    typed: list[str | bytes] = [sys.executable, "-m", "gridsvc", *encoded]
    done = subprocess.run(typed, env=program.environment, capture_output=True)
    said = done.stderr.decode("utf-8", "replace")
    assert "Traceback" not in said, (words, said)
    assert "defect of gridsvc" not in said, (words, said)
    assert done.returncode in {0, 2, 3}, (words, done.returncode, said)
    assert done.returncode == 0 or said, words
