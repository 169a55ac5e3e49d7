"""A role of the database for QGIS sees the district of its name, and cannot become another."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from gridsvc.db.access import viewers
from gridsvc.db.cluster.postgis import get_postgis
from gridsvc.errors import InvalidInput, NotFound
from tests.operations.access.test_access import A, B, two_districts
from tests.worlds.district import as_superuser, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster


@pytest.fixture(scope="module")
def url(cluster: EmbeddedCluster) -> Iterator[Any]:
    with scratch_database(cluster) as url:
        with as_superuser(url) as connection:
            two_districts(connection)
        yield url


@pytest.fixture(scope="module", params=[A, B])
def own(url: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """(district, address of the role that looks at it)."""
    superuser = url.replace("gridsvc_app@", "postgres@")
    for _ in range(2):  # asked again it is the same
        assert viewers.make_viewer(superuser, request.param) == f"gridsvc_viewer_{request.param}"
    yield request.param, viewers.url_as(url, viewers.viewer_of(request.param))
    with as_superuser(url) as connection:
        connection.execute(f"drop role gridsvc_viewer_{request.param}")


def psql(url: str, sql: Any) -> Any:
    words = [get_postgis().programs / "psql", url.replace("+psycopg", ""), "-XAt", "-v", "ON_ERROR_STOP=1", "-c", sql]
    return subprocess.run(words, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("function", ["pg_advisory_lock", "pg_try_advisory_lock", "pg_try_advisory_xact_lock",
                                      "pg_advisory_lock_shared", "pg_advisory_unlock_all"])  # fmt: skip
def test_no_viewer_takes_an_advisory_lock_and_the_service_does(cluster: EmbeddedCluster, function: str) -> None:
    url, words = cluster.url("app"), "" if function.endswith("_all") else "7402151002"
    assert psql(url, f"select {function}({words})").returncode == 0
    refused = psql(viewers.url_as(url, viewers.viewer_of(None)), f"select {function}({words})")
    assert "permission denied for function" in refused.stderr


def readable(url: str) -> Any:
    """Every table and view of ours that the role may read."""
    sql = (
        "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v')"
        " and has_table_privilege(oid, 'select')"
        " and relname not in ('spatial_ref_sys', 'geometry_columns', 'geography_columns') order by 1"
    )
    return psql(url, sql).stdout.split()


def test_every_table_shows_the_district_of_the_name_alone(own: Any) -> None:
    district, url = own
    seen = {}
    for table in readable(url):
        code = "code" if table == "district" else "district"
        done = psql(url, f"select distinct {code} from {table}")
        assert done.returncode == 0, done.stderr
        assert set(done.stdout.split()) <= {district}, table
        seen[table] = done.stdout.split()
    for table in ("district", "incident", "team", "team_last", "grid", "grid_geometry", "grid_in_force"):
        assert seen[table] == [district], table


def test_it_reads_what_the_viewer_of_all_districts_reads(own: Any, url: str) -> None:
    _, mine = own
    everybody = viewers.url_as(url, viewers.viewer_of(None))
    assert readable(mine) == readable(everybody)
    assert not {"incident_personal", "event_personal", "closure_personal", "access_key"} & set(readable(mine))
    assert psql(everybody, "select count(distinct district) from incident").stdout.strip() == "2"


@pytest.mark.parametrize(
    "attempt",
    [
        "set role gridsvc_viewer",
        "set role gridsvc_app",
        "set session authorization gridsvc_viewer",
        "insert into district (code, name) values ('1', 'x')",
        "update incident set status = 'cancelled'",
        "set row_security = off; select * from incident",
        "select * from incident_personal",
        "select let_viewers_see('incident', 'status')",
        "create function f() returns int language sql as 'select 1'",
    ],
)
def test_it_cannot_become_another_or_write(own: Any, attempt: Any) -> None:
    done = psql(own[1], f"set transaction read write; {attempt}")
    assert done.returncode != 0
    assert "permission denied" in done.stderr or "would be affected by row-level security" in done.stderr, done.stderr


@pytest.mark.parametrize(
    "attempt", ["set role gridsvc_viewers", "set gridsvc.district = '*'", "set search_path = pg_catalog"]
)
def test_what_it_may_say_of_itself_opens_nothing(own: Any, attempt: Any) -> None:
    district, url = own
    done = psql(url, f"{attempt}; select distinct district from public.incident")
    assert set(done.stdout.split()) - {"SET"} <= {district}


def test_an_index_on_places_is_still_used(own: Any, url: str) -> None:
    district, mine = own
    with as_superuser(url) as connection:
        connection.execute(
            "insert into incident (district, id, type, type_name, urgency, clock_policy, status, waiting, drill, geom,"
            " rule, owners, lead_wanted, report_event, versions, reported_at, triggered_at)"
            " select %s, gen_random_uuid(), 't', 'T', 'routine', 'p', 'triggered', true, false,"
            " ST_SetSRID(ST_Point(119 + random(), 29 + random()), 4326), 'interior', '{}', false,"
            " gen_random_uuid(), '{}', now(), now()"
            " from generate_series(1, 5000)",
            [district],
        )
        connection.execute("analyze incident")
    box = "ST_MakeEnvelope(119.5, 29.5, 119.51, 29.51, 4326)"
    where = f"geom && {box} and status not in ('archived', 'cancelled')"
    with psycopg.connect(mine.replace("+psycopg", "")) as connection:
        plan = json.dumps(connection.execute(f"explain (format json) select id from incident where {where}").fetchone())
    assert "ix_incident_geom" in plan, plan


def test_a_district_that_is_not_there_has_no_viewer(url: str) -> None:
    with pytest.raises(NotFound, match=f"There are: {A}, {B}"):
        viewers.make_viewer(url.replace("gridsvc_app@", "postgres@"), "330000")
    with pytest.raises(InvalidInput):
        viewers.viewer_of("区" * 30)


def test_another_s_database_is_told_how(data_folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATABASE_URL": "postgresql://gridsvc_app:secret@db.example:5432/gridsvc",
                    "GRIDSVC_DATA": str(data_folder)}  # fmt: skip
    words = [sys.executable, "-m", "gridsvc", "db", "url", "--role", "viewer"]
    done = subprocess.run([*words, "--district", A], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"postgresql://gridsvc_viewer_{A}@db.example:5432/gridsvc"
    assert f'create role "gridsvc_viewer_{A}" login in role gridsvc_viewers' in done.stderr
    assert "secret" not in done.stdout + done.stderr
    whole = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert whole.stdout.strip() == "postgresql://gridsvc_viewer@db.example:5432/gridsvc"
    wrong = subprocess.run([*words[:-1], "app", "--district", A], env=environment, capture_output=True, check=False)
    assert wrong.returncode == 2
