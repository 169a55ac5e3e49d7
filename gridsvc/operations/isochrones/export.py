"""Service areas as answers and files: GeoJSON for a map, files for QGIS; always with what they were drawn from."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.db.grids.versions import list_versions
from gridsvc.db.roads import service_areas as store
from gridsvc.db.roads.service_areas import Wanted
from gridsvc.errors import Conflict, NotFound, TooLarge
from gridsvc.files.isochrones import AREA_ENDINGS, write_layers
from gridsvc.files.text import check_ending, write_text
from gridsvc.law import ResponseClass
from gridsvc.operations.isochrones.service_areas import draw_areas, rules
from gridsvc.operations.teams.fleet import district_of_team

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.roads.service_areas import KeptArea
    from gridsvc.json_types import Json
    from gridsvc.operations.isochrones.drawing import Progress
    from gridsvc.operations.isochrones.service_areas import Drawn
    from gridsvc.operations.runtime.service import Service

CLASSES = tuple(str(each) for each in ResponseClass)
MOST_BYTES = 16 * 2**20
"""Of shapes in one answer over HTTP: all that a district of 75 teams has, without the rural areas of single teams."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter of areas; empty kinds or classes, team and district None: all that the caller may see."""

    kinds: Sequence[str] = ()
    response_classes: Sequence[str] = ()
    team_id: UUID | None = None
    district: str | None = None

    def of(self, districts: Sequence[str]) -> Wanted:
        """Return the same for the database."""
        return Wanted(districts, self.kinds or store.KINDS, self.response_classes or CLASSES, self.team_id)


def areas_document(service: Service, asked: Asked) -> str:
    """Return the stored areas as the text of a GeoJSON FeatureCollection.

    `districts` says of each whether its areas are all there (`complete`), and whether they are of versions that are no
    longer in force (`stale`); `complete` and `stale` say it of all together. A team without minutes, or beyond the
    roads, has the geometry null.

    Raises
    ------
    NotFound
        For a district or team that is not there for the caller.
    TooLarge
        For more than MOST_BYTES of shapes.
    """
    with service.database.transaction() as connection:
        districts = _districts(connection, asked)
        wanted = asked.of([each["district"] for each in districts])
        if (size := store.count_bytes(connection, wanted)) > MOST_BYTES:
            raise TooLarge(
                f"These areas are {size / 2**20:.0f} MB of shapes, more than {MOST_BYTES // 2**20} at once. Ask for "
                "one `team_id`, `kind` or `class`, or write them to a file: `gridsvc roads areas --out FILE.gpkg`.",
                size_bytes=size,
                limit_bytes=MOST_BYTES,
            )
        features = list(_features(store.list_areas(connection, wanted, as_json=True), districts))
    return _collection(districts, features)


def _collection(districts: Sequence[dict[str, Any]], features: Sequence[str]) -> str:
    head = {
        "complete": bool(districts) and all(each["complete"] for each in districts),
        "stale": any(each["stale"] for each in districts),
        "districts": districts,
    }
    # The shapes are text already; read and written again they would cost more than all else.
    return f'{{"type": "FeatureCollection", {_json(head)[1:-1]}, "features": [{",".join(features)}]}}'


def _features(areas: Iterator[KeptArea], districts: Sequence[dict[str, Any]]) -> Iterator[str]:
    versions = {each["district"]: each["versions"] for each in districts}
    for area in areas:
        properties = _json(_properties(area, versions[area.district]))
        yield f'{{"type": "Feature", "geometry": {area.shape or "null"}, "properties": {properties}}}'


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _properties(area: KeptArea, versions: dict[str, Any]) -> dict[str, Any]:
    return {
        "district": area.district,
        "kind": area.kind,
        "response_class": area.response_class,
        "team_id": None if area.team_id is None else str(area.team_id),
        "team": area.team,
        "k": area.k,
        "minutes": None if area.minutes is None else round(area.minutes, 4),
        "drawn_at": area.drawn_at.isoformat(),
        "versions": versions,
    }


def _districts(connection: Connection, asked: Asked) -> list[dict[str, Any]]:
    """Return the state and versions of each selected district."""
    there = [each.district for each in list_versions(connection) if asked.district in {None, each.district}]
    if asked.district is not None and not there:
        raise NotFound(f"There is no district {asked.district[:40]}.", kind="no-district", district=asked.district[:40])
    if asked.team_id is not None:
        code = district_of_team(connection, asked.team_id)
        there = [each for each in there if each == code]
    sources = {each.district: each for each in store.list_sources(connection, rules())}
    return [_state(connection, code, sources[code].key) for code in there]


def _state(connection: Connection, code: str, key: str | None) -> dict[str, Any]:
    known = store.find_set(connection, code)
    if known is None:
        words = "not drawn yet; the background process does it"
        if key is None:
            words = "nothing to draw from: roads, catalogue, run cards or clock policies are not loaded"
        return {"district": code, "complete": False, "stale": False, "words": words, "at": None, "versions": None}
    stale = known.key != key
    words = "of older versions; new ones are being drawn" if stale else "of the versions in force"
    return {
        "district": code,
        "complete": True,
        "stale": stale,
        "words": words,
        "at": known.at.isoformat(),
        "versions": known.versions,
    }


def export_areas(
    service: Service, district: str, out: Path, asked: Asked, progress: Progress | None = None
) -> tuple[Drawn, dict[str, int]]:
    """Bring the areas of a district up to date and write them to a file; return the drawing and the areas by kind.

    Raises
    ------
    InvalidInput
        For a suffix that is not one of AREA_ENDINGS, or a file that cannot be written.
    Refusal
        Where there are no roads, no law, no team on duty, or none with minutes left.
    """
    check_ending(out, AREA_ENDINGS)
    suffix = out.suffix.lower()
    drawn = draw_areas(service, district, progress)
    _refuse_nothing(drawn, asked)
    with service.database.snapshot() as connection:
        states = _districts(connection, asked)
        found = list(store.list_areas(connection, asked.of([district]), as_json=suffix != ".gpkg"))
    if suffix == ".gpkg":
        versions = _json(drawn.versions)
        layers = {
            kind: [(_row(area, versions), area.shape) for area in found if area.kind == kind] for kind in store.KINDS
        }
        write_layers(out, {kind: rows for kind, rows in layers.items() if rows})
    else:
        write_text(out, _collection(states, list(_features(iter(found), states))))
    return drawn, {kind: sum(area.kind == kind for area in found) for kind in asked.kinds or store.KINDS}


def _row(area: KeptArea, versions: str) -> dict[str, Any]:
    """Return an area's attributes as columns: those of its kind, none that is always empty."""
    row = _properties(area, {}) | {"versions": versions}
    for name in ("team_id", "team") if area.kind == "reached_by" else ("k",):
        del row[name]
    return row


def _refuse_nothing(drawn: Drawn, asked: Asked) -> None:
    if not drawn.teams:
        raise NotFound(
            f"District {drawn.district} has no team on duty. `gridsvc load teams FILE` loads teams.",
            kind="no-teams",
            district=drawn.district,
        )
    classes = asked.response_classes or CLASSES
    short = [each for each in drawn.without_minutes if each["response_class"] in classes]
    if len(short) == drawn.teams * len(classes):
        least = min(each["short_s"] for each in short)
        raise Conflict(
            f"No team has a second left to drive: call handling and turnout take {least} s more than the target, or "
            "exactly as long. Correct the clock policy, the run cards or the teams' turnout.",
            kind="no-minutes",
            short_s=least,
        )
