"""Generations in a real PostGIS: drafts, activation, the log, and PostGIS itself as the oracle of ownership."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely
from sqlalchemy import text

from gridsvc.coordinates import Datum, from_wgs84
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.session.connection import Database
from gridsvc.errors import BlockedByFaults, Conflict, InvalidInput, NotFound, OutsideDistricts
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.ownership import Rule
from gridsvc.operations.grids import checks, generations
from gridsvc.operations.grids.history import history
from gridsvc.operations.grids.imports import Columns, Loaded, load_grids
from gridsvc.operations.grids.review import review_generation
from gridsvc.operations.places import owners
from gridsvc.operations.places.in_force import list_indexes
from gridsvc.operations.runtime.service import Service
from tests.grids.test_ownership import hard_points
from tests.worlds.district import scratch_database
from tests.worlds.tilings import nest, tile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    from gridsvc.db.cluster.embedded import EmbeddedCluster

DISTRICT = "330703"


@pytest.fixture
def service(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[Service]:
    with scratch_database(cluster) as url:
        opened = Service(Database(url), tmp_path / "data")
        yield opened
        opened.database.close()


def write(path: Path, shapes: Mapping[str, BaseGeometry]) -> Path:
    features = [
        {"type": "Feature", "properties": {"name": name}, "geometry": shapely.geometry.mapping(shape)}
        for name, shape in shapes.items()
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def load(service: Service, path: Path, level: Level = Level.TOWNSHIP, **more: object) -> Loaded:
    return load_grids(
        service, path, level, district=DISTRICT, crs="EPSG:4326", **({"columns": Columns()} | more)  # type: ignore[arg-type]
    )  # fmt: skip


def column(k: int) -> shapely.Polygon:
    borders = (119.6, 119.7, 119.8, 119.9)
    return shapely.box(borders[k], 29.0, borders[k + 1], 29.2)


TOWNS = {"孝顺镇": column(0), "傅村镇": column(1), "曹宅镇": column(2)}


def test_a_file_becomes_a_draft_is_checked_and_put_in_force(service: Service, tmp_path: Path) -> None:
    loaded = load(service, write(tmp_path / "t.geojson", TOWNS))
    assert (loaded.generation, loaded.grids, loaded.unresolved) == (1, 3, 0)
    with pytest.raises(NotFound):
        list_indexes(service)
    checked = checks.check(service, DISTRICT)
    assert (checked.generation, checked.state, checked.blocking) == (1, "draft", False)
    # The national list has eight more townships.
    assert {fault.kind for fault in checked.faults} == {"absent"}
    assert {"多湖街道", "源东乡"} <= {name for fault in checked.faults for name in fault.names}
    assert len(checked.faults) == 8
    done = generations.activate(service, DISTRICT, 1)
    assert (done.generation, done.before, done.difference) == (1, None, None)
    listed = {row["code"]: row["name"] for row in generations.list_grids(service, DISTRICT)}
    assert listed == {"330703101000": "孝顺镇", "330703102000": "傅村镇", "330703103000": "曹宅镇"}
    answer = owners.locate(list_indexes(service), 119.65, 29.1)
    assert answer.finest is not None
    assert answer.finest.name == "孝顺镇"
    with pytest.raises(Conflict, match="in force already"):
        generations.activate(service, DISTRICT, 1)


def test_a_dry_run_keeps_nothing(service: Service, tmp_path: Path) -> None:
    bad = write(tmp_path / "t.geojson", TOWNS | {"傅村镇": shapely.box(119.65, 29.0, 119.8, 29.2)})
    loaded = load(service, bad, dry_run=True)
    assert loaded.generation is None
    assert loaded.faults is not None
    assert "overlap" in {fault.kind for fault in loaded.faults}
    with pytest.raises(NotFound):
        checks.check(service, DISTRICT)


def test_a_load_replaces_one_level_of_a_draft_that_began_as_what_is_in_force(service: Service, tmp_path: Path) -> None:
    load(service, write(tmp_path / "t.geojson", TOWNS))
    generations.activate(service, DISTRICT, 1)
    halves = {
        f"{name}{part}": half
        for name, shape in TOWNS.items()
        for part, half in zip("南北", _halves(shape), strict=True)
    }
    loaded = load(service, write(tmp_path / "v.geojson", halves), Level.VILLAGE)
    assert (loaded.generation, loaded.unresolved) == (2, 6)
    kinds = {fault.kind for fault in checks.check(service, DISTRICT).faults}
    assert kinds == {"absent", "unresolved-name", "no-officer"}
    generations.activate(service, DISTRICT, 2)
    answer = owners.locate(list_indexes(service), 119.75, 29.15)
    assert [o.name if o else None for o in answer.owners] == [None, "傅村镇", None, "傅村镇北"]
    # A second load of the level takes the place of the first, and the townships stay as they were.
    load(service, write(tmp_path / "v.geojson", {"全村": column(0)}), Level.VILLAGE)
    with service.database.transaction() as connection:
        draft = store.find_draft(connection, DISTRICT)
        assert draft is not None
        kept = store.list_grids(connection, DISTRICT, draft.number)
        shapes = connection.scalar(text("select count(*) from grid_geometry"))
    assert sorted(grid.name for grid in kept) == sorted(["全村", *TOWNS])
    assert shapes == 9  # a geometry is stored once: 全村 has that of its township


def _halves(shape: shapely.Polygon) -> list[shapely.Polygon]:
    west, south, east, north = shape.bounds
    middle = (south + north) / 2
    return [shapely.box(west, south, east, middle), shapely.box(west, middle, east, north)]


def test_villages_of_one_name_get_their_code_by_the_township_they_lie_in(service: Service, tmp_path: Path) -> None:
    """桥头村 exists twice in Jindong."""
    from gridsvc.files.grids.divisions import list_divisions

    twins = [d for d in list_divisions(DISTRICT) if d.level is Level.VILLAGE and d.name.startswith("桥头村")]
    assert len(twins) == 2
    names = {d.code: d.name for d in list_divisions(DISTRICT)}
    load(service, write(tmp_path / "t.geojson", {names[d.parent]: column(k) for k, d in enumerate(twins)}))
    villages = [("桥头村", column(1)), ("桥头村", column(0))]
    features = [
        {"type": "Feature", "properties": {"村名": n}, "geometry": shapely.geometry.mapping(s)} for n, s in villages
    ]
    (tmp_path / "v.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    assert load(service, tmp_path / "v.geojson", Level.VILLAGE).unresolved == 0
    with service.database.transaction() as connection:
        draft = store.find_draft(connection, DISTRICT)
        assert draft is not None
        found = store.list_grids(connection, DISTRICT, draft.number, level=Level.VILLAGE)
    assert {grid.code: grid.parent for grid in found} == {d.code: d.parent for d in twins}


def test_a_generation_with_blocking_faults_is_refused_until_they_are_corrected(
    service: Service, tmp_path: Path
) -> None:
    load(service, write(tmp_path / "t.geojson", TOWNS | {"傅村镇": shapely.box(119.6, 29.0, 119.8, 29.2)}))
    assert checks.check(service, DISTRICT).blocking
    with pytest.raises(BlockedByFaults, match="overlap"):
        generations.activate(service, DISTRICT, 1)
    with pytest.raises(NotFound):
        list_indexes(service)
    load(service, write(tmp_path / "t.geojson", TOWNS))
    generations.activate(service, DISTRICT, 1)


def test_a_roll_back_is_a_new_entry_and_as_of_still_answers(service: Service, tmp_path: Path) -> None:
    load(service, write(tmp_path / "t.geojson", TOWNS))
    generations.activate(service, DISTRICT, 1)
    swapped = {"孝顺镇": column(1), "傅村镇": column(0), "曹宅镇": column(2)}
    load(service, write(tmp_path / "t.geojson", swapped))
    reviewed = review_generation(service, DISTRICT, 2)
    difference = reviewed.difference
    assert reviewed.against == 1
    assert difference.reshaped == ("330703101000", "330703102000")
    assert {(m.before, m.after) for m in difference.moves} == {
        ("330703101000", "330703102000"), ("330703102000", "330703101000")
    }  # fmt: skip
    generations.activate(service, DISTRICT, 2)
    done = generations.rollback(service, DISTRICT)
    assert (done.generation, done.before) == (1, 2)
    with pytest.raises(Conflict, match="no earlier generation"):
        generations.rollback(service, DISTRICT)
    with service.database.transaction() as connection:
        entries = store.list_entries(connection, DISTRICT)
        versions = get_versions(connection, DISTRICT)
    assert [(e.generation, e.reason) for e in entries] == [(1, "activate"), (2, "activate"), (1, "rollback")]
    assert versions.generation == 1

    def at(number: int, **when: object) -> str:
        indexes = list_indexes(service, **when)  # type: ignore[arg-type]
        assert indexes[0].generation == number
        finest = owners.locate(indexes, 119.65, 29.1).finest
        assert finest is not None
        return finest.name

    moment = timedelta(microseconds=1)
    assert at(1) == "孝顺镇"
    assert at(2, as_of=entries[2].valid_from - moment) == "傅村镇"
    assert at(1, as_of=entries[1].valid_from - moment) == "孝顺镇"
    assert at(2, known_at=entries[2].recorded_at - moment) == "傅村镇"
    with pytest.raises(NotFound, match="grids in force at"):
        list_indexes(service, as_of=entries[0].valid_from - moment)
    (first, second) = history(service, DISTRICT, "330703101000")
    assert [span["until"] is None for span in first["in_force"]] == [False, True]
    assert len(second["in_force"]) == 1


def test_the_log_can_only_grow(service: Service, tmp_path: Path) -> None:
    load(service, write(tmp_path / "t.geojson", TOWNS))
    generations.activate(service, DISTRICT, 1)
    for words in ("update in_force set generation = 1", "delete from in_force"):
        with pytest.raises(Exception, match="permission denied"), service.database.transaction() as connection:
            connection.execute(text(words))


def test_an_activation_may_count_from_earlier_but_not_from_tomorrow(service: Service, tmp_path: Path) -> None:
    load(service, write(tmp_path / "t.geojson", TOWNS))
    with service.database.transaction() as connection:
        now = get_versions(connection, DISTRICT).now
    with pytest.raises(Conflict, match="future"):
        generations.activate(service, DISTRICT, 1, at=now + timedelta(days=1))
    generations.activate(service, DISTRICT, 1, at=now - timedelta(days=30))
    assert list_indexes(service, as_of=now - timedelta(days=1))[0].generation == 1
    with pytest.raises(NotFound):
        list_indexes(service, as_of=now - timedelta(days=31))
    with pytest.raises(NotFound):  # what was in force then, by what was known then
        list_indexes(service, as_of=now - timedelta(days=1), known_at=now - timedelta(days=1))


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg", ".shp"])
def test_an_export_can_be_loaded_again(service: Service, tmp_path: Path, suffix: str) -> None:
    load(service, write(tmp_path / "t.geojson", TOWNS))
    generations.activate(service, DISTRICT, 1)
    target = tmp_path / f"out{suffix}"
    assert generations.export(service, DISTRICT, target) == 3
    loaded = load_grids(service, target, Level.TOWNSHIP, district=DISTRICT, crs=None, columns=Columns())
    assert (loaded.generation, loaded.columns["code"], loaded.crs) == (2, "code", "WGS-84")
    assert review_generation(service, DISTRICT, 2).difference.is_empty


def test_two_districts_share_a_border_and_no_point_is_lost_between_them(service: Service) -> None:
    for code, shape in (("330702", column(0)), ("330703", column(1))):
        generations.establish(service, code, [Grid(f"{code}1", code, Level.TOWNSHIP, None, shape)], source={})
    indexes = list_indexes(service)
    border = column(1).bounds[0]
    assert owners.locate(indexes, border, 29.1).district == "330703"
    assert owners.locate(indexes, np.nextafter(border, 0), 29.1).district == "330702"
    lon = np.array([border, np.nextafter(border, 0), 119.9])
    many = owners.locate_many(indexes, lon, np.full(3, 29.1))
    assert [many.words["district"][k] for k in many.columns["district"]] == ["330703", "330702", None]
    assert [many.words["rule"][k] for k in many.columns["rule"]] == ["border", "border", "outside"]
    with pytest.raises(OutsideDistricts) as refusal:
        owners.locate(indexes, 119.9, 29.1)
    assert refusal.value.parameters["district"] == "330703"
    assert refusal.value.parameters["distance_m"] == pytest.approx(9735, rel=0.005)
    assert refusal.value.parameters["bearing_deg"] == pytest.approx(270, abs=0.1)
    with pytest.raises(InvalidInput, match="swapped"):
        owners.locate(indexes, 29.1, 119.65)


def test_datums_are_converted_before_the_look_up(service: Service) -> None:
    generations.establish(service, DISTRICT, [Grid("1", "t", Level.TOWNSHIP, None, column(0))], source={})
    indexes = list_indexes(service)
    # 458 m west of the place that GCJ-02 names: on the other side of the western border.
    assert owners.locate(indexes, 119.602, 29.1).finest is not None
    with pytest.raises(OutsideDistricts):
        owners.locate(indexes, 119.602, 29.1, datum="GCJ-02")
    with pytest.raises(InvalidInput, match="no datum"):
        owners.locate(indexes, 119.602, 29.1, datum="Xian80")


def test_postgis_agrees_on_points_on_and_beside_every_border(service: Service) -> None:
    """ST_Covers says who may own a point, ST_Contains who must; neither shares code with the index."""
    made = nest(tile(250, 21))
    generations.establish(service, DISTRICT, made, source={})
    (index,) = list_indexes(service)
    villages: Sequence[Grid] = [grid for grid in made if grid.level is Level.VILLAGE]
    points = hard_points(np.array([grid.geometry for grid in villages], dtype=object), 20_000, 21)
    found = index.locate_many(*points.T.copy())
    codes = [*index.grids.codes, ""]
    with service.database.transaction() as connection:
        connection.execute(text("create temporary table spot (k int, owner text, geom geometry) on commit drop"))
        rows = [
            {"k": k, "owner": codes[row], "x": x, "y": y}
            for k, (row, (x, y)) in enumerate(zip(found.row.tolist(), points.tolist(), strict=True))
        ]
        connection.execute(text("insert into spot values (:k, :owner, st_setsrid(st_point(:x, :y), 4326))"), rows)
        connection.execute(text(
            "create temporary table village on commit drop as select g.code, s.geom from grid g "
            "join grid_geometry s on s.district = g.district and s.digest = g.geometry_digest where g.level = 4"
        ))  # fmt: skip
        connection.execute(text("create index on village using gist (geom)"))
        count = text(
            "select count(*) from spot where owner <> '' and not exists "
            "(select from village where code = owner and st_dwithin(village.geom, spot.geom, 1e-9))"
        )
        assert connection.scalar(count) == 0
        must = text(
            "select count(*) from spot join village on st_contains(village.geom, spot.geom) where code <> owner "
            "and not st_dwithin(st_boundary(village.geom), spot.geom, 1e-9)"
        )
        assert connection.scalar(must) == 0
        unowned = text(
            "select count(*) from spot where owner = '' and exists "
            "(select from village where st_covers(village.geom, spot.geom)) and not st_dwithin("
            "(select st_boundary(st_union(geom)) from village), spot.geom, 1e-9)"
        )
        assert connection.scalar(unowned) == 0
    assert not (found.rule == Rule.OVERLAP).any()


def test_boundaries_in_another_datum_are_refused_with_the_shift_or_accepted(service: Service, tmp_path: Path) -> None:
    """In Jindong GCJ-02 lies 461 m east and 312 m south of WGS-84 (R20)."""
    towns = {f"镇{k}": column(k) for k in range(3)}
    generations.activate(service, DISTRICT, load(service, write(tmp_path / "a.geojson", towns)).generation or 0)
    shifted = {
        name: shapely.transform(
            shape, lambda c: np.column_stack(from_wgs84(c[:, 0].copy(), c[:, 1].copy(), Datum.GCJ02))
        )
        for name, shape in towns.items()
    }
    path = write(tmp_path / "b.geojson", shifted)
    with pytest.raises(InvalidInput, match="GCJ-02") as refused:
        load(service, path)
    assert refused.value.kind == "shifted-datum"
    said = refused.value.parameters
    assert (said["likely"], said["retry"]) == ("GCJ-02", [["--crs", "GCJ-02"], ["--accept-shift"]])
    assert float(str(said["as_likely_m"])) < 1
    right = load_grids(service, path, Level.TOWNSHIP, district=DISTRICT, crs="GCJ-02", columns=Columns())
    assert right.grids == 3
    accepted = load(service, path, columns=Columns(accept_shift=True))
    assert any("accepted" in note for note in accepted.notes)
