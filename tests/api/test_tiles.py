"""Tiles of a district on paper, decoded by an independent reader."""

from __future__ import annotations

import gzip
import json
import math
import secrets
import socket
import threading
import time
import uuid
from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import httpx
import mapbox_vector_tile
import numpy as np
import psycopg
import pytest
import shapely
import uvicorn

from gridsvc.api.app import create_app
from gridsvc.api.screen_data.tile_cache import TileStore
from gridsvc.db.schema.migrate import upgrade
from gridsvc.db.session.connection import Database
from gridsvc.errors import Unavailable
from gridsvc.operations.runtime.service import Service

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

WEST, SOUTH, STEP = 119.60, 29.00, 0.03
COLUMNS, ROWS = 4, 4  # villages; 2 x 2 areas of 2 x 2 villages; 2 townships of a column of areas; 1 regional grid
EAST, NORTH = WEST + COLUMNS * STEP, SOUTH + ROWS * STEP
MIDDLE = (WEST + 2.01 * STEP, SOUTH + 2.01 * STEP)
CODE = "330703"


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int, int]:
    n = 2**z
    x = int((lon + 180) / 360 * n)
    y = int((1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n)
    return z, x, y


def all_tiles(z: int) -> list[tuple[int, int, int]]:
    _, x0, y1 = tile_of(WEST, SOUTH, z)
    _, x1, y0 = tile_of(EAST, NORTH, z)
    return [(z, x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1)]


def border(a: tuple[int, int], b: tuple[int, int]) -> list[tuple[float, float]]:
    """A ragged line between two corners, the same for both neighbours; the district's outline is ragged too."""
    (ax, ay), (bx, by) = sorted((a, b))
    t = np.linspace(0, 1, 40)
    off = (0.003 * np.sin(9 * math.pi * t) + 0.0004 * np.sin(1000 * t + ax * 7 + ay * 13)) * np.sin(math.pi * t)
    off[0] = off[-1] = 0.0
    lon = WEST + STEP * (ax + (bx - ax) * t) + (off if ax == bx else 0)
    lat = SOUTH + STEP * (ay + (by - ay) * t) + (off if ay == by else 0)
    line = list(zip(lon.tolist(), lat.tolist(), strict=True))
    return line if (ax, ay) == a else line[::-1]


def village(i: int, j: int) -> shapely.Polygon:
    corners = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1), (i, j)]
    ring = [point for a, b in pairwise(corners) for point in border(a, b)[:-1]]
    shape = shapely.Polygon(ring)
    assert shape.is_valid
    return shape


