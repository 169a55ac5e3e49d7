"""Rebuilds a case from its events, and names where its rows differ (R18)."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.cases.records import FORMAT, Record
from gridsvc.db.cases.rows import ENGAGEMENT_ROW, case_row, engagement_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from gridsvc.cases.model import Case
    from gridsvc.db.evidence.case_rows import CaseRows
    from gridsvc.json_types import Json

_PLACES = frozenset({"geom", "extent"})
_TEXTS = frozenset({"owners", "versions"})
_FIRST_LACKS = frozenset({"extent", "radius_m"})
_FIRST_ENGAGEMENT_LACKS = frozenset({"travel_s", "response_s"})
"""What the events of the first version do not hold, so that nothing can be compared with it."""


def read_records(bodies: Iterable[str]) -> list[Record]:
    """Return the events of a case, read from their texts, in the same order.

    Raises
    ------
    KeyError, ValueError
        For a text that is no event of a case.
    """
    return [Record.of(json.loads(body)) for body in bodies]


def in_order_of_time(records: Iterable[Record]) -> list[Record]:
    """Return events in the order of their times: that of the chain, unless the clock was set back in between."""
    return sorted(records, key=lambda each: (each.at, each.id))


def is_first_format(rows: CaseRows) -> bool:
    """Whether the report of a case was written by the first version."""
    return not any(f'"format":{FORMAT}' in body and '"kind":"report"' in body for body in rows.bodies)


def differences(case: Case, rows: CaseRows) -> list[str]:
    """Return the columns in which the rows of a case differ from the case; empty where they agree."""
    assert rows.row is not None
    first = is_first_format(rows)
    if first:
        case = replace(case, place=replace(case.place, geometry=None))
    left_out = _FIRST_LACKS if first else frozenset()
    found = [
        name for name, value in case_row(case).items() if name not in left_out and not _same(name, value, rows.row)
    ]
    expected = {each.id: engagement_row(case, each) for each in case.engagements}
    if missing := sorted(str(key) for key in set(expected) - set(rows.engagements)):
        found.append(f"engagement {missing[0]} is gone")
    if extra := sorted(str(key) for key in set(rows.engagements) - set(expected)):
        found.append(f"engagement {extra[0]} was never ordered")
    skipped = _FIRST_ENGAGEMENT_LACKS if first else frozenset()
    return found + list(_engagement_differences(expected, rows.engagements, skipped))


def _engagement_differences(
    expected: Mapping[UUID, Mapping[str, Any]], stored: Mapping[UUID, Mapping[str, Any]], skipped: frozenset[str]
) -> Iterable[str]:
    for key in sorted(set(expected) & set(stored)):
        for name in ENGAGEMENT_ROW:
            if name not in skipped and expected[key][name] != stored[key][name]:
                yield f"engagement {key}: {name}"


def _same(name: str, value: Json, row: Mapping[str, Any]) -> bool:
    """Whether a column holds a value: geometries as shapes, JSON as values."""
    stored = row[name]
    if name in _TEXTS:
        return bool(json.loads(value) == stored)
    if name in _PLACES:
        if value is None or stored is None:
            return value is None and stored is None
        return bool(shapely.from_wkt(value.removeprefix("SRID=4326;")).equals_exact(shapely.from_wkb(bytes(stored)), 0))
    return bool(value == stored)
