"""The district of the demo in memory: its law, its teams and its past, lived through without a database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from gridsvc.db.grids.versions import District, Versions
from gridsvc.db.session.connection import Database
from gridsvc.demo.history import Replay
from gridsvc.demo.past import owned_places
from gridsvc.demo.world.crews import raise_crews
from gridsvc.demo.world.history import candidate_places, plan_history
from gridsvc.demo.world.synthetic import make_jindong
from gridsvc.dispatch import Prepared
from gridsvc.files.law.catalogue import read_catalogue, read_units
from gridsvc.files.law.response_plans import read_clock_rules, read_plan_book
from gridsvc.grids.index import OwnershipIndex
from gridsvc.grids.levels import Level
from gridsvc.operations.law.mapped import Law
from gridsvc.operations.runtime.districts import DistrictView
from gridsvc.operations.runtime.service import Service

if TYPE_CHECKING:
    from gridsvc.demo.cases import PastCase
    from gridsvc.demo.world.history import PlannedIncident
    from gridsvc.files.osm.model import DemoPlace
    from gridsvc.law import Catalogue, ClockRules, PlanBook

    Rules = tuple[Catalogue, PlanBook, ClockRules]
    Past = tuple[list[PlannedIncident], list[PastCase]]

GEODATA = Path(__file__).resolve().parents[2] / "geodata"
NOW = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def law() -> Rules:
    units = GEODATA / "units.toml"
    catalogue, _ = read_catalogue(GEODATA / "jindong" / "catalogue.toml", units)
    clocks = read_clock_rules(GEODATA / "clock_policies.toml")
    return catalogue, read_plan_book(GEODATA / "response_plans", clocks, catalogue, read_units(units)), clocks


@pytest.fixture(scope="session")
def place() -> DemoPlace:
    return make_jindong(GEODATA, seed=1)


@pytest.fixture(scope="session")
def view(place: DemoPlace, law: Rules) -> DistrictView:
    catalogue, plans, clocks = law
    prepared = Prepared.of(raise_crews(place, catalogue, plans).teams, catalogue, plans, clocks)
    lon = np.array([team.lon for team in prepared.teams])
    lat = np.array([team.lat for team in prepared.teams])
    versions = Versions(place.code, 1, "network", 0, catalogue.version, plans.version, clocks.version, 1, NOW)
    district = District(place.code, place.name, place.time_zone, place.synthetic)
    index = OwnershipIndex.build(place.code, 1, place.grids)
    seats = {grid.code: grid.urban_rural_code for grid in place.grids if grid.level is Level.TOWNSHIP}
    return DistrictView(versions, district, index, seats, place.roads, Law(prepared, lon, lat))


SERVICE = Service(Database("postgresql://nobody@127.0.0.1:1/nowhere"), Path("/nowhere"))


def live_through(place: DemoPlace, view: DistrictView, law: Rules, *, seed: int = 1, count: int) -> Past:
    spots, far, squadrons = owned_places(view, candidate_places(place, 3 * count + 100, seed + 1))
    planned = plan_history(spots, far, law[1], place.time_zone, NOW, count, seed + 2, squadrons)
    numbers = iter(range(1, count + 1))
    replay = Replay(SERVICE, view, NOW, seed + 3, lambda: next(numbers))
    return planned, sorted(replay.run(planned), key=lambda case: case.case.triggered_at)