def grids() -> list[tuple[int, str, str, str | None, shapely.Polygon]]:
    """(level, code, name, parent, geometry) of all four levels."""
    cells = {(i, j): village(i, j) for i in range(COLUMNS) for j in range(ROWS)}

    def union(of: list[tuple[int, int]]) -> shapely.Polygon:
        whole = shapely.coverage_union_all([cells[at] for at in of])
        assert isinstance(whole, shapely.Polygon)
        return whole

    rows: list[tuple[int, str, str, str | None, shapely.Polygon]] = [(1, "R", "区域", None, union(list(cells)))]
    rows += [(2, f"T{t}", f"乡镇{t}", "R", union([at for at in cells if at[0] // 2 == t])) for t in range(2)]
    for t in range(2):
        for a in range(2):
            members = [(i, j) for i, j in cells if i // 2 == t and j // 2 == a]
            rows.append((3, f"T{t}A{a}", f"片区{t}{a}", f"T{t}", union(members)))
    rows += [(4, f"V{i}{j}", f"村{i}{j}", f"T{i // 2}A{j // 2}", cell) for (i, j), cell in cells.items()]
    return rows


ROADS = [
    ("primary", "金港大道", False),
    ("residential", "新街", True),
    ("service", "小路", False),
    ("busway", "专用道", False),
]
FIRST_TEAM, SECOND_TEAM = uuid.UUID(int=1), uuid.UUID(int=2)


def fill(connection: psycopg.Connection[Any]) -> None:
    run = connection.execute
    run("insert into district (code, name, synthetic) values (%s, '金东区', true)", (CODE,))
    run("insert into district_version (district, generation, network) values (%s, 1, 'n1')", (CODE,))
    for generation in (1, 2):
        run(
            "insert into grid_generation (district, number, state, activated_at) values (%s, %s, 'activated', now())",
            (CODE, generation),
        )
    for row, (level, code, name, parent, geometry) in enumerate(grids()):
        run(
            "insert into grid_geometry (district, digest, geom, area_m2) values (%s, %s, ST_GeomFromWKB(%s, 4326), 1)",
            (CODE, code, shapely.to_wkb(geometry)),
        )
        for generation in (1, 2):
            if generation == 2 and level == 4:
                continue
            run(
                "insert into grid (district, generation, row, level, code, name, parent, geometry_digest, derived)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (CODE, generation, row, level, code, name, parent, code, level == 3),
            )
    for edge, (kind, name, oneway) in enumerate(ROADS):
        lat = MIDDLE[1] + 0.001 * edge
        run(
            "insert into road_edge (district, network, edge, class, name, oneway, geom) values"
            " (%s, 'n1', %s, %s, %s, %s, ST_SetSRID(ST_MakeLine(ST_Point(%s, %s), ST_Point(%s, %s)), 4326))",
            (CODE, edge, kind, name, oneway, WEST, lat, EAST, lat),
        )
    run(
        "insert into station (district, id, name, kind, geom) values"
        " (%s, 's1', '一号驻点', 'seat', ST_SetSRID(ST_Point(%s, %s), 4326))",
        (CODE, *MIDDLE),
    )
    for team, name in ((FIRST_TEAM, "一队"), (SECOND_TEAM, "二队")):
        run(
            "insert into team (district, id, name, unit, station, roster) values (%s, %s, %s, 'bureau', 's1', '{}')",
            (CODE, team, name),
        )


def add_incident(connection: psycopg.Connection[Any], status: str = "triggered") -> uuid.UUID:
    case = uuid.uuid4()
    connection.execute(
        "insert into incident (district, id, type, type_name, urgency, response_class, target_s, clock_policy,"
        " status, waiting, drill, geom, rule, owners, lead_wanted, report_event, versions, reported_at, triggered_at,"
        " due_at, archived_at) values (%s, %s, 'fire', 'Fire', 'emergency', 'urban', 300, 'p', %s, %s, false,"
        " ST_SetSRID(ST_Point(%s, %s), 4326), 'interior', '{}', false, gen_random_uuid(), '{}',"
        " '2026-03-01T04:00:00Z', '2026-03-01T04:00:00Z', '2026-03-01T04:05:00Z', %s)",
        (CODE, case, status, status == "triggered", *MIDDLE, None if status == "triggered" else "2026-03-01T05:00:00Z"),
    )
    return case


class World:
    """The service's tiles over HTTP, its database, and a clock that moves only when told."""

    def __init__(self, url: str, folder: Path) -> None:
        self.now = 1000.0
        self.database = Database(url)
        self.store = TileStore(self.database, clock=lambda: self.now)
        app = create_app(Service(self.database, folder), sign_in=False)
        app.state.tile_store = self.store
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.005)
        self.web = httpx.Client(base_url=self.url, trust_env=False, timeout=20)
        self.sql = psycopg.connect(url.replace("+psycopg", ""), autocommit=True)

    def get(self, layers: str, tile: tuple[int, int, int], **headers: str) -> Any:
        z, x, y = tile
        return self.web.get(f"/tiles/{layers}/{z}/{x}/{y}.mvt", headers=headers)

    def features(self, layer: str, tile: tuple[int, int, int]) -> list[dict[str, Any]]:
        answer = self.get(layer, tile)
        if answer.status_code == 204:
            return []
        assert answer.status_code == 200
        found: list[dict[str, Any]] = mapbox_vector_tile.decode(answer.content).get(layer, {"features": []})["features"]
        return found

    def close(self) -> None:
        self.sql.close()
        self.web.close()
        self.server.should_exit = True
        self.thread.join()
        self.database.close()


@pytest.fixture(scope="module")
def filled_database(cluster: EmbeddedCluster) -> Iterator[str]:
    """URL of a database with the district on paper."""
    name = f"tiles_{secrets.token_hex(6)}"
    with psycopg.connect(cluster.url("superuser").replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} OWNER gridsvc_owner")
        url = cluster.url("owner").replace("@/gridsvc?", f"@/{name}?")
        try:
            upgrade(url)
            with psycopg.connect(url.replace("+psycopg", "")) as owner:
                fill(owner)
            yield url
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def world(filled_database: str, tmp_path: Path) -> Iterator[World]:
    made = World(filled_database, tmp_path)
    yield made
    made.sql.execute("delete from incident")
    made.sql.execute("delete from team_last")
    made.sql.execute("update district_version set generation = 1")
    made.close()


def levels_in(features: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = defaultdict(dict)
    for feature in features:
        properties = feature["properties"]
        found[properties["level"]][properties["code"]] = shapely.geometry.shape(feature["geometry"])
    return found


def test_layers_are_listed_and_described(world: World) -> None:
    names = [item["id"] for item in world.web.get("/tiles").json()["items"]]
    assert names == ["grids", "grid_labels", "service_areas", "roads", "stations", "teams", "incidents", "late_areas"]
    told = world.web.get("/tiles/grids.json").json()
    assert told["tilejson"] == "3.0.0"
    assert told["tiles"] == [world.url + "/tiles/grids/{z}/{x}/{y}.mvt"]
    west, south, east, north = told["bounds"]
    assert west == pytest.approx(WEST, abs=0.006)
    assert south == pytest.approx(SOUTH, abs=0.006)
    assert east == pytest.approx(EAST, abs=0.006)
    assert north == pytest.approx(NORTH, abs=0.006)
    assert set(told["vector_layers"][0]["fields"]) >= {"code", "name", "level", "derived"}


@pytest.mark.parametrize("z", [10, 11, 12, 13, 14])
def test_no_gap_and_no_overlap_within_and_between_levels(world: World, z: int) -> None:
    seen = 0
    for tile in all_tiles(z):
        levels = levels_in(world.features("grids", tile))
        if not levels:
            continue
        seen += 1
        assert set(levels) == {"regional", "township", "area"} | ({"village"} if z >= 11 else set())
        whole = shapely.union_all(list(levels["regional"].values()))
        for shapes in levels.values():
            # Exact in the tile's units: one vertex that two neighbours do not share would show.
            assert shapely.union_all(list(shapes.values())).area == whole.area
            assert sum(shape.area for shape in shapes.values()) == whole.area
    assert seen


def test_borders_are_thinned_where_they_would_be_seen_as_a_pixel(world: World) -> None:
    corners = sum(len(border((0, 0), (0, 1))) - 1 for _ in range(4 * COLUMNS))
    (regional,) = world.features("grids", tile_of(*MIDDLE, 5))
    (ring,) = regional["geometry"]["coordinates"]
    assert 8 < len(ring) < corners / 3


def test_low_zooms_leave_out_the_finest_levels(world: World) -> None:
    shown = {z: set(levels_in(world.features("grids", tile_of(*MIDDLE, z)))) for z in (5, 8, 10, 11)}
    assert shown[5] == {"regional"}
    assert shown[8] == {"regional", "township"}
    assert shown[10] == {"regional", "township", "area"}
    assert shown[11] == {"regional", "township", "area", "village"}


def test_a_grid_says_who_it_is(world: World) -> None:
    found = {f["properties"]["code"]: f["properties"] for f in world.features("grids", tile_of(*MIDDLE, 12))}
    assert found["T1A1"]["name"] == "片区11"
    assert found["T1A1"]["parent"] == "T1"
    assert found["T1A1"]["derived"] is True
    assert found["V22"]["derived"] is False


def test_every_grid_has_one_label_inside_it(world: World) -> None:
    labels: dict[str, int] = defaultdict(int)
    for tile in all_tiles(13):
        shapes = levels_in(world.features("grids", tile))
        for feature in world.features("grid_labels", tile):
            properties = feature["properties"]
            labels[properties["code"]] += 1
            point = shapely.geometry.shape(feature["geometry"])
            assert shapes[properties["level"]][properties["code"]].distance(point) <= 1
    assert labels == dict.fromkeys((row[1] for row in grids()), 1)


def test_roads_appear_with_their_class(world: World) -> None:
    shown = {z: {f["properties"]["class"] for f in world.features("roads", tile_of(*MIDDLE, z))} for z in (8, 12, 13)}
    assert shown[8] == {"primary"}
    assert shown[12] == {"primary", "residential", "busway"}  # a class that nobody knows is no reason to hide a road
    assert shown[13] == {"primary", "residential", "service", "busway"}
    named = {f["properties"]["class"]: f["properties"] for f in world.features("roads", tile_of(*MIDDLE, 13))}
    assert named["residential"] == {"class": "residential", "name": "新街", "oneway": True}


def test_teams_stand_at_their_position_or_their_station(world: World) -> None:
    world.sql.execute(
        "insert into team_last (district, team_id, geom, at) values (%s, %s, ST_SetSRID(ST_Point(%s, %s), 4326), %s)",
        (CODE, SECOND_TEAM, MIDDLE[0] + 0.01, MIDDLE[1], "2026-03-01T04:00:00Z"),
    )
    found = {f["properties"]["name"]: f for f in world.features("teams", tile_of(*MIDDLE, 11))}
    assert found["一队"]["properties"]["placed"] == "station"
    assert found["二队"]["properties"]["placed"] == "position"
    assert found["二队"]["properties"]["positioned_at"] == 1_772_337_600
    moved = found["二队"]["geometry"]["coordinates"][0] - found["一队"]["geometry"]["coordinates"][0]
    assert moved == pytest.approx(0.01 / (360 / 2**11) * 4096, abs=1)
    assert {f["properties"]["status"] for f in found.values()} == {"available"}


def test_a_team_on_a_case_is_engaged(world: World) -> None:
    case = add_incident(world.sql)
    world.sql.execute(
        "insert into engagement (district, id, incident_id, drill, team_id, slot, lead, engaging, since)"
        " values (%s, %s, %s, false, %s, '1', true, true, now())",
        (CODE, uuid.uuid4(), case, FIRST_TEAM),
    )
    try:
        found = {f["properties"]["name"]: f["properties"] for f in world.features("teams", tile_of(*MIDDLE, 11))}
        assert found["一队"]["status"] == "engaged"
        assert found["二队"]["status"] == "available"
    finally:
        world.sql.execute("delete from engagement")


def test_open_cases_are_shown_with_their_clock_and_closed_ones_are_not(world: World) -> None:
    case = add_incident(world.sql)
    add_incident(world.sql, status="archived")
    (shown,) = world.features("incidents", tile_of(*MIDDLE, 12))
    assert shown["properties"]["id"] == str(case)
    assert shown["properties"]["due_at"] - shown["properties"]["reported_at"] == 300
    assert shown["properties"]["waiting"] is True
    assert "arrived_at" not in shown["properties"]


def test_a_new_case_changes_its_tile_and_the_tag_within_seconds(world: World) -> None:
    tile = tile_of(*MIDDLE, 12)
    before = world.get("incidents", tile)
    assert before.status_code == 204
    add_incident(world.sql)
    assert world.get("incidents", tile, **{"If-None-Match": before.headers["etag"]}).status_code == 304
    world.now += 2.1
    after = world.get("incidents", tile, **{"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert after.headers["etag"] != before.headers["etag"]


def test_an_activation_changes_the_borders_within_seconds(world: World) -> None:
    tile = tile_of(*MIDDLE, 12)
    before = world.get("grids", tile)
    world.sql.execute("update district_version set generation = 2")
    world.now += 1.1
    after = world.get("grids", tile, **{"If-None-Match": before.headers["etag"]})
    assert after.status_code == 200
    assert "village" not in levels_in(mapbox_vector_tile.decode(after.content)["grids"]["features"])


def add_area(world: World, kind: str, team: uuid.UUID | None, k: int | None, shape: shapely.Geometry) -> None:
    digest = f"{kind} {team}"
    world.sql.execute(
        "insert into service_area_shape (district, digest, geom) values (%s, %s, ST_Multi(ST_GeomFromWKB(%s, 4326)))",
        (CODE, digest, shapely.to_wkb(shape)),
    )
    world.sql.execute(
        "insert into service_area (district, id, kind, response_class, team_id, k, minutes, digest)"
        " values (%s, %s, %s, 'urban', %s, %s, %s, %s)",
        (CODE, uuid.uuid4(), kind, team, k, 3.25 if team else None, digest),
    )


def test_service_areas_are_drawn_and_their_tag_changes_with_them(world: World) -> None:
    x, y = MIDDLE
    left, right = shapely.box(x - 0.01, y - 0.01, x, y + 0.01), shapely.box(x, y - 0.01, x + 0.01, y + 0.01)
    put_set = (
        f"insert into service_area_set values ('{CODE}', %s, 'k', '{{}}', '{{}}', now())"
        " on conflict (district) do update set number = excluded.number"
    )
    tile = tile_of(x, y, 11)
    assert world.get("service_areas", tile).status_code == 204
    try:
        add_area(world, "own", FIRST_TEAM, None, shapely.box(x - 0.02, y - 0.02, x + 0.02, y + 0.02))
        add_area(world, "first", FIRST_TEAM, None, left)
        add_area(world, "first", SECOND_TEAM, None, right)
        add_area(world, "reached_by", None, 1, shapely.box(x - 0.01, y - 0.01, x + 0.01, y + 0.01))
        world.sql.execute(put_set, (1,))
        assert world.get("service_areas", tile).status_code == 204  # versions are believed for a second
        world.now += 1.1
        found = world.features("service_areas", tile)
        # a team's own area is no matter of tiles
        assert [each["properties"] for each in found] == [
            {"kind": "first", "response_class": "urban", "team_id": str(FIRST_TEAM), "minutes": 3.25},
            {"kind": "first", "response_class": "urban", "team_id": str(SECOND_TEAM), "minutes": 3.25},
            {"kind": "reached_by", "response_class": "urban", "k": 1},
        ]
        first, second, both = (shapely.geometry.shape(each["geometry"]) for each in found)
        width = 0.01 / (360 / 2**11) * 4096
        assert first.area == pytest.approx(width * 2 * width / math.cos(math.radians(y)), rel=0.02)
        assert first.intersection(second).area == 0
        assert first.union(second).symmetric_difference(both).area <= 0.01 * both.area
        before, roads = world.get("service_areas", tile), world.get("roads", tile)
        world.sql.execute("update service_area set k = 2 where kind = 'reached_by'")
        world.sql.execute(put_set, (2,))
        world.now += 1.1
        after = world.get("service_areas", tile, **{"If-None-Match": before.headers["etag"]})
        assert after.status_code == 200
        assert after.headers["etag"] != before.headers["etag"]
        # what is not drawn from areas is not drawn anew
        assert int(world.get("roads", tile).headers["age"]) > int(roads.headers["age"])
    finally:
        world.sql.execute("delete from service_area")
        world.sql.execute("delete from service_area_shape")
        world.sql.execute("delete from service_area_set")


def test_areas_of_lateness_are_those_of_the_newest_report(world: World) -> None:
    x, y = MIDDLE
    insert = (
        "insert into compliance_report (district, id, policy, cases, digest, content, made_by, made_at) "
        "values (%s, %s, 'lead', 9, %s, %s, 'test', %s)"
    )
    area = shapely.geometry.mapping(shapely.box(x - 0.01, y - 0.01, x + 0.01, y + 0.01))
    try:
        for late, day in ((1, 1), (7, 3), (2, 2)):
            own = {"id": "T/a", "n": 9, "judged": 8, "late": late, "late_share": late / 8, "late_low": 0.0,
                   "late_high": 1.0, "p90_s": None}  # fmt: skip
            content = json.dumps({"map": {"areas": [{"geometry": area, "properties": own}]}})
            world.sql.execute(insert, (CODE, uuid.uuid4(), str(day), content, f"2026-03-0{day}T00:00:00Z"))
        (found,) = world.features("late_areas", tile_of(x, y, 11))
        assert found["properties"] == {
            "id": "T/a", "n": 9, "judged": 8, "late": 7, "late_share": 0.875, "late_low": 0.0, "late_high": 1.0,
            "policy": "lead",
        }  # fmt: skip
    finally:
        world.sql.execute("delete from compliance_report")


def test_an_unchanged_tile_is_not_sent_again(world: World) -> None:
    first = world.get("grids", tile_of(*MIDDLE, 12))
    tag = first.headers["etag"]
    for known in (tag, f'W/"other", {tag}', "*"):
        again = world.get("grids", tile_of(*MIDDLE, 12), **{"If-None-Match": known})
        assert again.status_code == 304
        assert again.content == b""
        assert again.headers["etag"] == tag
    assert world.get("grids", tile_of(*MIDDLE, 12), **{"If-None-Match": 'W/"other"'}).status_code == 200


def test_tiles_travel_compressed_where_the_client_can(world: World) -> None:
    plain = world.get("grids", tile_of(*MIDDLE, 12), **{"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    with world.web.stream("GET", "/tiles/grids/{}/{}/{}.mvt".format(*tile_of(*MIDDLE, 12))) as answer:
        raw = b"".join(answer.iter_raw())
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw) == plain.content
    assert len(raw) < len(plain.content)
    assert plain.headers["content-type"] == "application/vnd.mapbox-vector-tile"


def test_layers_are_joined_into_one_tile(world: World) -> None:
    add_incident(world.sql)
    tile = tile_of(*MIDDLE, 12)
    joined = mapbox_vector_tile.decode(world.get("incidents,grids,roads", tile).content)
    assert set(joined) == {"grids", "roads", "incidents"}
    for name in joined:
        assert len(joined[name]["features"]) == len(world.features(name, tile))
    assert world.get("roads,grids", tile).content == world.get("grids,roads,grids", tile).content


def test_nothing_lies_in_a_tile_far_away(world: World) -> None:
    answer = world.get("grids,roads,teams", (12, 0, 0))
    assert answer.status_code == 204
    assert answer.content == b""


@pytest.mark.parametrize(
    "path",
    ["grids/15/0/0", "grids/14/16384/0", "grids/14/0/16384", "grids/3/8/0", "grids/4/-1/0", "grids/-1/0/0",
     "grids/23/0/0", "ghosts/12/0/0", "grids,ghosts/12/0/0"],
)  # fmt: skip
def test_what_is_no_tile_is_not_found(world: World, path: str) -> None:
    answer = world.web.get(f"/tiles/{path}.mvt")
    assert answer.status_code == 404
    problem = json.loads(answer.content)
    assert problem["type"].startswith("urn:gridsvc:problem:no-")
    assert problem["detail"]


def test_an_old_tile_is_served_while_the_database_is_away(world: World) -> None:
    tile = tile_of(*MIDDLE, 12)
    before = world.get("teams", tile)

    class Away:
        def transaction(self) -> None:
            raise Unavailable("The database is unavailable.")

        def seen_by(self, scope: object) -> Away:
            return self

    world.store._database = Away()  # type: ignore[assignment]
    world.now += 60
    after = world.get("teams", tile)
    assert after.status_code == 200
    assert after.content == before.content
    assert after.headers["age"] == "60"
    assert world.get("teams", tile_of(WEST, SOUTH, 14)).status_code == 503
