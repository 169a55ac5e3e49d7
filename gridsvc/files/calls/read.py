"""An export of a dispatch system, read in pieces: a million rows take seconds, and never more than a few pieces memory.

UTF-8, UTF-16 and GB18030 are recognised, and commas, semicolons, tabs and bars. What cannot be used is counted by its
reason with the first row of each: a header that is repeated where files were joined, a row with too many or too few
cells, one without a case, a time that cannot be read.
"""

from __future__ import annotations

import codecs
import csv as plain_csv
import io
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from gridsvc.compliance.call_map import STAMPS, WORDS
from gridsvc.compliance.exports import CallRows
from gridsvc.compliance.labels import Labels
from gridsvc.coordinates import Datum, to_wgs84
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.files.calls.stamps import read_stamps
from gridsvc.times import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from gridsvc.compliance.call_map import CallMap

_SEPARATORS = (",", ";", "\t", "|")
_PIECE_BYTES = 16 << 20
_HEAD_BYTES = 1 << 20
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class CallFile:
    """How an export is written: encoding, separator, titles of its columns, and lines above the first row."""

    path: Path
    encoding: str
    separator: str
    titles: tuple[str, ...]
    lines_above: int


@dataclass(slots=True)
class Skipped:
    """Rows that are not used, and times that cannot be read: {reason: (count, an example)}.

    at: which rows, by reason, counted from 0 below the header; rows of another width and blank lines are not counted,
    since the reader passes them over.
    """

    rows: int = 0
    reasons: dict[str, tuple[int, str]] = field(default_factory=dict)
    at: dict[str, list[NDArray[np.int64]]] = field(default_factory=dict)

    def add(self, reason: str, count: int, example: str) -> None:
        """Count rows under a reason; the first example stays."""
        if count:
            before, first = self.reasons.get(reason, (0, example))
            self.reasons[reason] = (before + count, first)

    def add_rows(self, reason: str, rows: NDArray[np.int64], example: str) -> None:
        """Count rows under a reason, and keep their numbers."""
        self.add(reason, len(rows), example)
        if len(rows):
            self.at.setdefault(reason, []).append(rows)

    def as_json(self) -> dict[str, Any]:
        """Return {rows, skipped: [{reason, count, example}]}."""
        listed = [{"reason": reason, "count": count, "example": example[:_SHOWN]}
                  for reason, (count, example) in sorted(self.reasons.items())]  # fmt: skip
        return {"rows": self.rows, "skipped": listed}


