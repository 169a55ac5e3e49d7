"""The tables, as SQLAlchemy sees them. Every primary and unique key begins with the district.

Grids, roads and places are in `tables`; the case and its evidence in `case_tables`. Both share one MetaData.
"""

from __future__ import annotations

from geoalchemy2 import Geometry
from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def moment(name: str, *, nullable: bool = True, now: bool = False, key: bool = False) -> Column[object]:
    """Return an aware time column; `now` makes the database's clock its default, `key` a part of the primary key."""
    default = func.clock_timestamp() if now else None
    nullable = nullable and not now and not key
    return Column(name, DateTime(timezone=True), primary_key=key, nullable=nullable, server_default=default)


def shape(kind: str, *, name: str = "geom", nullable: bool = False) -> Column[object]:
    """Return a lon/lat WGS-84 geometry column; indexes are named where they are wanted."""
    return Column(name, Geometry(kind, srid=4326, spatial_index=False), nullable=nullable)


district = Table(
    "district",
    metadata,
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False, server_default="Asia/Shanghai"),
    Column("synthetic", Boolean, nullable=False, server_default="false"),
    Column("about", JSONB, nullable=False, server_default="{}"),
    moment("created_at", now=True),
)

# One row a district: a write takes it FOR SHARE, an activation FOR UPDATE, so that a case carries wholly the old or
# wholly the new.
district_version = Table(
    "district_version",
    metadata,
    Column("district", Text, primary_key=True),
    Column("generation", Integer),
    Column("network", Text),
    Column("closures", BigInteger, nullable=False, server_default="0"),
    Column("catalogue", Text),
    Column("plans", Text),
    Column("clock_policies", Text),
    Column("teams", BigInteger, nullable=False, server_default="0"),
    Column("timers", Text),
    Column("calibration", Text),
    shape("GEOMETRY", name="cover", nullable=True),
    shape("POLYGON", name="road_box", nullable=True),
    Column("layout", BigInteger, nullable=False, server_default="0"),
    ForeignKeyConstraint(["district"], ["district.code"], name="fk_district_version_district"),
)

