"""The entries of a gazetteer as arrays; each is made when it is asked for, and then kept."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from gridsvc.places.model import Entry
from gridsvc.places.text_index import Texts, pack_texts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_WORDS = ("name", "kind", "township", "village", "former_of", "source")
_NUMBERS = ("lon", "lat", "radius_m")


def pack_entries(entries: Sequence[Entry]) -> dict[str, NDArray[Any]]:
    """Return entries as arrays: their numbers, and the number of each of their words in one list of texts."""
    words: dict[str | None, int] = {None: -1}
    chains: dict[tuple[str, ...], int] = {}

    def number_of(word: str | None) -> int:
        return words.setdefault(word, len(words) - 1)

    arrays: dict[str, NDArray[Any]] = {
        name: np.array([getattr(each, name) for each in entries], np.float64) for name in _NUMBERS
    }
    for name in _WORDS:
        arrays[name] = np.array([number_of(getattr(each, name)) for each in entries], np.int32)
    arrays["codes"] = np.array([chains.setdefault(each.codes, len(chains)) for each in entries], np.int32)
    arrays["chain_first"] = np.cumsum([0, *map(len, chains)], dtype=np.uint32)
    arrays["chain"] = np.array([number_of(code) for chain in chains for code in chain], np.int32)
    arrays["part_first"] = np.cumsum([0, *(len(each.parts) for each in entries)], dtype=np.uint32)
    parts = [(number_of(key), number_of(value)) for each in entries for key, value in each.parts.items()]
    arrays["part"] = np.array(parts, np.int32).reshape(-1)
    return arrays | pack_texts([word for word in words if word is not None])


class _Entries(Sequence[Entry]):
    """A sequence of which a subclass knows the length and each entry."""

    @overload
    def __getitem__(self, number: int) -> Entry: ...
    @overload
    def __getitem__(self, number: slice) -> list[Entry]: ...
    def __getitem__(self, number: int | slice) -> Entry | list[Entry]:
        """Return an entry, or those of a slice."""
        if isinstance(number, slice):
            return [self[each] for each in range(*number.indices(len(self)))]
        return self._at(range(len(self))[number])

    @abstractmethod
    def _at(self, number: int) -> Entry:
        """Return the entry of a number from 0 to the length less 1."""


class EntryTable(_Entries):
    """Entries that `pack_entries` packed. The same number gives the same object."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._texts = Texts(arrays)
        self._columns = {name: array.data for name, array in arrays.items()}
        self._made: dict[int, Entry] = {}

    def __len__(self) -> int:
        return len(self._columns["lon"])

    def _at(self, number: int) -> Entry:
        found = self._made.get(number)
        return self._made.setdefault(number, self._make(number)) if found is None else found

    def _make(self, number: int) -> Entry:
        columns = self._columns
        chain, first = columns["codes"][number], columns["part_first"]
        links = columns["chain"][columns["chain_first"][chain] : columns["chain_first"][chain + 1]]
        parts = columns["part"][2 * first[number] : 2 * first[number + 1]]
        name, kind, township, village, former_of, source = (self._word(columns[each][number]) for each in _WORDS)
        return Entry(
            name or "",
            kind or "",
            columns["lon"][number],
            columns["lat"][number],
            columns["radius_m"][number],
            township,
            village,
            tuple(self._texts[code] for code in links),
            former_of,
            source or "",
            {self._texts[parts[k]]: self._texts[parts[k + 1]] for k in range(0, len(parts), 2)},
        )

    def _word(self, number: int) -> str | None:
        return None if number < 0 else self._texts[number]


class JoinedEntries(_Entries):
    """Entries, and more behind them, without a copy."""

    def __init__(self, first: Sequence[Entry], more: Sequence[Entry]) -> None:
        self._first, self._more = first, more

    def __len__(self) -> int:
        return len(self._first) + len(self._more)

    def _at(self, number: int) -> Entry:
        return self._first[number] if number < len(self._first) else self._more[number - len(self._first)]
