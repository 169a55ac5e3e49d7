"""Service areas as rows, each with the digest of what decides its shape: what is unchanged stays."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import bindparam, delete, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import Text

from gridsvc.db.schema.tables import service_area, service_area_set, team
from gridsvc.db.session.fast_statements import fetch_all
from gridsvc.db.session.ids import uuid7
from gridsvc.db.session.scope import whole_district
from gridsvc.teams.model import Team

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, TextClause

KINDS = ("own", "first", "reached_by")


class AreaKey(NamedTuple):
    """What an area is of: a team, or k of all teams."""

    kind: str
    response_class: str
    team_id: UUID | None
    k: int | None


@dataclass(frozen=True, slots=True)
class Area:
    """One area as it is to be kept.

    `minutes` of driving, None where the teams differ. `shape` is WKB; None: the one that is kept under the digest.
    `overview` is the same with fewer corners, for tiles that show the whole district.
    """

    key: AreaKey
    minutes: float | None
    digest: str
    shape: bytes | None
    overview: bytes | None = None


@dataclass(frozen=True, slots=True)
class AreaSet:
    """What all areas of a district were drawn from, and when that was read.

    key: of all that decides them, None where nothing was drawn yet; layers: per class, of what `first` and `reached_by`
    are drawn from; versions: as in the answers. `number` counts the drawings.
    """

    district: str
    number: int
    key: str | None
    layers: dict[str, str]
    versions: dict[str, Any]
    at: datetime


@dataclass(frozen=True, slots=True)
class Sources:
    """Of one district at one moment: what areas would be drawn from. `key` None: roads, law or teams are missing."""

    district: str
    key: str | None
    acting: int


_sources = text(
    """
    select v.district, v.network, v.plans, v.clock_policies, v.catalogue,
           (select string_agg(concat_ws(' ', t.id, t.roster ->> 'kind', t.roster ->> 'lon', t.roster ->> 'lat',
                                        coalesce(t.roster ->> 'turnout_s', '-')), ',' order by t.id)
            from team as t where t.district = v.district and t.on_duty),
           array(select c.id::text from closure as c
                 where c.district = v.district and c.deleted_at is null and 'emergency' = any(c.profiles)
                   and c."from" <= m.now and (c.until is null or m.now < c.until) order by c.id)
    from district_version as v
    cross join (select coalesce(cast(:now as timestamptz), clock_timestamp()) as now) as m
    where cast(:district as text) is null or v.district = :district
    order by v.district
    """
)


def list_sources(
    connection: Connection, rules: str, *, district: str | None = None, now: datetime | None = None
) -> list[Sources]:
    """Return the inputs that areas would be drawn from now; cheap enough for once a second.

    `rules` stands for what the program itself decides: another value, other areas. Teams are those on duty, all of
    them for every caller: the law decides over the whole district.
    """
    with whole_district(connection):
        rows = connection.execute(_sources, {"district": district, "now": now}).all()
    found = []
    for code, network, plans, clocks, catalogue, teams, acting in rows:
        missing = None in (network, plans, clocks, catalogue)
        inputs = json.dumps([rules, network, plans, clocks, teams or "", acting])
        key = None if missing else hashlib.sha256(inputs.encode()).hexdigest()
        found.append(Sources(code, key, len(acting)))
    return found


def list_teams_on_duty(connection: Connection, district: str) -> list[Team]:
    """Return the teams on duty, in the order of their ids."""
    query = select(team.c.roster).where(team.c.district == district, team.c.on_duty).order_by(team.c.id)
    return [Team.from_json(roster) for roster in connection.scalars(query)]


def find_set(connection: Connection, district: str, *, lock: bool = False) -> AreaSet | None:
    """Return what the areas of a district were drawn from; None where none are."""
    query = select(*(service_area_set.c[name] for name in AreaSet.__slots__))
    query = query.where(service_area_set.c.district == district)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else AreaSet(*row)


def list_numbers(connection: Connection) -> tuple[tuple[str, int], ...]:
    """Return (district, number of the drawing) of all districts: what changes when an area does."""
    columns = (service_area_set.c.district, service_area_set.c.number)
    return tuple((code, number) for code, number in connection.execute(select(*columns).order_by(columns[0])))


def list_keys(connection: Connection) -> dict[str, str]:
    """Return, by district, the key of what areas were drawn from."""
    rows = connection.execute(select(service_area_set.c.district, service_area_set.c.key))
    return {str(row[0]): str(row[1]) for row in rows}


def list_digests(connection: Connection, district: str) -> dict[AreaKey, str]:
    """Return the digest of every stored area."""
    return {key: digest for key, (_, digest) in _list_rows(connection, district).items()}


_put_shapes = text(
    "insert into service_area_shape (district, digest, geom, overview) values (:district, :digest, "
    "ST_GeomFromWKB(:shape, 4326), ST_Multi(ST_GeomFromWKB(cast(:overview as bytea), 4326))) on conflict do nothing"
)
_put_rows = """
    insert into service_area (district, id, kind, response_class, team_id, k, minutes, digest)
    select %s, w.id, w.kind, w.response_class, w.team_id, w.k, w.minutes, w.digest
    from unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::smallint[], %s::float8[], %s::text[])
         as w (id, kind, response_class, team_id, k, minutes, digest)
