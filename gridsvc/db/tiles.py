"""Vector tiles out of PostGIS: each layer is the SQL of one tile, as in cf. pg_tileserv's "a layer yields SQL".

Borders are thinned by snapping every vertex to a grid that depends on the zoom alone. Neighbours and parents share
their vertices, so that they also share the snapped ones: nothing gaps, nothing overlaps, whichever tile or level it
is, and on every PostGIS from 3.0 on (ST_CoverageSimplify wants 3.4, and would separate the levels).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Text

from gridsvc.grids.levels import Level

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

EXTENT = 4096  # units across a tile
_BUFFER = 64  # units drawn beyond the edge, so that outlines of clipped polygons stay out of sight
_MERCATOR_M = 40_075_016.685578488  # circumference, the width of tile 0/0/0

# Below this zoom a border is thinned to one vertex in THINNED units, half a pixel of a 512-pixel tile.
_FULL_DETAIL_ZOOM = 12
_THINNED = 4

# The first zoom at which a level (a road class) is worth its bytes.
LEVEL_ZOOMS: Mapping[Level, int] = {Level.REGIONAL: 5, Level.TOWNSHIP: 8, Level.AREA: 10, Level.VILLAGE: 11}
ROAD_ZOOMS: Mapping[str, int] = {
    "motorway": 6, "motorway_link": 9, "trunk": 6, "trunk_link": 9, "primary": 8, "primary_link": 10,
    "secondary": 9, "secondary_link": 10, "tertiary": 10, "tertiary_link": 11, "unclassified": 12,
    "residential": 12, "living_street": 12, "service": 13, "track": 13,
}  # fmt: skip
_OTHER_ROAD_ZOOM = 12


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of tiles.

    `fields` maps each attribute to its meaning. `moving`: its rows change without a version that says so; `drawn`: with
    the number of the district's service areas. `select` yields the rows of a tile with `geom` cut to it; it may use the
    relations `tile` (merc, margin, lonlat) and `live` (district, generation, network), and the parameters z, unit_m,
    levels, road_classes.
    """

    id: str
    about: str
    minzoom: int
    fields: Mapping[str, str]
    select: str
    moving: bool = False
    drawn: bool = False
    maxzoom: int = 14


_LEVEL_KEY = "case g.level " + " ".join(f"when {level.value} then '{level.key}'" for level in Level) + " end"

_SHOWN_GRIDS = """
    from live
    join grid g on g.district = live.district and g.generation = live.generation and g.level = any(:levels)
    join grid_geometry s on s.district = g.district and s.digest = g.geometry_digest
    cross join tile
    where s.geom && tile.lonlat"""

GRIDS = Layer(
    "grids",
    "Grids of the generation in force",
    min(LEVEL_ZOOMS.values()),
    {
        "code": "code of the grid",
        "name": "name of the grid",
        "level": "regional, township, area or village",
        "parent": "code of the grid that holds it",
        "derived": "true where no source has the border and the program drew it",
        "officer": "true where an officer is named",
    },
    f"""
    select g.code, g.name, {_LEVEL_KEY} as level, g.parent, g.derived, g.officer is not null as officer,
           ST_AsMVTGeom(ST_SnapToGrid(ST_Transform(ST_ClipByBox2D(s.geom, tile.lonlat), 3857), :unit_m),
                        tile.merc, {EXTENT}, {_BUFFER}) as geom
    {_SHOWN_GRIDS}
    order by g.level, g.code""",
)

GRID_LABELS = Layer(
    "grid_labels",
    "One point inside each grid, for its name",
    GRIDS.minzoom,
    {name: GRIDS.fields[name] for name in ("code", "name", "level", "derived")},
    f"""
    select code, name, level, derived, ST_AsMVTGeom(point, merc, {EXTENT}, 0) as geom
    from (select g.code, g.name, {_LEVEL_KEY} as level, g.derived, tile.merc,
                 ST_Transform(ST_PointOnSurface(s.geom), 3857) as point
          {_SHOWN_GRIDS}) as labelled
    where ST_X(point) >= ST_XMin(merc) and ST_X(point) < ST_XMax(merc)
      and ST_Y(point) > ST_YMin(merc) and ST_Y(point) <= ST_YMax(merc)
    order by code""",
)

ROADS = Layer(
    "roads",
    "Roads of the network in force",
    min(ROAD_ZOOMS.values()),
    {
        "class": "OpenStreetMap's highway class",
        "name": "name, from zoom 13 on",
        "oneway": "true where only one direction may be driven",
    },
    f"""
    select e.class, case when :z >= 13 then e.name end as name, e.oneway,
           ST_AsMVTGeom(ST_Collect(ST_Simplify(ST_Transform(e.geom, 3857), :line_m)), tile.merc,
                        {EXTENT}, {_BUFFER}) as geom
    from live
    join road_edge e on e.district = live.district and e.network = live.network
    cross join tile
    where e.geom && tile.lonlat and (e.class = any(:road_classes) or (:other_roads and e.class <> all(:known_roads)))
    group by 1, 2, 3, tile.merc
    order by 1, 2, 3""",
)

