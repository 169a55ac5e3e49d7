"""Named features of a district: rivers, railways, hills, bridges, and places that callers know."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely
from sqlalchemy import text

from gridsvc.db.places.versions import bump_sources
from gridsvc.db.session.fast_statements import fetch_all
from gridsvc.places.features import NamedFeature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

_ADD = text(
    "insert into named_feature (district, name, kind, radius_m, source, geom) "
    "values (:d, :name, :kind, :radius, :source, st_setsrid(st_geomfromwkb(:geom), 4326))"
)
_LIST = text(
    "select name, kind, st_asbinary(geom), radius_m from named_feature where district = :d order by name, kind, id"
)
_NEAR = """
    select name, kind, st_asbinary(geom), radius_m from named_feature
    where district = %s and geom && st_makeenvelope(%s, %s, %s, %s, 4326) order by name, kind, id
"""


def replace_features(connection: Connection, district: str, features: Sequence[NamedFeature], source: str) -> int:
    """Put the features of a source in place of those that a district had; return how many."""
    connection.execute(text("delete from named_feature where district = :d"), {"d": district})
    rows = [
        {
            "d": district,
            "name": each.name,
            "kind": each.kind,
            "radius": each.radius_m,
            "source": source,
            "geom": shapely.to_wkb(each.geometry),
        }
        for each in features
    ]
    if rows:
        connection.execute(_ADD, rows)
    bump_sources(connection, district)
    return len(rows)


def list_features(connection: Connection, district: str) -> list[NamedFeature]:
    """Return the features of a district, in the order of their names."""
    return [_feature(*row) for row in connection.execute(_LIST, {"d": district})]


def list_features_in(
    connection: Connection, district: str, box: tuple[float, float, float, float]
) -> list[NamedFeature]:
    """Return the features whose box meets a box of (west, south, east, north) degrees, in the order of their names."""
    return [_feature(*row) for row in fetch_all(connection, _NEAR, (district, *box))]


def _feature(name: str, kind: str, wkb: bytes, radius_m: float) -> NamedFeature:
    return NamedFeature(name, kind, shapely.from_wkb(bytes(wkb)), radius_m)
