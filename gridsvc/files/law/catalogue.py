"""Read the catalogue of matters (TOML or CSV) and the units that it names (TOML)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput
from gridsvc.files.csv_text import read_csv_text
from gridsvc.law import (
    Catalogue,
    CatalogueReport,
    Competence,
    CompetenceLevel,
    Field,
    Matter,
    PrintedTotals,
    Unit,
    UnitKind,
    compare_with_print,
    competences_by_approval,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

CSV_COLUMNS = ("unit", "unit_printed_areas", "unit_printed_items", "seq", "field", "items", "department")
UNTIL_BASIS = "until approval the department keeps its powers"
SINCE_BASIS = "catalogue, after approval"


@dataclass(frozen=True, slots=True)
class UnitsFile:
    """What units.toml holds: units, fields, and the vocabulary of skills and equipment (slug to name)."""

    units: tuple[Unit, ...]
    fields: tuple[Field, ...]
    skills: dict[str, str]
    equipment: dict[str, str]
    township_unit_name: str

    def find_by_name(self, name: str) -> Unit | None:
        """Return the unit with this id, name or alias."""
        for unit in self.units:
            if name in {unit.id, unit.name, *unit.aliases}:
                return unit
        return None


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; what is wrong with it is said with file, line and column."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise InvalidInput(f"{path}: no such file; give the path of a TOML file.") from None
    except IsADirectoryError:
        raise InvalidInput(f"{path} is a folder; give the path of a TOML file.") from None
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8.") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path}: {error}; correct the TOML there.") from None


def read_units(path: Path) -> UnitsFile:
    """Read units.toml. Raises InvalidInput with the entry that cannot be meant."""
    value = read_toml(path)
    units = []
    for number, row in enumerate(value.get("unit", []), start=1):
        where = f"{path}: unit {number} ({row.get('id', 'without id')})"
        only_keys(row, {"id", "kind", "name", "name_en", "aliases"}, {"id", "kind", "name"}, where)
        if row["kind"] not in list(UnitKind):
            raise InvalidInput(f"{where}: kind {row['kind']!r} is none of {', '.join(UnitKind)}; use one of these.")
        units.append(
            Unit(row["id"], row["name"], UnitKind(row["kind"]), row.get("name_en", ""), tuple(row.get("aliases", ())))
        )
    fields = []
    for number, row in enumerate(value.get("field", []), start=1):
        where = f"{path}: field {number} ({row.get('id', 'without id')})"
        only_keys(row, {"id", "name", "name_en", "brigade", "brigade_since"}, {"id", "name"}, where)
        fields.append(
            Field(row["id"], row["name"], row.get("brigade"), row.get("name_en", ""), row.get("brigade_since"))
        )
    if not any(unit.kind is UnitKind.BUREAU for unit in units):
        raise InvalidInput(f"{path}: no unit of kind bureau; without it no joint team has a lead. Add one.")
    pattern = value.get("township_unit", {}).get("name", "{name}综合行政执法队")
    return UnitsFile(tuple(units), tuple(fields), value.get("skills", {}), value.get("equipment", {}), pattern)


def read_catalogue(
    path: Path, units: Path, *, override_reason: str | None = None, approved: date | None = None
) -> tuple[Catalogue, CatalogueReport]:
    """Read a catalogue and compare its sums with what its source prints.

    `path`: the TOML layout of geodata/jindong/catalogue.toml, or a CSV with the columns CSV_COLUMNS. `units` is
    units.toml. In a CSV, a column `approved` (2022-01-01) may tell the day of each
    row; `approved` is that of rows without one (None = not approved yet, the department stays competent).
    Raises InvalidInput with file, place and cure; a sum that differs from print needs `override_reason`.
    """
    known = read_units(units)
    if path.suffix.lower() == ".toml":
        return _from_toml(path, known, override_reason)
    if path.suffix.lower() == ".csv":
        return _from_csv(path, known, override_reason, approved)
    raise InvalidInput(f"{path}: a catalogue is a .toml or a .csv file; {path.suffix or 'no suffix'} is neither.")


def _from_toml(path: Path, known: UnitsFile, override_reason: str | None) -> tuple[Catalogue, CatalogueReport]:
    value = read_toml(path)
    only_keys(value, {"source", "printed_items", "approval", "delegation", "unit"}, {"unit"}, str(path))
    matters, printed = [], []
    for number, group in enumerate(value["unit"], start=1):
        where = f"{path}: unit {number} ({group.get('id', 'without id')})"
        only_keys(group, {"id", "printed_areas", "printed_items", "matters"}, {"id", "matters"}, where)
        unit = _unit(known, group["id"], where)
        printed.append(PrintedTotals(unit, group.get("printed_areas"), group.get("printed_items")))
        for seq, row in enumerate(group["matters"], start=1):
            if len(row) != 3:
                raise InvalidInput(f"{where}, matter {seq}: give [field, items, department].")
            name, items, department = row
            place = f"{where}, matter {seq}"
            matters.append(Matter(unit, name, _unit(known, department, place), _count(items, place), seq))
    keys = {matter.key for matter in matters}
    approved: dict[str, date | None] = dict.fromkeys(keys)
    bases = (UNTIL_BASIS, SINCE_BASIS)
    rules: dict[str, list[Competence]] = {
        m.key: competences_by_approval([m], approved, until_basis=bases[0], since_basis=bases[1]) for m in matters
    }
    for number, row in enumerate(value.get("approval", []), start=1):
        where = f"{path}: approval {number}"
        only_keys(row, {"since", "basis", "until_basis", "matters"}, set(), where)
        chosen = _keys(row.get("matters", sorted(keys)), keys, where)
        approved |= dict.fromkeys(chosen, _day(row.get("since"), where))
        bases = (row.get("until_basis", UNTIL_BASIS), row.get("basis", SINCE_BASIS))
        for matter in matters:
            if matter.key in chosen:
                rules[matter.key] = competences_by_approval(
                    [matter], approved, until_basis=bases[0], since_basis=bases[1]
                )
    competences = [rule for each in rules.values() for rule in each]
    for number, row in enumerate(value.get("delegation", []), start=1):
        where = f"{path}: delegation {number}"
        only_keys(row, {"matter", "township", "since", "until", "basis"}, {"matter", "basis"}, where)
        [key] = _keys([row["matter"]], keys, where)
        competences.append(
            Competence(
                key,
                CompetenceLevel.TOWNSHIP,
                None,
                _day(row.get("since"), where),
                _day(row.get("until"), where),
                row["basis"],
                row.get("township"),
            )
        )
    catalogue = Catalogue(known.units, known.fields, tuple(matters), tuple(competences), value.get("source", ""))
    report = compare_with_print(
        catalogue, printed, printed_items=value.get("printed_items"), override_reason=override_reason
    )
    return catalogue, report


def _from_csv(
    path: Path, known: UnitsFile, override_reason: str | None, approved: date | None
) -> tuple[Catalogue, CatalogueReport]:
    matters: list[Matter] = []
    printed: dict[str, PrintedTotals] = {}
    days: dict[str, date | None] = {}
    for line, row in read_csv(path, CSV_COLUMNS):
        where = f"{path}, line {line}"
        unit = _unit(known, row["unit"], where)
        total = PrintedTotals(
            unit, _printed_count(row["unit_printed_areas"], where), _printed_count(row["unit_printed_items"], where)
        )
        if printed.setdefault(unit, total) != total:
            raise InvalidInput(f"{where}: {row['unit']} prints other totals than above; make them the same.")
        department = _unit(known, row["department"], where)
        matters.append(Matter(unit, row["field"], department, _count(row["items"], where), _count(row["seq"], where)))
        days[matters[-1].key] = _day_of(row.get("approved"), where) or approved
    if not matters:
        raise InvalidInput(f"{path} holds no rows; give one line a matter.")
    rules = competences_by_approval(matters, days, until_basis=UNTIL_BASIS, since_basis=SINCE_BASIS)
    catalogue = Catalogue(known.units, known.fields, tuple(matters), tuple(rules), path.name)
    return catalogue, compare_with_print(catalogue, printed.values(), override_reason=override_reason)


def read_csv(path: Path, columns: Iterable[str]) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file into (row number, cells by column); `columns` must be there. The header is row 1.

    Encoding and separator are recognised, see `csv_text`.

    Raises
    ------
    InvalidInput
        With the row and the cure.
    """
    text = read_csv_text(path)
    header = [title for title in text.columns if title]
    if missing := [name for name in columns if name not in header]:
        raise InvalidInput(f"{path}: column {missing[0]} is missing; the header has {', '.join(header) or 'nothing'}.")
    rows = []
    for number, cells in text.rows():
        if len(cells) != len(text.columns):
            raise InvalidInput(f"{path}, line {number}: more or fewer cells than the header; correct it.")
        rows.append((number, {name: cell.strip() for name, cell in zip(text.columns, cells, strict=True)}))
    return rows


