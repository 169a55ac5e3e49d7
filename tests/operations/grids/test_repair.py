"""The draft of a district is mended, and is had back; rulings; polygons of faults; all in a real PostGIS."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import geopandas
import pytest
import shapely

from gridsvc.db.grids import generations as store
from gridsvc.errors import BlockedByFaults, Conflict, InvalidInput
from gridsvc.grids.fault import PIECES, Limits
from gridsvc.operations.grids import checks, generations
from gridsvc.operations.grids.repair import repair_draft, undo_repair
from tests.operations.grids.test_generations import DISTRICT, TOWNS, load, service, write

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    from gridsvc.operations.runtime.service import Service

__all__ = ["service"]
BOW = shapely.Polygon([(119.8, 29.0), (119.9, 29.2), (119.9, 29.0), (119.8, 29.2)])


def shapes(service: Service, number: int = 1) -> dict[str, BaseGeometry]:
    with service.database.transaction() as connection:
        return {grid.name: grid.geometry for grid in store.list_grids(connection, DISTRICT, number)}


def broken() -> dict[str, BaseGeometry]:
    """A strip of 1.5 m, 33,000 m2, that the first two share; and a small notch in the second."""
    west, middle, east = TOWNS.values()
    wide = shapely.box(*west.bounds[:2], west.bounds[2] + 1.5e-5, west.bounds[3])
    notch = shapely.box(119.8 - 5e-4, 29.1, 119.8, 29.1005)
    return dict(zip(TOWNS, (wide, shapely.difference(middle, notch), east), strict=True))


def test_a_repair_is_listed_and_taken_back(service: Service, tmp_path: Path) -> None:
    load(service, write(tmp_path / "t.geojson", broken()))
    before = shapes(service)
    with pytest.raises(BlockedByFaults):
        generations.activate(service, DISTRICT, 1)
    tried = repair_draft(service, DISTRICT, dry_run=True)
    assert shapes(service) == before
    done = repair_draft(service, DISTRICT)
    assert [c.as_json() for c in done.changes] == [c.as_json() for c in tried.changes]
    assert {(c.kind, c.gained is None, c.lost is None) for c in done.changes} == {
        ("sliver", False, False), ("gap", False, True),
    }  # fmt: skip
    assert not [fault for fault in done.left if fault.kind in PIECES]
    assert shapes(service) != before
    assert undo_repair(service, DISTRICT) == (1, 1)
    assert shapes(service) == before
    with pytest.raises(Conflict) as refused:
        undo_repair(service, DISTRICT)
    assert refused.value.kind == "no-repair"
    repair_draft(service, DISTRICT)
    assert generations.activate(service, DISTRICT, 1).generation == 1
    assert repair_draft(service, DISTRICT).changes == []


def test_copies_come_back_too_and_a_load_ends_what_can_be_taken_back(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "t.geojson"
    frame = geopandas.GeoDataFrame({"name": [*TOWNS, "曹宅镇"]}, geometry=[*TOWNS.values(), TOWNS["曹宅镇"]], crs=4326)
    frame.to_file(file)
    load(service, file)
    assert checks.check(service, DISTRICT).blocking
    assert [(c.kind, c.lost) for c in repair_draft(service, DISTRICT).changes] == [("duplicate", "330703103000")]
    assert not checks.check(service, DISTRICT).blocking
    undo_repair(service, DISTRICT)
    duplicates = [f for f in checks.check(service, DISTRICT).faults if f.kind == "duplicate-code"]
    assert [f.cure for f in duplicates] == ["gridsvc grids repair"]
    repair_draft(service, DISTRICT)
    load(service, file)
    with pytest.raises(Conflict):
        undo_repair(service, DISTRICT)


def test_the_area_of_a_bow_tie_is_that_of_its_halves(service: Service, tmp_path: Path) -> None:
    load(service, write(tmp_path / "t.geojson", {**TOWNS, "曹宅镇": BOW}))
    with service.database.transaction() as connection:
        areas = {name: area for _, name, _, _, area in store.list_areas(connection, DISTRICT, 1)}
    assert areas["曹宅镇"] == pytest.approx(areas["傅村镇"] / 2, rel=2e-3)
    (fault,) = [f for f in checks.check(service, DISTRICT).faults if f.kind == "invalid"]
    assert fault.area_m2 == pytest.approx(areas["曹宅镇"])


def test_a_ruling_accepts_one_overlap_from_a_day_on_and_stays_with_the_draft(service: Service, tmp_path: Path) -> None:
    west, middle, east = TOWNS.values()
    wide = shapely.box(*west.bounds[:2], west.bounds[2] + 0.01, west.bounds[3])
    load(service, write(tmp_path / "t.geojson", dict(zip(TOWNS, (wide, middle, east), strict=True))))
    (fault,) = [f for f in checks.check(service, DISTRICT).faults if f.kind == "overlap"]
    first, second = fault.codes
    assert fault.cure == f"gridsvc grids rule {first} {second} --from DATE --reason TEXT"
    today = datetime.now(UTC).date()
    checks.rule(service, DISTRICT, (second, first), since=today + timedelta(days=2), reason="later")
    assert checks.check(service, DISTRICT).blocking
    made = checks.rule(service, DISTRICT, (second, first), since=date(2020, 1, 1), reason="minutes of 2020")
    assert made.codes == (first, second)
    assert made.area_m2 == pytest.approx(fault.area_m2)
    checked = checks.check(service, DISTRICT)
    assert not checked.blocking
    assert any("minutes of 2020" in each.words for each in checked.faults)
    generations.activate(service, DISTRICT, 1)
    load(service, tmp_path / "t.geojson")  # the next draft has the ruling
    generations.activate(service, DISTRICT, 2)
    with pytest.raises(InvalidInput) as refused:
        checks.rule(service, DISTRICT, (first, "330703103000"), since=today, reason="no")
    assert refused.value.kind == "no-overlap"
    with pytest.raises(InvalidInput):
        checks.rule(service, DISTRICT, (first, second), since=today, reason="who", owner="330703103000")
    checks.rule(service, DISTRICT, (first, second), since=date(2020, 1, 1), reason="treaty", owner=second)
    (change,) = repair_draft(service, DISTRICT).changes
    assert (change.gained, change.lost) == (second, first)


@pytest.mark.parametrize("name", ["faults.gpkg", "faults.geojson"])
def test_the_polygons_of_faults_have_the_areas_that_are_listed(service: Service, tmp_path: Path, name: str) -> None:
    load(service, write(tmp_path / "t.geojson", {**broken(), "曹宅镇": BOW}))
    checked = checks.check(service, DISTRICT, limits=Limits(open_gap_m=0), out=tmp_path / name)
    drawn = geopandas.read_file(tmp_path / name)
    assert set(drawn.geom_type) == {"MultiPolygon"}
    assert set(drawn["kind"]) == {fault.kind for fault in checked.faults if not fault.shape.is_empty}
    assert drawn["cure"].str.startswith("gridsvc ").all()
    pieces = drawn[drawn["kind"].isin(PIECES)]
    areas = pieces.to_crs("ESRI:54034").area  # equal-area cylindrical
    assert len(pieces) == len([fault for fault in checked.faults if fault.kind in PIECES])
    assert sorted(areas) == pytest.approx(sorted(pieces["area_m2"]), rel=1e-3)
    with pytest.raises(InvalidInput):
        checks.check(service, DISTRICT, out=tmp_path / "faults.txt")
