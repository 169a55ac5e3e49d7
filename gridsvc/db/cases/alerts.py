"""Steps that take too long: open cases with what they wait for, the alerts raised, the cards proposed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import false, func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.schema.access import event_personal
from gridsvc.db.schema.cases import OPEN, incident
from gridsvc.db.schema.jobs import alert, proposal
from gridsvc.db.schema.tables import district_version
from gridsvc.db.session.fast_statements import fetch_all
from gridsvc.db.session.ids import uuid7
from gridsvc.db.session.scope import scope_of
from gridsvc.errors import Conflict, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, Select

    from gridsvc.db.cases.ground import OfCase
    from gridsvc.db.session.pipeline import Statement


@dataclass(frozen=True, slots=True)
class AwaitingCase:
    """An open case and the step that it waits for since a time; its owners, from the finest level up.

    due_at: when the target of its response ends, while the clock of its policy runs; None = it does not.
    """

    id: UUID
    type: str
    urgency: str
    response_class: str | None
    step: str
    since: datetime
    due_at: datetime | None
    owners: tuple[tuple[str, str], ...]
    handler: str | None
    ranks: frozenset[int]
    cards: frozenset[str]


AWAITED_STEP = """
    case when i.status = 'triggered' then 'accept' when i.status = 'accepted' then 'assign'
         when i.timing = 'open' then 'on_scene'
         when i.status = 'handling' then 'feedback' when i.status = 'feedback' then 'archive'
         when i.timing is null and i.first_on_scene_at is null and i.urgency = 'emergency' then 'on_scene'
         else 'handle' end"""
"""The step that an open case waits for, in SQL over `incident as i`.

After its order an emergency waits for the arrival that stops the clock of its policy, whatever else was done, then for
its work. One without a target waits for the first team.
"""

# What each case waits for, and since when.
_awaiting = text(
    f"""
    with waiting as (
        select i.district, i.id, i.type, i.urgency, i.response_class, i.village, i.area, i.township, i.regional,
               i.handler, {AWAITED_STEP} as step,
               case when i.status = 'triggered' then i.triggered_at when i.status = 'accepted' then i.accepted_at
                    when i.timing = 'open' then coalesce(i.assigned_at, i.triggered_at)
                    when i.status = 'handling' then i.handled_at when i.status = 'feedback' then i.feedback_at
                    else coalesce(i.arrived_at, i.first_on_scene_at, i.assigned_at) end as since,
               case when i.timing = 'open' then i.due_at end as due_at
        from incident i
        where i.district = :district and i.{OPEN} and i.urgency = any(:urgencies)
    )
    select w.id, w.type, w.urgency, w.response_class, w.step, w.since, w.due_at, w.village, w.area, w.township,
           w.regional, w.handler,
           array(select a.rank from alert a where a.district = w.district and a.incident_id = w.id and a.step = w.step
                 and a.since = w.since),
           array(select p.kind from proposal p where p.district = w.district and p.incident_id = w.id)
    from waiting w
    """
)
_DISTRICTS_AWAITING = f"select distinct district from incident where {OPEN} and urgency = any(%s) order by district"
_LEVELS = ("village", "area", "township", "regional")


def list_awaiting(connection: Connection, district: str, urgencies: Sequence[str]) -> list[AwaitingCase]:
    """Return the open cases of some urgencies, each with the step that it waits for and the alerts raised for it."""
    rows = connection.execute(_awaiting, {"district": district, "urgencies": list(urgencies)})
    found = []
    for case, kind, urgency, response_class, step, since, due_at, *codes, handler, ranks, cards in rows:
        owners = tuple((level, code) for level, code in zip(_LEVELS, codes, strict=True) if code is not None)
        found.append(
            AwaitingCase(
                case, kind, urgency, response_class, step, since, due_at, owners, handler, frozenset(ranks),
                frozenset(cards),
            )
        )  # fmt: skip
    return found


def list_districts_awaiting(connection: Connection, urgencies: Sequence[str]) -> list[str]:
    """Return the districts that have open cases of some urgencies, in order: the others have nothing to wait for."""
    rows = fetch_all(connection, _DISTRICTS_AWAITING, (list(urgencies),))
    return [row[0] for row in rows]


def add_alert(connection: Connection, row: dict[str, Any]) -> bool:
    """Write an alert; False where it was raised before."""
    statement = insert(alert).values(row).on_conflict_do_nothing().returning(alert.c.rank)
    return connection.scalar(statement) is not None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert: the step that a case waits for since a time, its limit, and who is told; rank 0 is a warning."""

    step: str
    rank: int
    since: datetime
    limit_at: datetime
    at: datetime
    level: str | None
    owner: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the alert as the interface has it."""
        return {
            "step": self.step,
            "rank": self.rank,
            "kind": "warning" if self.rank == 0 else "escalation",
            "since": self.since.isoformat(),
            "limit_at": self.limit_at.isoformat(),
            "at": self.at.isoformat(),
            "level": self.level,
            "owner": self.owner,
        }


_SOUNDED = """
    select incident_id, step, rank, since, limit_at, at, level, owner
    from alert where district = {district} and incident_id = any(%s) order by at, rank
