"""The law as data: units, fields, matters, and which unit is competent for a matter on a date.

Source of the first catalogue: the reform plan of Jindong District (2021), Annex 3. A field name is no key: three of
them occur under two units, so a matter is named by (unit, field, department).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gridsvc.json_types import Json

BUREAU = "bureau"
"""Id of the bureau 综合行政执法局, which supplies the "1" of every joint team."""

TOWNSHIP_UNIT_PREFIX = "township-"


class UnitKind(StrEnum):
    BUREAU = "bureau"
    BRIGADE = "brigade"
    TOWNSHIP = "township"
    DEPARTMENT = "department"
    PARTNER = "partner"


class CompetenceLevel(StrEnum):
    DISTRICT = "district"
    TOWNSHIP = "township"


@dataclass(frozen=True, slots=True)
class Unit:
    """An enforcing unit, a department or a partner; `aliases` are other names that files use for it."""

    id: str
    name: str
    kind: UnitKind
    name_en: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """One of the eight specialty fields; `brigade` is None where none exists and the bureau acts."""

    id: str
    name: str
    brigade: str | None
    name_en: str = ""
    brigade_since: date | None = None


@dataclass(frozen=True, slots=True)
class Matter:
    """One row of the catalogue 事项: a unit's items in one field, taken over from one department (an id)."""

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
    level: CompetenceLevel
    unit: str | None
    since: date | None
    until: date | None
    basis: str
    township: str | None = None

    def holds(self, on: date, township: str | None) -> bool:
        """Whether the rule is in force on a day for an incident of a township."""
        if self.level is CompetenceLevel.TOWNSHIP and (township is None or self.township not in {None, township}):
            return False
        return (self.since is None or self.since <= on) and (self.until is None or on < self.until)


