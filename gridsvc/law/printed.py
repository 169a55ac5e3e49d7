"""The sums that a catalogue's source prints, compared with those of its rows; both are stored and shown."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput
from gridsvc.law.catalogue import CompetenceLevel, UnitKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gridsvc.law.catalogue import Catalogue, Matter


@dataclass(frozen=True, slots=True)
class PrintedTotals:
    """What the source prints for one unit, None where it prints nothing."""

    unit: str
    areas: int | None
    items: int | None


@dataclass(frozen=True, slots=True)
class SumDifference:
    """A printed figure that differs from the true one; both are stored. `note`: a likely explanation."""

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
    fields: int
    brigades: int
    fields_without_brigade: tuple[str, ...]
    fields_under_two_units: tuple[str, ...]
    differences: tuple[SumDifference, ...]
    approvals: dict[str, int]
    """Rows by the day from which the catalogue's unit acts; `not approved`: the departments still do."""
    override_reason: str | None = None


def compare_with_print(
    catalogue: Catalogue,
    printed: Iterable[PrintedTotals],
    *,
    printed_items: int | None = None,
    override_reason: str | None = None,
) -> CatalogueReport:
    """Count a catalogue and list every printed figure that differs from the true one.

    Raises InvalidInput where the items of a unit do not add up to its printed total, unless `override_reason` says
    why the file is right. Printed areas that differ are reported, not refused.
    """
    differences = []
    for total in printed:
        own = [matter for matter in catalogue.matters if matter.unit == total.unit]
        items = sum(matter.items for matter in own)
        if total.items is not None and total.items != items:
            differences.append(SumDifference(total.unit, "items", total.items, items))
        if total.areas is not None and total.areas != len(own):
            departments = len({matter.department for matter in own})
            note = f"equals its {departments} distinct departments" if departments == total.areas else ""
            differences.append(SumDifference(total.unit, "areas", total.areas, len(own), note))
    whole = sum(matter.items for matter in catalogue.matters)
    if printed_items is not None and printed_items != whole:
        differences.append(SumDifference("all units", "items", printed_items, whole))
    if (wrong := [each for each in differences if each.what == "items"]) and not override_reason:
        first = wrong[0]
        raise InvalidInput(
            f"The items of {first.unit} add up to {first.found}, its printed total is {first.printed}; "
            "correct the rows, or load with a reason to override.",
            kind="sum-differs",
            differences=[asdict(each) for each in wrong],
        )
    names = Counter(name for _, name in {(matter.unit, matter.field) for matter in catalogue.matters})
    return CatalogueReport(
        rows=len(catalogue.matters),
        items=whole,
        distinct_fields=len(names),
        departments=len({matter.department for matter in catalogue.matters}),
        fields=len(catalogue.fields),
        brigades=sum(unit.kind is UnitKind.BRIGADE for unit in catalogue.units),
        fields_without_brigade=tuple(each.id for each in catalogue.fields if each.brigade is None),
        fields_under_two_units=tuple(sorted(name for name, units in names.items() if units > 1)),
        differences=tuple(differences),
        approvals=dict(sorted(Counter(_approved(catalogue, matter) for matter in catalogue.matters).items())),
        override_reason=override_reason,
    )


def _approved(catalogue: Catalogue, matter: Matter) -> str:
    """Return the first day on which the unit of a matter acts on it, `always`, or `not approved`."""
    days = [
        rule.since
        for rule in catalogue.competences
        if rule.matter == matter.key and rule.level is CompetenceLevel.DISTRICT and rule.unit == matter.unit
    ]
    if not days:
        return "not approved"
    return "always" if None in days else min(day for day in days if day is not None).isoformat()