"""
_remove_shapes = text(
    "delete from service_area_shape as s where s.district = :district and not exists "
    "(select from service_area as a where a.district = s.district and a.digest = s.digest)"
)


def put_areas(connection: Connection, drawn: AreaSet, areas: Sequence[Area]) -> dict[str, int] | None:
    """Keep a district's areas in place of those it had; rows whose digest is the same stay as they are.

    Returns how many rows were written, kept and removed; None, and nothing is written, when another process has drawn
    since `drawn.number - 1`.
    """
    district = drawn.district
    first = upsert(service_area_set).values(district=district, number=0, key="", layers={}, versions={}, at=drawn.at)
    connection.execute(first.on_conflict_do_nothing())
    held = find_set(connection, district, lock=True)
    assert held is not None
    if held.number != drawn.number - 1:
        return None
    known = _list_rows(connection, district)
    fresh = [area for area in areas if area.key not in known or known[area.key][1] != area.digest]
    removed = known.keys() - {area.key for area in areas}
    gone = [known[key][0] for key in (removed | {area.key for area in fresh}) & known.keys()]
    if gone:
        connection.execute(delete(service_area).where(service_area.c.district == district, service_area.c.id.in_(gone)))
    shapes = {area.digest: area for area in fresh if area.shape is not None}
    if shapes:
        rows = [
            {"district": district, "digest": digest, "shape": area.shape, "overview": area.overview}
            for digest, area in shapes.items()
        ]
        connection.execute(_put_shapes, rows)
    if fresh:
        keys = [[getattr(area.key, name) for area in fresh] for name in AreaKey._fields]
        values = ([uuid7() for _ in fresh], *keys, [area.minutes for area in fresh], [area.digest for area in fresh])
        fetch_all(connection, _put_rows, (district, *values))
    connection.execute(_remove_shapes, {"district": district})
    changed = {name: getattr(drawn, name) for name in ("number", "key", "layers", "versions", "at")}
    connection.execute(service_area_set.update().where(service_area_set.c.district == district).values(**changed))
    return {"written": len(fresh), "kept": len(areas) - len(fresh), "removed": len(removed)}


def _list_rows(connection: Connection, district: str) -> dict[AreaKey, tuple[UUID, str]]:
    """Return the id and the digest of every stored area."""
    columns = (service_area.c[name] for name in (*AreaKey._fields, "id", "digest"))
    query = select(*columns).where(service_area.c.district == district)
    return {AreaKey(*row[:4]): (row[4], row[5]) for row in connection.execute(query)}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A filter of areas."""

    districts: Sequence[str]
    kinds: Sequence[str]
    response_classes: Sequence[str]
    team_id: UUID | None = None

    def as_parameters(self) -> Mapping[str, Any]:
        """Return the parameters of the queries."""
        return {
            "districts": list(self.districts),
            "kinds": list(self.kinds),
            "classes": list(self.response_classes),
            "team": self.team_id,
        }


_FROM = """
    from service_area as a
    join service_area_shape as s on s.district = a.district and s.digest = a.digest
    left join team as t on t.district = a.district and t.id = a.team_id
    where a.district = any(:districts) and a.kind = any(:kinds) and a.response_class = any(:classes)
      and (cast(:team as uuid) is null or a.team_id = :team)"""
_LISTS = ("districts", "kinds", "classes")


def _typed(statement: str) -> TextClause:
    return text(statement).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in _LISTS))


_bytes = _typed(f"select coalesce(sum(pg_column_size(s.geom)), 0) {_FROM}")
_list = _typed(
    f"""
    select a.district, a.kind, a.response_class, a.team_id, t.name, a.k, a.minutes, a.drawn_at,
           case when ST_IsEmpty(s.geom) then null
                when :json then ST_AsGeoJSON(s.geom, 8) else encode(ST_AsBinary(s.geom), 'hex') end
    {_FROM}
    order by a.district, array_position(array['own', 'first', 'reached_by'], a.kind), a.response_class desc, a.k,
             t.name, a.team_id
    """
)


class KeptArea(NamedTuple):
    """One area as it is returned; `team` is the team's name, `shape` GeoJSON text or hexadecimal WKB, None = empty."""

    district: str
    kind: str
    response_class: str
    team_id: UUID | None
    team: str | None
    k: int | None
    minutes: float | None
    drawn_at: datetime
    shape: str | None


def count_bytes(connection: Connection, wanted: Wanted) -> int:
    """Return the size in bytes of the shapes that the filter selects, without reading them."""
    return int(connection.scalar(_bytes, wanted.as_parameters()) or 0)


def list_areas(connection: Connection, wanted: Wanted, *, as_json: bool) -> Iterator[KeptArea]:
    """Yield the areas that the filter selects: own, first, reached_by; urban before rural."""
    for row in connection.execute(_list, {**wanted.as_parameters(), "json": as_json}):
        yield KeptArea(*row)
