"""Features as OGC API - Features serves them: a collection yields the rows of one district, page after page.

A page is found by the key of the last feature before it, so that it costs the same however far it is, and so that a
feature that comes or goes while a client reads shifts no other one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import text

from gridsvc.db.feature_collections import ROADS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.feature_collections import Collection

DECIMALS = 6
"""Of a degree: 0.1 m."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which features: `boxes` (west, south, east, north; any of them), a span of time, values of properties.

    `timed`: a time was asked for, be it open at both ends.
    """

    boxes: tuple[tuple[float, float, float, float], ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    timed: bool = False
    values: tuple[tuple[str, str | int | float | bool], ...] = ()


_KEY_READERS = {"text": str, "uuid": UUID, "integer": int, "bigint": int}
_LARGEST = {"integer": 2**31 - 1, "bigint": 2**63 - 1}


def read_key(collection: Collection, words: str) -> str | int | UUID | None:
    """Return the key that a text is; None for a text that can be none."""
    if "\x00" in words:
        return None
    try:
        key = _KEY_READERS[collection.key_type](words)
    except ValueError:
        return None
    return None if isinstance(key, int) and abs(key) > _LARGEST[collection.key_type] else key


def list_rows(
    connection: Connection,
    collection: Collection,
    district: str,
    selection: Selection,
    *,
    after: object = None,
    limit: int,
) -> Sequence[Sequence[Any]]:
    """Return the next rows of a district after a key: key, geometry as GeoJSON text, then the properties in order."""
    where, values = _conditions(collection, selection)
    if after is not None:
        where += f" and {collection.key} > :after"
        values["after"] = after
    rows: Sequence[Sequence[Any]] = connection.execute(
        text(f"{_select(collection)} {_joined(collection)} {where} order by {collection.key} limit :limit"),
        values | {"district": district, "limit": limit},
    ).all()
    return rows


def find_row(connection: Connection, collection: Collection, district: str, key: object) -> Sequence[Any] | None:
    """Return one row as `list_rows` does; None where it is not there, or outside the scope."""
    row: Sequence[Any] | None = connection.execute(
        text(f"{_select(collection)} {_joined(collection)} and {collection.key} = :key"),
        {"district": district, "key": key},
    ).first()
    return row


def count_rows(connection: Connection, collection: Collection, district: str, selection: Selection) -> int:
    """Return how many rows of a district are selected."""
    where, values = _conditions(collection, selection)
    count: int = connection.scalar(
        text(f"select count(*) {_joined(collection)} {where}"), values | {"district": district}
    )
    return count


def find_extent(
    connection: Connection, collection: Collection, district: str
) -> tuple[tuple[float, float, float, float] | None, tuple[datetime | None, datetime | None]]:
    """Return the box (west, south, east, north) of a district's rows, None without any, and their first and last time.

    A time is None without rows, and the last one of spans is: they go on.
    The box of roads is the one that is stored with the network, a metre wider.
    """
    times = "null, null" if collection.moment is None else f"min({collection.moment}), max({collection.moment})"
    if collection.span is not None:
        times = f"min({collection.span[0]}), null"
    if collection is ROADS:
        sql = "select road_box as box, null, null from district_version where district = :district"
    else:
        sql = f"select ST_Extent({collection.geometry})::geometry as box, {times} {_joined(collection)}"
    row = connection.execute(
        text(f"select ST_XMin(box), ST_YMin(box), ST_XMax(box), ST_YMax(box), a, b from ({sql}) as e (box, a, b)"),
        {"district": district},
    ).first()
    if row is None or row[0] is None:
        return None, (None, None)
    return (row[0], row[1], row[2], row[3]), (row[4], row[5])


@lru_cache
def _select(collection: Collection) -> str:
    shown = ", ".join(each.expression for each in collection.properties)
    return f"select {collection.key}, {_geojson(collection)}, {shown}"


def _geojson(collection: Collection) -> str:
    """Return a geometry as GeoJSON text: rounded, and valid also after that; rings by the right-hand rule.

    A polygon that the rounding makes vanish, as of a sliver of centimetres, is drawn one step wider.
    """
    if collection.kind != "MultiPolygon":
        return f"ST_AsGeoJSON({collection.geometry}, {DECIMALS})"
    step = f"{10.0**-DECIMALS:f}"
    return f"""(select ST_AsGeoJSON(ST_ForcePolygonCCW(case
        when ST_IsValid(rounded) and not ST_IsEmpty(rounded) then rounded
        when not ST_IsEmpty(mended) then ST_Multi(mended)
        else ST_Multi(ST_ReducePrecision(ST_Buffer(shape, {step}), {step})) end), {DECIMALS})
        from (select {collection.geometry} as shape offset 0) as s
        cross join lateral (select ST_Multi(ST_SnapToGrid(shape, {step})) as rounded,
                                   ST_CollectionExtract(ST_ReducePrecision(shape, {step}), 3) as mended) as r)"""


@lru_cache
def _joined(collection: Collection) -> str:
    word = "and" if " where " in collection.rows.replace("\n", " ") else "where"
    return f"from {collection.rows} {word} {collection.district} = :district"


def _conditions(collection: Collection, selection: Selection) -> tuple[str, dict[str, Any]]:
    """Return what is added to the where clause, and its values."""
    words, values = [], dict[str, Any]()
    boxes = []
    for number, box in enumerate(selection.boxes):
        envelope = f"ST_MakeEnvelope(:w{number}, :s{number}, :e{number}, :n{number}, 4326)"
        boxes.append(f"({collection.geometry} && {envelope} and ST_Intersects({collection.geometry}, {envelope}))")
        values |= dict(zip((f"w{number}", f"s{number}", f"e{number}", f"n{number}"), box, strict=True))
    if boxes:
        words.append(f"({' or '.join(boxes)})")
    words += _in_time(collection, selection)
    values |= {name: at for name in ("start", "end") if (at := getattr(selection, name)) is not None}
    for number, (name, value) in enumerate(selection.values):
        found = collection.find_property(name)
        assert found is not None
        words.append(f"{found.expression} = :v{number}")
        values[f"v{number}"] = value
    return "".join(f" and {each}" for each in words), values


def _in_time(collection: Collection, selection: Selection) -> list[str]:
    """Return the conditions on the time of a feature; the ends of the interval belong to it."""
    if collection.span is not None:
        first, end = collection.span
        if not selection.timed:
            return [f"{end} is null"]
        after, before = f"({end} is null or {end} > :start)", f"{first} <= :end"
    elif collection.moment is not None:
        after, before = f"{collection.moment} >= :start", f"{collection.moment} <= :end"
    else:
        return []
    return ([] if selection.start is None else [after]) + ([] if selection.end is None else [before])
