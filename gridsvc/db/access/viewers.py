"""Read-only roles of the database, for QGIS and reports that connect to it directly."""

from __future__ import annotations

import secrets
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from gridsvc.errors import InvalidInput, NotFound, Unavailable

_LONGEST_NAME = 63  # bytes; PostgreSQL cuts off what is longer


def viewer_of(district: str | None) -> str:
    """Return the name of the role for a district, or for all; the district follows from the name."""
    if district is None:
        return "gridsvc_viewer"
    name = f"gridsvc_viewer_{district}"
    if len(name.encode()) > _LONGEST_NAME or not district.isprintable():
        raise InvalidInput(
            f"No role of the database can be named after the district {district[:40]!r}.", district=district[:40]
        )
    return name


def make_viewer(superuser_url: str, district: str) -> str:
    """Create the read-only role of a loaded district if it is missing; return its name.

    Raises
    ------
    NotFound
        Where the district is not loaded.
    """
    name = viewer_of(district)
    try:
        with psycopg.connect(superuser_url.replace("+psycopg", ""), autocommit=True) as connection:
            codes = [row[0] for row in connection.execute("select code from district order by code")]
            if district not in codes:
                raise NotFound(
                    f"No district {district} is loaded. There are: {', '.join(codes) or 'none'}.",
                    district=district,
                    known=list(codes),
                )
            if connection.execute("select from pg_roles where rolname = %s", [name]).fetchone() is None:
                for line in lines_for(name):
                    connection.execute(line)
    except psycopg.Error as error:
        reason = str(error).strip()
        raise Unavailable(f"The role {name} could not be made: {reason}", name=name, reason=reason) from error
    return name


def lines_for(name: str) -> list[sql.Composed]:
    """Return the statements with which a superuser makes such a role."""
    role = sql.Identifier(name)
    return [
        sql.SQL("create role {} login in role gridsvc_viewers connection limit 30").format(role),
        sql.SQL("alter role {} set default_transaction_read_only = on").format(role),
        sql.SQL("alter role {} set statement_timeout = '2min'").format(role),
    ]


def set_password(superuser_url: str, role: str) -> str:
    """Give a read-only role a new random password and return it; the database gets its SCRAM verifier only.

    Sessions that are open stay open.
    """
    password = secrets.token_urlsafe(24)
    try:
        with psycopg.connect(superuser_url.replace("+psycopg", ""), autocommit=True) as connection:
            verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
            words = sql.SQL("alter role {} password {}").format(sql.Identifier(role), sql.Literal(verifier))
            connection.execute(words)
    except psycopg.Error as error:
        reason = str(error).strip()
        raise Unavailable(f"The password of {role} could not be set: {reason}", name=role, reason=reason) from error
    return password


def url_as(url: str, role: str) -> str:
    """Return the same database's address for another role; a password is the role's own and not known here."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{quote(role)}@{parts.netloc.rpartition('@')[2]}"))


def url_at(host_and_port: str, role: str) -> str:
    """Return the address of the embedded database for a role over TCP; the password is not known here."""
    return f"postgresql+psycopg://{quote(role)}@{host_and_port}/gridsvc"
