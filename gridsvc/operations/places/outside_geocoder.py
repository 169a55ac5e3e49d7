"""An outside geocoder by configuration: Tianditu's or Nominatim's format, a time limit, and no trust beyond its due.

What callers say of places is sent to it only where the operator has set it. It is asked for what the gazetteer does not
know well enough; where it fails, it is left alone for a while, and the gazetteer's answer stands.
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from gridsvc.coordinates import Datum, distance_m, to_wgs84
from gridsvc.errors import InvalidInput, Unavailable
from gridsvc.grids.levels import Level
from gridsvc.grids.ownership import Rule
from gridsvc.operations.places.found import Found
from gridsvc.operations.places.in_force import list_indexes
from gridsvc.operations.runtime.outside_http import parse_address, request
from gridsvc.places.model import Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.json_types import Json, JsonObject
    from gridsvc.operations.runtime.service import OutsideGeocoder, Service

FORMATS = ("tianditu", "nominatim")

_LONGEST_ANSWER = 256 << 10
_MOST = 5
_REST_S = 30.0
"""How long it is left alone after it did not answer."""
_ALONE = 0.7
"""The highest confidence of a place that the gazetteer does not have: never acted on unasked."""
_AGAINST = 0.5
"""The highest confidence of a place in another township than the gazetteer's best candidate."""
_AGREED = 0.85
_SURE_SCORE = 0.9
_NEAR_TIE = 0.15
"""A text that means two townships about as well stays a question: an outside geocoder has only the same text."""
_FINE = frozenset({"house", "place", "unit", "junction"})

# The level words of Tianditu (https://lbs.tianditu.gov.cn/server/geocoding.html), with how far off they may be.
_TIANDITU = {
    "门址": ("house", 50.0),
    "兴趣点": ("place", 100.0),
    "地名地址": ("place", 300.0),
    "地名": ("place", 500.0),
    "道路": ("road", 2_000.0),
    "村": ("village", 1_500.0),
    "乡镇": ("township", 6_000.0),
    "区县": ("place", 20_000.0),
}
_OTHER = ("place", 1_000.0)
# The address types of Nominatim that are more than a place.
_NOMINATIM = {"building": "house", "house": "house", "place": "house", "road": "road", "village": "village",
              "town": "township", "postcode": "postcode"}  # fmt: skip

_log = logging.getLogger("gridsvc.geocoder")


def check_setting(url: str, format_: str) -> None:
    """Refuse an address or a format that cannot be used (`InvalidInput`)."""
    if format_ not in FORMATS:
        raise InvalidInput(
            f"GRIDSVC_GEOCODER_FORMAT is {format_!r}. Set it to one of {', '.join(FORMATS)}.",
            value=format_,
            known=list(FORMATS),
        )
    if parse_address(url) is None:
        raise InvalidInput("GRIDSVC_GEOCODER_URL is no https address. Give one such as https://HOST/geocoder.")


@dataclass(frozen=True, slots=True)
class OutsideAnswer:
    """A place by an outside geocoder, WGS-84 degrees; `score` is its own, 0 to 1."""

    name: str
    level: str
    lon: float
    lat: float
    radius_m: float
    score: float


def ask(service: Service, setting: OutsideGeocoder, text: str) -> tuple[str, list[OutsideAnswer]]:
    """Return how it answered (`answered`, `nothing`, `unreachable`, `refused`, `unreadable`, `resting`), and places."""
    failed = service.recall("geocoder").get("failed")
    if failed is not None and failed[0] < _REST_S:
        return "resting", []
    parts = parse_address(setting.url)
    assert parts is not None
    query = _query(setting, text, dict(parse_qsl(parts.query)))
    try:
        answer = request(
            "GET",
            parts._replace(query=urlencode(query)),
            timeout_s=setting.timeout_s,
            longest_answer=_LONGEST_ANSWER,
            headers={"Accept": "application/json"},
        )
    except Unavailable as error:
        _log.warning("the outside geocoder %s did not answer: %s", parts.hostname, error.detail)
        service.remember("geocoder", "failed", error.detail)
        return "unreachable", []
    if answer.status != 200:
        _log.warning("the outside geocoder %s answered %d", parts.hostname, answer.status)
        service.remember("geocoder", "failed", answer.status)
        return "refused", []
    try:
        found = read_answer(setting.format, answer.body)
    except ValueError as error:
        _log.warning("the answer of the outside geocoder %s cannot be read: %s", parts.hostname, error)
        return "unreadable", []
    return ("answered" if found else "nothing"), found


