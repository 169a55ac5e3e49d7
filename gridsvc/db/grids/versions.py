"""The version vector of a district, read with the database's clock at the start of every operation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import literal_column, select, update
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.evidence import row_digests
from gridsvc.db.schema.tables import district, district_version
from gridsvc.db.session.fast_statements import fetch_all, fetch_one
from gridsvc.errors import NotFound
from gridsvc.grids.district_codes import check_new_code

if TYPE_CHECKING:
    from datetime import datetime

    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import ColumnElement, Connection

    from gridsvc.db.session.pipeline import Statement


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions in force in one district; `now` is the database's clock, aware.

    `generation` is the number of the grids in force, `network`, `catalogue`, `plans`, `clock_policies` and
    `calibration` are digests, `closures` and `teams` count changes. None: nothing of that kind is loaded yet.
    """

    district: str
    generation: int | None
    network: str | None
    closures: int
    catalogue: str | None
    plans: str | None
    clock_policies: str | None
    teams: int
    now: datetime
    calibration: str | None = None

    def as_json(self) -> dict[str, str | int | None]:
        """Return what a case records of them."""
        return {
            "generation": self.generation,
            "network": self.network,
            "closures": self.closures,
            "catalogue": self.catalogue,
            "plans": self.plans,
            "clock_policies": self.clock_policies,
            "teams": self.teams,
            "calibration": self.calibration,
        }


_NAMES = ("district", "generation", "network", "closures", "catalogue", "plans", "clock_policies", "teams")
COLUMNS = ", ".join(f"v.{name}" for name in _NAMES) + ", clock_timestamp(), v.calibration"
"""What makes `Versions`, in order, from `district_version as v`."""
_ALL = f"select {COLUMNS} from district_version as v order by v.district"
_ONE = f"select {COLUMNS} from district_version as v where v.district = %s"
_LOCKS = {None: "", "share": " for share", "update": " for update"}


def list_versions(connection: Connection) -> list[Versions]:
    """Return the vectors of all districts, in the order of their codes."""
    return [Versions(*row) for row in fetch_all(connection, _ALL)]


CLOCK: Statement = ("select clock_timestamp()", ())
"""Reads the database's clock."""


def get_clock(connection: Connection) -> datetime:
    """Return the database's clock, for a write that has waited since it read the versions."""
    now: datetime = fetch_all(connection, *CLOCK)[0][0]
    return now


def get_versions(connection: Connection, code: str, *, lock: str | None = None) -> Versions:
    """Return one district's vector.

    Parameters
    ----------
    lock
        "share" in a write, for which activations wait; "update" in an activation; None in a read.

    Raises
    ------
    NotFound
        When the district is not loaded.
    """
    row = fetch_one(connection, _ONE + _LOCKS[lock], (code,))
    if row is None:
        raise no_district(code)
    return Versions(*row)


def no_district(code: str) -> NotFound:
    """Return the refusal for a district that is not loaded."""
    return NotFound(f"No district {code} is loaded. Load its grids or roads first.", kind="no-district", district=code)


def set_version(connection: Connection, code: str, **versions: str | int | None) -> None:
    """Put new versions in force; the caller holds the row's lock."""
    connection.execute(update(district_version).where(district_version.c.district == code).values(**versions))
    row_digests.mark(connection, "district_version", code)


def set_outline(connection: Connection, code: str, **shapes: BaseGeometry) -> None:
    """Set the `cover` of the grids in force or the `road_box` (WGS-84); the caller holds the row's lock."""
    values = {name: f"SRID=4326;{shape.wkt}" for name, shape in shapes.items()}
    changed = update(district_version).where(district_version.c.district == code)
    connection.execute(changed.values(layout=district_version.c.layout + 1, **values))
    row_digests.mark(connection, "district_version", code)


def bump(connection: Connection, code: str, counter: str) -> None:
    """Increment the counter of changes of `closures` or `teams`."""
    column = district_version.c[counter]
    connection.execute(update(district_version).where(district_version.c.district == code).values({column: column + 1}))
    row_digests.mark(connection, "district_version", code)


# The counter of layouts begins at the time, in ms: a sum of them that was there before does not come again.
_LAYOUT: ColumnElement[int] = literal_column("(extract(epoch from clock_timestamp()) * 1000)::bigint")

# Reports and activations go on; a removal waits.
_KEEP = "select 1 from district_version where district = %s for key share"


def ensure_district(
    connection: Connection,
    code: str,
    *,
    name: str | None = None,
    synthetic: bool | None = None,
    time_zone: str | None = None,
) -> None:
    """Insert the district and its version vector where they are missing, and update what is not None.

    The district is not removed until the transaction ends. The counters of one that was removed go on from where they
    were: processes know its versions by them.

    Raises
    ------
    InvalidInput
        For the code of a new district that is likely a mistake, see `check_new_code`.
    """
    loaded = connection.scalars(select(district.c.code)).all()
    begins: dict[str, Any] = {}
    if code not in loaded:
        check_new_code(code, loaded)
        numbers = row_digests.find_removed(connection, code)
        begins = {name: numbers.get(name, 0) for name in ("teams", "closures")} | {"layout": _LAYOUT}
    columns = {"name": name, "synthetic": synthetic, "time_zone": time_zone}
    given = {key: value for key, value in columns.items() if value is not None}
    statement = insert(district).values({"code": code, "name": code, **given})
    if given:
        changes = {key: statement.excluded[key] for key in given}
        connection.execute(statement.on_conflict_do_update(index_elements=["code"], set_=changes))
    else:
        connection.execute(statement.on_conflict_do_nothing())
    connection.execute(insert(district_version).values(district=code, **begins).on_conflict_do_nothing())
    if fetch_one(connection, _KEEP, (code,)) is None:  # it was removed during the wait for the lock
        ensure_district(connection, code, name=name, synthetic=synthetic, time_zone=time_zone)
    row_digests.mark(connection, "district", code)
    row_digests.mark(connection, "district_version", code)


@dataclass(frozen=True, slots=True)
class District:
    """A loaded district: its code, its name, its IANA time zone, and whether its data is made up."""

    code: str
    name: str
    time_zone: str
    synthetic: bool


def list_districts(connection: Connection) -> list[District]:
    """Return all loaded districts, in the order of their codes."""
    columns = (district.c.code, district.c.name, district.c.time_zone, district.c.synthetic)
    return [District(*row) for row in connection.execute(select(*columns).order_by(district.c.code))]
