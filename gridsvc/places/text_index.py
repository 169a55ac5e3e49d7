"""Texts with numbers as arrays that are looked up where they are: a dictionary that a file holds, mapped and not read.

An open hash table: `slots` has the number of a key plus one at the CRC-32 of its UTF-8, else at the next free place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload
from zlib import crc32

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Arrays = dict[str, NDArray[Any]]

T = TypeVar("T")
U = TypeVar("U")


def pack_texts(texts: Sequence[str]) -> Arrays:
    """Return texts as {first, text}: the UTF-8 of all, and where each of them starts."""
    encoded = [text.encode() for text in texts]
    first = np.zeros(len(encoded) + 1, np.uint32)
    np.cumsum([len(each) for each in encoded], out=first[1:])
    return {"first": first, "text": np.frombuffer(b"".join(encoded), np.uint8)}


class Texts:
    """Texts that `pack_texts` packed, decoded when they are asked for."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._first = arrays["first"].data
        self._text = arrays["text"].data

    def __len__(self) -> int:
        return len(self._first) - 1

    def __getitem__(self, number: int) -> str:
        return str(self._text[self._first[number] : self._first[number + 1]], "utf-8")

    def is_text(self, number: int, encoded: bytes) -> bool:
        """Whether a text has this UTF-8."""
        return self._text[self._first[number] : self._first[number + 1]] == encoded


def pack_index(index: Mapping[str, Sequence[int]]) -> Arrays:
    """Return an index as arrays; the order of its keys is kept."""
    keys = list(index)
    slots = np.zeros(1 << max(1, (2 * len(keys)).bit_length()), np.uint32)
    mask = len(slots) - 1
    for number, key in enumerate(keys, 1):
        at = crc32(key.encode()) & mask
        while slots[at]:
            at = (at + 1) & mask
        slots[at] = number
    value_first = np.zeros(len(keys) + 1, np.uint32)
    np.cumsum([len(index[key]) for key in keys], out=value_first[1:])
    values = np.array([value for key in keys for value in index[key]], np.int32)
    return {"slots": slots, "value_first": value_first, "values": values, **pack_texts(keys)}


class TextIndex(Mapping[str, T], Generic[T]):
    """What `pack_index` packed; `read` makes a value of the numbers of a key."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], read: Callable[[Sequence[int]], T]) -> None:
        self._keys = Texts(arrays)
        self._slots = arrays["slots"].data
        self._value_first = arrays["value_first"].data
        self._values = arrays["values"].data
        self._mask = len(self._slots) - 1
        self._read = read

    def _find(self, key: str) -> int:
        encoded = key.encode(errors="surrogatepass")  # a half of a character is in no text
        at = crc32(encoded) & self._mask
        while number := self._slots[at]:
            if self._keys.is_text(number - 1, encoded):
                return int(number) - 1
            at = (at + 1) & self._mask
        return -1

    def _value(self, number: int) -> T:
        return self._read(self._values[self._value_first[number] : self._value_first[number + 1]])

    def __getitem__(self, key: str) -> T:
        if (number := self._find(key)) < 0:
            raise KeyError(key)
        return self._value(number)

    @overload
    def get(self, key: str, /) -> T | None: ...
    @overload
    def get(self, key: str, /, default: T | U) -> T | U: ...
    def get(self, key: str, /, default: object = None) -> object:
        """Return the value of a key, else the default."""
        return default if (number := self._find(key)) < 0 else self._value(number)

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) >= 0

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return (self._keys[number] for number in range(len(self._keys)))


class Overlay(Mapping[str, T], Generic[T]):
    """Two mappings as one; what the second one has stands for what the first one has."""

    def __init__(self, first: Mapping[str, T], second: Mapping[str, T]) -> None:
        self._first, self._second = first, second

    def __getitem__(self, key: str) -> T:
        return self._second[key] if key in self._second else self._first[key]

    @overload
    def get(self, key: str, /) -> T | None: ...
    @overload
    def get(self, key: str, /, default: T | U) -> T | U: ...
    def get(self, key: str, /, default: object = None) -> object:
        """Return the value of a key, else the default."""
        found = self._second.get(key)
        return self._first.get(key, default) if found is None else found

    def __contains__(self, key: object) -> bool:
        return key in self._second or key in self._first

    def __iter__(self) -> Iterator[str]:
        yield from self._first
        yield from (key for key in self._second if key not in self._first)

    def __len__(self) -> int:
        return sum(1 for _ in self)