@dataclass(frozen=True, slots=True)
class CompetentUnit:
    """The answer for one matter: the unit, the level it acts at, and the basis in words."""

    matter: str
    unit: str
    level: CompetenceLevel
    basis: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Units, fields, matters and competence of one version, checked when built.

    `version` is the SHA-256 of `document()`. Raises InvalidInput for an id that occurs twice, a matter of an unknown
    unit or department, and for competence with a day on which no unit, or two units, would act.
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
    _rules: dict[str, list[Competence]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keep = object.__setattr__
        keep(self, "_unit", _unique(self.units, "unit", "id"))
        names = {name: unit for unit in self.units for name in (*unit.aliases, unit.name)}
        keep(self, "_unit_by_name", names)
        keep(self, "_matter", _unique(self.matters, "matter", "key"))
        _unique(self.fields, "field", "id")
        rules: dict[str, list[Competence]] = {key: [] for key in self._matter}
        for rule in self.competences:
            if rule.matter not in rules:
                raise InvalidInput(f"Competence names {rule.matter}, which is no matter of this catalogue; correct it.")
            rules[rule.matter].append(rule)
        keep(self, "_rules", rules)
        self._check()
        keep(self, "version", hashlib.sha256(self.document().encode()).hexdigest())

    def _check(self) -> None:
        for matter in self.matters:
            for unit_id, role in ((matter.unit, "unit"), (matter.department, "department")):
                if unit_id not in self._unit:
                    raise InvalidInput(f"Matter {matter.key}: {role} {unit_id} is unknown; add it to the units.")
            _check_days(matter.key, self._rules[matter.key])
        for each in self.fields:
            if each.brigade is not None and each.brigade not in self._unit:
                raise InvalidInput(f"Field {each.id}: brigade {each.brigade} is unknown; add it to the units.")

    def get_unit(self, unit_id: str) -> Unit:
        """Return a unit; the unit of a township is known by its code. Raises NotFound."""
        if found := self._unit.get(unit_id):
            return found
        if unit_id.startswith(TOWNSHIP_UNIT_PREFIX):
            return Unit(unit_id, f"{unit_id.removeprefix(TOWNSHIP_UNIT_PREFIX)} 综合行政执法队", UnitKind.TOWNSHIP)
        raise NotFound(f"No unit {unit_id}; the units are {', '.join(self._unit)}.")

    def find_unit(self, unit_id: str) -> Unit | None:
        """Return a unit by its id, None if there is no such unit."""
        try:
            return self.get_unit(unit_id)
        except NotFound:
            return None

    def find_unit_by_name(self, name: str) -> Unit | None:
        """Return the unit that a name or an alias means."""
        return self._unit_by_name.get(name)

    def get_field(self, field_id: str) -> Field:
        """Raise NotFound for an id that is no field."""
        for each in self.fields:
            if each.id == field_id:
                return each
        raise NotFound(f"No field {field_id}; the fields are {', '.join(each.id for each in self.fields)}.")

    def unit_of_field(self, field_id: str, on: date) -> str:
        """Return the unit that acts in a specialty field: its brigade, the bureau as long as there is none."""
        each = self.get_field(field_id)
        if each.brigade is None or (each.brigade_since is not None and on < each.brigade_since):
            return BUREAU
        return each.brigade

    def get_matter(self, key: str) -> Matter:
        """Raise NotFound, with the matters of the same field, for a key that is none."""
        if found := self._matter.get(key):
            return found
        parts = set(key.split("/"))
        candidates = [m.key for m in self.matters if m.field in parts] or [
            m.key for m in self.matters if m.unit in parts
        ]
        hint = f"; did you mean {' or '.join(candidates[:3])}" if candidates else ""
        raise NotFound(
            f"No matter {key!r} in the catalogue (unit/field/department){hint}?"
            if hint
            else f"No matter {key!r} in the catalogue; matters are named unit/field/department."
        )

    def find_matter(self, key: str) -> Matter | None:
        """Return a matter by its key, None if there is none."""
        return self._matter.get(key)

    def competent_unit(self, matter: str, on: date, township: str | None) -> CompetentUnit:
        """Who acts on a matter on a day for an incident of a township (None = unknown township).

        A matter delegated to the township is the township's own; otherwise the unit of the day acts. Raises NotFound
        for an unknown matter.
        """
        self.get_matter(matter)
        rule = min(
            (rule for rule in self._rules[matter] if rule.holds(on, township)),
            key=lambda rule: (rule.level is not CompetenceLevel.TOWNSHIP, rule.township is None),
        )
        if rule.level is CompetenceLevel.TOWNSHIP:
            assert township is not None
            return CompetentUnit(matter, township_unit(township), rule.level, rule.basis)
        assert rule.unit is not None
        return CompetentUnit(matter, rule.unit, rule.level, rule.basis)

    def document(self) -> str:
        """Return the whole version as canonical JSON text: it is stored, digested and replayed."""
        return canonical_json(
            {
                "source": self.source,
                "units": [asdict(unit) for unit in self.units],
                "fields": [asdict(each) for each in self.fields],
                "matters": [asdict(matter) for matter in self.matters],
                "competences": [asdict(rule) for rule in self.competences],
            }
        )

    @classmethod
    def from_document(cls, text: str) -> Catalogue:
        """Read back what `document` wrote."""
        value = json.loads(text)
        return cls(
            units=tuple(
                Unit(**{**unit, "kind": UnitKind(unit["kind"]), "aliases": tuple(unit["aliases"])})
                for unit in value["units"]
            ),
            fields=tuple(Field(**{**each, "brigade_since": _day(each["brigade_since"])}) for each in value["fields"]),
            matters=tuple(Matter(**matter) for matter in value["matters"]),
            competences=tuple(
                Competence(
                    **{
                        **rule,
                        "level": CompetenceLevel(rule["level"]),
                        "since": _day(rule["since"]),
                        "until": _day(rule["until"]),
                    }
                )
                for rule in value["competences"]
            ),
            source=value["source"],
        )


def canonical_json(value: Json) -> str:
    """Return JSON text that depends on the value alone: keys sorted, no blanks, dates as ISO text."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: object) -> Json:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no plain JSON value")


def township_unit(township_code: str) -> str:
    """Id of the unit of one township."""
    return TOWNSHIP_UNIT_PREFIX + township_code


def competences_by_approval(
    matters: Iterable[Matter],
    approved: Mapping[str, date | None],
    *,
    until_basis: str,
    since_basis: str,
) -> list[Competence]:
    """Two rules a matter: the department until the day of approval, the catalogue's unit from that day.

    `approved` maps a Matter.key to its day; None = not approved yet, the department stays competent.
    """
    rules = []
    for matter in matters:
        day = approved[matter.key]
        before = (matter.key, CompetenceLevel.DISTRICT, matter.department, None, day, until_basis)
        rules.append(Competence(*before))
        if day is not None:
            rules.append(Competence(matter.key, CompetenceLevel.DISTRICT, matter.unit, day, None, since_basis))
    return rules


def _unique(items: Iterable[Any], what: str, attribute: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        key = getattr(item, attribute)
        if key in found:
            raise InvalidInput(f"The {what} {key} occurs twice in the catalogue; keep one.")
        found[key] = item
    return found


def _check_days(matter: str, rules: Sequence[Competence]) -> None:
    """Every day has exactly one unit at district level."""
    spans = sorted(
        (rule for rule in rules if rule.level is CompetenceLevel.DISTRICT), key=lambda rule: rule.since or date.min
    )
    if not spans or spans[0].since is not None or spans[-1].until is not None:
        raise InvalidInput(
            f"Matter {matter}: on some days no unit is competent; leave the first `since`, last `until` open."
        )
    for rule in spans:
        if rule.unit is None:
            raise InvalidInput(f"Matter {matter}: a rule at district level names no unit; set `unit`.")
    for before, after in pairwise(spans):
        if before.until is None or after.since is None or before.until != after.since:
            raise InvalidInput(
                f"Matter {matter}: {before.unit} until {before.until} and {after.unit} from {after.since} "
                "overlap or leave days without a unit; let one end on the day the next begins."
            )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