"""
_OF_DISTRICT = _SOUNDED.format(district="%s")


def list_alerts(connection: Connection, district: str, incident_ids: Sequence[UUID]) -> dict[UUID, list[Alert]]:
    """Return the alerts of each case in the order in which they were raised."""
    found: dict[UUID, list[Alert]] = {}
    for case, *alert_of_case in fetch_all(connection, _OF_DISTRICT, (district, list(incident_ids))):
        found.setdefault(case, []).append(Alert(*alert_of_case))
    return found


def alerts_statement(of_case: OfCase, incident_id: UUID) -> Statement:
    """Return the statement whose rows are the alerts of a case, for `read_alerts`."""
    district, value = of_case
    return _SOUNDED.format(district=district), (value, [incident_id])


def read_alerts(rows: Iterable[Sequence[Any]]) -> list[Alert]:
    """Return the alerts of one case in the order in which they were raised."""
    return [Alert(*row[1:]) for row in rows]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposal of the service; decision None: not decided yet. `reason` None: not given, or erased.

    `drill`: whether its case is one (R16).
    """

    district: str
    id: UUID
    kind: str
    incident_id: UUID | None
    subject: str
    grounds: dict[str, Any]
    proposed_at: datetime
    decision: str | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    drill: bool

    def as_json(self) -> dict[str, Any]:
        """Return the proposal as the interface has it."""
        return {
            "id": str(self.id),
            "district": self.district,
            "kind": self.kind,
            "incident_id": None if self.incident_id is None else str(self.incident_id),
            "subject": self.subject,
            "grounds": self.grounds,
            "proposed_at": self.proposed_at.isoformat(),
            "decision": self.decision,
            "decided_by": self.decided_by,
            "decided_at": None if self.decided_at is None else self.decided_at.isoformat(),
            "reason": self.reason,
            "drill": self.drill,
        }


_columns = (
    *(proposal.c[name] for name in Proposal.__slots__ if name not in {"reason", "drill"}),
    event_personal.c.note,
    func.coalesce(incident.c.drill, false()),
)
_with_reason_and_case = proposal.outerjoin(
    event_personal,
    (event_personal.c.district == proposal.c.district) & (event_personal.c.event_id == proposal.c.decided_event),
).outerjoin(incident, (incident.c.district == proposal.c.district) & (incident.c.id == proposal.c.incident_id))


def add_proposal(
    connection: Connection,
    district: str,
    kind: str,
    *,
    incident_id: UUID | None,
    subject: str,
    grounds: dict[str, Any],
    at: datetime,
) -> UUID | None:
    """Write a proposal; None where the same was proposed before, with any decision."""
    row = {
        "district": district,
        "id": uuid7(),
        "kind": kind,
        "incident_id": incident_id,
        "subject": subject,
        "grounds": grounds,
        "proposed_at": at,
    }
    statement = insert(proposal).values(row).on_conflict_do_nothing().returning(proposal.c.id)
    made: UUID | None = connection.scalar(statement)
    return made


def _proposals(connection: Connection) -> Select[Any]:
    query = select(*_columns).select_from(_with_reason_and_case)
    code = scope_of(connection).district
    return query if code is None else query.where(proposal.c.district == code)


def get_proposal(connection: Connection, proposal_id: UUID, *, lock: bool = False) -> Proposal:
    """Return a proposal; NotFound for an unknown one."""
    query = _proposals(connection).where(proposal.c.id == proposal_id)
    if lock:
        query = query.with_for_update(of=proposal)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(
            f"There is no proposal {proposal_id}. See GET /proposals.", kind="no-proposal", proposal_id=str(proposal_id)
        )
    return Proposal(*row)


def list_proposals(
    connection: Connection, *, undecided: bool, incident_id: UUID | None = None, limit: int = 200
) -> list[Proposal]:
    """Return proposals, the newest first."""
    newest = (proposal.c.proposed_at.desc(), proposal.c.id.desc())
    query = _proposals(connection).order_by(*newest).limit(limit)
    if undecided:
        query = query.where(proposal.c.decision.is_(None))
    if incident_id is not None:
        query = query.where(proposal.c.incident_id == incident_id)
    return [Proposal(*row) for row in connection.execute(query)]


def set_decision(
    connection: Connection, before: Proposal, decision: str, *, by: str, at: datetime, event_id: UUID
) -> None:
    """Write a person's decision, with its event; Conflict where one was made already."""
    done = connection.execute(
        update(proposal)
        .where(proposal.c.district == before.district, proposal.c.id == before.id, proposal.c.decision.is_(None))
        .values(decision=decision, decided_by=by, decided_at=at, decided_event=event_id)
    )
    if done.rowcount != 1:
        raise Conflict(
            f"Proposal {before.id} was {before.decision} by {before.decided_by}. A decision is made once.",
            kind="decided",
            proposal_id=str(before.id),
            decision=before.decision,
            decided_by=before.decided_by,
        )


def find_timers(connection: Connection, district: str) -> str | None:
    """Return the digest of the timers in force; None where the district has set none."""
    found: str | None = connection.scalar(
        select(district_version.c.timers).where(district_version.c.district == district)
    )
    return found
