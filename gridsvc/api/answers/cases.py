"""Answers about cases: what a report is answered, a case as it is now, its events, an order."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

from gridsvc.api.answers.geocode import QuestionKind
from gridsvc.api.answers.people import PostKey, PostsOfOwners, ResponsiblePersons
from gridsvc.api.answers.places import (
    FromMemory,
    Geometry,
    OwnerChain,
    OwnerShare,
    OwnershipRule,
    Question,
    SceneRoad,
    Unknown,
    Versions,
)
from gridsvc.api.answers.recommendation import CaseRecommendation, Handler, UnfilledSlot
from gridsvc.cases.model import Status
from gridsvc.law import ResponseClass, Urgency

Step = Literal["accept", "assign", "handle", "feedback", "archive", "cancel", "reopen"]
TeamStep = Literal["acknowledge", "decline", "en_route", "on_scene", "clear", "withdraw"]


class CaseLocation(TypedDict):
    """The place of a case, WGS-84; of a line or an area the middle, with the geometry."""

    lon: float
    lat: float
    radius_m: NotRequired[Annotated[float, Field(description="how uncertain the place is")]]
    geometry: NotRequired[Geometry]
    road: NotRequired[Annotated[SceneRoad | None, Field(description="to which teams drive; null: none is known")]]


class CaseOwnership(TypedDict):
    """How the owners were found."""

    rule: OwnershipRule
    generation: int | None
    shares: NotRequired[list[OwnerShare]]
    by: NotRequired[Annotated[Literal["area", "length"], Field(description="what the shares are of")]]
    emergencies: NotRequired[
        Annotated[int, Field(description="how many past ones the demand shares rest on; absent: too few")]
    ]
    confirm: NotRequired[bool]
    question: NotRequired[Question]
    defect: NotRequired[str]
    derived: NotRequired[list[str]]
    distance_m: NotRequired[Annotated[float, Field(description="to the nearest district, outside all of them")]]
    bearing_deg: NotRequired[float]


class AddressCandidate(TypedDict):
    """A place that the address of a report may mean, WGS-84."""

    lon: float
    lat: float
    radius_m: float
    confidence: float
    level: str
    name: Annotated[str | None, Field(description="null: a name learned from cases")]
    township: str | None
    village: str | None


class CaseAddress(TypedDict):
    """How the place was found from the address of the report; the address itself is not kept."""

    confidence: float
    level: str
    confirm: Annotated[bool, Field(description="the place is a question until the caller confirms it")]
    question: Annotated[QuestionKind | None, Field(description="what to ask the caller")]
    grid: Annotated[str | None, Field(description="the grid that the address names, and nothing finer")]
    candidates: Annotated[list[AddressCandidate], Field(description="with `confirm`: the case is at the first")]


class PossibleDuplicate(TypedDict):
    """An open case near in place, time and kind."""

    id: UUID
    number: int
    type: str
    status: Status
    distance_m: float
    age_s: float


class Preview(FromMemory):
    """What a report is answered; POST /recommendations writes nothing."""

    district: str
    type: Annotated[str, Field(description="of a response plan, or `matter`")]
    type_name: str
    matter: Annotated[str | None, Field(description="the catalogue row that was reported instead of a type")]
    waiting: Annotated[bool, Field(description="no team is on it, or it waits for a lead")]
    lead_wanted: Annotated[bool, Field(description="teams were sent and none leads")]
    timing: Annotated[Literal["met", "late", "missing", "open"] | None, Field(description="null: no target applies")]
    due_at: Annotated[datetime | None, Field(description="when the target ends")]
    location: CaseLocation
    owners: OwnerChain
    ownership: CaseOwnership
    address: NotRequired[Annotated[CaseAddress, Field(description="of a place that was given as an address")]]
    urgency: Urgency
    response_class: ResponseClass | None
    target_s: Annotated[int | None, Field(description="null for a routine case")]
    clock_policy: str
    handler: Handler | None
    possible_duplicates: list[PossibleDuplicate]
    recommendation: CaseRecommendation
    reported_at: datetime
    triggered_at: datetime
    source: str | None
    external_ref: str | None
    drill: bool
    synthetic: Annotated[bool, Field(description="of a made-up district")]
    versions: Versions
    unknown: list[Unknown]


class Assignment(TypedDict):
    """A team on a case; until null: still engaged."""

    team_id: UUID
    slot: Annotated[str, Field(description="of the law; `substitute` or `reinforcement` with the id: sent by name")]
    lead: bool
    outside_slots: Annotated[bool, Field(description="a person sent it, it fills no slot; the event's note says why")]
    since: datetime
    until: datetime | None
    acknowledged_at: datetime | None
    en_route_at: datetime | None
    on_scene_at: datetime | None
    outcome: str | None
    travel_s: float | None
    response_s: float | None
    legal_steps: list[TeamStep]
    preempted_by: Annotated[UUID | None, Field(description="the live case that took the team from this drill")]
    preempted_from: Annotated[UUID | None, Field(description="the drill that the team left for this case")]


class Alert(TypedDict):
    """A warning or an escalation of a step that takes too long."""

    step: str
    rank: Annotated[int, Field(description="0 warns; each further rank is one level up")]
    kind: Literal["warning", "escalation"]
    since: datetime
    limit_at: datetime
    at: datetime
    level: str
    owner: str
    person: NotRequired[Annotated[str | None, Field(description="who answered for `owner` then; not in steps")]]
    post: NotRequired[PostKey | None]
    person_grid: NotRequired[Annotated[str | None, Field(description="whose post it is: `owner`, or a wider grid")]]


class CaseClocks(TypedDict):
    """When the steps of a case were taken; null: not yet."""

    accepted_at: datetime | None
    assigned_at: datetime | None
    handled_at: datetime | None
    feedback_at: datetime | None
    archived_at: datetime | None
    cancelled_at: datetime | None


class Correction(TypedDict):
    """The last correction of a case: of its place, or of its owner, whom a person named."""

    kind: Literal["place", "owner"]
    by: str
    at: datetime
    event_id: UUID
    reason: NotRequired[Annotated[str | None, Field(description="for callers who may read texts; null: erased")]]


class Case(Preview, CaseClocks):
    """A case as it is now."""

    id: UUID
    number: int
    status: Status
    recommendation_id: Annotated[
        UUID, Field(description="of the report or last correction; of an order after `assign`")
    ]
    arrived_at: Annotated[datetime | None, Field(description="when the clock of the response stopped")]
    legal_steps: list[Step]
    assignments: list[Assignment]
    work_list: Annotated[list[Assignment], Field(description="teams that have a routine case on their list")]
    alerts: list[Alert]
    correction: Annotated[Correction | None, Field(description="null: its place and owner are those of the report")]


class CaseWithPersons(Case):
    """A case with the persons of its owners: of an open case those of now, of a closed one those when it was closed."""

    posts: PostsOfOwners
    responsible: ResponsiblePersons


class MaskedReporter(TypedDict):
    """Who reported, masked."""

    name: NotRequired[str]
    phone: NotRequired[str]
    address: NotRequired[str]
    masked: bool


class CaseWithTexts(CaseWithPersons):
    """A case with the texts of its report; they are absent where the caller may not read them."""

    description: NotRequired[str | None]
    subject: NotRequired[str | None]
    site: NotRequired[str | None]
    reporter: NotRequired[MaskedReporter | None]


class EngagedTeam(TypedDict):
    """A team that is on a case now."""

    team_id: UUID
    slot: str
    lead: bool
    since: datetime
    until: None


class ListedOwnership(TypedDict):
    """How the owners of a case in a list were found."""

    rule: OwnershipRule
    generation: int | None


class ListedCase(CaseClocks):
    """A case in a list: what it is, where and whose, and how far it is. Its decision is in GET /incidents/{id}."""

    id: UUID
    number: int
    district: str
    type: str
    type_name: str
    matter: str | None
    status: Status
    waiting: bool
    lead_wanted: bool
    timing: Literal["met", "late", "missing", "open"] | None
    due_at: datetime | None
    arrived_at: datetime | None
    location: CaseLocation
    owners: OwnerChain
    ownership: ListedOwnership
    urgency: Urgency
    response_class: ResponseClass | None
    target_s: int | None
    clock_policy: str
    reported_at: datetime
    triggered_at: datetime
    source: str | None
    external_ref: str | None
    drill: bool
    assignments: Annotated[list[EngagedTeam], Field(description="the teams that are on it now, the lead first")]


class CasePage(TypedDict):
    """A page of cases, the newest first."""

    items: list[ListedCase]
    next: Annotated[str | None, Field(description="cursor of the following page")]


class AddedTeam(TypedDict):
    """A team that was sent and not recommended."""

    slot: str
    team_id: UUID


class MissingTeam(AddedTeam):
    """A team that was recommended and not sent, why not, and the case that has it."""

    reason: str
    incident_id: UUID | None


class OrderDifference(TypedDict):
    """Where an order differs from the recommendation that the dispatcher saw."""

    added: list[AddedTeam]
    missing: list[MissingTeam]


class CaseAfterStep(Case):
    """A case after a step; the members of an order are there after `assign` only."""

    sent: NotRequired[list[UUID]]
    unfilled: NotRequired[list[UnfilledSlot]]
    differs: NotRequired[OrderDifference]
    legal_team_steps: NotRequired[list[TeamStep]]
