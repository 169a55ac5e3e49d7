"""Addresses of databases as people write them: SQLAlchemy's form or libpq's, of one server or of several."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from sqlalchemy import URL

_SEVERAL = re.compile(
    r"(?P<before>[^/]*//(?:[^/?#]*@)?)(?P<hosts>[^/?#@]*,[^/?#@]*)(?P<path>/[^?#]*)?(?:\?(?P<query>.*))?"
)


def read_url(text: str, *, session: str = "read-write") -> URL:
    """Return an address for psycopg; `postgresql://` is taken as `postgresql+psycopg://`.

    Of several servers, `//user@a:5432,b:5432/name` or `?host=a,b&port=5432,5432`, the driver takes the first that has
    the `session` (target_session_attrs of libpq), so that after a fail-over it finds the new primary.

    Raises
    ------
    InvalidInput
        For a text that is no address.
    """
    try:
        parsed = make_url(_with_hosts_in_query(text))
    except (ArgumentError, ValueError) as error:
        raise InvalidInput(
            "The address of the database is not usable: write postgresql://user:password@host:port/name, or several "
            "servers as host:port,host:port.",
            kind="value",
            reason=type(error).__name__,
        ) from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if is_of_several(parsed) and "target_session_attrs" not in parsed.query:
        parsed = parsed.update_query_dict({"target_session_attrs": session})
    return parsed


def is_of_several(url: URL) -> bool:
    """Return whether an address names more than one server."""
    hosts = url.query.get("host", "")
    return "," in hosts if isinstance(hosts, str) else len(hosts) > 1


def plain_url(text: str) -> str:
    """Return an address as libpq and its programs read it, with its password."""
    return read_url(text).set(drivername="postgresql").render_as_string(hide_password=False)


def _with_hosts_in_query(text: str) -> str:
    """Return an address whose several servers are in its query, where SQLAlchemy and libpq both read them."""
    found = _SEVERAL.fullmatch(text)
    if found is None:
        return text
    hosts = [host.rpartition(":") if ":" in host else (host, ":", "5432") for host in found["hosts"].split(",")]
    query = f"host={','.join(each[0] for each in hosts)}&port={','.join(each[2] for each in hosts)}"
    more = f"&{found['query']}" if found["query"] else ""
    return f"{found['before']}{found['path'] or '/'}?{query}{more}"
