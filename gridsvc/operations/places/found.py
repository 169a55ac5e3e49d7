"""What an address may mean: candidates with their districts, and the question that decides between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.places.model import ACTED_ON, Candidate

if TYPE_CHECKING:
    from gridsvc.json_types import Json

ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class Found:
    """A candidate with its district; `learned`: its name was learned from a case."""

    district: str
    candidate: Candidate
    learned: bool = False

    def as_json(self) -> dict[str, Json]:
        """Return the candidate as the interface shows it."""
        each = self.candidate
        return {
            "lon": round(each.lon, 7),
            "lat": round(each.lat, 7),
            "radius_m": round(each.radius_m, 1),
            "confidence": round(each.confidence, 3),
            "level": each.level,
            "name": each.name,
            "township": each.township,
            "village": each.village,
            "words": list(each.words),
            "district": self.district,
        }


@dataclass(frozen=True, slots=True)
class Geocoded:
    """What an address may mean, the most probable first.

    `searched`: the codes of the districts in which it was looked up; `left_out`: how many were not. `outside`: what the
    outside geocoder said: `answered`, `nothing`, or why it did not answer; None where it was not asked.
    """

    text: str
    found: tuple[Found, ...]
    searched: tuple[str, ...]
    left_out: int = 0
    outside: str | None = None

    @property
    def here(self) -> tuple[Found, ...]:
        """The candidates in the districts that are loaded."""
        return tuple(each for each in self.found if each.candidate.level != ELSEWHERE)

    @property
    def confirm(self) -> bool:
        """Whether a person must be asked before the best candidate is acted on."""
        return not self.found or self.found[0].candidate.confidence < ACTED_ON or self.found[0] not in self.here

    def as_json(self) -> dict[str, Json]:
        """Return {candidates, confirm, question, searched, left_out, outside}."""
        return {
            "candidates": [each.as_json() for each in self.found],
            "confirm": self.confirm,
            "question": question_of(self),
            "searched": list(self.searched),
            "left_out": self.left_out,
            "outside": self.outside,
        }


def question_of(geocoded: Geocoded) -> dict[str, Json] | None:
    """Return {kind, options}: what to ask the caller before the best candidate is acted on; None: nothing.

    which-township, which-village, which-place: `options` are their names. here-or-elsewhere: the first option lies
    outside the district. is-it-here: the one candidate is not sure. where: nothing is known of it.
    """
    if not geocoded.confirm:
        return None
    here = geocoded.here
    others = [each for each in geocoded.found if each.candidate.level == ELSEWHERE]
    if not here:
        return {"kind": "where", "options": [each.candidate.name for each in others]}
    if others:
        return {"kind": "here-or-elsewhere", "options": [others[0].candidate.name, _full_name(here[0].candidate)]}
    if len(here) == 1:
        return {"kind": "is-it-here", "options": [_full_name(here[0].candidate)]}
    for kind, part in (("which-township", "township"), ("which-village", "village")):
        names = [getattr(each.candidate, part) for each in here]
        if len({*names}) > 1 and all(names):
            return {"kind": kind, "options": list(dict.fromkeys(names))}
    return {"kind": "which-place", "options": list(dict.fromkeys(_full_name(each.candidate) for each in here))}


def _full_name(candidate: Candidate) -> str:
    parts = (candidate.township, candidate.village, candidate.name)
    return "".join(dict.fromkeys(part for part in parts if part))
