"""The location of a report that has an address: the best candidate, and the question where it is not sure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.cases.decide import Location
from gridsvc.cases.model import AddressCandidate, AddressMatch
from gridsvc.errors import InvalidInput
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.operations.places.found import ELSEWHERE, question_of
from gridsvc.places.model import ACTED_ON

if TYPE_CHECKING:
    from gridsvc.operations.places.found import Found, Geocoded

_MUCH_MORE = 2.0
"""So many times as probable as the best place here, a place elsewhere is what is meant."""


def location_of_address(geocoded: Geocoded) -> Location:
    """Return the location of a report: the best candidate, with the question where a person must confirm it.

    Raises
    ------
    InvalidInput
        When nothing of the district is named, or what is named lies elsewhere: without a place there is no case.
    """
    here = geocoded.here
    words = geocoded.text.strip()[:80]
    if geocoded.found and (not here or _lies_elsewhere(geocoded)):
        other = geocoded.found[0].candidate.name
        raise InvalidInput(
            f"The address {words!r} names {other}, outside the districts that are loaded. If the caller is here, ask "
            "for the township or a landmark; else hand the call over to there, or give `location` {lon, lat}.",
            kind="address-elsewhere",
            address=words,
            elsewhere=other,
            searched=list(geocoded.searched),
        )
    if not here:
        raise InvalidInput(
            f"The address {words!r} is not known. Ask for the township, the village or a landmark, or give `location` "
            "{lon, lat} instead.",
            kind="unknown-address",
            address=words,
            searched=list(geocoded.searched),
            left_out=geocoded.left_out,
        )
    best = here[0].candidate
    question = question_of(geocoded)
    match = AddressMatch(
        confidence=round(best.confidence, 3),
        level=best.level,
        confirm=geocoded.confirm,
        question=None if question is None else str(question["kind"]),
        grid=best.codes[-1] if best.level in LEVEL_KEYS and best.codes else None,
        candidates=tuple(_kept(each) for each in here) if geocoded.confirm else (),
    )
    return Location(best.lon, best.lat, best.radius_m or None, address=match)


def _lies_elsewhere(geocoded: Geocoded) -> bool:
    """Whether what is named lies elsewhere, and the best place here is not nearly as probable."""
    first, best = geocoded.found[0].candidate, geocoded.here[0].candidate
    return first.level == ELSEWHERE and (
        first.confidence >= ACTED_ON or first.confidence >= _MUCH_MORE * best.confidence
    )


def _kept(found: Found) -> AddressCandidate:
    """Return a candidate as a case keeps it: a name that was learned may be personal data, and is left out."""
    each = found.candidate
    return AddressCandidate(
        lon=round(each.lon, 7),
        lat=round(each.lat, 7),
        radius_m=round(each.radius_m, 1),
        confidence=round(each.confidence, 3),
        level=each.level,
        name=None if found.learned else each.name,
        township=each.township,
        village=each.village,
    )
