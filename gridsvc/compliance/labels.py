"""A column of words, each distinct word stored once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """A column of words: `codes` (n,) int32 are positions in `words`, -1 = no word."""

    codes: NDArray[np.int32]
    words: tuple[str, ...]

    @classmethod
    def of(cls, values: Iterable[str | None]) -> Labels:
        """Return the column of some words; None = no word."""
        known: dict[str, int] = {}
        codes = [-1 if each is None else known.setdefault(each, len(known)) for each in values]
        return cls(np.array(codes, dtype=np.int32), tuple(known))

    @classmethod
    def none(cls, count: int) -> Labels:
        """Return a column without a word."""
        return cls(np.full(count, -1, dtype=np.int32), ())

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, row: int) -> str | None:
        code = int(self.codes[row])
        return None if code < 0 else self.words[code]

    def take(self, rows: ArrayLike) -> Labels:
        """Return the column at some rows (numbers or a mask)."""
        return Labels(self.codes[np.asarray(rows)], self.words)

    def equals(self, word: str) -> NDArray[np.bool_]:
        """Return where a word is, (n,)."""
        found: NDArray[np.bool_] = self.codes == (self.words.index(word) if word in self.words else -2)
        return found

    def tolist(self) -> list[str | None]:
        """Return the words, None = no word."""
        return [None if code < 0 else self.words[code] for code in self.codes.tolist()]
