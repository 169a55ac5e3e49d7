"""A service over a scratch database with the district on paper: law, teams, its grids and its one road."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import NAMESPACE_URL, uuid5

import psycopg
from alembic import command
from alembic.config import Config
from shapely.geometry import box
from sqlalchemy import create_engine

from gridsvc.cases.decide import Report
from gridsvc.db.grids.versions import ensure_district
from gridsvc.db.schema.migrate import upgrade
from gridsvc.db.schema.revision import SCRIPTS
from gridsvc.db.session.connection import Database
from gridsvc.db.teams import replace_teams
from gridsvc.grids.levels import Grid, Level
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.grids import generations
from gridsvc.operations.law.in_force import put_law
from gridsvc.operations.roads import networks
from gridsvc.operations.runtime.service import Service
from tests.worlds import toy, toy_roads

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.roads.network.network import RoadNetwork

DISTRICT = "330703"
TEAM_IDS = {team.id: str(uuid5(NAMESPACE_URL, team.id)) for team in toy.TEAMS}


@contextmanager
def scratch_database(cluster: EmbeddedCluster, *, migrated: bool = True) -> Iterator[str]:
    """URL, as the application's role, of a fresh database; dropped at the end. Migrated ones are copies of one."""
    name = f"scratch_{secrets.token_hex(6)}"
    with psycopg.connect(cluster.url("superuser").replace("+psycopg", ""), autocommit=True) as connection:
        if migrated:
            _make_template(cluster, connection)
        template = f"TEMPLATE {_TEMPLATE}" if migrated else ""
        connection.execute(f"CREATE DATABASE {name} OWNER gridsvc_owner {template}")
        _give_roles(cluster, name)
        try:
            yield cluster.url("app").replace("@/gridsvc?", f"@/{name}?")
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def upgrade_to(url: str, revision: str) -> None:
    """Give an empty database the schema of an earlier version."""
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    engine = create_engine(url)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.commit()
    engine.dispose()


_TEMPLATE = "migrated_template"


def _make_template(cluster: EmbeddedCluster, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [_TEMPLATE]).fetchone() is None:
        connection.execute(f"CREATE DATABASE {_TEMPLATE} OWNER gridsvc_owner")
        _give_roles(cluster, _TEMPLATE)
        upgrade(cluster.url("owner").replace("@/gridsvc?", f"@/{_TEMPLATE}?"))


def _give_roles(cluster: EmbeddedCluster, name: str) -> None:
    """Do in a new database what db/roles.sql does in ours."""
    url = cluster.url("superuser").replace("+psycopg", "").replace("@/gridsvc?", f"@/{name}?")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("grant all on schema public to gridsvc_owner")
        connection.execute("alter function geometry_overlaps(geometry, geometry) leakproof")


def as_superuser(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """Connect past every grant: what somebody with the keys of the house could do."""
    return psycopg.connect(url.replace("+psycopg", "").replace("gridsvc_app@", "postgres@"), autocommit=True)


def scalar(connection: psycopg.Connection[tuple[Any, ...]], query: LiteralString, values: Sequence[object] = ()) -> Any:
    """The value of a query that gives one row."""
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


def owner_of(url: str) -> str:
    """Return the same database's URL as the owner of the schema."""
    return url.replace("gridsvc_app@", "gridsvc_owner@")


def toy_grids(east_deg: float = 0.0) -> list[Grid]:
    """The grids of the district on paper: strips along the road, a hundredth of a degree a kilometre."""

    def strip(code: str, level: Level, parent: str | None, start: float, end: float) -> Grid:
        west = 119.6 + east_deg
        shape = box(west + start / 100, 29.0, west + end / 100, 29.2)
        return Grid(code, code, level, parent, shape, urban_rural_code="111" if level == Level.VILLAGE else None)

    return [
        strip("R1", Level.REGIONAL, None, -1, 11),
        strip("R2", Level.REGIONAL, None, 11, 17),
        strip(toy.T1, Level.TOWNSHIP, "R1", -1, 5),
        strip(toy.T2, Level.TOWNSHIP, "R1", 5, 11),
        strip(toy.T3, Level.TOWNSHIP, "R2", 11, 17),
        strip("A1", Level.AREA, toy.T1, -1, 5),
        strip("A2", Level.AREA, toy.T2, 5, 8),
        strip("A3", Level.AREA, toy.T2, 8, 11),
        strip("A4", Level.AREA, toy.T3, 11, 17),
        strip("V1", Level.VILLAGE, "A1", -1, 5),
        strip("V2", Level.VILLAGE, "A2", 5, 8),
        strip("V3", Level.VILLAGE, "A3", 8, 11),
        strip("V4", Level.VILLAGE, "A4", 11, 17),
    ]


def toy_road(kph: float = 60.0, east_deg: float = 0.0) -> RoadNetwork:
    """The one road of the district on paper; a lane of 20 m to the south makes a junction of every kilometre."""
    x, y = toy_roads.EAST_M, toy_roads.NORTH_M
    road = {km + 2: ((119.6 + east_deg + km / 100) * x, 29.1 * y) for km in range(-1, 18)}
    lanes = {point + 100: (east, north - 20) for point, (east, north) in road.items()}
    ways: dict[int, tuple[list[int], float, str]] = {1: (list(road), kph, "both")}
    ways |= {point + 100: ([point, point + 100], 10.0, "both") for point in road}
    return toy_roads.network(road | lanes, ways)


def load_toy(service: Service, district: str = DISTRICT, east_deg: float = 0.0) -> None:
    """Put the district on paper in force, so far to the east of its place."""
    teams = [replace(team, id=TEAM_IDS[team.id], lon=team.lon + east_deg) for team in toy.TEAMS]

    def work(connection: Any) -> None:
        ensure_district(connection, district, name="Toy", synthetic=True)
        put_law(connection, district, catalogue=toy.CATALOGUE, plans=toy.PLANS, clocks=toy.CLOCKS, source="toy")
        replace_teams(connection, district, [], teams, {})

    service.database.run(work)
    generations.establish(service, district, toy_grids(east_deg), source={"toy": True}, synthetic=True)
    networks.establish(service, district, toy_road(east_deg=east_deg), source="toy")


def open_toy(url: str, folder: Path, *, pool: int = 8) -> Service:
    """Return a service over a scratch database with the district on paper."""
    service = Service(Database(url, pool=pool), folder)
    load_toy(service)
    return service


def report(service: Service, kind: str = "leak", km: float = 1.0, **more: object) -> str:
    """Report an incident at a kilometre of the road and return its id."""
    result = report_incident(service, Report(type=kind, lon=119.6 + km / 100, lat=29.1001, **more), actor="test")  # type: ignore[arg-type]
    return str(json.loads(result.body)["id"])
