"""Addresses looked up in the districts of a caller: candidates, suggestions, and the location of a report."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gridsvc.db.grids.versions import list_districts, list_versions
from gridsvc.errors import InvalidInput, NotFound, Unavailable
from gridsvc.operations.places import outside_geocoder
from gridsvc.operations.places.found import ELSEWHERE, Found, Geocoded
from gridsvc.operations.places.gazetteer import DistrictGazetteer, gazetteer_of
from gridsvc.places.geocode import geocode
from gridsvc.places.model import ACTED_ON
from gridsvc.places.suggest import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from gridsvc.db.grids.versions import Versions
    from gridsvc.operations.runtime.service import Service

MOST_DISTRICTS = 8
"""An address that names none of many districts is looked up in so many of them."""
MOST_CANDIDATES = 5
LONGEST_ADDRESS = 500

_UNPROVEN = 0.75
"""The highest confidence of a name that one person alone gave to a place."""
_DOUBTFUL = 0.79
"""The highest confidence where two districts have the place."""


def geocode_text(service: Service, text: str, *, district: str | None = None, most: int = MOST_CANDIDATES) -> Geocoded:
    """Return what an address may mean in the districts of the caller.

    The outside geocoder, where one is set, is asked only for what the gazetteer does not know well enough to act on;
    while it does not answer, the gazetteer's answer stands.

    Raises
    ------
    InvalidInput
        For an empty text or one that is too long.
    NotFound
        For a district that is not loaded, or where none is.
    """
    check_text(text)
    try:
        with service.database.transaction() as connection:
            gazetteers, left_out = Lookup(service, connection, district).gazetteers(text)
    except Unavailable as away:
        gazetteers, left_out = _remembered(service, district), 0
        if not gazetteers:
            raise away from None
    local = look_up(text, gazetteers, most=most, left_out=left_out)
    return _with_outside(service, local, [each.district for each in gazetteers])


def suggest_text(service: Service, typed: str, *, district: str | None = None, most: int = 10) -> list[Found]:
    """Return places that begin with or hold what was typed, in Chinese or in pinyin; the best first."""
    if not typed.strip() or len(typed) > LONGEST_ADDRESS:
        return []
    with service.database.transaction() as connection:
        gazetteers, _ = Lookup(service, connection, district).gazetteers(typed)
    found = [
        Found(each.district, candidate, each.is_learned(candidate))
        for each in gazetteers
        for candidate in suggest(typed, each.gazetteer, most=most)
    ]
    found = [each for each in found if _may_see(service, each)]
    return sorted(found, key=lambda each: -each.candidate.confidence)[:most]


def check_text(text: str) -> None:
    """Refuse an address that is empty or too long (`InvalidInput`)."""
    if not text.strip():
        raise InvalidInput("The address is empty. Give what the caller said of the place.", kind="empty-address")
    if len(text) > LONGEST_ADDRESS:
        raise InvalidInput(
            f"The address has {len(text)} characters; give at most {LONGEST_ADDRESS}.",
            kind="address-too-long",
            count=len(text),
            most=LONGEST_ADDRESS,
        )


class Lookup:
    """The districts of a caller, each text looked up in those that it names; a gazetteer is loaded when it is needed.

    Raises NotFound for a district that is not loaded, or where none is.
    """

    def __init__(self, service: Service, connection: Connection, district: str | None = None) -> None:
        self._service, self._connection = service, connection
        self._loaded = list_versions(connection)
        if district is not None:
            self._loaded = [versions for versions in self._loaded if versions.district == district]
            if not self._loaded:
                raise NotFound(f"No district {district[:40]} is loaded.", kind="no-district", district=district[:40])
        elif not self._loaded:
            raise NotFound("No district is loaded. Load grids and roads, or run `gridsvc demo`.", kind="no-district")
        many = len(self._loaded) > MOST_DISTRICTS
        self._names = {each.code: each.name for each in list_districts(connection)} if many else {}
        self._gazetteers: dict[str, DistrictGazetteer] = {}

    def gazetteers(self, text: str) -> tuple[list[DistrictGazetteer], int]:
        """Return the gazetteers in which a text is looked up, and how many districts are left out."""
        chosen = self._loaded
        if len(chosen) > MOST_DISTRICTS:
            named = [each for each in chosen if _is_named(self._names.get(each.district, each.district), text)]
            chosen = (named or chosen)[:MOST_DISTRICTS]
        return [self._gazetteer(versions) for versions in chosen], len(self._loaded) - len(chosen)

    def _gazetteer(self, versions: Versions) -> DistrictGazetteer:
        if versions.district not in self._gazetteers:
            self._gazetteers[versions.district] = gazetteer_of(self._service, self._connection, versions)
        return self._gazetteers[versions.district]


def _is_named(name: str, text: str) -> bool:
    """Whether a text names a district, with or without its last letter: 义乌市, 义乌."""
    plain = name.partition(" ")[0]
    return plain in text or (len(plain) > 2 and plain[:-1] in text)


def _remembered(service: Service, district: str | None) -> list[DistrictGazetteer]:
    """Return the gazetteers that this process read last, of the caller's districts."""
    known = service.recall("gazetteer")
    codes = [code for code in known if district in (None, code) and service.caller.scope.holds_district(code)]
    return [known[code][1] for code in codes[:MOST_DISTRICTS]]