STATIONS = Layer(
    "stations",
    "Posts where teams stand",
    8,
    {
        "name": "name of the station",
        "kind": "fire_station, police, townhall or seat",
        "derived": "true where no source has the station",
    },
    f"""
    select s.id, s.name, s.kind, s.derived,
           ST_AsMVTGeom(ST_Transform(s.geom, 3857), tile.merc, {EXTENT}, {_BUFFER}) as geom
    from live join station s on s.district = live.district cross join tile
    where s.geom && tile.lonlat
    order by s.id""",
    moving=True,
)

TEAMS = Layer(
    "teams",
    "Teams at their last position, else at their station",
    8,
    {
        "id": "id of the team",
        "name": "name of the team",
        "unit": "the unit that it belongs to",
        "status": "available, engaged or off_duty",
        "placed": "position or station: where the point comes from",
        "positioned_at": "time of the position, seconds since 1970",
    },
    f"""
    select t.id::text as id, t.name, t.unit, case when t.placed_at is null then 'station' else 'position' end as placed,
           case when exists (select from engagement e where e.district = t.district and e.team_id = t.id
                             and e.until is null and e.engaging) then 'engaged'
                when t.on_duty then 'available' else 'off_duty' end as status,
           floor(extract(epoch from t.placed_at))::bigint as positioned_at,
           ST_AsMVTGeom(ST_Transform(t.point, 3857), tile.merc, {EXTENT}, {_BUFFER}) as geom
    from (select team.*, l.at as placed_at, coalesce(l.geom, s.geom) as point
          from live
          join team on team.district = live.district
          left join team_last l on l.district = team.district and l.team_id = team.id
          left join station s on s.district = team.district and s.id = team.station) as t
    cross join tile
    where t.point && tile.lonlat
    order by t.id""",
    moving=True,
)

# Road by road an area is all fringes: snapped to the grid these would cross themselves and be mended one by one.
SERVICE_AREAS = Layer(
    "service_areas",
    "Where teams on duty arrive in time, net of call handling and turnout: the first of them, and how many",
    8,
    {
        "kind": "first (where the team is the first; these do not overlap) or reached_by (where k teams arrive)",
        "response_class": "urban or rural: in time for which target",
        "team_id": "id of the team; absent where kind is reached_by",
        "k": "how many teams arrive in time, 1 to 3; absent where kind is first",
        "minutes": "minutes of driving; absent where the teams differ",
    },
    f"""
    select a.kind, a.response_class, a.team_id::text as team_id, a.k::int as k, a.minutes,
           ST_AsMVTGeom(case when :z < {_FULL_DETAIL_ZOOM}
                             then ST_Simplify(ST_Transform(coalesce(s.overview, s.geom), 3857), :unit_m)
                             else ST_Transform(ST_ClipByBox2D(s.geom, tile.lonlat), 3857) end,
                        tile.merc, {EXTENT}, {_BUFFER}) as geom
    from live join service_area a on a.district = live.district
    join service_area_shape s on s.district = a.district and s.digest = a.digest
    cross join tile
    where s.geom && tile.lonlat and a.kind <> 'own'
    order by a.kind, a.response_class desc, a.k, a.team_id""",
    drawn=True,
)

INCIDENTS = Layer(
    "incidents",
    "Open cases",
    8,
    {
        "id": "id of the case",
        "number": "number of the case, for people",
        "type": "type of the run card",
        "urgency": "emergency or routine",
        "status": "triggered, accepted, assigned, handling or feedback",
        "class": "urban or rural",
        "waiting": "true while no team is on it and one is wanted",
        "drill": "true for an exercise",
        "reported_at": "seconds since 1970",
        "due_at": "when the target of the clock policy ends, seconds since 1970; absent while its clock stands",
        "arrived_at": "when the clock stopped, seconds since 1970; absent until then",
    },
    f"""
    select i.id::text as id, i.number, i.type, i.urgency, i.status, i.response_class as class, i.waiting, i.drill,
           floor(extract(epoch from i.reported_at))::bigint as reported_at,
           floor(extract(epoch from i.due_at))::bigint as due_at,
           floor(extract(epoch from i.arrived_at))::bigint as arrived_at,
           ST_AsMVTGeom(ST_Transform(i.geom, 3857), tile.merc, {EXTENT}, {_BUFFER}) as geom
    from live join incident i on i.district = live.district cross join tile
    where i.geom && tile.lonlat and i.status not in ('archived', 'cancelled')
    order by i.number""",
    moving=True,
)

