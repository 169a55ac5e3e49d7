"""CSV files as offices save them: UTF-8, GB18030 or UTF-16; commas, semicolons or tabs; Chinese or English headers."""

from __future__ import annotations

import codecs
import csv
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SEPARATORS = (",", ";", "\t")

HEADERS = {
    "lon": ("lon", "lng", "long", "longitude", "x", "经度", "东经", "经度坐标", "经度(°)"),
    "lat": ("lat", "latitude", "y", "纬度", "北纬", "纬度坐标", "纬度(°)"),
    "text": ("text", "address", "地址", "详细地址", "标准地址"),
}
"""The usual headers of a column, in lower case, the best first."""

_LONGEST_HEADER = 100_000
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CsvText:
    """A CSV file: its text as UTF-8 bytes without a byte order mark, and how the file itself is written."""

    path: Path
    content: bytes
    encoding: str
    separator: str
    columns: list[str]
    plain_header: bool
    """Whether the header is the first line, and nothing but it."""

    def column(self, name: str) -> int:
        """Return the position of a column that is called by one of HEADERS; InvalidInput where there is none."""
        usual = HEADERS[name]
        titles = [title.strip().lower().replace("（", "(").replace("）", ")") for title in self.columns]
        for header in usual:
            if header in titles:
                return titles.index(header)
        found = ", ".join(self.columns)[:200] or "nothing"
        raise InvalidInput(
            f"{self.path} has no column {name}; its first line has {found}. Call it {', '.join(usual[:4])} or "
            f"{usual[-1] if name == 'text' else '经度' if name == 'lon' else '纬度'}.",
            kind="no-column",
        )

    def check_width(self, cells: Sequence[str]) -> None:
        """Raise InvalidInput for a row that has more or fewer cells than the header."""
        if len(cells) != len(self.columns):
            raise InvalidInput(
                f"{len(cells)} cells, but the header has {len(self.columns)}. Put a text with {self.separator!r} in "
                "quotation marks, or fill in what is missing."
            )

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (row number, cells) of each row that is not blank; counted as a spreadsheet does.

        Raises InvalidInput where the text is no CSV, such as for a quotation mark that is never closed.
        """
        csv.field_size_limit(max(csv.field_size_limit(), len(self.content) + 1))
        reader = csv.reader(io.StringIO(self.content.decode("utf-8"), newline=""), delimiter=self.separator)
        number, header = 0, 0
        try:
            for cells in reader:
                number += 1
                blank = not any(cell.strip() for cell in cells)
                if header and not blank:
                    yield number, cells
                header = header or (0 if blank else number)
        except csv.Error as error:
            raise InvalidInput(f"{self.path}, row {number + 1}: {error}. Correct the quotation marks there.") from None

    def encoded(self, text: bytes) -> bytes:
        """Return UTF-8 text in the encoding of the file."""
        return text if self.encoding == "utf-8" else text.decode("utf-8").encode(self.encoding)


@dataclass(slots=True)
class BadRows:
    """The rows of a file that were left out: what is wrong with each, and the cure."""

    path: Path
    words: dict[int, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.words)

    def add(self, number: int, what: str) -> None:
        """Note that a row is bad; the first reason stays."""
        self.words.setdefault(number, what)

    def lines(self) -> list[str]:
        """Return one line for each of the first rows, and a line with the count."""
        shown = [f"{self.path}, row {number}: {self.words[number]}" for number in sorted(self.words)[:_SHOWN]]
        if not shown:
            return []
        more = f", the first {_SHOWN} are above" if len(self.words) > _SHOWN else ""
        return [*shown, f"{len(self.words)} of the rows could not be used{more}; the header is row 1."]

    def as_json(self) -> dict[str, object]:
        """Return {bad_rows, bad}: how many there are, and the first thousand with what is wrong."""
        listed = [{"row": number, "what": self.words[number]} for number in sorted(self.words)[:1000]]
        return {"bad_rows": len(self.words), "bad": listed}

    def refuse_all(self, good: int) -> None:
        """Raise InvalidInput where no row could be used."""
        if self.words and not good:
            first = min(self.words)
            raise InvalidInput(
                f"{self.path}: none of its {len(self.words)} rows can be used. Row {first}: {self.words[first]}",
                kind="no-good-row",
            )


def read_csv_text(path: Path) -> CsvText:
    """Read a CSV file; encoding and separator are recognised.

    Raises
    ------
    NotFound
        When there is no such file.
    InvalidInput
        When it is not text.
    """
    if path.is_dir():
        raise NotFound(f"{path} is a folder. Give the path of a CSV file.", kind="no-file")
    if not path.exists():
        raise NotFound(f"There is no file {path}. Give the path of a CSV file.", kind="no-file")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.", kind="no-file") from None
    content, encoding = _as_utf8(path, raw)
    head = content[:_LONGEST_HEADER].decode("utf-8", "ignore")
    separator = _separator(head.lstrip("\r\n").partition("\n")[0].partition("\r")[0])
    reader = csv.reader(io.StringIO(head, newline=""), delimiter=separator)
    try:
        columns = next(([title.strip() for title in cells] for cells in reader if any(map(str.strip, cells))), [])
    except csv.Error:
        raise InvalidInput(f"{path}: its first line is no header of a CSV file.", kind="no-column") from None
    return CsvText(path, content, encoding, separator, columns, plain_header=reader.line_num == 1)


def _as_utf8(path: Path, raw: bytes) -> tuple[bytes, str]:
    """Return the text as UTF-8 without a byte order mark, and the encoding to write it back in."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings: Sequence[str] = ("utf-16",)
    elif raw.startswith(codecs.BOM_UTF8):
        encodings = ("utf-8-sig",)
    elif raw.isascii():
        encodings = ()
    else:
        encodings = ("utf-8", "gb18030")
    content, used = (raw, "utf-8") if not encodings else (b"", "")
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        content, used = (raw if encoding == "utf-8" else text.encode("utf-8", "replace")), encoding
        break
    if not used or b"\0" in content:
        raise InvalidInput(
            f"{path} is no CSV file in UTF-8, UTF-16 or GB18030. Save it as CSV in UTF-8.", kind="not-text"
        )
    return content, used


def _separator(head: str) -> str:
    """Return the separator that the header has most often outside quotation marks; a comma where it has none."""
    outside = "".join(head.split('"')[::2])
    counts = [outside.count(separator) for separator in SEPARATORS]
    return SEPARATORS[counts.index(max(counts))]
