"""`gridsvc roads areas` as a person runs it; what it writes is read back by geopandas."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import geopandas as gpd
import pyogrio
import pytest
import shapely
from sqlalchemy import text

from gridsvc.db.session.connection import Database
from gridsvc.db.teams import replace_teams
from gridsvc.operations.runtime.service import Service
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, load_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

EMPTY = "999999"


@pytest.fixture(scope="module")
def world(
    cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Service, dict[str, str]]]:
    """The district on paper, one squadron without minutes in town, and a district without anything."""
    folder = tmp_path_factory.mktemp("areas")
    with scratch_database(cluster) as url:
        service = Service(Database(url), folder)
        load_toy(service)
        put(service, **{"sq-a1": 300})
        service.database.run(lambda c: c.execute(text(f"insert into district (code, name) values ('{EMPTY}', 'x')")))
        service.database.run(lambda c: c.execute(text(f"insert into district_version (district) values ('{EMPTY}')")))
        yield service, {"GRIDSVC_DATABASE_URL": url, "GRIDSVC_DATA": str(folder)}
        service.database.close()


def put(service: Service, **turnout_s: int) -> None:
    teams = [replace(t, id=TEAM_IDS[t.id], turnout_s=turnout_s.get(t.id, turnout_s.get("all"))) for t in toy.TEAMS]
    service.database.run(lambda c: replace_teams(c, DISTRICT, [], teams, {}))


@pytest.fixture(scope="module")
def run(world: tuple[Service, dict[str, str]]) -> Callable[..., str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GRIDSVC_")} | world[1]

    def call(*words: object, code: int = 0) -> str:
        told = [sys.executable, "-m", "gridsvc", "roads", "areas", *map(str, words)]
        done = subprocess.run(told, env=environment, capture_output=True, text=True)
        assert "Traceback" not in done.stderr, done.stderr
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    return call


def test_a_geopackage_has_a_layer_a_kind(run: Callable[..., str], tmp_path: Path) -> None:
    out = tmp_path / "areas.gpkg"
    out.write_text("an older file")
    told = json.loads(run("--out", out, "--district", DISTRICT, "--json"))
    assert told["areas"] == {"own": 30, "first": 7, "reached_by": 6}
    assert told["drawn"] == {"own": 29, "first": 7, "reached_by": 6}
    assert [(each["team_id"], each["response_class"], each["short_s"]) for each in told["without_minutes"]] == [
        (TEAM_IDS["sq-a1"], "urban", 45)
    ]
    assert [list(each) for each in pyogrio.list_layers(out)] == [[kind, "MultiPolygon"] for kind in told["areas"]]
    own, first, reached = (gpd.read_file(out, layer=kind) for kind in told["areas"])
    assert {own.crs.to_epsg(), first.crs.to_epsg(), reached.crs.to_epsg()} == {4326}
    mine = own[(own.team_id == TEAM_IDS["sq-a2"]) & (own.response_class == "urban")].iloc[0]
    assert (mine.team, mine.minutes, mine.district) == ("sq-a2", 3.25, DISTRICT)
    assert json.loads(mine.versions) == told["versions"]
    assert mine.geometry.covers(shapely.Point(119.6 + 9.3 / 100, 29.1))  # 195 s of 58.4 s a hundredth of a degree
    assert not mine.geometry.covers(shapely.Point(119.6 + 9.4 / 100, 29.1))
    short = own[(own.team_id == TEAM_IDS["sq-a1"]) & (own.response_class == "urban")].iloc[0]
    assert short.minutes == 0
    assert short.geometry is None
    assert reached[reached.response_class == "urban"].k.tolist() == [1, 2, 3]
    town = shapely.union_all(first[first.response_class == "urban"].geometry.to_numpy())
    whole = reached[(reached.response_class == "urban") & (reached.k == 1)].geometry.iloc[0]
    assert town.symmetric_difference(whole).area < 0.005 * whole.area
    again = json.loads(run("--out", out, "--district", DISTRICT, "--json"))
    assert again["drawn"] == {"own": 0, "first": 0, "reached_by": 0}
    assert len(pyogrio.list_layers(out)) == 3


def test_geojson_of_one_kind_and_class(run: Callable[..., str], tmp_path: Path) -> None:
    out = tmp_path / "first.geojson"
    told = json.loads(run("--out", out, "--kind", "first", "--class", "urban", "--district", DISTRICT, "--json"))
    assert told["areas"] == {"first": 3}
    read = gpd.read_file(out)
    assert set(read.team) == {"sq-a2", "sq-a3", "sq-a4"}
    assert set(read.kind) == {"first"}
    written = json.loads(out.read_text(encoding="utf-8"))
    assert (written["complete"], written["stale"]) == (True, False)
    assert [path.name for path in tmp_path.iterdir()] == ["first.geojson"]


def test_refusals_say_why(run: Callable[..., str], world: tuple[Service, dict[str, str]], tmp_path: Path) -> None:
    service, _ = world
    assert ".gpkg" in run("--out", tmp_path / "areas.shp", "--district", DISTRICT, code=3)
    assert "no roads" in run("--out", tmp_path / "a.gpkg", "--district", EMPTY, code=3)
    assert "cannot be written" in run("--out", tmp_path / "none" / "a.gpkg", "--district", DISTRICT, code=3)
    put(service, all=900)
    assert "no team has a second left" in run("--out", tmp_path / "a.gpkg", "--district", DISTRICT, code=3).lower()
    service.database.run(lambda c: c.execute(text("update team set on_duty = false")))
    assert "no team on duty" in run("--out", tmp_path / "a.gpkg", "--district", DISTRICT, code=3)
    run(code=2)
    assert list(tmp_path.iterdir()) == []
