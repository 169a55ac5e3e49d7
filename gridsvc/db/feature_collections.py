"""The collections of OGC API - Features: the rows, key, place, time and properties of each, as SQL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.db.cases.pages import TIMING

if TYPE_CHECKING:
    from collections.abc import Mapping


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

    `key_type` is the SQL type of the key. The time is a `moment`, or a `span`: its first moment, and the one that ends
    it and belongs to what follows (null: it has no end yet). Of a span, those without an end are shown where the
    request names no time. `most`: features of one page, and `usual` where the request names no limit.
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
    span: tuple[str, str] | None = None
    most: int = 1000
    usual: int = 100

    def find_property(self, name: str) -> Property | None:
        """Return a property by which features may be selected."""
        return next((each for each in self.properties if each.name == name and each.exact), None)


_LEVEL = "(array['regional', 'township', 'area', 'village'])[g.level]"
_WHOLE = "(select coalesce(current_setting('gridsvc.grid', true), '') = '')"


def _texts(*names: tuple[str, str, str]) -> tuple[Property, ...]:
    return tuple(Property(name, "string", expression, about) for name, expression, about in names)


def _times(table: str, *names: tuple[str, str]) -> tuple[Property, ...]:
    return tuple(Property(name, "time", f"{table}.{name}", about, exact=False) for name, about in names)


# As is known now: an entry of the log ends what begins after it and was recorded before it (see `find_in_force`). The
# last entry has no end. A grid of the past has the number of its entry behind its code: the code is in force again.
GRIDS = Collection(
    "grids", "Grids", "Grids in force, at all levels; with `datetime` those that were in force then, as is known now",
    "MultiPolygon",
    """(select district, generation, entry, valid_from, min(valid_from) over (
         partition by district order by entry rows between 1 following and unbounded following
     ) as valid_until from in_force) as f
    join grid g on g.district = f.district and g.generation = f.generation
     and (f.valid_until is null or f.valid_from < f.valid_until)
    join grid_geometry s on s.district = g.district and s.digest = g.geometry_digest""",
    "f.district", "case when f.valid_until is null then g.code else g.code || '@' || f.entry end", "text", "s.geom",
    (
        *_texts(
            ("district", "f.district", "code of the district"),
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
        *_times("f", ("valid_from", "since when it is in force; `datetime` selects by it and valid_until"),
                ("valid_until", "when another generation took its place; null: it is in force")),
    ),
    span=("f.valid_from", "f.valid_until"),
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
    "force, as polygons",
    "MultiPolygon",
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
    "polygon_of_fault(n.district, n.number, fault)",
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
        Property("cure", "string", "fault ->> 'cure'", "the command that removes it", exact=False),
        Property("lon", "number", "(fault ->> 'lon')::float8", "longitude of a point inside of it", exact=False),
        Property("lat", "number", "(fault ->> 'lat')::float8", "latitude of a point inside of it", exact=False),
    ),
)  # fmt: skip

COLLECTIONS: Mapping[str, Collection] = {
    each.id: each for each in (GRIDS, INCIDENTS, STATIONS, SERVICE_AREAS, ROADS, FAULTS)
}
