"""The gazetteer of a district: an immutable index of named things, built in memory or mapped from a file (`stored`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from gridsvc.places.entry_table import JoinedEntries
from gridsvc.places.names import Form, forms_of, latin_forms_of, sounds_of_forms
from gridsvc.places.search_lines import SearchLines
from gridsvc.places.sounds import near, sounds_of, syllable
from gridsvc.places.streets import DERIVED, Streets, derived_entries
from gridsvc.places.text import COUNTY, is_han, spell
from gridsvc.places.text_index import Overlay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gridsvc.places.model import DistrictName, Entry
    from gridsvc.places.sounds import Spoken


class Named(NamedTuple):
    """An entry that a spelling may mean; `form` is how much of its name the spelling is."""

    entry: int
    form: Form


Index = Mapping[str, tuple[Named, ...]]
Lengths = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Named things of one district, and of its neighbours as `elsewhere`. Build with `Gazetteer.of`.

    `names` is keyed by spelling, `sounds` by syllables joined with a blank, `near` by the same where syllables that are
    easily mixed up are spelled alike, `typed` and `typed_near` by pinyin without blanks. `own` are the names of the
    district and of what is above it; `True` for those that name the district itself. `starts`, `near_starts` and
    `typed_starts`: the lengths of the keys that begin with two characters (syllables, letters), longest first.
    `townships`: those of today by name. `latin`: the names in Latin letters, without pinyin. `spoken`: the sounds of
    characters, where they are stored with it.
    """

    district: DistrictName
    entries: Sequence[Entry]
    own: dict[str, bool]
    names: Index
    sounds: Index
    near: Index
    typed: Index
    typed_near: Index
    starts: Lengths
    near_starts: Lengths
    typed_starts: Lengths
    streets: Streets
    townships: dict[str, Entry]
    search: SearchLines
    latin: tuple[str, ...]
    spoken: Spoken | None = None

    @classmethod
    def of(cls, entries: Iterable[Entry], district: DistrictName) -> Gazetteer:
        """Index the entries. Their order decides nothing."""
        own = _own_names(district)
        given = [
            entry
            for entry in entries
            if entry.source != DERIVED and (entry.kind != "elsewhere" or spell(entry.name) not in own)
        ]
        kept = tuple(
            sorted(
                (*given, *derived_entries(given)),
                key=lambda e: (e.kind, e.name, e.codes, e.lon, e.lat, e.source),
            )
        )
        names, sounds, blurred, typed, typed_near = (_Builder() for _ in range(5))
        for k, entry in enumerate(kept):
            forms = [*forms_of(entry), *latin_forms_of(entry)]
            for key, form in forms:
                names.add(key, k, form)
            for sound in sounds_of_forms(entry, forms):
                sounds.add(sound.syllables, k, sound.form)
                blurred.add(sound.near, k, sound.form)
                for letters, mixed_up, form in sound.typed:
                    typed.add(letters, k, form)
                    typed_near.add(mixed_up, k, form)
        streets = Streets.of(kept)
        return cls(
            district,
            kept,
            own,
            names.done(),
            sounds.done(),
            blurred.done(),
            typed.done(),
            typed_near.done(),
            _lengths((key[:2], len(key)) for key in chain(names.rows, own, streets.known)),
            _lengths(
                (" ".join(key.split(" ")[:2]), key.count(" ") + 1)
                for key in chain(blurred.rows, (" ".join(map(near, key.split(" "))) for key in sounds.rows))
            ),
            _lengths((key[:2], len(key)) for key in chain(typed.rows, typed_near.rows)),
            streets,
            {entry.name: entry for entry in kept if entry.kind == "township" and entry.former_of is None},
            SearchLines.of(kept),
            tuple(
                sorted(key for key in {*names.rows, *streets.known} if len(key) > 4 and key.isascii() and key.isalpha())
            ),
        )

    def syllable(self, char: str) -> str:
        """Return the pinyin of a character; another character as it is."""
        return syllable(char) if self.spoken is None else self.spoken.syllable(char)

    def with_more(self, entries: Sequence[Entry]) -> Gazetteer:
        """Return a gazetteer with more named places, as if it had been built with them.

        They have no house numbers, kilometres or junctions; those need `Gazetteer.of`.
        """
        if not entries:
            return self
        more = Gazetteer.of(entries, self.district)
        start = len(self.entries)
        lines = (one + two for one, two in zip(self.search, SearchLines.of(more.entries, start), strict=True))
        return replace(
            self,
            entries=JoinedEntries(self.entries, more.entries),
            search=SearchLines(*lines),
            latin=tuple(sorted({*self.latin, *more.latin})),
            names=_joined_index(self.names, more.names, start),
            sounds=_joined_index(self.sounds, more.sounds, start),
            near=_joined_index(self.near, more.near, start),
            typed=_joined_index(self.typed, more.typed, start),
            typed_near=_joined_index(self.typed_near, more.typed_near, start),
            starts=_joined_lengths(self.starts, more.starts),
            near_starts=_joined_lengths(self.near_starts, more.near_starts),
            typed_starts=_joined_lengths(self.typed_starts, more.typed_starts),
        )


def _joined_index(index: Index, more: Index, start: int) -> Index:
    joined = {
        key: (*index.get(key, ()), *(Named(start + each.entry, each.form) for each in found))
        for key, found in more.items()
    }
    return Overlay(index, joined)


def _joined_lengths(lengths: Lengths, more: Lengths) -> Lengths:
    joined = {start: tuple(sorted({*lengths.get(start, ()), *found}, reverse=True)) for start, found in more.items()}
    return Overlay(lengths, joined)


def _lengths(keys: Iterable[tuple[str, int]]) -> dict[str, tuple[int, ...]]:
    found: dict[str, set[int]] = {}
    for start, length in keys:
        found.setdefault(start, set()).add(length)
    return {start: tuple(sorted(lengths, reverse=True)) for start, lengths in found.items()}


class _Builder:
    def __init__(self) -> None:
        self.rows: dict[str, dict[int, Form]] = {}

    def add(self, key: str, entry: int, form: Form) -> None:
        if len(key) > 1:
            of_key = self.rows.setdefault(key, {})
            of_key[entry] = max(form, of_key.get(entry, form))

    def done(self) -> Index:
        return {key: tuple(Named(k, form) for k, form in found.items()) for key, found in self.rows.items()}


def _own_names(district: DistrictName) -> dict[str, bool]:
    own: dict[str, bool] = {}
    for name in ("中国", *district.above):
        own |= {spell(name): False, spell(COUNTY.sub("", name)): False}
    for name in (*district.also, district.name):
        own |= {spell(name): True} | ({} if spell(COUNTY.sub("", name)) in own else {spell(COUNTY.sub("", name)): True})
    typed = {"".join(sounds): itself for name, itself in own.items() if is_han(name[0]) for sounds in sounds_of(name)}
    return {name: itself for name, itself in (typed | own).items() if len(name) > 1}


def township_of(entry: Entry) -> str | None:
    """Return the township that an entry is or lies in."""
    return entry.township or (entry.name if entry.kind == "township" else None)


def village_of(entry: Entry) -> str | None:
    """Return the village that an entry is or lies in."""
    return entry.village or (entry.name if entry.kind == "village" else None)
