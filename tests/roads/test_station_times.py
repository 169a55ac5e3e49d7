"""How long each team needs: from prepared stations never another tenth of a second than by a search."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.db.grids.versions import District, Versions
from gridsvc.db.session.connection import Database
from gridsvc.dispatch import Prepared
from gridsvc.operations.law.mapped import Law
from gridsvc.operations.roads import team_times
from gridsvc.operations.runtime.districts import DistrictView
from gridsvc.operations.runtime.service import Service
from gridsvc.roads.network.building import build
from gridsvc.roads.search.closures import Closure
from gridsvc.roads.search.search import FARTHEST_MS
from gridsvc.teams.model import AVAILABLE, Team, TeamKind, TeamState
from tests.worlds.toy import CATALOGUE, CLOCKS, PLANS
from tests.worlds.toy_roads import QUIET, lonlat, random_world

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def without_database(folder: Path) -> Service:
    """A service that never opens a connection: nothing listens there."""
    return Service(Database("postgresql://nobody@127.0.0.1:1/nowhere"), folder)


def world(
    seed: int, tmp_path: Path, closures: tuple[Closure, ...] = ()
) -> tuple[Service, DistrictView, Law, np.random.Generator]:
    draw = np.random.default_rng(seed)
    stations = [lonlat(*xy) for xy in draw.uniform(-100, 1500, (30, 2)).tolist()]
    teams = [Team(f"t{n:02}", f"Team {n}", "partner-fire", TeamKind.PARTNER, *at) for n, at in enumerate(stations)]
    law = Law.of(Prepared.of(teams, CATALOGUE, PLANS, CLOCKS))
    network = build(random_world(seed), QUIET)
    versions = Versions("d", None, "n", len(closures), None, None, None, 1, NOON)
    view = DistrictView(versions, District("d", "D", "Asia/Shanghai", True), None, {}, network, law, closures)
    return without_database(tmp_path), view, law, draw


def closure(seed: int) -> Closure:
    x, y = np.random.default_rng(seed).uniform(300, 1000, 2)
    shape = shapely.box(*lonlat(x, y), *lonlat(x + 300, y + 300))
    return Closure(f"c{seed}", shape, 0.0, ("normal", "emergency"), NOON, None, "works")


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_posts_give_what_a_search_gives(
    seed: int, closed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, view, law, draw = world(seed, tmp_path, (closure(seed),) if closed else ())
    assert team_times.prepare_stations(service, view)
    asked: list[tuple[list[TeamState], float, float]] = []
    monkeypatch.setattr(team_times, "_NODES_PER_MOVED_TEAM", 0)  # also where many have moved
    for moved in (0, 1, 7, 30):
        states = [AVAILABLE] * 30
        for number in draw.permutation(30)[:moved].tolist():
            lon, lat = lonlat(*draw.uniform(-100, 1500, 2).tolist())
            states[number] = TeamState(lon=lon, lat=lat, position_age_s=1.0)
        asked.extend((states, *lonlat(*draw.uniform(-100, 1500, 2).tolist())) for _ in range(10))
    from_tables = [team_times.travel_seconds(service, view, law, *each) for each in asked]
    monkeypatch.setattr(team_times._Fleet, "from_tables", lambda *_given: None)
    assert from_tables == [team_times.travel_seconds(service, view, law, *each) for each in asked]
    assert any(any(seconds) for seconds in from_tables)


def test_nobody_waits_for_posts_to_be_prepared(tmp_path: Path) -> None:
    service, view, law, _ = world(1, tmp_path)
    asked = ([AVAILABLE] * 30, *lonlat(500, 500))
    first = team_times.travel_seconds(service, view, law, *asked)
    assert team_times.prepare_stations(service, view)
    assert team_times.travel_seconds(service, view, law, *asked) == first


def test_what_cannot_be_prepared_is_done_without_and_tried_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service, tries = without_database(tmp_path), []

    def fail() -> None:
        tries.append(1)
        raise ValueError("never")

    for _ in range(3):
        assert service.prepared("posts", "n", fail) is None
        while len(tries) < 1 or not caplog.records:
            pass
    assert len(tries) == 1


def test_what_was_prepared_is_there(tmp_path: Path) -> None:
    service, deadline = without_database(tmp_path), time.monotonic() + 30
    while (found := service.prepared("posts", "n", lambda: "ready")) is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert found == "ready"


def test_tenths_of_seconds_are_those_that_python_rounds_to() -> None:
    """What the decisions of earlier versions recorded."""
    ms = np.concatenate([np.arange(0, 40_000), np.arange(50, 3_000_000, 100), [FARTHEST_MS]])
    expected = [round(round(each / 1000, 1) * 1000) for each in ms[:-1].tolist()]
    assert team_times.in_tenths(ms) == [*expected, None]
