"""Find the names that a text mentions: as they are spelled, as they sound, as they are typed in pinyin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

from rapidfuzz import fuzz, process

from gridsvc.places.names import Form
from gridsvc.places.sounds import near, near_word
from gridsvc.places.text import is_han, spell

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.places.gazetteer import Gazetteer, Index, Lengths, Named
    from gridsvc.places.text import Text


class How(IntEnum):
    """How a name was recognised; less is surer."""

    SPELLED = 0
    SOUND = 1
    """Other characters of the same sound."""
    NEAR = 2
    """A sound that is easily mixed up with it."""
    LETTER = 3
    """One character differs."""
    TYPED = 4
    """In pinyin."""


@dataclass(frozen=True, slots=True)
class Mention:
    """A name in a text, from `start` up to `end` of `Text.plain`, and the entries that it may mean.

    `own` is set for the names of the district itself (True) and of what is above it (False); `street` for the name
    of a street of which houses or kilometre posts are known.
    """

    start: int
    end: int
    named: tuple[Named, ...] = ()
    how: How = How.SPELLED
    own: bool | None = None
    street: str | None = None

    @property
    def form(self) -> Form:
        """The fullest form of the entries."""
        return max((named.form for named in self.named), default=Form.FULL)

    @property
    def weight(self) -> float:
        """How much of a text it explains: a longer name more than two short ones, one as spelled before its sound."""
        length = self.end - self.start
        fuller = {Form.STEM: -1.0, Form.ALTERED: 0.0, Form.FULL: 1.0}[self.form]
        return length * length * (1.0, 0.6, 0.4, 0.4, 0.7)[self.how] + fuller


def find_mentions(text: Text, gazetteer: Gazetteer) -> list[Mention]:
    """Return the mentions that explain most of the text, in its order, none over another."""
    found = list(_spelled(text, gazetteer))
    best = _best(found, len(text.plain))
    if sum(m.end - m.start for m in best) < len(text.plain):
        taken = {(m.start, m.end) for m in found}
        heard = [m for m in (*_sounded(text, gazetteer), *_typed(text, gazetteer)) if (m.start, m.end) not in taken]
        if heard:
            best = _best([*found, *heard], len(text.plain))
    misspelt = [*_misspelt(text, best, gazetteer), *_misspelt_latin(text, best, gazetteer)]
    return sorted([*best, *misspelt], key=lambda m: m.start) if misspelt else best


_TOWNSHIP_WORD = re.compile("(?=([㐀-鿿]{1,3}(?:街道|镇|乡)))")


def _misspelt(text: Text, best: list[Mention], gazetteer: Gazetteer) -> Iterator[Mention]:
    """Find townships with one wrong character (沣浦镇), where the rest of the text says that it is in the district."""
    if not any(m.own or m.named for m in best):
        return
    taken = {k for m in best for k in range(m.start, m.end)}
    for found in _TOWNSHIP_WORD.finditer(text.plain):
        start, end = found.span(1)
        if not taken.isdisjoint(range(start, end)):
            continue
        for name, entry in gazetteer.townships.items():
            if len(name) == end - start and sum(a != b for a, b in zip(found[1], spell(name), strict=True)) == 1:
                numbers = tuple(n for n in gazetteer.names[spell(name)] if gazetteer.entries[n.entry] is entry)
                yield Mention(start, end, numbers, How.LETTER)


def _spelled(text: Text, gazetteer: Gazetteer) -> Iterator[Mention]:
    plain, names, own, streets = text.plain, gazetteer.names, gazetteer.own, gazetteer.streets
    for start in range(len(plain) - 1):
        for length in gazetteer.starts.get(plain[start : start + 2], ()):
            key = plain[start : start + length]
            if len(key) < length or not _is_word(text, start, start + length):
                continue
            named = names.get(key, ())
            street = key if key in streets.known else None
            if named or street or key in own:
                yield Mention(start, start + length, named, own=own.get(key), street=street)


def _is_word(text: Text, start: int, end: int) -> bool:
    """Whether letters or digits do not run on beyond it: Vaduz is not in Vaduzer, 12 not in 123."""
    return not (_joined(text, start) or _joined(text, end))


def _joined(text: Text, at: int) -> bool:
    if at in text.edges:
        return False
    before, after = text.plain[at - 1], text.plain[at]
    return (before.isdigit() and after.isdigit()) or (
        before.isalpha() and after.isalpha() and not (is_han(before) or is_han(after))
    )


def _sounded(text: Text, gazetteer: Gazetteer) -> Iterator[Mention]:
    sounds = [gazetteer.syllable(char) for char in text.plain]
    nears = [near(sound) for sound in sounds]
    for start in range(len(sounds) - 1):
        for length in gazetteer.near_starts.get(f"{nears[start]} {nears[start + 1]}", ()):
            end = start + length
            if end > len(sounds):
                continue
            whole = start in text.edges and end in text.edges
            named = gazetteer.sounds.get(" ".join(sounds[start:end]), ())
            blurred = () if named else gazetteer.near.get(" ".join(nears[start:end]), ())
            heard = tuple(
                n
                for n in named or blurred
                if whole
                or n.form is not Form.STEM
                or (start in text.edges and gazetteer.entries[n.entry].kind in {"township", "elsewhere"})
            )
            if heard:
                yield Mention(start, end, heard, How.SOUND if named else How.NEAR)


def _typed(text: Text, gazetteer: Gazetteer) -> Iterator[Mention]:
    """Find pinyin, also beside characters: xiao顺镇."""
    if not any("a" <= char <= "z" for char in text.plain):
        return
    letters: list[str] = []
    at: list[int] = []
    for k, char in enumerate(text.plain):
        for letter in gazetteer.syllable(char):
            letters.append(letter)
            at.append(k)
    at.append(len(text.plain))
    word = "".join(letters)
    ends = {k for k, place in enumerate(at) if place in text.edges and (k == 0 or at[k - 1] != place)}
    for start in range(len(word) - 1):
        if at[start - 1] == at[start] and start:
            continue
        for end, named, how in _keys_at(word, start, gazetteer):
            if at[end] == at[end - 1] or not any(char.isascii() for char in text.plain[at[start] : at[end]]):
                continue
            sides = (start in ends) + (end in ends)
            bounded = sides > (how is How.NEAR) and word[start:end] not in gazetteer.own
            heard = tuple(n for n in named if n.form is not Form.STEM or bounded)
            if heard:
                yield Mention(at[start], at[end], heard, how)


def _keys_at(word: str, start: int, gazetteer: Gazetteer) -> Iterator[tuple[int, tuple[Named, ...], How]]:
    lengths: Lengths = gazetteer.typed_starts
    pair = word[start : start + 2]
    for length in lengths.get(pair, ()):
        if start + length <= len(word) and word[start : start + length] in gazetteer.typed:
            yield start + length, gazetteer.typed[word[start : start + length]], How.TYPED
    # A mixed-up sound may be a letter longer or shorter than the name's own.
    index: Index = gazetteer.typed_near
    for end in range(start + 4, min(len(word), start + 24) + 1):
        named = index.get(near_word(word[start:end]), ())
        if named and word[start:end] not in gazetteer.typed:
            yield end, named, How.NEAR


_LATIN_WORD = re.compile("[a-z]{5,}")
_LATIN_ALIKE = 84.0
"""Of 100: about one wrong letter in seven."""


def _misspelt_latin(text: Text, best: list[Mention], gazetteer: Gazetteer) -> Iterator[Mention]:
    """Find a name in Latin letters with a wrong letter or two: Im Bretsha for Im Bretscha."""
    if not gazetteer.latin:
        return
    taken = {k for m in best for k in range(m.start, m.end)}
    for found in _LATIN_WORD.finditer(text.plain):
        start, end = found.span()
        if not taken.isdisjoint(range(start, end)):
            continue
        alike = process.extractOne(found[0], gazetteer.latin, scorer=fuzz.ratio, score_cutoff=_LATIN_ALIKE)
        if alike is not None:
            key = alike[0]
            street = key if key in gazetteer.streets.known else None
            yield Mention(start, end, gazetteer.names.get(key, ()), How.LETTER, street=street)


def _best(found: list[Mention], length: int) -> list[Mention]:
    """Choose mentions without overlap that weigh most (weighted interval scheduling)."""
    ending: dict[int, list[Mention]] = {}
    for mention in found:
        ending.setdefault(mention.end, []).append(mention)
    weight = [0.0] * (length + 1)
    chosen: list[Mention | None] = [None] * (length + 1)
    for end in range(1, length + 1):
        weight[end] = weight[end - 1]
        for mention in ending.get(end, ()):
            total = weight[mention.start] + mention.weight
            if total > weight[end]:
                weight[end], chosen[end] = total, mention
    best: list[Mention] = []
    end = length
    while end > 0:
        last = chosen[end]
        if last is not None:
            best.append(last)
        end = end - 1 if last is None else last.start
    return best[::-1]