def inspect_calls(path: Path) -> CallFile:
    """Return how an export is written.

    Raises
    ------
    NotFound
        When there is no such file.
    InvalidInput
        When it is no text, or has no header.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise NotFound(f"{path} {what}. Give the path of a CSV file.", kind="no-file")
    encoding = _encoding(path)
    with path.open("rb") as file:
        head = codecs.getincrementaldecoder(encoding)("strict").decode(file.read(_HEAD_BYTES))
    if "\0" in head:
        raise InvalidInput(f"{path} is no text file. Export it as CSV in UTF-8.", kind="not-text")
    separator = _separator(head.lstrip("\r\n\ufeff"))
    reader = plain_csv.reader(io.StringIO(head.removeprefix("\ufeff"), newline=""), delimiter=separator)
    try:
        titles = next(([title.strip() for title in cells] for cells in reader if any(map(str.strip, cells))), None)
    except plain_csv.Error as error:
        raise InvalidInput(f"{path}: its first line is no header: {error}.", kind="no-column") from None
    if titles is None:
        raise InvalidInput(f"{path} is empty. Give an export with a header.", kind="empty-file")
    return CallFile(path, encoding, separator, tuple(titles), reader.line_num)


def _encoding(path: Path) -> str:
    """Return the encoding of the whole file: a byte that is not UTF-8 may be in its last row."""
    with path.open("rb") as file:
        start = file.read(4)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")("strict")
        try:
            while piece := file.read(_PIECE_BYTES):
                if not (piece.isascii() and decoder.getstate()[0] == b""):
                    decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _check_gb18030(path)
    return "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"


def _check_gb18030(path: Path) -> str:
    decoder = codecs.getincrementaldecoder("gb18030")("strict")
    with path.open("rb") as file:
        try:
            while piece := file.read(_PIECE_BYTES):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            raise InvalidInput(
                f"{path} is no text in UTF-8, UTF-16 or GB18030. Export it as CSV in UTF-8.", kind="not-text"
            ) from None
    return "gb18030"


def _separator(head: str) -> str:
    line = head.partition("\n")[0]
    outside = "".join(line.split('"')[::2])
    return max(_SEPARATORS, key=outside.count)


def read_calls(file: CallFile, of: CallMap) -> tuple[CallRows, Skipped]:
    """Return the usable rows of an export, and what was skipped.

    Raises
    ------
    InvalidInput
        For a column of the map that the file does not have, or has twice; or when no row can be used.
    """
    places = _places(file, of)
    skipped = Skipped()
    gathered = _Gathered(of, file, places)
    with _pool_for_pieces():
        for piece in _pieces(file, sorted(set(places.values())), skipped):
            gathered.add(piece, skipped)
        rows = gathered.rows()
    if not len(rows):
        raise InvalidInput(
            f"{file.path} has no row that can be used, of {skipped.rows}. Check the map {of.id} against its header: "
            f"{', '.join(file.titles)[:200]}.",
            kind="no-good-row",
        )
    return rows, skipped


@contextmanager
def _pool_for_pieces() -> Iterator[None]:
    """Take the memory of pieces from a pool that keeps it for the next piece.

    mimalloc, Arrow's own choice, gives it back at once: the faults of its pages took half of the time of a read.
    The pool is that of the process: where two reads overlap, this one may stay in use, and serves as well.
    """
    usual = pa.default_memory_pool()
    found = "jemalloc" in pa.supported_memory_backends()
    pool = pa.jemalloc_memory_pool() if found else pa.system_memory_pool()
    pa.set_memory_pool(pool)
    try:
        yield
    finally:
        pa.set_memory_pool(usual)
        pool.release_unused()


def _places(file: CallFile, of: CallMap) -> dict[str, int]:
    """Return the number of each column that the map names."""
    plain = [_plain(title) for title in file.titles]
    found = {}
    for title in sorted(of.titles()):
        count = plain.count(_plain(title))
        if count != 1:
            many = "has no column" if count == 0 else f"has {count} columns"
            raise InvalidInput(
                f"{file.path} {many} {title!r}, which the map {of.id} names. Its header has: "
                f"{', '.join(file.titles)[:300]}. Correct the map, or propose one: --map guess.",
                kind="no-column",
            )
        found[title] = plain.index(_plain(title))
    return found


def _plain(title: str) -> str:
    return " ".join(title.split()).casefold()


def _pieces(file: CallFile, wanted: Sequence[int], skipped: Skipped) -> Iterator[pa.RecordBatch]:
    """Yield the wanted columns as text, a piece of rows at a time; rows of another width are counted and left out."""
    names = [f"c{number}" for number in range(len(file.titles))]

    def other_width(row: csv.InvalidRow) -> str:
        skipped.rows += 1
        skipped.add("other-width", 1, f"{row.actual_columns} cells, not {row.expected_columns}")
        return "skip"

    read = csv.ReadOptions(
        column_names=names, skip_rows=file.lines_above, block_size=_PIECE_BYTES,
        encoding="utf8" if file.encoding.startswith("utf-8") else file.encoding,
    )  # fmt: skip
    parse = csv.ParseOptions(delimiter=file.separator, newlines_in_values=True, invalid_row_handler=other_width)
    columns = [names[number] for number in wanted]
    convert = csv.ConvertOptions(
        include_columns=columns, column_types=dict.fromkeys(columns, pa.string()), check_utf8=False,
        strings_can_be_null=False,
    )  # fmt: skip
    try:
        with csv.open_csv(file.path, read_options=read, parse_options=parse, convert_options=convert) as reader:
            yield from reader
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        words = str(error).splitlines()[0][:200]
        raise InvalidInput(
            f"{file.path} cannot be read as CSV: {words}. Correct the quotation marks there.", kind="bad-csv"
        ) from None


class _Gathered:
    """The columns of the pieces so far: numbers, and each word once."""

    def __init__(self, of: CallMap, file: CallFile, places: Mapping[str, int]) -> None:
        self._map, self._file, self._places = of, file, places
        self._seen = 0
        self._order = {title: n for n, title in enumerate(sorted(places, key=places.__getitem__))}
        self._parts: dict[str, list[NDArray[Any]]] = {}
        self._words: dict[str, dict[str, int]] = {name: {} for name in WORDS if name in of.columns}

    def add(self, piece: pa.RecordBatch, skipped: Skipped) -> None:
        columns = {title: piece.column(n) for title, n in self._order.items()}
        skipped.rows += piece.num_rows
        number = np.arange(self._seen, self._seen + piece.num_rows)
        self._seen += piece.num_rows
        case = self._joined(columns, "case")
        header = np.ones(piece.num_rows, dtype=bool)
        for title, column in columns.items():
            header &= _equals(pc.utf8_trim_whitespace(column), self._file.titles[self._places[title]])
        unnamed = ~header & _equals(case, "")
        skipped.add_rows("repeated-header", number[header], "the titles of the columns again")
        skipped.add_rows("no-case", number[unnamed], f"no value in {' '.join(self._map.columns['case'])}")
        keep = pa.array(~(header | unnamed))
        number = number[~(header | unnamed)]
        columns = {title: column.filter(keep) for title, column in columns.items()}
        for name in self._words:
            self._append(f"word {name}", self._codes(name, self._joined(columns, name)))
        for name in STAMPS:
            if name in self._map.columns:
                self._add_stamps(name, self._joined(columns, name), number, skipped)
        for name, each in self._map.conditions.items():
            values = pa.array(list(each.values))
            found = pc.is_in(pc.utf8_trim_whitespace(columns[each.column]), value_set=values)
            self._append(f"condition {name}", found.to_numpy(zero_copy_only=False))
        lon, lat = self._position(columns)
        self._append("lon", lon)
        self._append("lat", lat)

    def _append(self, name: str, part: NDArray[Any]) -> None:
        self._parts.setdefault(name, []).append(part)

    def _joined(self, columns: Mapping[str, pa.Array], name: str) -> pa.Array:
        parts = [pc.utf8_trim_whitespace(columns[title]) for title in self._map.columns[name]]
        return parts[0] if len(parts) == 1 else pc.utf8_trim_whitespace(pc.binary_join_element_wise(*parts, " "))

    def _codes(self, name: str, column: pa.Array) -> NDArray[np.int32]:
        known = self._words[name]
        encoded = column.dictionary_encode()
        of_word = np.array(
            [-1 if word == "" else known.setdefault(word, len(known)) for word in encoded.dictionary.to_pylist()],
            dtype=np.int32,
        )
        indices = encoded.indices.to_numpy()
        return of_word[indices] if len(of_word) else np.full(len(indices), -1, dtype=np.int32)

    def _add_stamps(self, name: str, column: pa.Array, number: NDArray[np.int64], skipped: Skipped) -> None:
        at_us, in_utc = read_stamps(column, self._map.time_formats)
        unread = (at_us == MISSING) & ~_equals(column, "")
        if unread.any():
            example = column[int(np.argmax(unread))].as_py()
            skipped.add_rows(f"unreadable-{name}", number[unread], example)
        self._append(f"stamp {name}", at_us)
        self._append(f"utc {name}", in_utc)

    def _position(self, columns: Mapping[str, pa.Array]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if "point" in self._map.columns:
            pattern = r"(?P<one>-?\d+(?:\.\d+)?)[,\s]+(?P<two>-?\d+(?:\.\d+)?)"
            found = pc.extract_regex(self._joined(columns, "point"), pattern)
            pair = [_numbers(pc.struct_field(found, name)) for name in ("one", "two")]
            return (pair[1], pair[0]) if self._map.latitude_first else (pair[0], pair[1])
        if "lon" in self._map.columns and "lat" in self._map.columns:
            return _numbers(self._joined(columns, "lon")), _numbers(self._joined(columns, "lat"))
        nowhere = np.full(len(next(iter(columns.values()))), np.nan)
        return nowhere, nowhere

    def rows(self) -> CallRows:
        """Return everything as one."""

        def whole(name: str, dtype: type) -> NDArray[Any]:
            parts = self._parts.pop(name, [])
            return np.concatenate(parts) if parts else np.empty(0, dtype)

        stamps = [name for name in STAMPS if name in self._map.columns]
        lon, lat = whole("lon", np.float64), whole("lat", np.float64)
        off = ~((np.abs(lon) <= 180) & (np.abs(lat) <= 90))
        lon[off] = lat[off] = np.nan
        lon[~off], lat[~off] = to_wgs84(lon[~off], lat[~off], Datum.from_name(self._map.datum))
        return CallRows(
            {name: whole(f"stamp {name}", np.int64) for name in stamps},
            {name: whole(f"utc {name}", np.bool_) for name in stamps},
            {name: Labels(whole(f"word {name}", np.int32), tuple(words)) for name, words in self._words.items()},
            {name: whole(f"condition {name}", np.bool_) for name in self._map.conditions},
            lon,
            lat,
        )


def _equals(column: pa.Array, word: str) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.equal(column, pa.scalar(word, pa.string())).to_numpy(zero_copy_only=False)
    return found


def _numbers(column: pa.Array) -> NDArray[np.float64]:
    """Return numbers, NaN for what is none."""
    trimmed = pc.utf8_trim_whitespace(column.fill_null(""))
    good = pc.match_substring_regex(trimmed, r"^-?\d+(\.\d+)?([eE]-?\d+)?$")
    found: NDArray[np.float64] = pc.cast(pc.if_else(good, trimmed, "nan"), pa.float64()).to_numpy().copy()
    return found
