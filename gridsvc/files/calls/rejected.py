"""The rows of an export of which something is not used: with the line of each, and as a file to correct."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from gridsvc.files.text import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from gridsvc.files.calls.read import CallFile, Skipped

OTHER_WIDTH = "other-width"
CURES = {
    OTHER_WIDTH: "Put a text that has the separator in it in quotation marks, or fill in what is missing.",
    "repeated-header": "Nothing is lost: the titles were repeated where files were joined.",
    "no-case": "Write the number of the case.",
}
_UNREADABLE = "Add its form to time_format of the map, or correct the cell; until then the time counts as missing."


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row, or a case as a whole (line None), and why something of it is not used; `cells` as in the file."""

    line: int | None
    reason: str
    cells: Sequence[str]

    @property
    def cure(self) -> str:
        """What to do."""
        return CURES.get(self.reason, _UNREADABLE if self.reason.startswith("unreadable-") else "")


def list_rejected(file: CallFile, skipped: Skipped) -> Iterator[Rejected]:
    """Yield the rows of which something is not used, in the order of the file; it is read once more for their lines.

    A row has the line of the text on which it begins, the first being 1. It comes once for each reason.
    """
    reasons = _by_row(skipped)
    if not reasons and OTHER_WIDTH not in skipped.reasons:
        return
    number = 0
    for line, cells in _rows(file):
        if len(cells) != len(file.titles):
            yield Rejected(line, OTHER_WIDTH, cells)
            continue
        for reason in reasons.get(number, ()):
            yield Rejected(line, reason, cells)
        number += 1


def _by_row(skipped: Skipped) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for reason, parts in skipped.at.items():
        for number in (number for part in parts for number in part.tolist()):
            found.setdefault(number, []).append(reason)
    return found


def _rows(file: CallFile) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of each row below the header that is not blank."""
    csv.field_size_limit(sys.maxsize)
    with file.path.open(encoding=file.encoding, newline="") as text:
        reader = csv.reader(text, delimiter=file.separator)
        for _ in reader:
            if reader.line_num >= file.lines_above:
                break
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                yield line, cells
            line = reader.line_num + 1


def find_line(file: CallFile, skipped: Skipped, reason: str) -> int | None:
    """Return the line of the first row with a reason; None where there is none."""
    return next((each.line for each in list_rejected(file, skipped) if each.reason == reason), None)


def first_rejected(file: CallFile, skipped: Skipped, count: int) -> list[Rejected]:
    """Return the first rows of which something is not used."""
    return list(islice(list_rejected(file, skipped), count))


def write_rejected(path: Path, file: CallFile, rejected: Iterable[Rejected]) -> int:
    """Write rows as CSV: line, reason and cure before the columns of the export; return how many."""
    count = 0
    with replacing(path) as draft, draft.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["line", "reason", "cure", *file.titles])
        for each in rejected:
            writer.writerow([each.line or "", each.reason, each.cure, *each.cells])
            count += 1
    return count
