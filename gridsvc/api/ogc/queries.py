"""What a request of OGC API - Features asks for. Whatever the standard answers with 400 is an InvalidQuery."""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from gridsvc.db.features import Selection, read_key
from gridsvc.errors import InvalidQuery
from gridsvc.operations.features import Cursor
from gridsvc.times import read_time

if TYPE_CHECKING:
    from collections.abc import Collection as Names
    from collections.abc import Mapping

    from starlette.datastructures import QueryParams

    from gridsvc.db.feature_collections import Collection, Property

OPEN = ("..", "")
"""An end of an interval that is not bounded."""

_INT4 = 2**31 - 1
_TRUE, _FALSE = ("true", "1", "yes"), ("false", "0", "no")
_FORMATS = ("json", "geojson", "application/geo+json", "application/json")


@dataclass(frozen=True, slots=True)
class ItemsQuery:
    """The query of one page."""

    selection: Selection
    limit: int
    after: Cursor | None


def read_plain(query: QueryParams) -> None:
    """Refuse every parameter but `f` (InvalidQuery)."""
    _refuse_unknown(query, ("f",))
    _read_format(query)


def read_items(query: QueryParams, collection: Collection) -> ItemsQuery:
    """Read the query of one page of features.

    Raises
    ------
    InvalidQuery
        For an unknown parameter, and for a value that is not usable.
    """
    exact = [each.name for each in collection.properties if each.exact]
    _refuse_unknown(query, ("f", "limit", "bbox", "datetime", "cursor", *exact))
    _read_format(query)
    start, end = (None, None) if "datetime" not in query else read_span(query["datetime"])
    values = tuple(
        (name, _read_value(each, query[name]))
        for name in exact
        if name in query and (each := collection.find_property(name)) is not None
    )
    boxes = () if "bbox" not in query else read_boxes(query["bbox"])
    return ItemsQuery(
        Selection(boxes, start, end, timed="datetime" in query, values=values),
        _read_limit(query, collection),
        _read_cursor(query, collection),
    )


def read_boxes(words: str) -> tuple[tuple[float, float, float, float], ...]:
    """Read `bbox`: four numbers, or six with heights, which are left out; two boxes across the antimeridian."""
    try:
        numbers = [float(word) for word in words.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 6:
        numbers = [*numbers[:2], *numbers[3:5]]
    if len(numbers) != 4 or not all(map(math.isfinite, numbers)):
        raise InvalidQuery(
            f"`bbox` {words[:60]!r} must have four numbers: west,south,east,north in degrees WGS-84.",
            name="bbox",
            value=words[:60],
        )
    west, south, east, north = numbers
    if south > north:
        raise InvalidQuery(
            f"`bbox` {words[:60]!r} has its south above its north. Send west,south,east,north.",
            name="bbox",
            value=words[:60],
        )
    if west > east:
        return (west, south, 180.0, north), (-180.0, south, east, north)
    return ((west, south, east, north),)


def read_span(words: str) -> tuple[datetime | None, datetime | None]:
    """Read `datetime`: a time, or an interval START/END, where `..` is open; both ends belong to it."""
    first, slash, last = words.partition("/")
    start = None if slash and first in OPEN else _moment(first, words, end=False)
    if not slash:
        return start, _moment(first, words, end=True)
    end = None if last in OPEN else _moment(last, words, end=True)
    if start is not None and end is not None and start > end:
        raise InvalidQuery(
            f"`datetime` {words[:80]!r} ends before it begins. Send START/END.", name="datetime", value=words[:80]
        )
    return start, end


def _moment(text: str, words: str, *, end: bool) -> datetime:
    """Read a time with offset, or a date: its first moment, or its last one."""
    try:
        if len(text) == 10:
            day = datetime.combine(date.fromisoformat(text), time(), UTC)
            return day + timedelta(days=1, microseconds=-1) if end else day
        return read_time(text.replace(" ", "+"))  # a plus sign that a URL turned into a space
    except (ValueError, OverflowError):
        raise InvalidQuery(
            f"`datetime` {words[:80]!r} is neither a time of RFC 3339 with offset nor an interval of two, such as "
            "2026-03-01T00:00:00Z/.. for all since then.",
            name="datetime",
            value=words[:80],
        ) from None


def _read_limit(query: QueryParams, collection: Collection) -> int:
    words = query.get("limit")
    if words is None:
        return collection.usual
    if not (words.isascii() and words.isdigit() and 1 <= len(words) <= 18 and int(words) >= 1):
        raise InvalidQuery(
            f"`limit` {words[:40]!r} must be a whole number from 1 on; a page has at most {collection.most}.",
            name="limit",
            value=words[:40],
            most=collection.most,
        )
    return min(int(words), collection.most)


def write_cursor(cursor: Cursor) -> str:
    """Return the text of a cursor for a link."""
    return base64.urlsafe_b64encode(json.dumps([cursor.district, cursor.key]).encode()).decode().rstrip("=")


def _read_cursor(query: QueryParams, collection: Collection) -> Cursor | None:
    words = query.get("cursor")
    if words is None:
        return None
    try:
        district, key = json.loads(base64.b64decode(words + "=" * (-len(words) % 4), altchars=b"-_", validate=True))
    except (ValueError, TypeError, RecursionError):
        district = key = None
    if not isinstance(district, str) or not isinstance(key, str) or read_key(collection, key) is None:
        raise InvalidQuery(
            "`cursor` is none of this collection. Follow the link `next` of a page as it is.", name="cursor"
        )
    return Cursor(district, key)


def _read_value(wanted: Property, words: str) -> str | int | bool:
    """Read the value of a property as its type."""
    value: str | int | bool | None = None
    if wanted.type == "boolean":
        value = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False)}.get(words.lower())
    elif wanted.type == "integer":
        digits = words.removeprefix("-")
        if digits.isascii() and digits.isdigit() and len(digits) <= 12 and abs(int(words)) <= _INT4:
            value = int(words)
    elif "\x00" not in words and len(words) <= 200:
        value = words
    if value is None:
        raise InvalidQuery(
            f"`{wanted.name}` {words[:60]!r} is no {wanted.type}. Send one.",
            name=wanted.name,
            value=words[:60],
            type=wanted.type,
        )
    return value


def _read_format(query: QueryParams) -> None:
    if (words := query.get("f")) is not None and words.lower() not in _FORMATS:
        raise InvalidQuery(
            f"`f` {words[:40]!r} is no format of this service: send json, or leave it out.", name="f", value=words[:40]
        )


def _refuse_unknown(query: QueryParams, known: Names[str]) -> None:
    given: Mapping[str, int] = {name: len(query.getlist(name)) for name in query}
    if unknown := sorted(name for name in given if name not in known):
        raise InvalidQuery(
            f"There is no parameter {unknown[0][:60]!r} here. There are: {', '.join(known)}.",
            kind="unknown-parameter",
            name=unknown[0][:60],
            known=list(known),
        )
    if twice := sorted(name for name, count in given.items() if count > 1):
        raise InvalidQuery(f"`{twice[0]}` is given twice. Send it once.", name=twice[0])
