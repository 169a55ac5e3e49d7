"""The working calendar out of a CSV: days off, and the weekend days that are worked for them."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput
from gridsvc.files.law.catalogue import read_csv

if TYPE_CHECKING:
    from pathlib import Path

NEEDED = ("date", "kind")
_SATURDAY = 5


def read_calendar(path: Path) -> tuple[frozenset[date], frozenset[date]]:
    """Return (holidays, make-up days) of a CSV with the columns date (2026-10-01) and kind (rest or work).

    Raises
    ------
    InvalidInput
        With file, line and cure: no date, a date twice, a working day that is one anyway.
    """
    days: dict[date, str] = {}
    for line, row in read_csv(path, NEEDED):
        where = f"{path}, line {line}"
        try:
            day = date.fromisoformat(row["date"])
        except ValueError:
            raise InvalidInput(f"{where}: `date` is {row['date']!r}. Write it as 2026-10-01.") from None
        if row["kind"] not in {"rest", "work"}:
            raise InvalidInput(f"{where}: `kind` is {row['kind']!r}. It is `rest` or `work`.")
        if day in days:
            raise InvalidInput(f"{where}: {day} is there twice. Keep one of the lines.")
        if row["kind"] == "work" and day.weekday() < _SATURDAY:
            raise InvalidInput(f"{where}: {day:%A}, {day} is worked anyway. Check the year, or drop the line.")
        days[day] = row["kind"]
    if not days:
        raise InvalidInput(f"{path} holds no days. Give one line each: date,kind,name.")
    rest = frozenset(day for day, kind in days.items() if kind == "rest")
    return rest, frozenset(days) - rest