LATE_AREAS = Layer(
    "late_areas",
    "Where responses are late, of the newest report that is kept: areas of at least five cases",
    8,
    {
        "id": "id of the area",
        "n": "cases of the report's period",
        "judged": "those that are in time or late",
        "late": "those that are late",
        "late_share": "late of the judged ones, 0 to 1",
        "late_low": "lower end of its 95 % interval",
        "late_high": "upper end of its 95 % interval",
        "p90_s": "P90 of the response, seconds; absent where there are too few arrivals",
        "policy": "id of the clock policy",
    },
    f"""
    select a.own ->> 'id' as id, (a.own ->> 'n')::int as n, (a.own ->> 'judged')::int as judged,
           (a.own ->> 'late')::int as late, (a.own ->> 'late_share')::float8 as late_share,
           (a.own ->> 'late_low')::float8 as late_low, (a.own ->> 'late_high')::float8 as late_high,
           (a.own ->> 'p90_s')::float8 as p90_s, a.policy,
           ST_AsMVTGeom(ST_Transform(a.geom, 3857), tile.merc, {EXTENT}, {_BUFFER}) as geom
    from (select f -> 'properties' as own, r.policy,
                 ST_SetSRID(ST_GeomFromGeoJSON(f ->> 'geometry'), 4326) as geom
          from live
          join lateral (select policy, content from compliance_report as c where c.district = live.district
                        order by c.made_at desc, c.id desc limit 1) as r on true
          cross join lateral jsonb_array_elements(r.content::jsonb #> '{{map,areas}}') as f) as a
    cross join tile
    where a.geom && tile.lonlat
    order by 1""",
    moving=True,
)

LAYERS: Mapping[str, Layer] = {
    layer.id: layer for layer in (GRIDS, GRID_LABELS, SERVICE_AREAS, ROADS, STATIONS, TEAMS, INCIDENTS, LATE_AREAS)
}  # fmt: skip


def _typed(statement: str) -> TextClause:
    """Return the statement with its lists bound as text[], also where one is empty."""
    lists = [name for name in ("districts", "road_classes", "known_roads") if f":{name}" in statement]
    return text(statement).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in lists))


_BOUNDS = _typed("""
    with live as (select district, generation, network from district_version where district = any(:districts)),
    extent as (
        select ST_Extent(s.geom) as box
        from live
        join grid g on g.district = live.district and g.generation = live.generation
        join grid_geometry s on s.district = g.district and s.digest = g.geometry_digest
        union all
        select ST_Extent(e.geom) from live
        join road_edge e on e.district = live.district and e.network = live.network where live.generation is null)
    select ST_XMin(b), ST_YMin(b), ST_XMax(b), ST_YMax(b) from (select ST_Extent(box::geometry) as b from extent) as e
    where b is not null""")


def is_tile(z: int, x: int, y: int) -> bool:
    """Whether x and y are within the 2**z by 2**z tiles of zoom z."""
    return 0 <= z <= 30 and 0 <= x < 2**z and 0 <= y < 2**z


def find_bounds(connection: Connection, districts: Sequence[str]) -> tuple[float, float, float, float] | None:
    """Return west, south, east, north of the grids in force (of the roads, where there are none)."""
    row = connection.execute(_BOUNDS, {"districts": list(districts)}).first()
    return (float(row[0]), float(row[1]), float(row[2]), float(row[3])) if row else None


def draw_tile(
    connection: Connection, layers: Sequence[Layer], z: int, x: int, y: int, districts: Sequence[str]
) -> bytes:
    """Draw `layers` into one tile (Mapbox Vector Tile 2.1, web mercator); empty bytes where nothing is.

    A layer is left out below its minzoom. z, x, y must be a tile; z above a layer's maxzoom is the caller's to refuse.
    """
    drawn = tuple(layer for layer in layers if z >= layer.minzoom)
    if not drawn:
        return b""
    statement = _statement(tuple(layer.id for layer in drawn))
    tile: bytes = connection.scalars(statement, _parameters(z, x, y, districts)).one()
    return bytes(tile)


@lru_cache(maxsize=64)
def _statement(ids: tuple[str, ...]) -> TextClause:
    # ST_AsMVT leaves out what is cut to nothing; a filter for it would make the planner cut everything twice.
    parts = " || ".join(
        f"(select ST_AsMVT(f, '{name}', {EXTENT}, 'geom') from ({LAYERS[name].select}) as f)" for name in ids
    )
    return _typed(f"""
        with tile as materialized (
            select ST_TileEnvelope(:z, :x, :y) as merc,
                   ST_Transform(ST_TileEnvelope(:z, :x, :y, margin => {_BUFFER / EXTENT}), 4326) as lonlat),
        live as materialized (
            select district, generation, network from district_version where district = any(:districts))
        select {parts}""")


def _parameters(z: int, x: int, y: int, districts: Sequence[str]) -> dict[str, Any]:
    unit_m = _MERCATOR_M / 2**z / EXTENT
    return {
        "z": z,
        "x": x,
        "y": y,
        "districts": list(districts),
        "unit_m": unit_m * _THINNED if z < _FULL_DETAIL_ZOOM else 0,  # 0: as it is
        "line_m": unit_m * _THINNED / 2,
        "levels": [level.value for level in Level if z >= LEVEL_ZOOMS[level]],
        "road_classes": [name for name, first in ROAD_ZOOMS.items() if z >= first],
        "known_roads": list(ROAD_ZOOMS),
        "other_roads": z >= _OTHER_ROAD_ZOOM,
    }
