"""A district on paper: two regions, three townships, four areas, and fifteen teams on one road with a kilometre grid.

Every team drives 60 km/h along the straight road, so a kilometre takes 60 s: travel = 60 s * |team km - place km|.

::

    km      0     2     4     6     8     10    12    14    16
    north   T1..........|T2...................|                     townships T1 (km 0-5), T2 (km 5-11) in region R1
    south                                      T3.............      township T3 (km 11-17) in region R2
    areas   A1          A2          A3         A4                   A1 0-5, A2 5-8, A3 8-11, A4 11-17

Call handling 45 s. Turnout 60 s for squadrons, townships and partners, 90 s for brigades and regional joint teams.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from gridsvc.dispatch import CaseFacts, Considered, Prepared, Recommendation, Unfilled, list_considered, recommend
from gridsvc.law import (
    Catalogue,
    ClockPolicy,
    ClockRules,
    Field,
    LeadRule,
    Matter,
    Need,
    PlanBook,
    ResponseClass,
    ResponseClassMapping,
    ResponsePlan,
    Unit,
    UnitKind,
    Urgency,
    competences_by_approval,
)
from gridsvc.teams.model import AVAILABLE, Team, TeamKind, TeamState, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.dispatch import ChosenTeam
    from gridsvc.dispatch.facts import Substitute

CHINA = timezone(timedelta(hours=8))
NOON = datetime(2026, 3, 4, 12, 0, tzinfo=CHINA)
BEFORE_APPROVAL = datetime(2021, 12, 31, 12, 0, tzinfo=CHINA)
APPROVED = date(2022, 1, 1)
HANDLING_S = 45

T1, T2, T3 = "330703101000", "330703102000", "330703103000"
R1, R2 = "R1", "R2"

UNITS = (
    Unit("bureau", "综合行政执法局", UnitKind.BUREAU),
    Unit("brigade-emergency", "应急管理综合执法大队", UnitKind.BRIGADE),
    Unit("brigade-ecology", "生态环境综合行政执法大队", UnitKind.BRIGADE),
    Unit("dept-emergency", "应急管理局", UnitKind.DEPARTMENT),
    Unit("dept-ecology", "生态环境分局", UnitKind.DEPARTMENT),
    Unit("dept-health", "卫生健康局", UnitKind.DEPARTMENT),
    Unit("partner-fire", "消防救援大队", UnitKind.PARTNER),
)
EMERGENCY_MATTER = Matter("brigade-emergency", "应急", "dept-emergency", 309)
ECOLOGY_MATTER = Matter("brigade-ecology", "生态环境", "dept-ecology", 29)
BUREAU_ECOLOGY_MATTER = Matter("bureau", "生态环境", "dept-ecology", 17)
HEALTH_MATTER = Matter("bureau", "卫生健康", "dept-health", 383)
MATTERS = (EMERGENCY_MATTER, ECOLOGY_MATTER, BUREAU_ECOLOGY_MATTER, HEALTH_MATTER)

CATALOGUE = Catalogue(
    units=UNITS,
    fields=(
        Field("emergency", "应急管理", "brigade-emergency"),
        Field("ecology", "生态环境", "brigade-ecology"),
        Field("health", "卫生健康", None),
    ),
    matters=MATTERS,
    competences=tuple(
        competences_by_approval(
            MATTERS, {each.key: APPROVED for each in MATTERS}, until_basis="四（三）", since_basis="附件3"
        )
    ),
)

LEAK = ResponsePlan(
    type="leak",
    name="泄漏",
    name_en="Leak",
    field="emergency",
    urgency=Urgency.EMERGENCY,
    priority=1,
    matters=(EMERGENCY_MATTER.key, ECOLOGY_MATTER.key),
    clock_policy="lead",
    lead=LeadRule.FASTEST,
    needs=(Need("brigade-emergency", skills=frozenset({"hazmat"}), equipment=frozenset({"gas-detector"})),),
    partners=(Need("partner-fire"),),
    second_alarm=(Need("brigade-emergency"), Need("partner-fire"), Need("neighbour-township")),
    target_s={ResponseClass.URBAN: 300, ResponseClass.RURAL: 900},
)
NOISE = replace(
    LEAK,
    type="noise",
    name="噪声",
    name_en="Noise",
    urgency=Urgency.ROUTINE,
    priority=4,
    matters=(BUREAU_ECOLOGY_MATTER.key,),
    lead=LeadRule.AREA,
    needs=(),
    partners=(),
    second_alarm=(),
    target_s={},
    working_days=2,
)
PLANS = PlanBook({plan.type: plan for plan in (LEAK, NOISE)})
CLOCKS = ClockRules(
    policies={
        "lead": ClockPolicy("lead", "到场", "received", "lead_on_scene", 90, HANDLING_S),
        "order": ClockPolicy("order", "派单", "dispatched", "lead_on_scene", 90, HANDLING_S),
    },
    default_policy="lead",
    response_classes=ResponseClassMapping("nbs", "城区", frozenset({"111", "112"})),
)

KM = {
    "sq-a1": 1, "sq-a2": 6, "sq-a3": 9, "sq-a4": 12, "town-t1": 2, "town-t2": 7, "town-t3": 13, "emergency-1": 3,
    "emergency-2": 10, "ecology-1": 8, "ecology-2": 14, "joint-r1": 4, "joint-r2": 15, "fire-1": 5, "fire-2": 16,
}  # fmt: skip
"""Where each team stands on the road."""


def _team(team_id: str, unit: str, kind: TeamKind, **told: object) -> Team:
    return Team(team_id, team_id, unit, kind, 119.6 + KM[team_id] / 100, 29.1, **told)  # type: ignore[arg-type]


HAZMAT = {"skills": frozenset({"hazmat"}), "equipment": frozenset({"gas-detector"})}
TEAMS = (
    _team("sq-a1", "bureau", TeamKind.SQUADRON, township=T1, areas=("A1",)),
    _team("sq-a2", "bureau", TeamKind.SQUADRON, township=T2, areas=("A2",)),
    _team("sq-a3", "bureau", TeamKind.SQUADRON, township=T2, areas=("A3",)),
    _team("sq-a4", "bureau", TeamKind.SQUADRON, township=T3, areas=("A4",)),
    _team("town-t1", f"township-{T1}", TeamKind.TOWNSHIP, township=T1),
    _team("town-t2", f"township-{T2}", TeamKind.TOWNSHIP, township=T2),
    _team("town-t3", f"township-{T3}", TeamKind.TOWNSHIP, township=T3),
    _team("emergency-1", "brigade-emergency", TeamKind.BRIGADE, **HAZMAT),
    _team("emergency-2", "brigade-emergency", TeamKind.BRIGADE),
    _team("ecology-1", "brigade-ecology", TeamKind.BRIGADE),
    _team("ecology-2", "brigade-ecology", TeamKind.BRIGADE),
    _team("joint-r1", "bureau", TeamKind.REGIONAL, region=R1),
    _team("joint-r2", "bureau", TeamKind.REGIONAL, region=R2),
    _team("fire-1", "partner-fire", TeamKind.PARTNER),
    _team("fire-2", "partner-fire", TeamKind.PARTNER),
)
PREPARED = Prepared.of(TEAMS, CATALOGUE, PLANS, CLOCKS)


def owners(km: float) -> dict[str, str]:
    """Owner codes of a place on the road."""
    if km < 5:
        return {"regional": R1, "township": T1, "area": "A1", "village": "V1"}
    if km < 11:
        return {"regional": R1, "township": T2, "area": "A2" if km < 8 else "A3", "village": "V2"}
    return {"regional": R2, "township": T3, "area": "A4", "village": "V3"}


def case(km: float, type_slug: str = "leak", **told: object) -> CaseFacts:
    """Facts of a case at a place on the road, rural, at noon, unless told otherwise."""
    facts: dict[str, object] = {
        "type": type_slug,
        "local_time": NOON,
        "response_class": ResponseClass.RURAL,
        **owners(km),
        **told,
    }
    return CaseFacts(**facts)  # type: ignore[arg-type]


def travel(km: float, prepared: Prepared = PREPARED) -> list[float | None]:
    """Seconds from every team to a place on the road, in the order of `prepared.teams`."""
    return [60.0 * abs(KM[team_id] - km) for team_id in prepared.team_ids]


def states(prepared: Prepared = PREPARED, **changed: TeamState) -> list[TeamState]:
    """States in the order of `prepared.teams`; keys of `changed` are team ids with _ for -."""
    known = {name.replace("_", "-"): state for name, state in changed.items()}
    return [known.get(team_id, AVAILABLE) for team_id in prepared.team_ids]


ENGAGED = TeamState(status=TeamStatus.ENGAGED, incident_id="another")
OFF_DUTY = TeamState(status=TeamStatus.OFF_DUTY)


@dataclass(frozen=True)
class Answer:
    """A recommendation, whose fields it answers for, and what became of every team."""

    recommendation: Recommendation
    every: tuple[Considered, ...]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.recommendation, name)


def at(
    km: float,
    type_slug: str = "leak",
    *,
    prepared: Prepared = PREPARED,
    loss: Sequence[float] | None = None,
    team_states: Sequence[TeamState] | None = None,
    seconds: Sequence[float | None] | None = None,
    **facts: object,
) -> Answer:
    """Recommend for a case at a place on the road; by default all teams are available."""
    known, states_now = case(km, type_slug, **facts), team_states or states(prepared)
    travel_s = travel(km, prepared) if seconds is None else seconds
    return Answer(
        recommend(prepared, known, states_now, travel_s, loss),
        tuple(list_considered(prepared, known, states_now, travel_s, loss)),
    )


def substitute_of(slot: ChosenTeam | Unfilled) -> Substitute:
    """The substitute of a slot that has one."""
    assert slot.substitute is not None
    return slot.substitute


def verdict_of(answer: Answer, team_id: str) -> str:
    return next(each.verdict for each in answer.every if each.team_id == team_id)


def members(answer: Answer) -> dict[str, str]:
    """Team ids by slot, without the lead."""
    return {member.slot: member.team_id for member in answer.members}


def unfilled(answer: Answer) -> dict[str, Unfilled]:
    return {slot.slot: slot for slot in answer.unfilled}


def without(*team_ids: str, plans: PlanBook = PLANS) -> Prepared:
    """The district without some teams, or with other run cards."""
    return Prepared.of([team for team in TEAMS if team.id not in team_ids], CATALOGUE, plans, CLOCKS)
