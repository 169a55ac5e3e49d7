"""A CSV file of addresses: read, and written again with the places that they mean."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput
from gridsvc.files.csv_text import BadRows, CsvText, read_csv_text
from gridsvc.files.text import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COLUMNS = ("lon", "lat", "radius_m", "confidence", "level", "township", "village")


@dataclass(frozen=True, slots=True)
class AddressFile:
    """The rows of a file that are not blank, and the address of each; empty for a row that is in `bad`."""

    text: CsvText
    rows: list[list[str]]
    addresses: list[str]
    bad: BadRows


def read_address_file(path: Path, longest: int) -> AddressFile:
    """Read a CSV file with the column text (or its usual other names); an address has at most `longest` characters.

    Raises
    ------
    InvalidInput
        When it is no CSV, has no such column, or no row that can be used.
    """
    text = read_csv_text(path)
    column = text.column("text")
    bad, rows, addresses = BadRows(path), [], []
    for number, cells in text.rows():
        given = cells[column].strip() if column < len(cells) else ""
        if not given or len(given) > longest:
            what = "the address is empty" if not given else f"the address has more than {longest} characters"
            bad.add(number, f"{what}. Correct it, or delete the row.")
            given = ""
        rows.append(cells)
        addresses.append(given)
    if not rows:
        raise InvalidInput(f"{path} holds no rows. Give one address a line below the header.", kind="empty-file")
    bad.refuse_all(len(rows) - len(bad))
    return AddressFile(text, rows, addresses, bad)


def write_geocoded(path: Path, text: CsvText, rows: Sequence[list[str]], added: Sequence[Sequence[str]]) -> None:
    """Write the rows with COLUMNS added, in the encoding and with the separator of the file that was read.

    An added column replaces one of the same name.
    """
    kept = [at for at, name in enumerate(text.columns) if name not in COLUMNS]
    width = len(text.columns)
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=text.separator, lineterminator="\n")
    writer.writerow([*(text.columns[at] for at in kept), *COLUMNS])
    for cells, new in zip(rows, added, strict=True):
        whole = (cells + [""] * width)[:width]
        writer.writerow([*(whole[at] for at in kept), *new])
    with replacing(path) as draft, draft.open("wb") as file:
        file.write(text.encoded(out.getvalue().encode("utf-8")))
