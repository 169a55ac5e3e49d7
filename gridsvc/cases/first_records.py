"""Events of the first version, read as the events of today, so that its chains are verified and its cases go on.

Then a report kept its whole answer, with every team that was considered, and a step what its endpoint answered.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from gridsvc.cases.events import Ordered, Reported, StepTaken, TeamStepTaken
from gridsvc.cases.model import Case, Clock, Decision, Duplicate, Engagement, Outcome, Place, Status
from gridsvc.cases.steps import STEPS
from gridsvc.dispatch import CONSIDERED_SHOWN, CaseFacts, Considered, Handler, Recommendation
from gridsvc.grids.ownership import Share, read_owners
from gridsvc.law import ResponseClass, Urgency

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.cases.events import Event
    from gridsvc.cases.records import Record
    from gridsvc.json_types import JsonObject

_ENDS = {"clear": Outcome.CLEARED, "decline": Outcome.DECLINED, "withdraw": Outcome.WITHDRAWN,
         "archive": Outcome.ARCHIVED, "cancel": Outcome.CANCELLED}  # fmt: skip
_NOT_LAWFUL = frozenset(
    {
        "not-competent",
        "not-called",
        "other-township",
        "other-area",
        "other-region",
        "not-regional",
        "regional-leads",
        "skill",
        "equipment",
    }
)
# The clock policies of the first version: the stamp that stops them is in their ids.
_STOPS = {"first": "first_on_scene", "full": "full_team_on_scene"}


def read(record: Record, case: Case | None) -> Event:
    """Return the event of a record of the first version that follows the state `case`."""
    data = record.data
    if record.kind == "report":
        return Reported(_case(record))
    stamps = {clock: datetime.fromisoformat(at) for clock, at in data["stamps"].items()}
    ends = _ENDS.get(record.kind)
    if record.kind == "assign":
        assert case is not None
        return _order(record, case, stamps)
    if record.kind in STEPS:
        return StepTaken(record.kind, record.at, Status(data["status"]), stamps, ends, data["backfilled"])
    return TeamStepTaken(
        record.kind,
        record.at,
        UUID(data["engagement_id"]),
        UUID(data["team_id"]),
        stamps,
        ends,
        Status(data["status"]) if "status" in data else None,
        data["backfilled"],
    )


def _order(record: Record, case: Case, stamps: dict[str, datetime]) -> Ordered:
    """Return an order; what was predicted for a team is in the recommendation, for a reinforcement nowhere."""
    data = record.data
    since = record.at
    if data["backfilled"] and record.client_at is not None:
        since = max(record.client_at, case.triggered_at)
    recommendation = data.get("recommendation", {"lead": None, "members": []})
    predicted = {each["team_id"]: each for each in (recommendation["lead"], *recommendation["members"]) if each}
    sent = []
    for each in data["engagements"]:
        known = predicted.get(each["team_id"], {"travel_s": None, "response_s": None})
        sent.append(
            Engagement(
                UUID(each["id"]),
                UUID(each["team_id"]),
                each["slot"],
                each["lead"],
                case.urgency is Urgency.EMERGENCY,
                known["travel_s"],
                known["response_s"],
                since,
            )
        )
    decision = None
    if "inputs" in data:
        facts = CaseFacts.from_json(data["inputs"]["case"])
        shown = _recommendation(recommendation, facts, case.urgency, recommendation.get("handler"))
        decision = Decision(record.id, shown, data["versions"], data["inputs"])
    return Ordered(record.at, Status(data["status"]), stamps, tuple(sent), decision, backfilled=data["backfilled"])


def _case(record: Record) -> Case:
    answer, inputs = record.data["answer"], record.data["inputs"]
    handler = answer["handler"]
    facts = CaseFacts.from_json(inputs["case"])
    urgency = Urgency(answer["urgency"])
    recommendation = _recommendation(answer["recommendation"], facts, urgency, handler)
    return Case(
        district=record.district,
        id=record.incident_id,
        number=answer["number"],
        type=answer["type"],
        type_name=answer["type_name"],
        urgency=urgency,
        place=_place(answer, facts),
        target_s=answer["target_s"],
        clock=_clock(answer["clock_policy"]),
        decision=Decision(record.id, recommendation, answer["versions"], inputs),
        reported_at=datetime.fromisoformat(answer["reported_at"]),
        triggered_at=datetime.fromisoformat(answer["triggered_at"]),
        drill=answer["drill"],
        synthetic=answer["synthetic"],
        source=answer["source"],
        external_ref=answer["external_ref"],
        duplicates=tuple(Duplicate(**each) for each in answer["possible_duplicates"]),
    )


def _recommendation(
    value: JsonObject, facts: CaseFacts, urgency: Urgency, handler: JsonObject | None
) -> Recommendation:
    rows = [Considered(**each) for each in value["considered"]]
    shown, counts = nearest(rows)
    return Recommendation.from_json(
        {**value, "considered": [each.as_json() for each in shown], "considered_counts": counts},
        facts=facts,
        urgency=urgency,
        handler=None if handler is None else Handler(**handler),
    )


def nearest(rows: Sequence[Considered]) -> tuple[list[Considered], dict[str, int]]:
    """Return the nearest lawful teams of those considered, and how many of the others have each verdict."""
    lawful = [each for each in rows if each.verdict not in _NOT_LAWFUL]
    far = float("inf")
    shown = sorted(lawful, key=lambda each: far if each.travel_s is None else each.travel_s)[:CONSIDERED_SHOWN]
    counts = Counter(each.verdict for each in rows)
    counts.subtract(each.verdict for each in shown)
    return shown, {verdict: n for verdict, n in sorted(counts.items()) if n}


def _clock(policy: str) -> Clock:
    stop = next((stop for word, stop in _STOPS.items() if f"-{word}" in policy), "lead_on_scene")
    return Clock(policy, "dispatched" if policy.startswith("dispatched") else "received", stop)


def _place(answer: JsonObject, facts: CaseFacts) -> Place:
    ownership, location = answer["ownership"], answer["location"]
    shares = ownership.get("shares")
    return Place(
        lon=location["lon"],
        lat=location["lat"],
        owners=read_owners(answer["owners"]),
        rule=ownership["rule"],
        generation=ownership["generation"],
        response_class=ResponseClass(answer["response_class"]),
        owned_level=facts.owned_level,
        townships=() if facts.township is None else (facts.township,),
        radius_m=location.get("radius_m"),
        shares=None if shares is None else tuple(Share(read_owners(s["owners"]), s["share"]) for s in shares),
        confirm=ownership.get("confirm"),
        defect=ownership.get("defect"),
        derived=tuple(ownership.get("derived", ())),
        distance_m=ownership.get("distance_m"),
        bearing_deg=ownership.get("bearing_deg"),
    )
