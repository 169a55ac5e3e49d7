"""The views for GIS programs: what is in force and nothing else, one id and one typed geometry each."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from gridsvc.db.access.url_forms import VIEWS, as_form, keywords_of
from gridsvc.db.cluster.postgis import get_postgis
from tests.desk.programs import find_gdal

if TYPE_CHECKING:
    from tests.desk.conftest import Desk


def rows(desk: Desk, sql: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(**desk.address) as connection:  # type: ignore[arg-type]
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_shows_what_is_in_force_with_one_id_and_one_typed_geometry(desk: Desk, view: str) -> None:
    assert rows(desk, f"select count(*), count(id), count(distinct id) from {view}") == [(desk.counts[view],) * 3]
    ((kind, srid, dimensions),) = rows(
        desk, f"select type, srid, coord_dimension from geometry_columns where f_table_name = '{view}'"
    )
    assert kind in {"POINT", "LINESTRING", "MULTIPOLYGON"}
    assert (srid, dimensions) == (4326, 2)
    ((data_type,),) = rows(
        desk,
        f"select data_type from information_schema.columns where table_name = '{view}' and column_name = 'id'",
    )
    assert data_type == "text"
    assert rows(desk, f"select count(*) from {view} where geom is null or not ST_IsValid(geom)") == [(0,)]


def test_superseded_roads_are_not_mixed_in(desk: Desk) -> None:
    assert rows(desk, "select count(distinct network) from road_edge") == [(2,)]
    assert dict(rows(desk, "select class, max(speed_kph) from road_in_force group by 1")) == {"residential": 40.0}


def test_a_team_is_shown_once_at_its_position_or_its_station(desk: Desk) -> None:
    states = dict(rows(desk, "select status, count(*) from team_now group by 1"))
    engaged = rows(desk, "select count(distinct team_id) from engagement where until is null and engaging")[0][0]
    assert states["engaged"] == engaged > 0
    assert rows(desk, "select count(*) from team_now where positioned_at is not null") == [(0,)]


def test_a_team_shows_the_datum_of_its_positions_and_what_speaks_against_it(desk: Desk) -> None:
    assert rows(desk, "select datum, datum_at, datum_likely, count(*) from team_now group by 1, 2, 3") == [
        ("WGS-84", None, None, desk.counts["team_now"])
    ]
    with desk.service.database.transaction() as connection:
        ask = connection.exec_driver_sql
        ask("update team set datum = 'GCJ-02', datum_at = now() where name = (select min(name) from team)")
        ask(
            "insert into team_last (district, team_id, at, geom, datum_fit) select district, id, now(),"
            " ST_SetSRID(ST_Point(119.6, 29.1), 4326),"
            """ '{"likely": "BD-09"}'::jsonb || case when name = (select min(name) from team)"""
            """ then '{"decided": true}' else '{}' end::jsonb from team"""
        )
        # A person has decided on the first; the other ones are suspected.
        assert sorted(ask("select distinct datum, datum_at is null, datum_likely from team_now").all()) == [
            ("GCJ-02", False, None),
            ("WGS-84", True, "BD-09"),
        ]
        connection.rollback()


def test_a_draft_may_hold_what_is_no_polygon_and_a_code_twice(desk: Desk) -> None:
    def plant(connection: Any) -> None:
        connection.exec_driver_sql(
            "insert into grid_geometry values ('330703', 'point', ST_SetSRID(ST_Point(119.6, 29.1), 4326), 0)"
        )
        connection.exec_driver_sql(
            "insert into grid (district, generation, row, level, code, name, geometry_digest)"
            " select district, generation, 1000, level, code, name, 'point' from grid"
            " where generation = (select number from grid_generation where state = 'draft') and row = 0"
        )

    with desk.service.database.transaction() as connection:
        plant(connection)
        assert connection.exec_driver_sql("select count(*), count(distinct id), count(geom) from draft_grid").one() == (
            6,
            6,
            5,
        )
        connection.rollback()


@pytest.mark.parametrize("form", ["libpq", "ogr"])
def test_psql_and_gdal_take_the_address(desk: Desk, form: str) -> None:
    address = as_form(desk.viewer, form, tables=VIEWS)
    if form == "libpq":
        words = [str(get_postgis().programs / "psql"), address, "-XAtc", "select count(*) from team_now"]
        # psql would take the port of its environment
        done = subprocess.run(words, env={"PGPORT": "1"}, capture_output=True, text=True, check=True)
        assert done.stdout.strip() == str(desk.counts["team_now"])
        return
    gdal = find_gdal()
    if gdal is None:
        pytest.skip("no ogrinfo here: ./run test installs it")
    done = subprocess.run([gdal / "ogrinfo", "-ro", "-al", "-so", address], capture_output=True, text=True, check=True)
    layers = {part.split("\n", 1)[0].strip(): part for part in done.stdout.split("Layer name: ")[1:]}
    assert set(layers) == set(VIEWS)
    for view, text in layers.items():
        assert f"Feature Count: {desk.counts[view]}\n" in text
        assert 'ID["EPSG",4326]' in text
        assert "id: String" in text


@pytest.mark.parametrize(
    ("address", "libpq", "qgis"),
    [
        (
            "postgresql+psycopg://gridsvc_viewer@/gridsvc?host=/var/lib/x y/it's",
            "postgresql://gridsvc_viewer@/gridsvc?host=/var/lib/x%20y/it%27s&port=5432",
            r"dbname='gridsvc' host='/var/lib/x y/it\'s' port='5432' user='gridsvc_viewer'",
        ),
        (
            "postgresql://me:p%40ss@db.example/gridsvc",
            "postgresql://me:p%40ss@db.example:5432/gridsvc",
            "dbname='gridsvc' host='db.example' port='5432' user='me' password='p@ss'",
        ),
        (
            "postgresql://me@a:5433,b:5434/gridsvc",
            "postgresql://me@/gridsvc?host=a%2Cb&port=5433%2C5434&target_session_attrs=read-write",
            "dbname='gridsvc' host='a,b' port='5433,5434' user='me' target_session_attrs='read-write'",
        ),
    ],
)
def test_an_address_in_every_form(address: str, libpq: str, qgis: str) -> None:
    assert as_form(address, "sqlalchemy") == address
    assert as_form(address, "libpq") == libpq
    assert as_form(address, "ogr", tables=("a", "b")) == f"PG:{qgis} tables=a,b"
    assert as_form(address, "qgis") == qgis
    parsed = psycopg.conninfo.conninfo_to_dict(as_form(address, "libpq"))
    assert parsed == keywords_of(address) == psycopg.conninfo.conninfo_to_dict(as_form(address, "qgis"))
