"""CSV files of places, millions of rows: read, and written with columns added."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

_LON = ("lon", "lng", "longitude", "x", "经度")
_LAT = ("lat", "latitude", "y", "纬度")


@dataclass(frozen=True, slots=True)
class Places:
    """The rows of a file: its table as it was (all texts), and degrees, (n,)."""

    table: Any
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
        with path.open("rb") as file:
            head = file.readline().decode("utf-8-sig").rstrip("\r\n")
        names = next(iter(_split(head)), [])
        kinds = csv.ConvertOptions(column_types={name: pa.string() for name in names}, strings_can_be_null=False)
        table = csv.read_csv(path, convert_options=kinds, read_options=csv.ReadOptions(block_size=1 << 22))
    except (pa.ArrowInvalid, UnicodeDecodeError, StopIteration) as error:
        raise InvalidInput(f"{path} is no CSV file in UTF-8: {str(error).splitlines()[0][:160]}") from error
    if not table.num_rows:
        raise InvalidInput(f"{path} holds no rows.", kind="empty-file")
    return Places(table, _degrees(path, table, _LON), _degrees(path, table, _LAT))


def _split(head: str) -> list[list[str]]:
    import csv

    return list(csv.reader([head]))


def _degrees(path: Path, table: Any, called: Sequence[str]) -> NDArray[np.float64]:
    import pyarrow as pa
    from pyarrow import compute

    name = next((column for column in table.column_names if column.strip().lower() in called), None)
    if name is None:
        listed = ", ".join(table.column_names)
        raise InvalidInput(f"{path} has no column {called[0]}; it has {listed}.", kind="no-column")
    texts = table.column(name)
    try:
        numbers = compute.cast(compute.utf8_trim_whitespace(texts), pa.float64())
    except pa.ArrowInvalid:
        for row, text in enumerate(texts.to_pylist(), 1):
            try:
                float(text)
            except ValueError:
                raise InvalidInput(f"{path}, row {row}: {name} is {text!r}, no number.", kind="not-a-number") from None
        raise
    return np.ascontiguousarray(numbers.to_numpy(), dtype=np.float64)


def write_places(
    path: Path, places: Places, added: Mapping[str, tuple[NDArray[np.int32], Sequence[str | None]]]
) -> None:
    """Write the rows with columns added, as .csv (empty = none) or .parquet.

    Parameters
    ----------
    added
        By column name: (n,) numbers of words, -1 none; and the words.

    Raises
    ------
    InvalidInput
        For another suffix, or a folder that is not there.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    if path.suffix.lower() not in {".csv", ".parquet"}:
        raise InvalidInput(f"{path}: which format? Name it .csv or .parquet.")
    if not path.parent.is_dir():
        raise InvalidInput(f"There is no folder {path.parent}.")
    table = places.table
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
    csv.write_csv(plain, path, csv.WriteOptions(quoting_style="needed", batch_size=1 << 16))
