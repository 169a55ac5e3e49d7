"""Pages of cases, the newest first: what is read grows with the page, not with the number of cases.

A page is the newest of several branches. Open cases are one branch, since they are few. Closed cases are a branch for
each condition of `narrow`, and an index answers each branch in the order of the page (schema, `ix_incident_closed_*`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.db.schema.cases import CLOSED, OPEN, OWNER_COLUMNS
from gridsvc.db.session.fast_statements import fetch_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

IS_OPEN, IS_CLOSED = f"i.{OPEN}", f"i.{CLOSED}"

# `timing` is what `cases.timing.evaluate` found at the last event; an open response is late once it is due.
LATE = "(i.timing = 'late' or (i.timing = 'open' and i.due_at < now()))"
TIMING = f"case when {LATE} then 'late' else i.timing end"
IN_TIME = "(i.timing is null or i.timing = 'met' or (i.timing = 'open' and not coalesce(i.due_at < now(), false)))"

# What a row of a list shows of a case, in SQL over `incident as i`.
COLUMNS = {
    name: f"i.{name}"
    for name in (
        "district", "id", "number", "type", "type_name", "matter", "status", "waiting", "lead_wanted", "timing",
        "due_at", "arrived_at", "owners", "rule", "generation", "urgency", "response_class", "target_s", "clock_policy",
        "reported_at", "triggered_at", "accepted_at", "assigned_at", "handled_at", "feedback_at", "archived_at",
        "cancelled_at", "source", "external_ref", "drill", "radius_m",
    )
} | {
    "timing": TIMING,
    "lon": "st_x(i.geom)",
    "lat": "st_y(i.geom)",
}  # fmt: skip

Cursor = tuple[datetime, UUID]
"""Behind which case a page begins: its `triggered_at` and id."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Which cases a page has, in SQL over `incident as i` with values by name.

    `district`: the one that they are of; None: every district of the caller. A case must meet all of `both`, of `open`
    if it is open, and of `closed` if it is closed; None: no such case is wanted. `narrow`: of these a case must meet
    one.
    """

    both: tuple[str, ...] = ()
    open: tuple[str, ...] | None = ()
    closed: tuple[str, ...] | None = ()
    narrow: tuple[str, ...] = ()
    district: str | None = None
    values: Mapping[str, Any] = field(default_factory=dict)

    def branches(self) -> list[str]:
        """Return the condition of each branch."""
        found: list[tuple[str, ...]] = []
        if self.open is not None:
            met = (f"({' or '.join(self.narrow)})",) if self.narrow else ()
            found.append((IS_OPEN, *self.open, *self.both, *met))
        if self.closed is not None:
            found += [(IS_CLOSED, *self.closed, *self.both, each) for each in self.narrow or ("true",)]
        return [" and ".join(branch) for branch in found]


def owned_by(value: str) -> tuple[str, ...]:
    """Return the conditions of which a case meets one if the grid named `value` owns its place."""
    return tuple(f"i.{level} = %({value})s" for level in OWNER_COLUMNS)


def newest(
    connection: Connection,
    condition: Condition,
    *,
    limit: int,
    after: Cursor | None = None,
    columns: Mapping[str, str] = COLUMNS,
) -> list[dict[str, Any]]:
    """Return rows of `columns`, the newest first, from behind the cursor `after` (triggered_at, id).

    `columns` are SQL by name; triggered_at and id are among them.
    """
    branches = condition.branches()
    if not branches:
        return []
    values = dict(condition.values) | {"limit": limit, "district": condition.district}
    within = ""
    if after is not None:
        values |= {"after_at": after[0], "after_id": after[1]}
        within = " and (i.triggered_at, i.id) < (%(after_at)s, %(after_id)s)"
    selected = ", ".join(f"{sql} as {name}" for name, sql in columns.items())
    if condition.district is not None:
        found = _branches(selected, branches, "%(district)s", within)
    else:
        # First the last case of the page, by the indexes alone: else each district would read a page of rows.
        found = _of_all_districts(_branches("i.triggered_at, i.id", branches, "d.code", within))
        last = f"select distinct on (triggered_at, id) i.* from ({found}) as i {_NEWEST} offset %(limit)s - 1 limit 1"
        for at, case in fetch_all(connection, last, values, planned_for_values=True):
            values |= {"last_at": at, "last_id": case}
            within += " and (i.triggered_at, i.id) >= (%(last_at)s, %(last_id)s)"
        found = _of_all_districts(_branches(selected, branches, "d.code", within))
    query = f"select distinct on (triggered_at, id) i.* from ({found}) as i {_NEWEST} limit %(limit)s"
    rows = fetch_all(connection, query, values, planned_for_values=True)
    if "last_at" in values and len(rows) < limit:  # a case has left the list since its last case was found
        return newest(connection, condition, limit=limit, after=after, columns=columns)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def count_up_to(connection: Connection, condition: Condition, most: int) -> int:
    """Return how many cases there are, `most` if there are as many or more: counting stops there."""
    branches = condition.branches()
    if not branches:
        return 0
    found = _branches("i.id", branches, "d.code" if condition.district is None else "%(district)s", "")
    if condition.district is None:
        found = _of_all_districts(found)
    query = f"select count(*) from (select distinct id from ({found}) as i limit %(limit)s) as counted"
    values = dict(condition.values) | {"limit": most, "district": condition.district}
    [(count,)] = fetch_all(connection, query, values, planned_for_values=True)
    return int(count)


_NEWEST = "order by i.triggered_at desc, i.id desc"


def _of_all_districts(found: str) -> str:
    return f"select i.* from district as d cross join lateral ({found}) as i"


def _branches(columns: str, branches: Sequence[str], district: str, within: str) -> str:
    end = f"{within} {_NEWEST} limit %(limit)s"
    found = (
        f"(select {columns} from incident as i where i.district = {district} and {each}{end})" for each in branches
    )
    return " union all ".join(found)
