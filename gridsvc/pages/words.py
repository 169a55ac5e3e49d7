"""The words of a page in Chinese and English."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("zh", "en")


def letter(number: int, of: int) -> str:
    """Return the letter of a figure that has several parts, "" where it has one: Figure 2a, 2b."""
    return "" if of == 1 else chr(ord("a") + number)


class Words:
    """The words of one language. `words("key", name=value)`."""

    def __init__(self, table: Mapping[str, tuple[str, str]], language: str) -> None:
        self._table = table
        self._index = LANGUAGES.index(language)
        self.language = language

    def __call__(self, key: str, *values: object, **named: object) -> str:
        """Return the words of a key, filled with values; a key that is not known is shown as it is."""
        found = self._table.get(key)
        return key if found is None else found[self._index].format(*values, **named)

    def raw(self, key: str) -> str:
        """Return the words of a key before they are filled; KeyError for an unknown one."""
        return self._table[key][self._index]
