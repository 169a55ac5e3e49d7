"""The command line for one district tells of that district: every command, with two districts loaded.

The command line is the operator's, who may look at everything; --district is how he says of what he speaks.
"""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import click
import pytest

from gridsvc.cli.root import root
from tests.api.two_districts import MARK, A, B

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.api.two_districts import World

# What is about the machine or the whole service: there is no district to speak of.
WHOLE = {
    "demo", "serve", "work", "db backup", "db base-backup", "db down", "db migrate", "db restore", "db up",
    "districts list", "jobs cancel", "jobs list", "jobs planned", "jobs run", "jobs watch", "audit anchor",
    "audit verify", "doctor", "bench", "keys list", "erase", "keys devices", "closures remove",
}  # fmt: skip
# What names one thing, which has its district: a case, a place, a person.
ONE_THING = {"audit replay", "recommend", "keys pair", "keys tracker", "keys revoke", "keys add", "districts remove",
             "incidents show", "incidents step", "incidents report", "teams duty", "teams datum", "closures add",
             "addresses learn", "addresses forget", "incidents place", "incidents owner", "grids rule",
             "grids move-posts"}  # fmt: skip
# What draws for minutes what is not drawn yet: its district is asked where areas are tested.
SLOW = {"roads areas"}
# Loads, which write what is in their file and answer with what they found in it.
LOADS = {"load grids", "load osm", "load roads", "load teams", "load catalogue", "load plans", "load addresses",
         "load calendar", "load posts", "load incidents", "roads calibrate"}  # fmt: skip


def commands(command: click.Command = root, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield (words, command) of every command there is."""
    if isinstance(command, click.Group):
        if command.invoke_without_command:
            yield " ".join(path), command
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))
    else:
        yield " ".join(path), command


@pytest.fixture(scope="module")
def places(two: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[Any, ...]]:
    """A file with a place of either district, and one with a point of the first."""
    folder = tmp_path_factory.mktemp("places")
    rows = [
        two.rows("select st_x(geom), st_y(geom) from incident where district = :d order by id limit 1", d=d)[0]
        for d in (A, B)
    ]
    with (folder / "places.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("lon", "lat"), *rows])
    return folder / "places.csv", rows[0]


def asked(places: tuple[Path, tuple[Any, ...]], folder: Path, two: World) -> dict[str, list[str]]:
    """How each command that answers for one district is asked."""
    file, (lon, lat) = places
    here = [str(lon), str(lat)]
    township = two.rows("select code from grid where district = :d and level = 2 order by code limit 1", d=A)[0][0]
    return {
        "grids list": [],
        "grids check": [],
        "grids repair": ["--dry-run"],
        "grids diff": ["1"],
        "grids history": [township],
        "grids match": ["1"],
        "grids people": [township],
        "grids export": [str(folder / "grids.geojson")],
        "grids activate": ["1"],
        "grids rollback": [],
        "roads show": [],
        "incidents list": [],
        "teams list": [],
        "closures list": [],
        "geocode": ["桥头村"],
        "addresses learned": [],
        "compliance": ["--by", "township", "--out", str(folder / "figures.csv")],
        "locate": ["--file", str(file), "--out", str(folder / "owners.csv")],
        "db url": ["--role", "viewer"],
        "db password": [],
        "db project": [str(folder / "desk.qgs")],
        "travel-times": ["--origins", str(file), "--destinations", str(file), "--out", str(folder / "times.csv")],
        "isochrone": [*here, "--minutes", "5", "--out", str(folder / "area.geojson")],
        "compliance report": ["--out", str(folder / "report.html")],
        "compliance causes": ["--cases"],
        "compliance cells": [],
        "cover now": [],
        "cover plan": ["--model", "mclp", "--p", "2", "--demand", "villages"],
        "cover joint-team": ["--demand", "villages"],
        "cover what-if": ["--add", "119.62", "29.1", "--demand", "villages"],
        "simulate": ["--replications", "2", "--days", "5"],
    }


def test_no_command_is_left_out(two: World, places: tuple[Path, tuple[Any, ...]], tmp_path: Path) -> None:
    """A new command says here whose it is."""
    known = WHOLE | ONE_THING | LOADS | SLOW | set(asked(places, tmp_path, two))
    found = dict(commands())
    assert set(found) - known == set(), "say of which district the new command speaks"
    assert known - set(found) == set()
    for words in set(found) - WHOLE - ONE_THING:
        assert any(each.name == "district" for each in found[words].params), words


def run(two: World, words: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATA": str(two.service.folder)}
    return subprocess.run(
        [sys.executable, "-m", "gridsvc", *words], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", sorted(
    {"grids list", "grids check", "grids repair", "grids diff", "grids history", "grids people", "grids export",
     "grids activate", "grids rollback", "roads show", "locate", "travel-times", "isochrone", "db url", "db password",
     "db project", "incidents list", "teams list", "closures list", "geocode", "addresses learned", "compliance"}
))  # fmt: skip
def test_a_command_for_one_district_tells_of_that_district(
    two: World, places: tuple[Path, tuple[Any, ...]], tmp_path: Path, words: str
) -> None:
    more = asked(places, tmp_path, two)[words]
    done = run(two, [*words.split(), *more, "--district", A, "--json"])
    # It is in force already, there is none before it, and nothing was calibrated.
    refused = words in {"grids activate", "grids rollback", "roads show"}
    assert done.returncode == (3 if refused else 0), done.stderr
    if not refused:
        assert json.loads(done.stdout) is not None
    written = [file.read_text(encoding="utf-8") for file in tmp_path.iterdir()]
    for text in (done.stdout, done.stderr, *written):
        assert not re.search(rf"(?<![0-9.]){B}", text)
        assert MARK not in text


@pytest.mark.parametrize("words", ["grids list", "grids check", "grids rollback", "locate", "db url", "db project"])
def test_a_district_that_is_not_loaded_is_refused(
    two: World, places: tuple[Path, tuple[Any, ...]], tmp_path: Path, words: str
) -> None:
    more = asked(places, tmp_path, two)[words]
    done = run(two, [*words.split(), *more, "--district", "330000", "--json"])
    assert done.returncode == 3, done.stderr
    assert not done.stdout.strip()
    assert "330000" in done.stderr


def test_where_several_are_loaded_none_is_guessed(two: World) -> None:
    for words in ("grids list", "grids check", "grids rollback"):
        done = run(two, [*words.split(), "--json"])
        assert done.returncode == 3, words
        assert "--district" in done.stderr
