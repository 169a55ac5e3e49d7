"""Engagements: a team's time on a case."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import IntegrityError

from gridsvc.cases.model import STAMPS
from gridsvc.db.cases.rows import ENGAGEMENT, read_engagement
from gridsvc.db.session.fast_statements import fetch_all, fetch_one

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case, Engagement
    from gridsvc.db.cases.ground import OfCase
    from gridsvc.db.session.pipeline import Statement

_ON_CASES = f"""
    select incident_id, {", ".join(ENGAGEMENT)}
    from engagement where district = %s and incident_id = any(%s) order by since, lead desc, id
"""
_LIVE = """
    select incident_id, team_id, slot, lead, since from engagement
    where district = any(%s) and incident_id = any(%s) and until is null and engaging order by lead desc, since, id
"""
_ON_CASE = f"""
    select {", ".join(ENGAGEMENT)}
    from engagement where district = {{}} and incident_id = %s order by since, lead desc, id
"""
_HOLDER = """
    select incident_id, drill from engagement
    where district = %s and team_id = %s and until is null and engaging
"""
_CHANGED = f"""
    update engagement as e
    set {", ".join(f"{name} = w.{name}" for name in (*STAMPS, "outcome", "preempted_by"))}
    from unnest(%s::uuid[], {", ".join(["%s::timestamptz[]"] * len(STAMPS))}, %s::text[], %s::uuid[])
         as w (id, {", ".join(STAMPS)}, outcome, preempted_by)
    where e.district = %s and e.id = w.id
"""


def list_engagements(
    connection: Connection, district: str, incident_ids: Sequence[UUID]
) -> dict[UUID, list[Engagement]]:
    """Return every engagement of the cases by case, in the order in which they began, the lead first."""
    found: dict[UUID, list[Engagement]] = {each: [] for each in incident_ids}
    for row in fetch_all(connection, _ON_CASES, (district, list(incident_ids))):
        found[row[0]].append(read_engagement(row[1:]))
    return found


def list_live(
    connection: Connection, districts: Sequence[str], incident_ids: Sequence[UUID]
) -> dict[UUID, list[tuple[UUID, str, bool, datetime]]]:
    """Return (team, slot, lead, since) of every team that is engaged on one of the cases now, by case, the lead first.

    Routine cases on the work list of a team do not engage it.
    """
    found: dict[UUID, list[tuple[UUID, str, bool, datetime]]] = {}
    if incident_ids:
        for case, *engaged in fetch_all(connection, _LIVE, (list(districts), list(incident_ids))):
            found.setdefault(case, []).append(tuple(engaged))
    return found


def on_case_statement(of_case: OfCase, incident_id: UUID) -> Statement:
    """Return the statement whose rows are every engagement of a case, for `rows.read_engagement`."""
    district, value = of_case
    return _ON_CASE.format(district), (value, incident_id)


def find_holder(connection: Connection, district: str, team_id: UUID) -> tuple[UUID, bool] | None:
    """Return the case that a team is engaged on now and whether it is a drill; None for a free team."""
    row = fetch_one(connection, _HOLDER, (district, team_id))
    return None if row is None else (row[0], row[1])


# The rows of the teams are locked in the order of their ids, so that no two orders can deadlock. A team that is not
# available has no id, and the row is refused; what was committed in the meantime violates the unique index.
_SENT_ROWS = """
    free as materialized (
        select id from team where district = %s and id = any(%s) and (on_duty or not %s)
        order by id for no key update {waits}
    ), sent as (
        insert into engagement (district, id, incident_id, drill, team_id, slot, lead, engaging, travel_s, response_s,
                                since, preempted_from)
        select %s, w.id, %s, %s, f.id, w.slot, w.lead, %s, w.travel_s, w.response_s, %s, w.preempted_from
        from unnest(%s::uuid[], %s::uuid[], %s::text[], %s::boolean[], %s::float8[], %s::float8[], %s::uuid[])
             as w (id, team_id, slot, lead, travel_s, response_s, preempted_from)
        left join free as f on f.id = w.team_id
        order by w.team_id
    )
"""
SENT, SENT_AT_ONCE = (_SENT_ROWS.format(waits=waits) for waits in ("", "skip locked"))
"""Locks the teams of new engagements and inserts these, as part of a statement; its values are `sent_values`.

SENT_AT_ONCE does not wait for a team that another order is sending: it counts as taken.
"""
_SENT = ("id", "team_id", "slot", "lead", "travel_s", "response_s", "preempted_from")


def sent_values(case: Case, sent: Sequence[Engagement], *, on_duty: bool) -> list[Any]:
    """Return the values of SENT for new engagements of a case; `on_duty`: of teams that are on duty only."""
    columns = [[getattr(each, name) for each in sent] for name in _SENT]
    case_columns = (case.district, case.id, case.drill, sent[0].engaging, sent[0].since)
    return [case.district, columns[1], on_duty, *case_columns, *columns]


class TeamsTakenError(Exception):
    """A team that was chosen is on another case by now: the transaction is rolled back; start the order again."""


@contextmanager
def noticing_taken_teams() -> Iterator[None]:
    """Raise TeamsTakenError where the database refuses an engagement in the block: its team is not available."""
    try:
        yield
    except IntegrityError as error:
        refused = getattr(error.orig, "diag", None)
        if getattr(refused, "constraint_name", None) == "uq_engagement_live":
            raise TeamsTakenError from error
        if (getattr(refused, "table_name", None), getattr(refused, "column_name", None)) == ("engagement", "team_id"):
            raise TeamsTakenError from error
        raise


ENDED = f"ended as ({_CHANGED})"
"""Writes the stamps and the end of engagements, as part of a statement; its values are `ended_values`."""


def ended_values(district: str, changed: Sequence[Engagement]) -> list[Any]:
    """Return the values of ENDED."""
    columns = [[getattr(each, name) for each in changed] for name in ("id", *STAMPS)]
    outcomes = [None if each.outcome is None else str(each.outcome) for each in changed]
    takers = [each.preempted_by for each in changed]
    return [*columns, outcomes, takers, district]
