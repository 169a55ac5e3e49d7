"""Collections of features for OGC API - Features: pages, features and extents, as the caller's scope has them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.db import features as store
from gridsvc.db.feature_collections import COLLECTIONS
from gridsvc.db.grids.versions import list_versions
from gridsvc.db.tiles import find_bounds
from gridsvc.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from gridsvc.db.feature_collections import Collection
    from gridsvc.db.features import Selection
    from gridsvc.operations.runtime.service import Service

    Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last feature before a page: its district and its key as text."""

    district: str
    key: str


@dataclass(frozen=True, slots=True)
class Page:
    """Features as JSON texts, how many there are on all pages, and where the next page begins (None: nowhere)."""

    features: list[str]
    matched: int
    following: Cursor | None


@dataclass(frozen=True, slots=True)
class Extent:
    """Where and when the features of a collection are; `box` of the districts where there are none."""

    box: Box
    first: datetime | None
    last: datetime | None


def get_collection(name: str) -> Collection:
    """Return a collection by its id.

    Raises
    ------
    NotFound
        For an unknown one.
    """
    found = COLLECTIONS.get(name)
    if found is None:
        known = list(COLLECTIONS)
        raise NotFound(
            f"There is no collection {name[:60]!r}. There are: {', '.join(known)}.",
            kind="no-collection",
            collection=name[:60],
            known=known,
        )
    return found


def find_page(
    service: Service, collection: Collection, selection: Selection, *, after: Cursor | None, limit: int
) -> Page:
    """Return one page of the selected features, in the order of district and key."""

    def work(connection: Connection) -> Page:
        districts = _districts(connection)
        matched = sum(store.count_rows(connection, collection, code, selection) for code in districts)
        found: list[tuple[str, Sequence[Any]]] = []
        for code in _from(districts, after):
            last = store.read_key(collection, after.key) if after is not None and code == after.district else None
            wanted = limit + 1 - len(found)
            rows = store.list_rows(connection, collection, code, selection, after=last, limit=wanted)
            found += [(code, row) for row in rows]
            if len(found) > limit:
                break
        shown = found[:limit]
        following = Cursor(shown[-1][0], str(shown[-1][1][0])) if len(found) > limit else None
        return Page([feature_text(collection, code, row) for code, row in shown], matched, following)

    return service.database.read(work)


def get_feature(service: Service, collection: Collection, feature_id: str) -> str:
    """Return one feature as JSON text.

    Raises
    ------
    NotFound
        Where it does not exist, or is outside the caller's scope.
    """

    def work(connection: Connection) -> str | None:
        for code in _districts(connection):
            words = feature_id
            if collection.key_type != "uuid":
                if not feature_id.startswith(f"{code}-"):
                    continue
                words = feature_id[len(code) + 1 :]
            key = store.read_key(collection, words)
            row = None if key is None else store.find_row(connection, collection, code, key)
            # Several texts can be one number or UUID; a feature has one id.
            if row is not None and _id(collection, code, row[0]) == feature_id:
                return feature_text(collection, code, row)
        return None

    found = service.database.read(work)
    if found is None:
        raise NotFound(
            f"There is no feature {feature_id[:80]!r} in {collection.id}.",
            kind="no-feature",
            feature=feature_id[:80],
            collection=collection.id,
        )
    return found


def find_extent(service: Service, collection: Collection) -> Extent:
    """Return where and when the features of a collection are."""

    def work(connection: Connection) -> Extent:
        districts = _districts(connection)
        found = [store.find_extent(connection, collection, code) for code in districts]
        boxes = [box for box, _ in found if box is not None]
        if not boxes:
            boxes = [find_bounds(connection, districts) or (-180.0, -90.0, 180.0, 90.0)]
        west, south, east, north = zip(*boxes, strict=True)
        firsts = [first for _, (first, _) in found if first is not None]
        lasts = [last for _, (_, last) in found if last is not None]
        scale = 10**store.DECIMALS  # outward, as far as a coordinate is rounded
        box = (
            *(math.floor(min(side) * scale) / scale for side in (west, south)),
            *(math.ceil(max(side) * scale) / scale for side in (east, north)),
        )
        return Extent(box, min(firsts, default=None), max(lasts, default=None))

    return service.database.read(work)


def feature_text(collection: Collection, district: str, row: Sequence[Any]) -> str:
    """Return a GeoJSON Feature; the geometry stays the text that the database wrote."""
    key, geometry, *values = row
    properties = {each.name: _plain(value) for each, value in zip(collection.properties, values, strict=True)}
    name = json.dumps(_id(collection, district, key), ensure_ascii=False)
    more = json.dumps(properties, ensure_ascii=False)
    return f'{{"type":"Feature","id":{name},"geometry":{geometry or "null"},"properties":{more}}}'


def _from(districts: list[str], after: Cursor | None) -> list[str]:
    """Return the districts that a page can be of; the cursor's own may have been removed."""
    if after is None:
        return districts
    if after.district in districts:
        return districts[districts.index(after.district) :]
    return [code for code in districts if code > after.district]


def _id(collection: Collection, district: str, key: object) -> str:
    """Return the id of a feature, which the views of the database have, too."""
    return str(key) if collection.key_type == "uuid" else f"{district}-{key}"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value


def _districts(connection: Connection) -> list[str]:
    return [versions.district for versions in list_versions(connection)]
