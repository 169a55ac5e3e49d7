"""A change of boundaries is reviewed, approved, in force from its date on, and answers for any date (PostGIS)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import geopandas
import pytest
import shapely

from gridsvc.access.scopes import Caller, Role
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.addresses import Address, replace_addresses
from gridsvc.db.grids.versions import get_versions
from gridsvc.errors import TooLarge
from gridsvc.operations.grids import generations
from gridsvc.operations.grids.history import history
from gridsvc.operations.grids.review import review_generation, write_review
from gridsvc.operations.places.in_force import list_indexes
from tests.operations.grids.test_generations import DISTRICT, TOWNS, load, service, write

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service

__all__ = ["service"]
WEST, MIDDLE, EAST = "330703101000", "330703102000", "330703103000"
WIDE = shapely.box(119.6, 29.0, 119.72, 29.2)
"""The first township with a strip of 2 km of the second."""


def moved() -> dict[str, shapely.Polygon]:
    west, middle, east = TOWNS
    return {west: WIDE, middle: shapely.box(119.72, 29.0, 119.8, 29.2), east: TOWNS[east]}


def put(service: Service, tmp_path: Path, shapes: dict[str, shapely.Polygon], at: datetime | None = None) -> int:
    number = load(service, write(tmp_path / "t.geojson", shapes)).generation
    assert number is not None
    return generations.activate(service, DISTRICT, number, at=at).generation


def in_force_at(service: Service, *, as_of: datetime | None = None, known_at: datetime | None = None) -> int:
    return list_indexes(service, as_of=as_of, known_at=known_at)[0].generation


def test_a_draft_says_who_gets_what(service: Service, tmp_path: Path) -> None:
    put(service, tmp_path, TOWNS)
    places = [Address(f"a{k}", "house", 119.69 + 0.01 * k, 29.1, 10.0, "test") for k in range(5)]
    service.database.run(lambda connection: replace_addresses(connection, DISTRICT, places))
    load(service, write(tmp_path / "t.geojson", moved()))
    found = review_generation(service, DISTRICT, 2)
    value = found.as_json()
    assert (value["generation"], value["against"]) == (2, 1)
    assert {g["code"]: g["changes"] for g in value["grids"]} == {WEST: ["moved"], MIDDLE: ["moved"]}
    (move,) = value["moved"]
    assert (move["from"], move["to"], move["from_name"], move["to_name"]) == (MIDDLE, WEST, "傅村镇", "孝顺镇")
    # 119.70 and 119.71 are east of the old border or on it, and west of the new one.
    assert (move["addresses"], value["addresses"], value["teams"], value["open_cases"]) == (2, 2, 0, 0)
    (feature,) = found.as_collection()["features"]
    assert shapely.geometry.shape(feature["geometry"]).equals(shapely.box(119.7, 29.0, 119.72, 29.2))
    for name in ("d.geojson", "d.gpkg"):
        write_review(tmp_path / name, found)
        drawn = geopandas.read_file(tmp_path / name)
        assert drawn["to"].tolist() == [WEST]
        assert drawn.to_crs("ESRI:54034").area.sum() == pytest.approx(move["area_m2"], rel=1e-3)
    with pytest.raises(TooLarge):
        review_generation(service, DISTRICT, 2, most_grids=5)


def test_a_broken_draft_is_reviewed_too(service: Service, tmp_path: Path) -> None:
    put(service, tmp_path, TOWNS)
    bow = shapely.Polygon([(119.8, 29.0), (119.9, 29.2), (119.9, 29.0), (119.8, 29.2)])
    load(service, write(tmp_path / "t.geojson", {**TOWNS, "曹宅镇": bow}))
    assert [g["changes"] for g in review_generation(service, DISTRICT, 2).as_json()["grids"]] == [["moved"]]


def test_what_is_known_later_holds_from_its_date_on(service: Service, tmp_path: Path) -> None:
    """An activation with an earlier date than the one in force takes its place, also for what lies between."""
    now = datetime.now(UTC)
    january, march, june = (now - timedelta(days=days) for days in (300, 200, 100))
    put(service, tmp_path, TOWNS, january)
    put(service, tmp_path, moved(), june)
    put(service, tmp_path, TOWNS | {"曹宅镇": shapely.box(119.8, 29.0, 119.9, 29.3)}, march)
    with service.database.transaction() as connection:
        assert get_versions(connection, DISTRICT).generation == 3
        assert store.find_in_force(connection, DISTRICT) == 3
        second, third = store.list_entries(connection, DISTRICT)[1:]
    hour = timedelta(hours=1)
    assert in_force_at(service) == 3
    assert in_force_at(service, as_of=june + hour) == 3
    assert in_force_at(service, as_of=march + hour) == 3
    assert in_force_at(service, as_of=march - hour) == 1
    before_third = third.recorded_at - timedelta(microseconds=1)
    assert in_force_at(service, as_of=march + hour, known_at=before_third) == 1
    assert in_force_at(service, as_of=june + hour, known_at=before_third) == 2
    assert in_force_at(service, as_of=june + hour, known_at=second.recorded_at - timedelta(microseconds=1)) == 1
    spans = {row["generation"]: row["in_force"] for row in history(service, DISTRICT, WEST)}
    assert [(span["from"], span["until"]) for span in spans[1]] == [(january.isoformat(), march.isoformat())]
    assert spans[2] == []
    assert [(span["from"], span["until"]) for span in spans[3]] == [(march.isoformat(), None)]
    assert generations.rollback(service, DISTRICT).generation == 2
    assert in_force_at(service) == 2


def test_the_log_says_who_approved(service: Service, tmp_path: Path) -> None:
    load(service, write(tmp_path / "t.geojson", TOWNS))
    generations.activate(service, DISTRICT, 1, approved_by="Director Li")
    load(service, write(tmp_path / "t.geojson", moved()))
    generations.activate(service.seen_by(Caller.of("Chen", Role.ENGINEER)), DISTRICT, 2)
    with service.database.transaction() as connection:
        assert [entry.approved_by for entry in store.list_entries(connection, DISTRICT)] == ["Director Li", "Chen"]
    (first, second) = history(service, DISTRICT, WEST)
    assert [row["in_force"][0]["approved_by"] for row in (first, second)] == ["Director Li", "Chen"]


def test_the_past_of_a_grid_has_its_ancestors_and_its_end(service: Service, tmp_path: Path) -> None:
    put(service, tmp_path, TOWNS)
    merged = {"孝顺镇": shapely.box(119.6, 29.0, 119.8, 29.2), "曹宅镇": TOWNS["曹宅镇"]}
    put(service, tmp_path, merged)
    (first, second) = history(service, DISTRICT, WEST)
    assert (first["changes"], second["changes"], second["from"]) == ([], ["merged", "moved"], [MIDDLE])
    (first, second) = history(service, DISTRICT, MIDDLE)
    assert (second["changes"], second["to"], second["area_m2"]) == (["gone"], [WEST], 0.0)
