"""CSV files of places, millions of rows: read, and written with columns added."""

from __future__ import annotations

import csv as plain_csv
import io
import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.coordinates import check_lonlat, swapped
from gridsvc.errors import InvalidInput
from gridsvc.files.csv_text import BadRows, CsvText, read_csv_text
from gridsvc.files.text import check_ending, replacing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray
    from pyarrow import csv

    from gridsvc.coordinates import Bounds

    Floats = NDArray[np.float64]
    Added = Mapping[str, tuple[NDArray[np.int32], Sequence[str | None]]]

ENDINGS = (".csv", ".parquet")

_DEGREES = "Give decimal degrees, such as 119.6543."


@dataclass(frozen=True, slots=True)
class Places:
    """The rows of a file that are not blank, and degrees, (n,): NaN for a row that is in `bad`.

    `cells`: the rows as cells, as wide as the header, with their row numbers; None for a file in which every row is
    good and regular, whose text is used as it is.
    """

    text: CsvText
    lon: Floats
    lat: Floats
    bad: BadRows
    cells: list[tuple[int, list[str]]] | None = None

    @property
    def good(self) -> NDArray[np.bool_]:
        """(n,) which rows have a position."""
        return np.isfinite(self.lon)

    def row_numbers(self) -> list[int]:
        """Return the number of each row in the file; the header is row 1."""
        if self.cells is None:
            return [number for number, _ in self.text.rows()]
        return [number for number, _ in self.cells]

    def without_swapped(self, near: Bounds) -> Places:
        """Return the places without positions for rows whose columns are swapped: far from `near`, but in it then."""
        rows = np.flatnonzero(swapped(self.lon, self.lat, near)).tolist()
        what = "longitude {} and latitude {} look swapped. Put the longitude into the column of longitudes."
        return self.without({row: what.format(float(self.lon[row]), float(self.lat[row])) for row in rows})

    def without(self, faults: Mapping[int, str]) -> Places:
        """Return the places without positions for some rows, given by index from 0, each with what is wrong."""
        if not faults:
            return self
        lon, lat, numbers = self.lon.copy(), self.lat.copy(), self.row_numbers()
        for index, what in faults.items():
            lon[index] = lat[index] = np.nan
            self.bad.add(numbers[index], what)
        self.bad.refuse_all(int(np.isfinite(lon).sum()))
        return Places(self.text, lon, lat, self.bad, self.cells)


def read_places(path: Path) -> Places:
    """Read a CSV file with the columns lon and lat (or their usual other names, see `csv_text.HEADERS`).

    A row without a position is in `bad`, and its degrees are NaN.

    Raises
    ------
    NotFound
        When there is no such file.
    InvalidInput
        When it is no CSV, has no such columns, or no row that can be used.
    """
    text = read_csv_text(path)
    at = (text.column("lon"), text.column("lat"))
    found = _read_fast(text, *at)
    if found is not None:
        return Places(text, *found, BadRows(path))
    return _read_rows(text, *at)


def _read_fast(text: CsvText, lon_at: int, lat_at: int) -> tuple[Floats, Floats] | None:
    """Read with all cores; None for a file with anything irregular, which is read row by row."""
    import pyarrow as pa
    from pyarrow import csv

    names = [text.columns[lon_at], text.columns[lat_at]]
    if not text.plain_header or any(text.columns.count(name) > 1 for name in names):
        return None
    read = csv.ReadOptions(column_names=text.columns, skip_rows=1)
    options = csv.ConvertOptions(include_columns=names, column_types=dict.fromkeys(names, pa.float64()))
    try:
        table = csv.read_csv(
            pa.BufferReader(text.content),
            read_options=read,
            convert_options=options,
            parse_options=_parse_options(text),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError):
        return None
    lon, lat = (np.ascontiguousarray(table.column(name).to_numpy(), dtype=np.float64) for name in names)
    regular = len(lon) and bool((np.abs(lon) <= 180).all()) and bool((np.abs(lat) <= 90).all())
    return (lon, lat) if regular else None


def _parse_options(text: CsvText) -> csv.ParseOptions:
    from pyarrow import csv

    # Text without quotation marks is read by all cores.
    return csv.ParseOptions(delimiter=text.separator, newlines_in_values=b'"' in text.content)


def _read_rows(text: CsvText, lon_at: int, lat_at: int) -> Places:
    bad, cells = BadRows(text.path), []
    width = len(text.columns)
    lon: list[float] = []
    lat: list[float] = []
    for number, row in text.rows():
        position = (math.nan, math.nan)
        try:
            text.check_width(row)
            position = _position(row[lon_at], row[lat_at], decimal_comma=text.separator != ",")
        except InvalidInput as refusal:
            bad.add(number, refusal.detail)
        lon.append(position[0])
        lat.append(position[1])
        cells.append((number, (row + [""] * width)[:width]))
    if not cells:
        raise InvalidInput(
            f"{text.path} holds no rows. Give one line for each place below the header.", kind="empty-file"
        )
    bad.refuse_all(len(cells) - len(bad))
    return Places(text, np.array(lon), np.array(lat), bad, cells)


def _position(lon: str, lat: str, *, decimal_comma: bool) -> tuple[float, float]:
    """Return degrees; InvalidInput, with the cure, for cells that cannot be meant."""
    numbers = (
        read_degrees(lon, "longitude", decimal_comma=decimal_comma),
        read_degrees(lat, "latitude", decimal_comma=decimal_comma),
    )
    check_lonlat(*numbers)
    return numbers


