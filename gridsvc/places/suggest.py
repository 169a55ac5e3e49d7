"""Suggest places while their name is typed: in characters, in pinyin, by initials, or a mixture of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.places.gazetteer import township_of, village_of
from gridsvc.places.model import Candidate
from gridsvc.places.sounds import near_word
from gridsvc.places.text import read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.places.gazetteer import Gazetteer

_KINDS = (
    "township",
    "village",
    "road",
    "place",
    "regional",
    "area",
    "junction",
    "postcode",
    "kilometre",
    "house",
    "unit",
)
_MOST_LOOKED_AT = 400
"""Matches of one way that are ranked; a shorter start than this many names have is answered by any of them."""


@dataclass(frozen=True, slots=True)
class _Way:
    """How what was typed is looked for, the surest way first."""

    lines: str
    typed: str
    start: bool
    confidence: float


def suggest(typed: str, gazetteer: Gazetteer, *, most: int = 10) -> list[Candidate]:
    """Return the places that what was typed so far may become.

    Parameters
    ----------
    typed
        The beginning or a part of a name: 孝顺, xiaosh, xsz (initials), 孝s, or with sounds mixed up: cisong.
    most
        The largest number of suggestions.

    Returns
    -------
    list[Candidate]
        Names that begin with it before those that hold it, townships before villages before streets. `confidence`
        is below 0.8: a suggestion is chosen by a person. Nothing of other districts is suggested.
    """
    text = read_text(typed).plain
    if not text:
        return []
    found: dict[int, tuple[float, int, int, str]] = {}
    for way in _ways(text, gazetteer):
        for number in _numbers(way):
            entry = gazetteer.entries[number]
            found.setdefault(number, (-way.confidence, _KINDS.index(entry.kind), len(entry.name), entry.name))
        if len(found) >= most and way.start:
            break
    chosen = sorted(found, key=lambda number: (*found[number], number))[:most]
    return [_suggestion(gazetteer, number, -found[number][0], typed) for number in chosen]


def _ways(text: str, gazetteer: Gazetteer) -> Iterator[_Way]:
    search = gazetteer.search
    sounds = "".join(map(gazetteer.syllable, text))
    for start in (True, False):
        less = 0.0 if start else 0.2
        yield _Way(search.names, text, start, 0.75 - less)
        if sounds.isascii():
            yield _Way(search.sounds, sounds, start, (0.7 if any("a" <= char <= "z" for char in text) else 0.5) - less)
            if text.isascii():
                yield _Way(search.initials, text, start, 0.65 - less)
            if len(text) > 2 or not text.isascii():
                yield _Way(search.near, near_word(sounds), start, 0.45 - less)


def _numbers(way: _Way) -> Iterator[int]:
    """Yield the entries of the lines that hold what was typed; a line is tab, key, tab, number."""
    sought = "\t" + way.typed if way.start else way.typed
    at = way.lines.find(sought)
    looked = 0
    while at >= 0 and looked < _MOST_LOOKED_AT:
        end = way.lines.find("\n", at)
        mark = way.lines.rfind("\t", at, end)
        if mark >= at + len(sought):
            yield int(way.lines[mark + 1 : end])
            looked += 1
        at = way.lines.find(sought, end)


def _suggestion(gazetteer: Gazetteer, number: int, confidence: float, typed: str) -> Candidate:
    e = gazetteer.entries[number]
    return Candidate(
        e.lon, e.lat, e.radius_m, confidence, e.kind, e.name, township_of(e), village_of(e), (typed,), e.codes
    )
