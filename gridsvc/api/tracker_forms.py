"""The forms in which trackers send positions: OsmAnd's protocol, the JSON of Traccar Client, Traccar's forwarding.

    OsmAnd, Traccar Client   ?id=&lat=&lon=&timestamp=&accuracy=...   in the address, or as a form in the body
    Traccar Client, in JSON  [{"id", "lat", "lon", "timestamp", ...}, ...]
    Traccar Client of 2025   {"device_id", "location": {"timestamp", "coords": {"latitude", "longitude", ...}}}
    Traccar (forward.type=json)  {"position": {"latitude", "longitude", "fixTime", ...}, "device": {"uniqueId", ...}}

See https://www.traccar.org/osmand/ and https://www.traccar.org/forward/. What the service does not store (speed,
course, battery, alarms and so on) is ignored. OsmAnd writes the accuracy in metres where its address has {3}.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from fastapi.exceptions import RequestValidationError
from pydantic_core import from_json

from gridsvc.errors import InvalidInput, Refusal
from gridsvc.operations.teams.positions import SentPosition
from gridsvc.times import check_time, read_time

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridsvc.json_types import Json

_LARGEST_S = 2**31
"""A number of seconds since 1970 is smaller; a larger number is milliseconds."""


@dataclass(frozen=True, slots=True)
class TrackerFix:
    """A place and time of a tracker; `at` None = now."""

    lon: float
    lat: float
    at: datetime | None
    accuracy_m: float | None
    datum: str

    def of_team(self, team_id: str) -> SentPosition:
        """Return it as the position of a team."""
        return SentPosition(team_id, self.lon, self.lat, self.at, self.datum, self.accuracy_m)


@dataclass(frozen=True, slots=True)
class TrackerRequest:
    """What a tracker sent. `sender` says who: the token of a tracker, or a team where the header has a key.

    A fix that is not usable is its refusal.
    """

    sender: str | None
    fixes: list[TrackerFix | Refusal]


def read_osmand(query: str, content_type: str, body: bytes) -> TrackerRequest:
    """Read a request of OsmAnd or Traccar Client; raises RequestValidationError for JSON that has none of the forms."""
    parameters: dict[str, Json] = dict(parse_qsl(query))
    if "json" not in content_type and not body.lstrip().startswith((b"{", b"[")):
        parameters |= dict(parse_qsl(body.decode("utf-8", "replace")))
        return TrackerRequest(_sender([parameters]), [_fix(parameters)])
    value = _json(body)
    if isinstance(value, dict) and isinstance(value.get("location"), dict | list):
        located = value["location"] if isinstance(value["location"], list) else [value["location"]]
        senders = [parameters, {"id": value.get("device_id")}]
        return TrackerRequest(_sender(senders), [_fix(parameters | _flat(each)) for each in located])
    rows = value if isinstance(value, list) else [value]
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise _unlike("location")
    return TrackerRequest(_sender([parameters, *rows]), [_fix(parameters | row) for row in rows])


def read_traccar(body: bytes) -> TrackerRequest:
    """Read what Traccar forwards; the team is the device's attribute `team_id`, else its identifier."""
    value = _json(body)
    position, device = (value.get(name) if isinstance(value, dict) else None for name in ("position", "device"))
    if not isinstance(position, dict):
        raise _unlike("position")
    if not isinstance(device, dict):
        raise _unlike("device")
    attributes = device.get("attributes")
    team = attributes.get("team_id") if isinstance(attributes, dict) else None
    named = {
        "lat": position.get("latitude"), "lon": position.get("longitude"), "accuracy": position.get("accuracy"),
        "timestamp": position.get("fixTime"), "valid": position.get("valid", True) and not position.get("outdated"),
    }  # fmt: skip
    sender = team or device.get("uniqueId")
    return TrackerRequest(None if sender is None else str(sender), [_fix(named)])


def _flat(location: Json) -> dict[str, Json]:
    """Return a location of Traccar Client of 2025 with the names of OsmAnd's protocol."""
    location = location if isinstance(location, dict) else {}
    place = location.get("coords")
    place = place if isinstance(place, dict) else {}
    return {
        "lat": place.get("latitude"), "lon": place.get("longitude"), "accuracy": place.get("accuracy"),
        "timestamp": location.get("timestamp"),
    }  # fmt: skip


def _sender(rows: list[Mapping[str, Json]] | list[dict[str, Json]]) -> str | None:
    """Return who sends: `token` of the address, else the `id` that all rows have."""
    if token := rows[0].get("token"):
        return str(token)
    named = [row.get("id") or row.get("deviceid") for row in rows]
    found = list(dict.fromkeys(str(each) for each in named if each))
    if len(found) > 1:
        raise InvalidInput("One request has positions of several trackers. Send one for each.", count=len(found))
    return found[0] if found else None


def _fix(row: Mapping[str, Json]) -> TrackerFix | Refusal:
    lat, _, lon = str(row["location"]).partition(",") if "location" in row else (row.get("lat"), "", row.get("lon"))
    if lat is None or lon is None or str(row.get("valid", True)).lower() in {"false", "0"}:
        return InvalidInput(
            "The tracker had no position at this time: no place, or one that it calls not valid or outdated.",
            kind="no-fix",
        )
    try:
        at = _time(row.get("timestamp"))
        return TrackerFix(_number("lon", lon), _number("lat", lat), at, _accuracy(row), str(row.get("datum", "WGS-84")))
    except Refusal as refusal:
        return refusal


def _number(field: str, value: Json) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        text = str(value)[:40]
        raise InvalidInput(f"`{field}` is {text!r}; send a number.", field=field, value=text) from None


def _accuracy(row: Mapping[str, Json]) -> float | None:
    """Return metres; None for what a device sends that does not know it: 0, a negative number, nothing."""
    value = row.get("accuracy")
    metres = 0.0 if value in (None, "") else _number("accuracy", value)
    return metres if metres > 0 else None


def _time(value: Json) -> datetime | None:
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = None
    try:
        if seconds is None:
            return read_time(str(value))
        return check_time(datetime.fromtimestamp(seconds if seconds < _LARGEST_S else seconds / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        text = str(value)[:40]
        raise InvalidInput(
            f"`timestamp` is {text!r}; send seconds or milliseconds since 1970, or RFC 3339 with offset.",
            field="timestamp",
            value=text,
        ) from None


def _json(body: bytes) -> Json:
    try:
        return from_json(body)
    except ValueError as error:
        raise RequestValidationError([{"type": "json_invalid", "loc": ("body",), "msg": str(error)}]) from None


def _unlike(member: str) -> RequestValidationError:
    return RequestValidationError([{"type": "missing", "loc": ("body", member), "msg": "Field required"}])
