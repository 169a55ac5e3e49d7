"""Look up a description of a place: candidates with point, radius and confidence, the most probable first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.places.model import Candidate, Entry

if TYPE_CHECKING:
    from gridsvc.places.gazetteer import Gazetteer


def geocode(text: str, gazetteer: Gazetteer, *, most: int = 5) -> list[Candidate]:
    """Return at most `most` candidates, the most probable first; an empty list: nothing of the district is named."""
    found = [name for name in gazetteer.names if name in text]
    found.sort(key=lambda name: (-len(name), name))
    entries = [gazetteer.entries[k] for name in found[:1] for k in gazetteer.names[name]]
    return [candidate_of(entry, 0.9 / len(entries), found[:1]) for entry in entries[:most]]


def candidate_of(entry: Entry, confidence: float, words: list[str]) -> Candidate:
    return Candidate(
        entry.lon,
        entry.lat,
        entry.radius_m,
        confidence,
        entry.kind,
        entry.name,
        entry.township,
        entry.village,
        tuple(words),
        entry.codes,
    )
