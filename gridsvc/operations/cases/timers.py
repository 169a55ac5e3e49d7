"""Steps that take too long: warned of, escalated one grid level up, and made into proposals (R14)."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gridsvc.access.scopes import Right, mask_numbers
from gridsvc.db.cases import alerts, personal
from gridsvc.db.evidence import events
from gridsvc.db.evidence.documents import get_document, put_document
from gridsvc.db.grids.versions import get_versions, list_districts, set_version
from gridsvc.db.session import idempotency
from gridsvc.errors import InvalidInput
from gridsvc.law import PlanBook, Urgency
from gridsvc.law.timers import CARDS, MOST_RANKS, TimerRule, TimerRules, default_timers
from gridsvc.operations.runtime.idempotency import answer_once, find_kept, json_answer

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.cases.alerts import AwaitingCase
    from gridsvc.db.grids.versions import Versions
    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.json_types import Json
    from gridsvc.operations.runtime.service import Service

ACTOR = "gridsvc"
DECISIONS = ("accepted", "rejected")
_ROUTINE_EVERY_S = 30.0


def timers_of(service: Service, connection: Connection, district: str) -> TimerRules:
    """Return the timers in force in a district: its own, else the default ones, stored like all versions."""
    digest = alerts.find_timers(connection, district)
    if digest is None:
        return service.cached("timers", (district, None), lambda: _keep_default(service, district))
    return service.cached(
        "timers",
        (district, digest),
        lambda: TimerRules.from_document(get_document(connection, district, "timers", digest)),
    )


def _keep_default(service: Service, district: str) -> TimerRules:
    rules = default_timers()
    service.database.run(lambda own: put_document(own, district, "timers", rules.document(), source="default"))
    return rules


def get_timers(service: Service, district: str) -> dict[str, Json]:
    """Return {version, rules, holidays, make_up_days} in force in a district."""
    with service.database.transaction() as connection:
        get_versions(connection, district)
        rules = timers_of(service, connection, district)
    return _as_json(rules)


def _as_json(rules: TimerRules) -> dict[str, Json]:
    document: dict[str, Json] = json.loads(rules.document())
    return {"version": rules.version, "make_up_days": []} | document


def put_timers(
    service: Service, district: str, value: dict[str, Json], *, actor: str, request: RequestKey | None = None
) -> KeptAnswer:
    """Put timers in force, with an event, and answer with them (200); alerts of earlier timers stay.

    The calendar in force stays where `value` has no `holidays` or `make_up_days`.
    """

    def put(connection: Connection) -> dict[str, Json]:
        now = get_versions(connection, district, lock="update").now
        before = timers_of(service, connection, district)
        kept = {key: days for key, days in _as_json(before).items() if key in {"holidays", "make_up_days"}}
        return _as_json(_put(connection, district, before, TimerRules.from_json(kept | value), now, actor))

    return service.database.run(lambda c: answer_once(c, district, request, 200, lambda: put(c)))


def put_calendar(
    service: Service, district: str, holidays: frozenset[date], make_up_days: frozenset[date], *, actor: str
) -> TimerRules:
    """Put the days of some years in force beside the timers, with an event; other years stay as they are."""

    def put(connection: Connection) -> TimerRules:
        now = get_versions(connection, district, lock="update").now
        before = timers_of(service, connection, district)
        return _put(connection, district, before, before.with_years(holidays, make_up_days), now, actor)

    return service.database.run(put)


def _put(
    connection: Connection, district: str, before: TimerRules, rules: TimerRules, now: datetime, actor: str
) -> TimerRules:
    put_document(connection, district, "timers", rules.document(), source=actor)
    set_version(connection, district, timers=rules.version)
    data = {"before": before.version, "after": rules.version}
    events.append_event(connection, district, "timers", actor=actor, at=now, data=data)
    return rules


def raise_alerts(service: Service) -> int:
    """Sound what is due now in every district; return how many alerts and proposals were made.

    Every alert is a row with a key of its own and an event, in one transaction: two processes that look at the same
    time sound it once.
    """
    looked: dict[str, float] = service.cached("timers-looked", "at", dict)
    now = time.monotonic()
    urgencies = [str(Urgency.EMERGENCY)]
    if now - looked.get("routine", -_ROUTINE_EVERY_S) >= _ROUTINE_EVERY_S:
        looked["routine"] = now
        urgencies.append(str(Urgency.ROUTINE))
    with service.database.transaction() as connection:
        codes = alerts.list_districts_awaiting(connection, urgencies)
    return sum(service.database.run(partial(_raise_alerts, service, code, urgencies)) for code in codes)


def _raise_alerts(service: Service, code: str, urgencies: list[str], connection: Connection) -> int:
    versions = get_versions(connection, code)
    if versions.plans is None:
        return 0
    plans = _plans(service, connection, versions)
    district = next(each for each in list_districts(connection) if each.code == code)
    moment = _Moment(code, versions.now, timers_of(service, connection, code), ZoneInfo(district.time_zone))
    raised = 0
    for case in alerts.list_awaiting(connection, code, urgencies):
        plan = plans.plans.get(case.type)
        rule = moment.rules.find(case.step, case.urgency, case.response_class, None if plan is None else plan.priority)
        if rule is not None:
            raised += _raise_case(connection, moment, rule, case, None if plan is None else plan.working_days)
    return raised


def _plans(service: Service, connection: Connection, versions: Versions) -> PlanBook:
    """Return the response plans alone: timers need neither grids nor roads in memory."""
    code, digest = versions.district, versions.plans
    assert digest is not None
    return service.cached(
        "plans", (code, digest), lambda: PlanBook.from_document(get_document(connection, code, "plans", digest))
    )


@dataclass(frozen=True, slots=True)
class _Moment:
    """A district at the time of a check."""

    code: str
    now: datetime
    rules: TimerRules
    zone: ZoneInfo


def _raise_case(
    connection: Connection, moment: _Moment, rule: TimerRule, case: AwaitingCase, working_days: int | None
) -> int:
    code, now, rules = moment.code, moment.now, moment.rules
    warn_s, limit_s = _limits(rule, case, working_days)
    elapsed_s = rules.elapsed_s(case.urgency, case.since, now, moment.zone)
    if elapsed_s < warn_s:
        return 0
    reached = 0 if elapsed_s < limit_s else 1 + int((elapsed_s - max(0.0, limit_s)) // rule.again_s)
    chain = [*case.owners, ("district", code)]
    limit_at = case.since + timedelta(seconds=limit_s)
    raised = 0
    for rank in range(min(reached, len(chain) - 1, MOST_RANKS - 1) + 1):
        if rank in case.ranks:
            continue
        level, owner = chain[rank]
        row = {
            "district": code,
            "incident_id": case.id,
            "step": case.step,
            "since": case.since,
            "rank": rank,
            "limit_at": limit_at,
            "at": now,
            "level": level,
            "owner": owner,
            "timers": rules.version,
        }
        if alerts.add_alert(connection, row):
            data = {
                "step": case.step,
                "rank": rank,
                "since": case.since.isoformat(),
                "limit_s": limit_s,
                "elapsed_s": round(elapsed_s, 1),
                "level": level,
                "owner": owner,
                "timers": rules.version,
            }
            kind = "warning" if rank == 0 else "escalation"
            events.append_event(connection, code, kind, actor=ACTOR, at=now, data=data, incident_id=case.id)
            raised += 1
    for card, over_s in zip(CARDS, rule.cards_s, strict=False):
        if elapsed_s >= limit_s + over_s and card not in case.cards:
            raised += _propose_card(connection, code, rules, case, card, elapsed_s - limit_s, now)
    return raised


def _limits(rule: TimerRule, case: AwaitingCase, working_days: int | None) -> tuple[float, float]:
    """Return (warn, limit) in seconds since the step before.

    A response that is late by its clock policy is overdue, however long its present step may take: the limit is then
    the end of the target, below zero where the step itself began after it.
    """
    warn_s, limit_s = rule.limits(working_days)
    if case.due_at is None:
        return warn_s, limit_s
    left_s = (case.due_at - case.since).total_seconds()
    return (warn_s, limit_s) if left_s >= limit_s else (warn_s * left_s / limit_s, left_s)


def _propose_card(
    connection: Connection,
    code: str,
    rules: TimerRules,
    case: AwaitingCase,
    card: str,
    over_s: float,
    now: datetime,
) -> int:
    subject = case.handler or (case.owners[0][1] if case.owners else code)
    grounds = {"step": case.step, "since": case.since.isoformat(), "over_s": round(over_s, 1), "timers": rules.version}
    made = alerts.add_proposal(connection, code, card, incident_id=case.id, subject=subject, grounds=grounds, at=now)
    if made is None:
        return 0
    data = {"proposal_id": str(made), "kind": card, "subject": subject, "grounds": grounds}
    events.append_event(connection, code, "propose", actor=ACTOR, at=now, data=data, incident_id=case.id)
    return 1


def list_proposals(
    service: Service, *, undecided: bool = True, incident_id: UUID | None = None, limit: int = 200
) -> dict[str, Json]:
    """Return {items}: proposals, the newest first; those without a decision, unless `undecided` is false.

    The reason of a decision is for callers who may read the texts of reports; None for all others.
    """
    read = service.caller.may(Right.READ_TEXTS)
    with service.database.transaction() as connection:
        found = alerts.list_proposals(connection, undecided=undecided, incident_id=incident_id, limit=limit)
    reasons = [each.reason and mask_numbers(each.reason) if read else None for each in found]
    return {"items": [each.as_json() | {"reason": why} for each, why in zip(found, reasons, strict=True)]}


def decide(
    service: Service,
    proposal_id: UUID,
    decision: str,
    *,
    reason: str | None,
    actor: str,
    request: RequestKey | None = None,
) -> KeptAnswer:
    """Write a person's decision on a proposal, with its event, and answer with the proposal (200).

    The reason is in no stored answer: `list_proposals` returns it until it is erased.

    Raises
    ------
    InvalidInput
        For another word than DECISIONS, or a rejection without a reason.
    Conflict
        Where it was decided already: a decision is made once.
    """
    if decision not in DECISIONS:
        raise InvalidInput(
            f"There is no decision {decision[:40]!r}. Use one of: {', '.join(DECISIONS)}.",
            kind="unknown-decision",
            decision=decision[:40],
            known=list(DECISIONS),
        )
    if decision == "rejected" and not (reason and reason.strip()):
        raise InvalidInput("Who rejects a proposal says why. Give `reason`.", kind="reason-missing")

    def work(connection: Connection) -> KeptAnswer:
        before = alerts.get_proposal(connection, proposal_id, lock=True)
        if request is not None:
            kept = find_kept(connection, before.district, request)
            if kept is not None:
                return kept
        now = get_versions(connection, before.district, lock="share").now
        data = {"proposal_id": str(before.id), "kind": before.kind, "subject": before.subject, "decision": decision,
                "decided_at": now.isoformat()}  # fmt: skip
        event_id = personal.append_noted(
            connection,
            before.district,
            "decide",
            note=reason,
            actor=actor,
            at=now,
            data=data,
            incident_id=before.incident_id,
        )
        alerts.set_decision(connection, before, decision, by=actor, at=now, event_id=event_id)
        proposal = alerts.get_proposal(connection, proposal_id).as_json()
        answer = json_answer(200, {key: value for key, value in proposal.items() if key != "reason"})
        if request is not None:
            idempotency.keep_answer(connection, before.district, request, answer)
        return answer

    return service.database.run(work)
