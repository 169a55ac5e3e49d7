"""The address of a database as SQLAlchemy, libpq (psql), GDAL and QGIS read it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from gridsvc.db.session.urls import read_url

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMS = ("sqlalchemy", "libpq", "ogr", "qgis")

PORT = "5432"
"""Written where an address has no port: libpq would take PGPORT of its environment."""

VIEWS = (
    "grid_in_force", "draft_grid", "boundary_fault", "road_in_force", "station_now", "team_now", "incident_open",
    "service_area_now",
)  # fmt: skip
"""The views that are made for GIS programs: one unique `id` and one typed geometry each."""


def as_form(address: str, form: str, *, tables: Sequence[str] = ()) -> str:
    """Return an address in one of FORMS.

    Parameters
    ----------
    tables
        What GDAL lists as layers; empty: all that the role may read.

    Notes
    -----
    `sqlalchemy` returns the address as it is. `libpq` is a connection URI (PostgreSQL manual, 34.1.1), `ogr` a
    connection string of the PostgreSQL driver of GDAL, `qgis` the connection part of a QgsDataSourceUri.
    """
    if form == "sqlalchemy":
        return address
    if form == "libpq":
        return _uri(keywords_of(address))
    words = " ".join(f"{name}={_quoted(value)}" for name, value in keywords_of(address).items())
    if form == "ogr":
        return f"PG:{words}" + (f" tables={','.join(tables)}" if tables else "")
    return words


def keywords_of(address: str) -> dict[str, str]:
    """Return the keywords of libpq that an address has: dbname, host, port, user, password and the rest."""
    url = read_url(address)
    found = {"dbname": url.database, "host": url.host, "port": None if url.port is None else str(url.port),
             "user": url.username, "password": url.password}  # fmt: skip
    for name, value in url.query.items():
        found[name] = value if isinstance(value, str) else ",".join(value)
    found["port"] = found["port"] or PORT
    return {name: value for name, value in found.items() if value}


def _uri(keywords: dict[str, str]) -> str:
    """Return a connection URI; a space is %20, since libpq takes `+` as it is, and a socket's folder is a parameter."""
    rest = dict(keywords)
    database, user, password = (quote(rest.pop(name, ""), safe="") for name in ("dbname", "user", "password"))
    login = f"{user}:{password}" if password else user
    where = ""
    if "host" in rest and not set("/,:") & set(rest["host"]):
        where = f"{rest.pop('host')}:{rest.pop('port')}"
    query = urlencode(rest, quote_via=quote, safe="/")
    return f"postgresql://{login}{'@' if login else ''}{where}/{database}" + (f"?{query}" if query else "")


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