def _unit(known: UnitsFile, name: str, where: str) -> str:
    if found := known.find_by_name(name):
        return found.id
    raise InvalidInput(f"{where}: no unit is called {name!r}; add it to units.toml, as a name or an alias.")


def _printed_count(text: str, where: str) -> int | None:
    """Return a count of a CSV; an empty cell is None: the source prints nothing."""
    return _count(text, where) if text else None


def _count(value: object, where: str) -> int:
    """Return a whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidInput(f"{where}: {value!r} is no count; give a whole number.")
    try:
        number = int(value)
    except ValueError:
        raise InvalidInput(f"{where}: {value!r} is no count; give a whole number.") from None
    if number < 0:
        raise InvalidInput(f"{where}: {value!r} is negative; give a whole number.")
    return number


def _keys(keys: list[str], known: set[str], where: str) -> list[str]:
    if unknown := [key for key in keys if key not in known]:
        raise InvalidInput(f"{where}: {unknown[0]!r} is no matter here; matters are named unit/field/department.")
    return keys


def _day(value: object, where: str) -> date | None:
    if value is None or type(value) is date:
        return value
    raise InvalidInput(f"{where}: {value!r} is no day; write 2022-01-01, without quotes.")


def _day_of(text: str | None, where: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise InvalidInput(f"{where}: {text!r} is no day; write 2022-01-01.") from None


def only_keys(row: dict[str, Any], known: set[str], needed: set[str], where: str) -> None:
    """Raise InvalidInput for a table with a key too few or too many."""
    if missing := sorted(needed - row.keys()):
        raise InvalidInput(f"{where}: `{missing[0]}` is missing; add it.")
    if odd := sorted(row.keys() - known):
        raise InvalidInput(f"{where}: `{odd[0]}` is not known here; known are {', '.join(sorted(known))}.")
