"""The law as data: units, fields, matters, and which unit is competent for a matter on a date.

Source of the first catalogue: the reform plan of Jindong District (2021), Annex 3. A field name is no key: three of
them occur under two units, so a matter is named by (unit, field, department).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

BUREAU = "bureau"
"""Id of the bureau 综合行政执法局, which supplies the "1" of every joint team."""

TOWNSHIP_UNIT_PREFIX = "township-"


class UnitKind(StrEnum):
    BUREAU = "bureau"
    BRIGADE = "brigade"
    TOWNSHIP = "township"
    DEPARTMENT = "department"
    PARTNER = "partner"


@dataclass(frozen=True, slots=True)
class Unit:
    """An enforcing unit, a department or a partner; `aliases` are other names that files use for it."""

    id: str
    name: str
    kind: UnitKind
    name_en: str = ""
    aliases: tuple[str, ...] = ()
    township: str | None = None


@dataclass(frozen=True, slots=True)
class Field:
    """One of the eight specialty fields; `brigade` is None where none exists and the bureau acts."""

    id: str
    name: str
    brigade: str | None
    name_en: str = ""


@dataclass(frozen=True, slots=True)
class Matter:
    """One row of the catalogue 事项: a unit's items in one field, taken over from one department."""

    unit: str
    field: str
    department: str
    items: int
    seq: int = 0

    @property
    def key(self) -> str:
        """`unit/field/department`, the name of the matter in run cards and answers."""
        return f"{self.unit}/{self.field}/{self.department}"


@dataclass(frozen=True, slots=True)
class Competence:
    """Who is competent for a matter in a span of days.

    `matter` is a Matter.key. `level` is `district` (then `unit` acts) or `township` (the unit of the incident's own
    township acts, or only that of `township` where one is named). `since` inclusive, `until` exclusive, None = open.
    """

    matter: str
    level: str
    unit: str | None
    since: date | None
    until: date | None
    basis: str
    township: str | None = None

    def holds(self, on: date, township: str | None) -> bool:
        """Whether the rule is in force on a day for an incident of a township."""
        return (
            (self.since is None or self.since <= on)
            and (self.until is None or on < self.until)
            and (self.township is None or self.township == township)
        )


@dataclass(frozen=True, slots=True)
class CompetentUnit:
    """The answer for one matter: the unit, the level it acts at, and the basis in words."""

    matter: str
    unit: str
    level: str
    basis: str


@dataclass(frozen=True, slots=True)
class SumDifference:
    """A printed figure that differs from the true one; both are kept."""

    unit: str
    what: str
    printed: int
    found: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class CatalogueReport:
    """What a catalogue holds, counted, and where it differs from what its source prints."""

    rows: int
    items: int
    distinct_fields: int
    departments: int
    differences: tuple[SumDifference, ...]
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PrintedTotals:
    """What the source prints for one unit, None where it prints nothing."""

    unit: str
    areas: int | None
    items: int | None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Units, fields, matters and competence of one version; build it with `build_catalogue`.

    `version` is a digest of its content. Departments are units of kind department; `Matter.department` is such an id.
    """

    units: tuple[Unit, ...]
    fields: tuple[Field, ...]
    matters: tuple[Matter, ...]
    competences: tuple[Competence, ...]
    source: str = ""
    version: str = field(init=False)
    _unit: dict[str, Unit] = field(init=False, repr=False, compare=False)
    _unit_by_name: dict[str, Unit] = field(init=False, repr=False, compare=False)
    _matter: dict[str, Matter] = field(init=False, repr=False, compare=False)
    _rules: dict[str, tuple[Competence, ...]] = field(init=False, repr=False, compare=False)

    def get_unit(self, unit_id: str) -> Unit: ...

    def find_unit_by_name(self, name: str) -> Unit | None: ...

    def get_matter(self, key: str) -> Matter: ...

    def competent_unit(self, matter: str, on: date, township: str | None) -> CompetentUnit:
        """Who acts on a matter on a day for an incident of a township (None = unknown township)."""
        ...

    def as_json(self) -> dict[str, Any]: ...

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Catalogue: ...


def township_unit(township_code: str) -> str:
    """Id of the unit of one township."""
    return TOWNSHIP_UNIT_PREFIX + township_code