# Content-addressed bytes (ownership indexes, road networks): the files are copies, this is the truth. `digest` is the
# SHA-256 of the whole, `sha256` that of one piece, both in hexadecimal.
artifact = Table(
    "artifact",
    metadata,
    Column("district", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("pieces", Integer, nullable=False),
    moment("created_at", now=True),
)

artifact_piece = Table(
    "artifact_piece",
    metadata,
    Column("district", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("sha256", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["district", "digest"],
        ["artifact.district", "artifact.digest"],
        name="fk_artifact_piece_artifact",
        ondelete="CASCADE",
    ),
)

# Catalogue, run cards, clock policies, the team roster and calibrations: each version is stored whole, by its digest,
# so that a replay finds it.
document = Table(
    "document",
    metadata,
    Column("district", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("content", Text, nullable=False),
    Column("source", Text, nullable=False, server_default=""),
    moment("created_at", now=True),
    CheckConstraint("kind in ('catalogue', 'plans', 'clock_policies', 'teams', 'timers', 'calibration')", name="kind"),
)

grid_generation = Table(
    "grid_generation",
    metadata,
    Column("district", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("state", Text, nullable=False, server_default="draft"),
    Column("source", JSONB, nullable=False, server_default="{}"),
    Column("faults", JSONB),
    Column("blocking", Boolean),
    Column("index_digest", Text),
    moment("created_at", now=True),
    moment("activated_at"),
    CheckConstraint("state in ('draft', 'activated', 'discarded')", name="state"),
    CheckConstraint("(state = 'activated') = (activated_at is not null)", name="activated"),
    Index("uq_grid_generation_draft", "district", unique=True, postgresql_where=text("state = 'draft'")),
)

grid_geometry = Table(
    "grid_geometry",
    metadata,
    Column("district", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    shape("GEOMETRY"),
    Column("area_m2", Double, nullable=False),
    Index("ix_grid_geometry_geom", "geom", postgresql_using="gist"),
)

# A draft may hold what must never be in force (a code twice), so its rows are known by number.
grid = Table(
    "grid",
    metadata,
    Column("district", Text, primary_key=True),
    Column("generation", Integer, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("level", SmallInteger, nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("parent", Text),
    Column("geometry_digest", Text, nullable=False),
    Column("urban_rural_code", Text),
    Column("provisional_code", Boolean, nullable=False, server_default="false"),
    Column("derived", Boolean, nullable=False, server_default="false"),
    Column("officer", Text),
    CheckConstraint("level between 1 and 4", name="level"),
    ForeignKeyConstraint(["district", "generation"], ["grid_generation.district", "grid_generation.number"],
                         name="fk_grid_grid_generation"),
    ForeignKeyConstraint(["district", "geometry_digest"], ["grid_geometry.district", "grid_geometry.digest"],
                         name="fk_grid_grid_geometry"),
    Index("ix_grid_code", "district", "code"),
    Index("ix_grid_generation_level", "district", "generation", "level"),
    Index("ix_grid_geometry_digest", "district", "geometry_digest", "generation"),
)  # fmt: skip

# Which generation was in force when: only ever appended to, so that `as_of` and `known_at` can both be answered.
in_force = Table(
    "in_force",
    metadata,
    Column("district", Text, primary_key=True),
    Column("entry", BigInteger, Identity(always=True), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("reason", Text, nullable=False),
    moment("valid_from", nullable=False),
    moment("recorded_at", now=True),
    Column("approved_by", Text),
    ForeignKeyConstraint(["district", "generation"], ["grid_generation.district", "grid_generation.number"],
                         name="fk_in_force_grid_generation"),
    CheckConstraint("reason in ('activate', 'rollback')", name="reason"),
)  # fmt: skip

road_network = Table(
    "road_network",
    metadata,
    Column("district", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("report", JSONB, nullable=False, server_default="{}"),
    Column("nodes", Integer, nullable=False),
    Column("arcs", Integer, nullable=False),
    moment("created_at", now=True),
)

# The network's edges again, for tiles and QGIS; written with the network, never read by the engine.
road_edge = Table(
    "road_edge",
    metadata,
    Column("district", Text, primary_key=True),
    Column("network", Text, primary_key=True),
    Column("edge", Integer, primary_key=True),
    Column("class", Text, nullable=False),
    Column("name", Text),
    Column("oneway", Boolean, nullable=False),
    Column("speed_kph", Double),
    shape("LINESTRING"),
    Index("ix_road_edge_geom", "geom", postgresql_using="gist"),
)

closure = Table(
    "closure",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    shape("GEOMETRY"),
    Column("factor", Double, nullable=False),
    Column("profiles", ARRAY(Text), nullable=False),
    moment("from", nullable=False),
    moment("until"),
    moment("created_at", now=True),
    moment("deleted_at"),
    CheckConstraint("factor >= 0 and factor <= 1", name="factor"),
    CheckConstraint('until is null or until > "from"', name="span"),
)

station = Table(
    "station",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("derived", Boolean, nullable=False, server_default="false"),
    shape("POINT"),
    Index("ix_station_geom", "geom", postgresql_using="gist"),
)

# `roster` is the whole team (gridsvc.teams.model.Team as JSON); the columns are what SQL needs. `datum`: that of its
# positions, where a person has decided it.
team = Table(
    "team",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("unit", Text, nullable=False),
    Column("station", Text),
    Column("on_duty", Boolean, nullable=False, server_default="true"),
    Column("roster", JSONB, nullable=False),
    moment("retired_at"),
    Column("datum", Text),
    moment("datum_at"),
    CheckConstraint("retired_at is null or not on_duty", name="retired"),
    CheckConstraint("datum in ('WGS-84', 'GCJ-02', 'BD-09')", name="datum"),
    CheckConstraint("(datum is null) = (datum_at is null)", name="datum_at"),
    ForeignKeyConstraint(["district", "station"], ["station.district", "station.id"], name="fk_team_station"),
)

# `datum_fit`: how its positions fit the roads, where they are on roads in another datum only; `decided` in it: a person
# has decided since, and the next position ends it.
team_last = Table(
    "team_last",
    metadata,
    Column("district", Text, primary_key=True),
    Column("team_id", Uuid, primary_key=True),
    shape("POINT"),
    Column("accuracy_m", Double),
    moment("at", nullable=False),
    moment("received_at", now=True),
    Column("datum_fit", JSONB),
    ForeignKeyConstraint(["district", "team_id"], ["team.district", "team.id"], name="fk_team_last_team"),
    Index("ix_team_last_geom", "geom", postgresql_using="gist"),
)

# `device_at` is what the device's clock said, where it was ahead.
team_position = Table(
    "team_position",
    metadata,
    Column("district", Text, primary_key=True),
    Column("team_id", Uuid, primary_key=True),
    moment("at", key=True),
    moment("received_at", now=True),
    shape("POINT"),
    Column("accuracy_m", Double),
    moment("device_at"),
    Index("ix_team_position_device_at", "district", "team_id", "device_at",
          postgresql_where=text("device_at is not null")),
    postgresql_partition_by="RANGE (at)",
)  # fmt: skip

address = Table(
    "address",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("text", Text, nullable=False),
    Column("level", Text, nullable=False),
    Column("radius_m", Double, nullable=False),
    Column("source", Text, nullable=False),
    shape("POINT"),
    Column("parts", JSONB, nullable=False, server_default="{}"),
    Index("ix_address_geom", "geom", postgresql_using="gist"),
    Index("ix_address_text", "district", "text"),
)

# Where teams arrive in time. `team_id` null: of all teams together, where `k` of them do. `digest` stands for what
# decides the shape. An empty shape is kept too: it means that no driving time is left, or no road is near.
# `overview` is the shape to half a pixel of the tiles that show the whole district.
# A shape is kept once, however many teams stand at its station.
service_area_shape = Table(
    "service_area_shape",
    metadata,
    Column("district", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    shape("MULTIPOLYGON"),
    shape("MULTIPOLYGON", name="overview", nullable=True),
)

service_area = Table(
    "service_area",
    metadata,
    Column("district", Text, primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("response_class", Text, nullable=False),
    Column("team_id", Uuid),
    Column("k", SmallInteger),
    Column("minutes", Double),
    Column("digest", Text, nullable=False),
    moment("drawn_at", now=True),
    ForeignKeyConstraint(["district", "team_id"], ["team.district", "team.id"], name="fk_service_area_team"),
    ForeignKeyConstraint(["district", "digest"], ["service_area_shape.district", "service_area_shape.digest"],
                         name="fk_service_area_shape"),
    CheckConstraint("kind in ('own', 'first', 'reached_by')", name="kind"),
    CheckConstraint("response_class in ('urban', 'rural')", name="response_class"),
    CheckConstraint("(kind = 'reached_by') = (team_id is null) and (team_id is null) = (k is not null)",
                    name="subject"),
    Index("uq_service_area_team", "district", "kind", "response_class", "team_id", unique=True,
          postgresql_where=text("team_id is not null")),
    Index("uq_service_area_k", "district", "kind", "response_class", "k", unique=True,
          postgresql_where=text("team_id is null")),
    Index("ix_service_area_digest", "district", "digest"),
)  # fmt: skip

# One row a district: what its areas were drawn from, all of them; `number` counts the drawings.
service_area_set = Table(
    "service_area_set",
    metadata,
    Column("district", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("layers", JSONB, nullable=False),
    Column("versions", JSONB, nullable=False),
    moment("at", nullable=False),
)
