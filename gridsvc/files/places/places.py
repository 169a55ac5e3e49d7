"""CSV files of places, millions of rows: read, and written with columns added."""

from __future__ import annotations

import csv as plain_csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    Added = Mapping[str, tuple[NDArray[np.int32], Sequence[str | None]]]

_LON = ("lon", "lng", "longitude", "x", "经度")
_LAT = ("lat", "latitude", "y", "纬度")


@dataclass(frozen=True, slots=True)
class Places:
    """The rows of a file: its bytes, its columns, and degrees, (n,)."""

    path: Path
    content: bytes
    columns: list[str]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]


def read_places(path: Path) -> Places:
    """Read a CSV file with the columns lon and lat.

    Raises
    ------
    NotFound
        When there is no such file.
    InvalidInput
        When it is no CSV, has no such columns or no rows, or a value is no number; the row is named.
    """
    import pyarrow as pa
    from pyarrow import csv

    if not path.is_file():
        raise NotFound(f"There is no file {path}.", kind="no-file")
    try:
        content = path.read_bytes()
        head, _, _ = content.partition(b"\n")
        columns = next(plain_csv.reader([head.decode("utf-8-sig")]), [])
        lon, lat = _find(path, columns, _LON), _find(path, columns, _LAT)
        options = csv.ConvertOptions(include_columns=[lon, lat], column_types={lon: pa.float64(), lat: pa.float64()})
        try:
            table = csv.read_csv(pa.BufferReader(content), convert_options=options, parse_options=_parsing(content))
        except pa.ArrowInvalid:  # spaces round numbers, or what is no number: slower, and with its row
            table = _read_texts(content, columns)
        if not table.num_rows:
            raise InvalidInput(f"{path} holds no rows.", kind="empty-file")
        return Places(
            path, content, columns, _degrees(path, lon, table.column(lon)), _degrees(path, lat, table.column(lat))
        )
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is no CSV file in UTF-8: {str(error).splitlines()[0][:160]}") from error


def _parsing(content: bytes) -> Any:
    from pyarrow import csv

    return csv.ParseOptions(newlines_in_values=b'"' in content)  # what is not quoted is read by all cores


def _read_texts(content: bytes, columns: Sequence[str]) -> Any:
    import pyarrow as pa
    from pyarrow import csv

    kinds = csv.ConvertOptions(column_types=dict.fromkeys(columns, pa.string()), strings_can_be_null=False)
    return csv.read_csv(pa.BufferReader(content), convert_options=kinds, parse_options=_parsing(content))


def _find(path: Path, columns: Sequence[str], called: Sequence[str]) -> str:
    name = next((column for column in columns if column.strip().lower() in called), None)
    if name is None:
        raise InvalidInput(f"{path} has no column {called[0]}; it has {', '.join(columns)}.", kind="no-column")
    return name


def _degrees(path: Path, name: str, values: Any) -> NDArray[np.float64]:
    import pyarrow as pa

    if values.type == pa.string():
        numbers = np.empty(len(values))
        for row, text in enumerate(values.to_pylist()):
            try:
                numbers[row] = float(text)
            except ValueError:
                told = f"{path}, row {row + 1}: {name} is {text!r}, no number."
                raise InvalidInput(told, kind="not-a-number") from None
        return numbers
    return np.ascontiguousarray(values.to_numpy(), dtype=np.float64)


def write_places(path: Path, places: Places, added: Added) -> None:
    """Write the rows with columns added, as .csv (empty = none; what was there stays as it was) or .parquet.

    Parameters
    ----------
    added
        By column name: (n,) numbers of words, -1 none; and the words.

    Raises
    ------
    InvalidInput
        For another suffix, or a folder that is not there.
    """
    if path.suffix.lower() not in {".csv", ".parquet"}:
        raise InvalidInput(f"{path}: which format? Name it .csv or .parquet.")
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no folder {path.parent}.")
    if path.suffix.lower() == ".csv" and not set(added) & set(places.columns) and _append_text(path, places, added):
        return
    _write_table(path, places, added)


def _append_text(path: Path, places: Places, added: Added) -> bool:
    """Append the columns to the lines as they are; False where a line is not a row, and nothing was written."""
    lines = places.content.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").split(b"\n")
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) != len(places.lon) + 1:
        return False
    tails = np.zeros(len(places.lon), np.int64)
    for numbers, words in added.values():
        tails = tails * (len(words) + 1) + numbers + 1
    kinds, first, kind = np.unique(tails, return_index=True, return_inverse=True)
    del kinds
    texts = [
        ("," + ",".join(_cell(words[numbers[row]]) if numbers[row] >= 0 else "" for numbers, words in added.values()))
        for row in first.tolist()
    ]
    ends = np.array([text.encode() + b"\n" for text in texts], dtype=object)[kind].tolist()
    head = lines[0] + ("," + ",".join(added)).encode() + b"\n"
    with path.open("wb") as file:
        file.write(head)
        file.write(b"".join(map(bytes.__add__, lines[1:], ends)))
    return True


def _cell(word: str | None) -> str:
    if word is None:
        return ""
    return '"' + word.replace('"', '""') + '"' if any(letter in word for letter in ',"\n\r') else word


def _write_table(path: Path, places: Places, added: Added) -> None:
    import pyarrow as pa
    from pyarrow import csv, parquet

    table = _read_texts(places.content, places.columns)
    if path.suffix.lower() == ".parquet":
        for name, values in (
            (_find(places.path, places.columns, _LON), places.lon),
            (_find(places.path, places.columns, _LAT), places.lat),
        ):
            table = table.set_column(table.column_names.index(name), name, pa.array(values))
    for name, (numbers, words) in added.items():
        mask = numbers < 0
        indices = pa.array(numbers, mask=mask if mask.any() else None)
        column = pa.DictionaryArray.from_arrays(indices, pa.array([w for w in words if w is not None], pa.string()))
        if name in table.column_names:
            table = table.drop_columns([name])
        table = table.append_column(name, column)
    if path.suffix.lower() == ".parquet":
        parquet.write_table(table, path)
        return
    plain = pa.table({name: table.column(name).cast(pa.string()) for name in table.column_names})
    csv.write_csv(plain, path, csv.WriteOptions(quoting_style="needed"))
