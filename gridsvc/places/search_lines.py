"""The names of a gazetteer as long texts that are searched in one go while somebody types."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridsvc.places.sounds import near_word, syllable
from gridsvc.places.text import is_han, spell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.places.model import Entry


class SearchLines(NamedTuple):
    """One line an entry of the district: tab, key, tab, number of the entry, end of line."""

    names: str
    sounds: str
    initials: str
    near: str

    @classmethod
    def of(cls, entries: Sequence[Entry], start: int = 0) -> SearchLines:
        """Write the lines; a sound and its initials only for names in Chinese characters. start: the first number."""
        names, sounds, initials, near = [], [], [], []
        for number, entry in enumerate(entries, start):
            if entry.kind in {"elsewhere", "district"}:
                continue
            name = spell(entry.name)
            names.append(f"\t{name}\t{number}\n")
            if not any(map(is_han, name)):
                continue
            syllables = [syllable(char) for char in name]
            sound = "".join(syllables)
            sounds.append(f"\t{sound}\t{number}\n")
            initials.append(f"\t{''.join(s[0] for s in syllables)}\t{number}\n")
            near.append(f"\t{near_word(sound)}\t{number}\n")
        return cls("".join(names), "".join(sounds), "".join(initials), "".join(near))