def read_degrees(text: str, what: str, *, decimal_comma: bool = False) -> float:
    """Return the number of a cell; full-width digits count, and a decimal comma where it cannot be a separator.

    Raises
    ------
    InvalidInput
        With the cure, for an empty cell or one that is no number.
    """
    plain = unicodedata.normalize("NFKC", text).strip()
    if decimal_comma:
        plain = plain.replace(",", ".")
    if not plain:
        raise InvalidInput(f"the {what} is empty. {_DEGREES}", kind="not-a-number")
    try:
        return float(plain.replace("_", "?"))  # Python's 1_000 is not a number to anyone else
    except ValueError:
        raise InvalidInput(
            f"the {what} is {text.strip()[:60]!r}, not a number. {_DEGREES}", kind="not-a-number"
        ) from None


# ---------------------------------------------------------------------------------------------------------------- write


def write_places(path: Path, places: Places, added: Added) -> None:
    """Write the rows with columns added, as .csv (empty = none) or .parquet.

    A .csv has the encoding and the separator of the file that was read; what was there stays as it was.

    Parameters
    ----------
    added
        By column name: (n,) numbers of words, -1 none; and the words.

    Raises
    ------
    InvalidInput
        For another ending, or a file that cannot be written.
    """
    check_ending(path, ENDINGS, device_ok=True)
    with replacing(path) as draft:
        if path.suffix.lower() == ".parquet":
            from pyarrow import parquet

            parquet.write_table(_table(places, added), draft)
            return
        head, lines = _own_lines(places, added)
        separator, ending = places.text.separator, "\n"
        if head is None:
            _write_cells(draft, places, added)
            return
        tails = _tails(places, added, separator, ending)
        heading = head + (separator + separator.join(added) + ending).encode()
        with draft.open("wb") as file:
            file.write(places.text.encoded(heading + b"".join(map(bytes.__add__, lines, tails))))


def _own_lines(places: Places, added: Added) -> tuple[bytes | None, list[bytes]]:
    """Return the header and the lines of the rows as they are; None where a line is not a row, or a column is there."""
    if places.cells is not None or set(added) & set(places.text.columns):
        return None, []
    lines = places.text.content.replace(b"\r\n", b"\n").split(b"\n")
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) != len(places.lon) + 1:
        return None, []
    return lines[0], lines[1:]


def _tails(places: Places, added: Added, separator: str, ending: str) -> list[bytes]:
    """Return what is appended to each line; made once for each different combination of words."""
    combination = np.zeros(len(places.lon), np.int64)
    for numbers, words in added.values():
        combination = combination * (len(words) + 1) + numbers + 1
    _, first, kind = np.unique(combination, return_index=True, return_inverse=True)
    texts = [
        separator
        + separator.join(
            _cell(words[numbers[row]], separator) if numbers[row] >= 0 else "" for numbers, words in added.values()
        )
        + ending
        for row in first.tolist()
    ]
    tails: list[bytes] = np.array([text.encode() for text in texts], dtype=object)[kind].tolist()
    return tails


def _cell(word: str | None, separator: str) -> str:
    if word is None:
        return ""
    quoted = any(letter in word for letter in f'{separator}"\n\r')
    return '"' + word.replace('"', '""') + '"' if quoted else word


def _write_cells(path: Path, places: Places, added: Added) -> None:
    """Write row by row; an added column replaces one of the same name."""
    kept = [at for at, name in enumerate(places.text.columns) if name not in added]
    rows = places.cells if places.cells is not None else list(places.text.rows())
    out = io.StringIO(newline="")
    writer = plain_csv.writer(out, delimiter=places.text.separator, lineterminator="\n")
    writer.writerow([*(places.text.columns[at] for at in kept), *added])
    columns = list(added.values())
    for index, (_, cells) in enumerate(rows):
        new = [words[numbers[index]] if numbers[index] >= 0 else None for numbers, words in columns]
        writer.writerow([*(cells[at] for at in kept), *("" if word is None else word for word in new)])
    path.write_bytes(places.text.encoded(out.getvalue().encode("utf-8")))


def _table(places: Places, added: Added) -> pa.Table:
    """Return the rows as texts, degrees as numbers, and the words of the added columns."""
    import pyarrow as pa

    degrees = {places.text.column("lon"): places.lon, places.text.column("lat"): places.lat}
    names, arrays = [], []
    for at, (name, texts) in enumerate(zip(places.text.columns, _columns(places), strict=True)):
        if name not in added:
            names.append(name)
            arrays.append(pa.array(degrees[at], from_pandas=True) if at in degrees else texts)
    for name, (numbers, words) in added.items():
        mask = numbers < 0
        indices = pa.array(numbers, mask=mask if mask.any() else None)
        names.append(name)
        arrays.append(
            pa.DictionaryArray.from_arrays(indices, pa.array([w for w in words if w is not None], pa.string()))
        )
    return pa.Table.from_arrays(arrays, names)


def _columns(places: Places) -> Sequence[Any]:
    """Return the columns as texts."""
    import pyarrow as pa
    from pyarrow import csv

    width = len(places.text.columns)
    if places.cells is not None:
        return [pa.array([row[at] for _, row in places.cells], pa.string()) for at in range(width)]
    names = [str(at) for at in range(width)]  # titles may be there twice
    read = csv.ReadOptions(column_names=names, skip_rows=1)
    kinds = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False)
    table = csv.read_csv(
        pa.BufferReader(places.text.content),
        read_options=read,
        convert_options=kinds,
        parse_options=_parse_options(places.text),
    )
    return list(table.columns)
