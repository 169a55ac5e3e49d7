"""A file of addresses looked up: the best candidate of each row, written beside it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.files.places.geocoded import COLUMNS, read_address_file, write_geocoded
from gridsvc.files.text import check_ending
from gridsvc.operations.places.found import ELSEWHERE
from gridsvc.operations.places.geocode import LONGEST_ADDRESS, Lookup, look_up
from gridsvc.places.model import ACTED_ON

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.files.csv_text import BadRows
    from gridsvc.operations.places.found import Geocoded
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class GeocodedFile:
    """How many rows may be acted on (`sure`), are a question (`unsure`), lie elsewhere or are not known; bad rows."""

    rows: int
    sure: int
    unsure: int
    elsewhere: int
    unknown: int
    bad: BadRows


def geocode_file(service: Service, source: Path, target: Path, *, district: str | None = None) -> GeocodedFile:
    """Add the best candidate to each row of a CSV file with a column `text`; the same text is looked up once.

    The gazetteer alone answers: an outside geocoder gets no files.

    Raises
    ------
    InvalidInput
        When the file is no CSV, has no column of addresses, or no rows.
    """
    check_ending(target, (".csv",), device_ok=True)
    read = read_address_file(source, LONGEST_ADDRESS)
    answers = _look_up_all(service, {each for each in read.addresses if each}, district)
    found = [answers.get(each) for each in read.addresses]
    write_geocoded(target, read.text, read.rows, [_cells(each) for each in found])
    given_rows = [each for each in found if each is not None]
    sure = sum(not each.confirm for each in given_rows)
    elsewhere = sum(bool(each.found) and each.found[0] not in each.here for each in given_rows)
    unknown = sum(not each.found for each in given_rows)
    return GeocodedFile(
        len(read.rows), sure, len(given_rows) - sure - elsewhere - unknown, elsewhere, unknown, read.bad
    )


def _look_up_all(service: Service, texts: set[str], district: str | None) -> dict[str, Geocoded]:
    with service.database.transaction() as connection:
        lookup = Lookup(service, connection, district)
        return {each: look_up(each, lookup.gazetteers(each)[0]) for each in sorted(texts)}


def _cells(found: Geocoded | None) -> tuple[str, ...]:
    """Return the added cells of a row, in the order of COLUMNS; empty where nothing of the district is named."""
    here = () if found is None else found.here
    if found is None or not here or found.found[0] not in here:
        other = None if found is None or not found.found else found.found[0].candidate
        level = ELSEWHERE if other is not None and other.level == ELSEWHERE and other.confidence >= ACTED_ON else ""
        return ("",) * COLUMNS.index("level") + (level,) + ("",) * (len(COLUMNS) - COLUMNS.index("level") - 1)
    best = here[0].candidate
    return (
        f"{best.lon:.7f}",
        f"{best.lat:.7f}",
        f"{best.radius_m:.1f}",
        f"{best.confidence:.3f}",
        best.level,
        best.township or "",
        best.village or "",
    )
