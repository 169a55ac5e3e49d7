"""The spellings and sounds under which an entry of a gazetteer is found."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from gridsvc.places.sounds import near, near_word, sounds_of
from gridsvc.places.streets import route_spellings
from gridsvc.places.text import NUMERALS, TOWNSHIP, is_han, number_of, spell, stem_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gridsvc.places.model import Entry


class Form(IntEnum):
    """How much of a name a spelling is; more is surer."""

    STEM = 1
    """Without the word for what it is: 傅村."""
    ALTERED = 2
    """With the word for another kind: 傅村街道 for 傅村镇."""
    FULL = 3


_NUMERAL = re.compile(f"[{NUMERALS}]+")
SOUNDED = {"township", "village", "area", "regional", "road", "place", "elsewhere"}


def forms_of(entry: Entry) -> Iterator[tuple[str, Form]]:
    """Yield the spellings of an entry's name; those of the district are `Gazetteer.own`."""
    if entry.kind == "district":
        return
    for name in _names_of(entry):
        for key, form in _spellings(name, entry.kind):
            yield key, form
            if any(char in NUMERALS for char in key):
                yield _NUMERAL.sub(lambda found: str(number_of(found[0]) or found[0]), key), form


def _names_of(entry: Entry) -> list[str]:
    """Return the name, and what is left without the coarser names before it: 孝顺镇虎山农场, 虎山农场."""
    names = [spell(entry.name)]
    if entry.kind == "house" and names[0] == spell(entry.parts.get("street", "") + entry.parts.get("house", "")):
        return []  # `Streets` knows it by its number
    if entry.kind == "road":
        return sorted(route_spellings(names[0]))
    coarser = [entry.parts.get(key, "") for key in ("province", "city", "county", "township", "village")]
    for word in (*coarser, entry.township or ""):
        inner = names[-1].removeprefix(spell(word))
        if inner != names[-1] and len(inner) > 1:
            names.append(inner)
    return names


def _spellings(name: str, kind: str) -> Iterator[tuple[str, Form]]:
    yield name, Form.FULL
    stem = stem_of(name, kind)
    if kind == "village":
        endings = ("村", "社区", "新村")
        shape = stem_of(name, "village")
        # 施村: what is left without 村 is too short to be a name, and 施村村 is nothing that is said.
        if shape.endswith(("村", "社区")):
            yield shape, Form.FULL
            return
        for ending in endings[:2]:
            yield shape + ending, Form.FULL
        yield shape + endings[2], Form.ALTERED
    elif kind == "township" and stem != name:
        for ending in ("镇", "乡", "街道"):
            yield stem + ending, Form.FULL if stem + ending == TOWNSHIP.sub(ending, name) == name else Form.ALTERED
    if stem != name:
        yield stem, Form.STEM
    if kind == "village" and len(stem) > 2 and stem[-1] in "一二三四五六七八九十":
        # 让河村 is one of 让河一村 and 让河二村.
        yield stem[:-1] + "村", Form.ALTERED
        yield stem[:-1], Form.STEM


def latin_forms_of(entry: Entry) -> Iterator[tuple[str, Form]]:
    """Yield the other spellings of a name in Latin letters: ae for ä, str for strasse."""
    folded = entry.name.casefold()
    if any(map(is_han, folded)) or (folded.isascii() and not re.search("[aou]e|str", folded)):
        return
    written = re.sub("[äöü]", lambda found: {"ä": "ae", "ö": "oe", "ü": "ue"}[found[0]], folded)
    for name in {spell(written), re.sub("([aou])e", r"\1", spell(written))}:
        yield name, Form.FULL
        if name.endswith("strasse"):
            yield name.removesuffix("asse"), Form.FULL


class Sound(NamedTuple):
    """How a spelling is said: its syllables, and the same where easily mixed up ones are spelled alike.

    `typed`: pinyin without blanks, and the same mixed up. Names elsewhere are known only as they are said.
    """

    syllables: str
    near: str
    typed: tuple[tuple[str, str, Form], ...]
    form: Form


def sounds_of_forms(entry: Entry, forms: Iterable[tuple[str, Form]]) -> Iterator[Sound]:
    """Yield how the spellings of an entry's name are said; nothing for kinds that are found by spelling alone."""
    if entry.kind not in SOUNDED:
        return
    here = entry.kind != "elsewhere"
    for key, form in forms:
        if not all(map(is_han, key)):
            continue
        endings = _ENGLISH.get(entry.kind, ("",)) if form is Form.STEM else ("",)
        for sounds in sounds_of(key):
            word = "".join(sounds)
            typed = tuple(
                (word + ending, near_word(word + ending) if here else "", Form.FULL if ending else form)
                for ending in endings
            )
            yield Sound(" ".join(sounds), " ".join(map(near, sounds)) if here else "", typed, form)


_ENGLISH = {"township": ("", "town", "township", "subdistrict"), "village": ("", "village")}
