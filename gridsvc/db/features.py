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

from gridsvc.db.cases.pages import TIMING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

DECIMALS = 6
"""Of a degree: 0.1 m."""


@dataclass(frozen=True, slots=True)
class Property:
    """One property: its name, JSON type (`time` is a text of RFC 3339), SQL expression and meaning.

    `exact`: requests may select features by its value.
    """

    name: str
    type: str
    expression: str
    about: str
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection: SQL of the rows of the district `:district`, and of their key, place and time.

    `key_type` is the SQL type of the key. `most`: features of one page, and `usual` where the request names no limit.
    """

    id: str
    title: str
    about: str
    kind: str
    rows: str
    district: str
    key: str
    key_type: str
    geometry: str
    properties: tuple[Property, ...]
    moment: str | None = None
    most: int = 1000
    usual: int = 100

    def find_property(self, name: str) -> Property | None:
        """Return a property by which features may be selected."""
        return next((each for each in self.properties if each.name == name and each.exact), None)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which features: `boxes` (west, south, east, north; any of them), a span of time, values of properties."""

    boxes: tuple[tuple[float, float, float, float], ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    values: tuple[tuple[str, str | int | float | bool], ...] = ()


_LEVEL = "(array['regional', 'township', 'area', 'village'])[g.level]"
_WHOLE = "(select coalesce(current_setting('gridsvc.grid', true), '') = '')"


def _texts(*names: tuple[str, str, str]) -> tuple[Property, ...]:
    return tuple(Property(name, "string", expression, about) for name, expression, about in names)


def _times(table: str, *names: tuple[str, str]) -> tuple[Property, ...]:
    return tuple(Property(name, "time", f"{table}.{name}", about, exact=False) for name, about in names)


GRIDS = Collection(
    "grids", "Grids in force", "Grids of the generation in force, at all levels", "MultiPolygon",
    """district_version v
    join grid g on g.district = v.district and g.generation = v.generation
    join grid_geometry s on s.district = g.district and s.digest = g.geometry_digest""",
    "v.district", "g.code", "text", "s.geom",
    (
        *_texts(
            ("district", "v.district", "code of the district"),
            ("code", "g.code", "code of the grid"),
            ("name", "g.name", "name of the grid"),
            ("level", _LEVEL, "regional, township, area or village"),
            ("parent", "g.parent", "code of the grid that holds it"),
            ("urban_rural_code", "g.urban_rural_code", "urban-rural code of the National Bureau of Statistics"),
        ),
        Property("derived", "boolean", "g.derived", "whether the program drew the border, since no source has it"),
        Property("provisional_code", "boolean", "g.provisional_code", "whether the program made the code"),
        Property("generation", "integer", "g.generation", "the version of the grids"),
        Property("area_m2", "number", "round(s.area_m2::numeric, 1)::float8", "area on the ellipsoid", exact=False),
    ),
)  # fmt: skip

INCIDENTS = Collection(
    "incidents", "Cases", "All cases, also closed ones and drills; no personal data", "Point",
    "incident i", "i.district", "i.id", "uuid", "i.geom",
    (
        *_texts(
            ("district", "i.district", "code of the district"),
            ("type", "i.type", "type of the case"),
            ("type_name", "i.type_name", "name of the type"),
            ("urgency", "i.urgency", "emergency or routine"),
            ("status", "i.status", "triggered, accepted, assigned, handling, feedback, archived or cancelled"),
            ("response_class", "i.response_class", "urban or rural"),
            ("timing", TIMING, "met, late, missing or open"),
            *((level, f"i.{level}", f"code of the {level} grid") for level in ("regional", "township", "area",
                                                                              "village")),
            ("rule", "i.rule", "how the owners were found"),
            ("handler", "i.handler::text", "id of the team that is responsible"),
        ),
        Property("number", "integer", "i.number", "number of the case, for people"),
        Property("waiting", "boolean", "i.waiting", "whether no team is on it and one is wanted"),
        Property("drill", "boolean", "i.drill", "whether it is an exercise"),
        Property("target_s", "integer", "i.target_s", "seconds within which the teams should arrive"),
        Property("radius_m", "number", "i.radius_m", "how uncertain the place is", exact=False),
        *_times(
            "i", ("reported_at", "when it was reported; `datetime` selects by it"),
            ("triggered_at", "when it was made"), ("assigned_at", "when teams were sent"),
            ("due_at", "when the target ends"),
            ("first_on_scene_at", "when the first team arrived"), ("arrived_at", "when the clock stopped"),
            ("archived_at", "when it was closed"), ("cancelled_at", "when it was cancelled"),
        ),
    ),
    moment="i.reported_at",
)  # fmt: skip

STATIONS = Collection(
    "stations", "Stations", "Posts where teams stand", "Point",
    "station s", "s.district", "s.id", "text", "s.geom",
    (
        *_texts(
            ("district", "s.district", "code of the district"),
            ("station", "s.id", "id of the station in its district"),
            ("name", "s.name", "name of the station"),
            ("kind", "s.kind", "fire_station, police, townhall or seat"),
        ),
        Property("derived", "boolean", "s.derived", "whether no source has the station"),
    ),
)  # fmt: skip

SERVICE_AREAS = Collection(
    "service_areas", "Service areas", "Where teams on duty arrive in time, net of call handling and turnout",
    "MultiPolygon",
    """service_area a
    join service_area_shape s on s.district = a.district and s.digest = a.digest
    left join team t on t.district = a.district and t.id = a.team_id""",
    "a.district", "a.id", "uuid", "s.geom",
    (
        *_texts(
            ("district", "a.district", "code of the district"),
            ("kind", "a.kind", "own, first or reached_by"),
            ("response_class", "a.response_class", "urban or rural: in time for which target"),
            ("team_id", "a.team_id::text", "id of the team; null where kind is reached_by"),
            ("team", "t.name", "name of the team"),
        ),
        Property("k", "integer", "a.k", "how many teams arrive in time; null where kind is own or first"),
        Property("minutes", "number", "a.minutes", "minutes of driving; null where the teams differ", exact=False),
        *_times("a", ("drawn_at", "when it was drawn; `datetime` selects by it")),
    ),
    moment="a.drawn_at", most=20, usual=10,
)  # fmt: skip

ROADS = Collection(
    "roads", "Roads", "Roads of the network in force", "LineString",
    "district_version v join road_edge e on e.district = v.district and e.network = v.network",
    "v.district", "e.edge", "integer", "e.geom",
    (
        *_texts(
            ("district", "v.district", "code of the district"),
            ("class", "e.class", "OpenStreetMap's highway class"),
            ("name", "e.name", "name of the road"),
        ),
        Property("oneway", "boolean", "e.oneway", "whether only one direction may be driven"),
        Property("speed_kph", "number", "e.speed_kph", "speed of the normal profile", exact=False),
    ),
)  # fmt: skip

# A fault names the grids that it is between: a caller who is limited to a grid sees those whose grids they all see.
FAULTS = Collection(
    "faults", "Faults of the boundaries", "Faults that `gridsvc grids check` found in the draft, else in the grids in "
    "force, each at a point inside of it",
    "Point",
    f"""district_version v
    join grid_generation n on n.district = v.district
     and n.number = coalesce((select d.number from grid_generation d
                              where d.district = v.district and d.state = 'draft'), v.generation)
    cross join lateral jsonb_array_elements(
        case jsonb_typeof(n.faults) when 'array' then n.faults else '[]' end) with ordinality as f (fault, row)
    where fault ->> 'lon' is not null
      and ({_WHOLE} or not exists (select from jsonb_array_elements_text(fault -> 'codes') as c (code)
                                   where not scope_has_grid(c.code)))""",
    "v.district", "f.row", "bigint",
    "ST_SetSRID(ST_MakePoint((fault ->> 'lon')::float8, (fault ->> 'lat')::float8), 4326)",
    (
        *_texts(
            ("district", "v.district", "code of the district"),
            ("kind", "fault ->> 'kind'", "overlap, gap, sliver, invalid, orphan, ..."),
            ("state", "n.state", "draft or activated: of the generation"),
        ),
        Property("generation", "integer", "n.number", "the generation that was checked"),
        Property("blocking", "boolean", "(fault ->> 'blocking')::boolean", "whether it forbids the activation"),
        Property("area_m2", "number", "(fault ->> 'area_m2')::float8", "its area, 0 where it has none", exact=False),
        Property("codes", "array", "fault -> 'codes'", "codes of the grids concerned", exact=False),
        Property("names", "array", "fault -> 'names'", "names of the grids concerned", exact=False),
        Property("words", "string", "fault ->> 'words'", "what is wrong", exact=False),
    ),
)  # fmt: skip

COLLECTIONS: Mapping[str, Collection] = {
    each.id: each for each in (GRIDS, INCIDENTS, STATIONS, SERVICE_AREAS, ROADS, FAULTS)
}

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

    The box of roads is the one that is stored with the network, a metre wider.
    """
    times = "null, null" if collection.moment is None else f"min({collection.moment}), max({collection.moment})"
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
    """Return a geometry as GeoJSON text: rounded, and valid also after that; rings by the right-hand rule."""
    if collection.kind != "MultiPolygon":
        return f"ST_AsGeoJSON({collection.geometry}, {DECIMALS})"
    shape, step = collection.geometry, f"{10.0**-DECIMALS:f}"
    mended = f"ST_Multi(ST_CollectionExtract(ST_ReducePrecision({shape}, {step}), 3))"
    valid = f"case when ST_IsValid(rounded) then rounded else {mended} end"
    return (
        f"(select ST_AsGeoJSON(ST_ForcePolygonCCW({valid}), {DECIMALS})"
        f" from (select ST_Multi(ST_SnapToGrid({shape}, {step})) as rounded) as r)"
    )


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
    if collection.moment is not None:
        for name, sign in (("start", ">="), ("end", "<=")):
            if (at := getattr(selection, name)) is not None:
                words.append(f"{collection.moment} {sign} :{name}")
                values[name] = at
    for number, (name, value) in enumerate(selection.values):
        found = collection.find_property(name)
        assert found is not None
        words.append(f"{found.expression} = :v{number}")
        values[f"v{number}"] = value
    return "".join(f" and {each}" for each in words), values