def look_up(
    text: str, gazetteers: Sequence[DistrictGazetteer], *, most: int = MOST_CANDIDATES, left_out: int = 0
) -> Geocoded:
    """Return what a text may mean by the gazetteers of some districts."""
    found: list[Found] = []
    for each in gazetteers:
        for candidate in geocode(text, each.gazetteer, most=most):
            once = (candidate.name, candidate.lon, candidate.lat) in each.once
            capped = min(candidate.confidence, _UNPROVEN) if once else candidate.confidence
            found.append(
                Found(each.district, replace(candidate, confidence=capped), learned=each.is_learned(candidate))
            )
    return Geocoded(text, _ranked(found, most), tuple(each.district for each in gazetteers), left_out)


def _ranked(found: list[Found], most: int) -> tuple[Found, ...]:
    """Order candidates of several districts: what two districts have is doubtful; elsewhere is what none has."""
    here = [each for each in found if each.candidate.level != ELSEWHERE]
    sure = {each.district for each in here if each.candidate.confidence >= ACTED_ON}
    districts = {each.district for each in found}
    if len(sure) > 1:
        found = [
            replace(each, candidate=replace(each.candidate, confidence=min(each.candidate.confidence, _DOUBTFUL)))
            for each in found
        ]
    if len(districts) > 1 and sure:  # elsewhere for one district is the other one
        found = [each for each in found if each.candidate.level != ELSEWHERE]
    ordered = sorted(found, key=lambda each: -each.candidate.confidence)  # stable: the gazetteer's order decides ties
    return tuple(ordered[:most])


def _with_outside(service: Service, local: Geocoded, codes: Sequence[str]) -> Geocoded:
    """Ask the outside geocoder where the gazetteer's best candidate may not be acted on."""
    if service.geocoder is None or not local.confirm:
        return local
    word, answers = outside_geocoder.ask(service, service.geocoder, local.text)
    if not answers:
        return replace(local, outside=word)
    placed = outside_geocoder.place(service, answers, codes)
    return replace(
        local, found=_ranked(outside_geocoder.combine(local.here, placed, local.found), MOST_CANDIDATES), outside=word
    )


def _may_see(service: Service, found: Found) -> bool:
    """Whether a caller of one grid may see a name: those learned from cases are their grid's alone."""
    grid = service.caller.scope.grid
    return grid is None or not found.learned or grid in found.candidate.codes


def shown(service: Service, geocoded: Geocoded) -> Geocoded:
    """Return what the caller may see of an answer."""
    return replace(geocoded, found=tuple(each for each in geocoded.found if _may_see(service, each)))
