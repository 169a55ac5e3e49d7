"""Answers about the teams of a case: who leads, who joins, who was considered, and which unit is competent."""

from __future__ import annotations

from typing import Annotated, NotRequired
from uuid import UUID

from pydantic import Field
from typing_extensions import TypedDict

SuspectDatum = Annotated[
    str, Field(description="its position seems to be in this datum: see `datum_shift` of GET /teams")
]


class Handler(TypedDict):
    """The team that keeps the case, and the rule that named it."""

    team_id: UUID
    unit: str
    rule: str


class Substitute(TypedDict):
    """The nearest lawful team for a slot that stays empty or is filled late."""

    team_id: UUID
    unit: str
    travel_s: float | None
    response_s: float | None
    why: str
    preempts: NotRequired[Annotated[UUID, Field(description="the drill that the team would leave")]]
    suspect_datum: NotRequired[SuspectDatum]


class RecommendedTeam(TypedDict):
    """A team in a slot; seconds null: the team is not free now, or no road is known."""

    slot: str
    team_id: UUID
    unit: str
    travel_s: float | None
    response_s: float | None
    late: Annotated[bool, Field(description="arrives after the target of the case")]
    substitute: NotRequired[Annotated[Substitute | None, Field(description="of a late team: one that arrives earlier")]]
    preempts: NotRequired[Annotated[UUID, Field(description="the drill that the team would leave")]]
    suspect_datum: NotRequired[SuspectDatum]


class ResponseRange(TypedDict):
    """How long the lead takes, from recorded trips: 90 % of responses are between p05_s and p95_s."""

    p05_s: float
    p50_s: float
    p90_s: float
    p95_s: float
    basis: str
    calibration: str


class RecommendedLead(RecommendedTeam):
    """The team that leads."""

    range: ResponseRange | None
    range_reason: Annotated[str | None, Field(description="why there is no range")]


class UnfilledSlot(TypedDict):
    """A slot without a team, and the reason."""

    slot: str
    unit: str
    reason: str
    substitute: NotRequired[Substitute]


class ConsideredTeam(TypedDict):
    """A team that was considered; travel_s null: unreachable, or not computed."""

    team_id: UUID
    travel_s: float | None
    verdict: str


class ConsideredList(TypedDict):
    """Every team that was considered for a case."""

    items: list[ConsideredTeam]


class Competence(TypedDict):
    """The unit that is competent for a matter, and the basis in law."""

    matter: str
    unit: str
    level: str
    basis: str


class ProposedTransfer(TypedDict):
    """A matter that another unit is competent for."""

    matter: str
    to_unit: str
    basis: str


class CaseRecommendation(TypedDict):
    """The lawful joint team, the slots that stay empty, and the teams considered."""

    lead: RecommendedLead | None
    members: list[RecommendedTeam]
    unfilled: list[UnfilledSlot]
    lead_response_s: float | None
    full_team_response_s: Annotated[float | None, Field(description="null while a slot is unfilled")]
    meets_target: Annotated[bool | None, Field(description="the lead; null for a routine case")]
    team_meets_target: Annotated[bool | None, Field(description="the whole team; false while a slot is unfilled")]
    considered: Annotated[list[ConsideredTeam], Field(description="the nearest ten that may go by law")]
    considered_counts: Annotated[dict[str, int], Field(description="number of the other teams by verdict")]
    target_s: int | None
    clock_policy: str
    coverage_loss: float | None
    competence: list[Competence]
    transfer: list[ProposedTransfer]