def _query(setting: OutsideGeocoder, text: str, given: dict[str, str]) -> dict[str, str]:
    if setting.format == "tianditu":
        return (
            given
            | {"ds": json.dumps({"keyWord": text}, ensure_ascii=False)}
            | ({"tk": setting.key} if setting.key else {})
        )
    return given | {"q": text, "format": "jsonv2", "limit": str(_MOST)} | ({"key": setting.key} if setting.key else {})


def read_answer(format_: str, body: bytes) -> list[OutsideAnswer]:
    """Return the places of an answer, in WGS-84; ValueError for what is no answer of this format.

    Tianditu answers in CGCS2000, Nominatim in WGS-84.
    """
    try:
        value = json.loads(body)
        return _tianditu(value) if format_ == "tianditu" else [_nominatim(each) for each in value[:_MOST]]
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _tianditu(value: JsonObject) -> list[OutsideAnswer]:
    status = str(value.get("status"))
    place = value.get("location") or {}
    if status == "101" or (status == "0" and not place):
        return []
    if status != "0":
        raise ValueError(f"status {status}")
    level, radius_m = _TIANDITU.get(str(place.get("level", "")), _OTHER)
    lon, lat = _degrees(place["lon"], place["lat"])
    lon, lat = to_wgs84(lon, lat, Datum.CGCS2000)
    name = str(place.get("keyWord", ""))[:200]
    return [OutsideAnswer(name, level, lon, lat, radius_m, _share(float(place.get("score", 0)) / 100))]


def _nominatim(value: JsonObject) -> OutsideAnswer:
    lon, lat = _degrees(value["lon"], value["lat"])
    radius_m = 100.0
    if (box := value.get("boundingbox")) is not None:
        south, north, west, east = (float(each) for each in box)
        radius_m = max(20.0, distance_m(west, south, east, north) / 2)
    level = _NOMINATIM.get(str(value.get("addresstype", "")), "place")
    name = str(value.get("name") or value.get("display_name", ""))[:200]
    return OutsideAnswer(name, level, lon, lat, radius_m, _share(float(value.get("importance", 0.0))))


def _degrees(lon: Json, lat: Json) -> tuple[float, float]:
    x, y = float(lon), float(lat)
    if not (math.isfinite(x) and math.isfinite(y) and abs(x) <= 180 and abs(y) <= 90):
        raise ValueError("coordinates that are none")
    return x, y


def _share(value: float) -> float:
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def place(service: Service, answers: Sequence[OutsideAnswer], codes: Sequence[str]) -> list[Found]:
    """Return the answers that lie in these districts, with their owners; what lies outside is no answer here."""
    indexes = [index for index in list_indexes(service) if index.district in codes]
    found = []
    for each in answers:
        for index in indexes:
            owned = index.locate(each.lon, each.lat)
            if owned.rule is Rule.OUTSIDE:
                continue
            township, village = owned.owner(Level.TOWNSHIP), owned.owner(Level.VILLAGE)
            candidate = Candidate(
                each.lon,
                each.lat,
                each.radius_m,
                each.score,
                each.level,
                each.name,
                None if township is None else township.name,
                None if village is None else village.name,
                (),
                tuple(owner.code for owner in owned.owners if owner is not None),
            )
            found.append(Found(index.district, candidate))
            break
    return found


def combine(here: Sequence[Found], outside: Sequence[Found], local: Sequence[Found]) -> list[Found]:
    """Return the candidates of both: where they agree, the finer place is surer; else neither is trusted more."""
    if not here:
        return [*local, *(_capped(each, _ALONE) for each in outside)]
    best = here[0]
    rivals = any(
        other.candidate.township != best.candidate.township
        and other.candidate.confidence > best.candidate.confidence - _NEAR_TIE
        for other in here[1:]
    )
    rest = list(local)
    found = []
    for each in outside:
        apart_m = distance_m(each.candidate.lon, each.candidate.lat, best.candidate.lon, best.candidate.lat)
        same = each.district == best.district and each.candidate.township == best.candidate.township
        if not same:
            found.append(_capped(each, _AGAINST))
        elif apart_m > best.candidate.radius_m + each.candidate.radius_m:
            found.append(_capped(each, min(_ALONE, best.candidate.confidence)))
        else:
            sure = not rivals and each.candidate.level in _FINE and each.candidate.confidence >= _SURE_SCORE
            agreed = max(best.candidate.confidence, _AGREED if sure else 0.0)
            finer = each if each.candidate.radius_m < best.candidate.radius_m else best
            found.append(replace(finer, candidate=replace(finer.candidate, confidence=agreed)))
            rest = [other for other in rest if other is not finer]
    return [*found, *rest]


def _capped(found: Found, most: float) -> Found:
    return replace(found, candidate=replace(found.candidate, confidence=min(found.candidate.confidence, most)))
