"""What a recommendation is made from, and what it says: plain values in, plain values out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gridsvc.response_plans import ResponseClass, Urgency

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What dispatch needs to know of a case.

    regional, township, area, village: codes of its owners, None = no owner at that level (a hole in the grids).
    `owned_level` is the level that owns it as a whole: `village` for a point, `regional` for a case across townships,
    None where no grid holds all of it. `major` marks 重大复杂. `local_time` is aware, in the district's zone; the law of
    its day applies. `alarm` is 1 or 2. `held` maps slots that are filled already to their team ids: only the
    difference is recommended. `excluded` teams are not to be sent (declined, or part of an earlier joint team).
    """

    type: str
    local_time: datetime
    response_class: ResponseClass
    regional: str | None = None
    township: str | None = None
    area: str | None = None
    village: str | None = None
    owned_level: str | None = "village"
    major: bool = False
    alarm: int = 1
    held: Mapping[str, str] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ChosenTeam:
    """A team in a slot. travel_s, response_s: seconds (R9), None for a routine case that waits on its work list."""

    slot: str
    team_id: str
    unit: str
    travel_s: float | None
    response_s: float | None


@dataclass(frozen=True, slots=True)
class Substitute:
    """The nearest lawful team for a slot that stays empty; a person decides. `why` says what kind of substitute."""

    team_id: str
    unit: str
    travel_s: float
    response_s: float
    why: str


@dataclass(frozen=True, slots=True)
class Unfilled:
    """A slot without a team: the unit that is missing, the reason (a slug of `REASONS`), a substitute if any."""

    slot: str
    unit: str
    reason: str
    substitute: Substitute | None = None


@dataclass(frozen=True, slots=True)
class Handler:
    """The team that keeps the case 承办 and the rule that named it."""

    team_id: str
    unit: str
    rule: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The lawful joint team "1+X" and every reason for it.

    `lead` None = slot "1" is among `unfilled` (or is held already, on a second alarm). `full_team_response_s` None
    while any slot is unfilled or nobody is chosen. `meets_target` None for a routine case, False without a lead.
    `considered`: (team id, travel seconds or None = unreachable, verdict) of EVERY team, in id order.
    `coverage_loss` None = not computed.
    """

    type: str
    urgency: Urgency
    response_class: ResponseClass
    target_s: int | None
    clock_policy: str
    handler: Handler | None
    lead: ChosenTeam | None
    members: tuple[ChosenTeam, ...]
    unfilled: tuple[Unfilled, ...]
    lead_response_s: float | None
    full_team_response_s: float | None
    meets_target: bool | None
    considered: tuple[tuple[str, float | None, str], ...]
    competence: tuple[dict[str, str], ...]
    transfer: tuple[dict[str, str], ...]
    coverage_loss: float | None

    def as_json(self) -> dict[str, Any]:
        """The `recommendation` of the HTTP interface: JSON values, same input same bytes."""
        ...
