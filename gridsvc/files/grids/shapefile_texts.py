"""The texts of a Shapefile: which encoding they are in, and names of columns that were cut within a character."""

from __future__ import annotations

import codecs
import re
import shutil
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_GUESSES = ("UTF-8", "GB18030", "BIG5")
_ROWS_READ = 2_000
_LONGEST_CHARACTER = 4


@dataclass(frozen=True, slots=True)
class TableHead:
    """The names of the columns and the texts of the first rows of a .dbf file, as bytes."""

    names: list[bytes]
    texts: list[bytes]

    def failing(self, encoding: str) -> int:
        """Return how many names and texts are not in an encoding; a character at the end may be cut.

        In a name a number may follow the cut.
        """
        plain = [re.sub(rb"_[0-9]+$", b"", name) for name in self.names]
        return sum(not _decodes(text, encoding) for text in (*plain, *self.texts))

    def known(self, encoding: str, words: Collection[str]) -> int:
        """Return how many texts are one of these words."""
        return sum(text.decode(encoding, "ignore").strip() in words for text in self.texts) if words else 0


def choose_encoding(path: Path, encoding: str | None, words: Collection[str] = ()) -> tuple[str | None, str | None]:
    """Return the encoding to read a file with (None: the driver's), and what to say of it.

    `words` are names that the texts may have: between encodings that both fit, they decide.
    """
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except LookupError:
            raise InvalidInput(f"There is no text encoding {encoding!r}; try GBK or UTF-8.") from None
        return encoding, None
    table = path.with_suffix(".dbf")
    if path.suffix.lower() != ".shp" or not table.exists():
        return None, None
    head = read_head(table)
    declared = _declared(path)
    if head is None or (declared is not None and not head.failing(declared)):
        return declared, None
    # the first of equal ones wins: texts that are UTF-8 by chance are rare
    fits = [guess for guess in _GUESSES if not head.failing(guess)]
    best = max(fits, key=lambda guess: head.known(guess, words), default="GB18030")
    cure = "Give --encoding where they look wrong."
    if declared is not None:
        return best, f"{table.name} says {declared}, but its texts are not; they read as {best}. {cure}"
    return best, f"{table.name} names no encoding; its texts read as {best}. {cure}"


def read_head(table: Path) -> TableHead | None:
    """Return the head of a .dbf file, None for one that is none."""
    with table.open("rb") as file:
        start = file.read(32)
        if len(start) < 32:
            return None
        rows, head_bytes, row_bytes = struct.unpack("<IHH", start[4:12])
        fields = file.read(max(head_bytes - 32, 0))
        content = file.read(min(rows, _ROWS_READ) * row_bytes)
    names, spans, position = [], [], 1
    for first in range(0, len(fields) - 31, 32):
        if fields[first] == 0x0D:
            break
        width = fields[first + 16]
        names.append(fields[first : first + 11].split(b"\0")[0])
        if fields[first + 11 : first + 12] == b"C":
            spans.append((position, position + width))
        position += width
    texts = [
        content[row + a : row + b].rstrip(b" \0")
        for row in range(0, len(content) - row_bytes + 1, max(row_bytes, 1))
        for a, b in spans
    ]
    return TableHead(names, [text for text in texts if text])


def mend(path: Path, encoding: str | None, folder: Path) -> Path:
    """Return a Shapefile whose column names can be read: itself, or a copy in the folder without half characters."""
    table = path.with_suffix(".dbf")
    if path.suffix.lower() != ".shp" or not table.exists():
        return path
    used = encoding or "UTF-8"
    head = read_head(table)
    if head is None or all(_is_whole(name, used) for name in head.names):
        return path
    copies = [each for each in path.parent.glob("*") if each.stem == path.stem and each.is_file()]
    for each in copies:
        shutil.copy(each, folder / each.name)
    with (folder / table.name).open("r+b") as file:
        for number, name in enumerate(head.names):
            kept = name.decode(used, "ignore").encode(used)
            file.seek(32 + 32 * number)
            file.write(kept.ljust(11, b"\0"))
    return folder / path.name


def _declared(path: Path) -> str | None:
    """Return the encoding that a .cpg file beside it names, where Python knows it."""
    note = next((each for each in (path.with_suffix(".cpg"), path.with_suffix(".CPG")) if each.exists()), None)
    if note is None:
        return None
    word = note.read_text(encoding="ascii", errors="ignore").strip()
    word = f"cp{word}" if word.isdigit() else word
    try:
        return codecs.lookup(word).name
    except LookupError:
        return None


def _is_whole(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        text.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start > 0 and len(text) - error.start < _LONGEST_CHARACTER
    return True
