"""The input and the output of a recommendation, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from gridsvc.law import ResponseClass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridsvc.json_types import Json
    from gridsvc.law import Urgency

LEAD_SLOT = "1"

RULES = 2
"""The version of the rules of dispatch. A case keeps the version that it was decided by; change it with the rules."""

CONSIDERED_SHOWN = 10
"""How many of the lawful teams an answer names; the others are counted (R11)."""

REASONS = {
    "no-such-unit": "the district has no team of this unit",
    "township-unknown": "the place has no township owner, so no own township",
    "area-unknown": "the place has no area grid, so no squadron of its own",
    "skill": "no team of the unit has the skill",
    "equipment": "no team of the unit has the equipment",
    "off-duty": "the unit's team is off duty",
    "out-of-service": "the unit's team is out of service",
    "engaged": "the unit's team is on another case",
    "understaffed": "the unit's team has too few officers present",
    "stale-position": "the last position of the unit's team is too old to plan from",
    "out-of-reach": "no road leads from the unit's team to the place",
    "declined": "the unit's team declined, or is not to be sent",
    "already-sent": "the unit's team is on this case already",
    "no-further-team": "every team of the unit fills another slot of this case",
}
"""Why a slot stays empty (R7): of the team that would have been there first."""

VERDICTS = {
    "chosen-lead": "goes first",
    "chosen-member": "goes",
    "slower": "lawful and free, but another arrives earlier, or at the same moment",
    "coverage": "lawful, free and no later, but its absence would cost more coverage",
    "not-competent": "its unit has no part in the matters of this case",
    "not-called": "a partner that the response plan does not name",
    "other-township": "of another township",
    "other-area": "of another area grid; a routine case is its own squadron's",
    "other-region": "of another regional grid",
    "not-regional": "a regional joint team; the case is neither regional nor major",
    "regional-leads": "a squadron; the case is regional or major, so the regional joint team leads",
    "slot-filled": "the only slot that it could fill is filled already",
    **{slug: words for slug, words in REASONS.items() if slug not in {"no-such-unit", "no-further-team"}},
}
"""Every verdict on a team that was considered."""


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What dispatch needs to know of a case.

    regional, township, area, village: codes of its owners, None = no owner at that level (a hole in the grids).
    `owned_level` is the level that owns it as a whole: `village` for a point, `township` or `regional` for a case
    across villages or townships, `district` for one across regional grids, None where the grids have a hole or end.
    `townships`: the codes of all townships that a line or area touches, where none holds it. `matter` is the
    catalogue row that was reported instead of a type. `major` marks 重大复杂. `local_time` is aware, in the district's
    zone; the law of its day applies. `alarm`: 1 or 2. `held` maps slots that are filled already to their team ids:
    only the difference is recommended. `excluded` teams are not to be sent (declined, or part of an earlier joint
    team of the case). `drill`: a drill takes only teams that are on no case; a live case also takes teams from drills
    (R16). `rules`: the version of the rules of dispatch, kept with a case so that a replay applies the same ones.
    """

    type: str
    local_time: datetime
    response_class: ResponseClass
    regional: str | None = None
    township: str | None = None
    area: str | None = None
    village: str | None = None
    owned_level: str | None = "village"
    townships: tuple[str, ...] = ()
    matter: str | None = None
    major: bool = False
    alarm: int = 1
    held: Mapping[str, str] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    drill: bool = False
    rules: int = RULES

    def as_json(self) -> dict[str, Json]:
        """Return the facts as plain JSON values."""
        return {
            "type": self.type,
            "local_time": self.local_time.isoformat(),
            "response_class": str(self.response_class),
            "regional": self.regional,
            "township": self.township,
            "area": self.area,
            "village": self.village,
            "owned_level": self.owned_level,
            "townships": list(self.townships),
            "matter": self.matter,
            "major": self.major,
            "alarm": self.alarm,
            "held": dict(self.held),
            "excluded": sorted(self.excluded),
            "drill": self.drill,
            "rules": self.rules,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> CaseFacts:
        """Read back what `as_json` wrote; facts without `rules` are of version 1."""
        return cls(
            **{
                **value,
                "local_time": datetime.fromisoformat(value["local_time"]),
                "response_class": ResponseClass(value["response_class"]),
                "excluded": frozenset(value["excluded"]),
                "townships": tuple(value.get("townships", ())),
                "rules": value.get("rules", 1),
            }
        )


@dataclass(frozen=True, slots=True)
class Substitute:
    """The nearest lawful team for a slot that stays empty, or whose team will be late; a person decides.

    `why` is the kind of substitute: `neighbour-township`, `regional-joint-team`, `neighbour-squadron`,
    `bureau-squadron`, `other-region`, or what the unit's own team lacks: `skill`, `equipment`, `stale-position`.
    `preempts` is the drill that the team would leave, `suspect_datum` as of `ChosenTeam`.
    """

    team_id: str
    unit: str
    travel_s: float | None
    response_s: float | None
    why: str
    preempts: str | None = None
    suspect_datum: str | None = None

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values; `preempts` and `suspect_datum` only where they are set."""
        left_out = {name for name in ("preempts", "suspect_datum") if getattr(self, name) is None}
        return {name: value for name, value in asdict(self).items() if name not in left_out}

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> Substitute:
        """Read back what `as_json` wrote."""
        return cls(**value)


@dataclass(frozen=True, slots=True)
class ChosenTeam:
    """A team in a slot.

    travel_s, response_s: seconds (R9), to the millisecond. For a routine case both are None where the team is not
    free now or no road is known: the case waits on its work list. `late`: the response exceeds the case's target;
    `substitute` is then a lawful team that would arrive earlier, None where there is none (R7). `preempts` is the
    drill that the team would leave (R16). `suspect_datum`: its position seems to be in this datum, so that the times
    may be wrong (R20).
    """

    slot: str
    team_id: str
    unit: str
    travel_s: float | None
    response_s: float | None
    late: bool = False
    substitute: Substitute | None = None
    preempts: str | None = None
    suspect_datum: str | None = None

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values; `substitute`, `preempts` and `suspect_datum` only where they are set."""
        value: dict[str, Json] = {
            "slot": self.slot,
            "team_id": self.team_id,
            "unit": self.unit,
            "travel_s": self.travel_s,
            "response_s": self.response_s,
            "late": self.late,
        }
        if self.late:
            value["substitute"] = None if self.substitute is None else self.substitute.as_json()
        if self.preempts is not None:
            value["preempts"] = self.preempts
        if self.suspect_datum is not None:
            value["suspect_datum"] = self.suspect_datum
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> ChosenTeam:
        """Read back what `as_json` wrote."""
        substitute = value.get("substitute")
        return cls(
            value["slot"],
            value["team_id"],
            value["unit"],
            value["travel_s"],
            value["response_s"],
            value.get("late", False),
            None if substitute is None else Substitute.from_json(substitute),
            value.get("preempts"),
            value.get("suspect_datum"),
        )


@dataclass(frozen=True, slots=True)
class ResponseRange:
    """How long the lead will take, from recorded trips: seconds of handling and turnout as planned, and a travel range.

    Half of such responses take at most p50_s, nine in ten p90_s; 90 % are between p05_s and p95_s. `basis` is what the
    travel rests on: `hour`, `class`, `district`, or `uncalibrated`, the network's own
    (`gridsvc.roads.calibration.model`). `calibration` is its digest.
    """

    p05_s: float
    p50_s: float
    p90_s: float
    p95_s: float
    basis: str
    calibration: str

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return asdict(self)


RANGE_REASONS = {
    "no-calibration": "no trips were recorded and calibrated yet; `response_s` is the free-flow time of the network",
    "no-travel-time": "the team is not free now, or no road is known",
}
"""Why a lead has no range."""


@dataclass(frozen=True, slots=True)
class Unfilled:
    """A slot without a team: the unit that is missing, the reason (a key of REASONS), a substitute if any."""

    slot: str
    unit: str
    reason: str
    substitute: Substitute | None = None

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        value: dict[str, Json] = {"slot": self.slot, "unit": self.unit, "reason": self.reason}
        if self.substitute is not None:
            value["substitute"] = self.substitute.as_json()
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> Unfilled:
        """Read back what `as_json` wrote."""
        substitute = value.get("substitute")
        return cls(
            value["slot"],
            value["unit"],
            value["reason"],
            None if substitute is None else Substitute.from_json(substitute),
        )


@dataclass(frozen=True, slots=True)
class Handler:
    """The team that keeps the case 承办, and the rule that named it.

    `rule`: `area-squadron`, `township-squadron` (no area grid is known), `regional-joint-team`, `township` (the
    matter is delegated to it), `power-holder` (before the matter's approval), or `lead` (the grids name no team).
    """

    team_id: str
    unit: str
    rule: str

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {"team_id": self.team_id, "unit": self.unit, "rule": self.rule}


@dataclass(frozen=True, slots=True)
class Considered:
    """What became of one team: seconds of travel (None = unreachable) and a key of VERDICTS."""

    team_id: str
    travel_s: float | None
    verdict: str

    def as_json(self) -> dict[str, Json]:
        """Return plain JSON values."""
        return {"team_id": self.team_id, "travel_s": self.travel_s, "verdict": self.verdict}


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The lawful joint team "1+X" and every reason for it.

    `lead` None = slot "1" is among `unfilled`, or is held already (second alarm). `full_team_response_s` None while
    any slot is unfilled. `meets_target` is the lead's: None for a routine case or where the lead is held, False
    without a lead. `team_meets_target` is the whole team's: False while a slot is unfilled or a member is late.
    `considered`: the nearest teams that may fill a slot by law, at most CONSIDERED_SHOWN, nearest first;
    `considered_counts`: how many of the other teams have each verdict. `competence`: per matter the unit, level and
    basis in law. `transfer`: matters of a routine case that another unit than bureau or township is competent for,
    proposed for transfer 移送. `coverage_loss` None = not computed, or no team goes. `lead_range`: the lead's
    response as a range, or a key of RANGE_REASONS.
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
    team_meets_target: bool | None
    considered: tuple[Considered, ...]
    considered_counts: Mapping[str, int]
    competence: tuple[dict[str, str], ...]
    transfer: tuple[dict[str, str], ...]
    coverage_loss: float | None
    lead_range: ResponseRange | str = "no-calibration"

    @property
    def team(self) -> tuple[ChosenTeam, ...]:
        """The lead, where there is one, and the members."""
        return self.members if self.lead is None else (self.lead, *self.members)

    @property
    def proposed(self) -> frozenset[str]:
        """The ids of the teams that it chooses, and of the substitutes for late and empty slots."""
        substitutes = [each.substitute for each in self.team] + [each.substitute for each in self.unfilled]
        return frozenset(each.team_id for each in [*self.team, *substitutes] if each is not None)

    def as_json(self) -> dict[str, Json]:
        """Return the `recommendation` of the HTTP interface: plain JSON values, same input same bytes."""
        return {
            "lead": None if self.lead is None else self.lead.as_json() | self._range_json(),
            "members": [member.as_json() for member in self.members],
            "unfilled": [slot.as_json() for slot in self.unfilled],
            "lead_response_s": self.lead_response_s,
            "full_team_response_s": self.full_team_response_s,
            "meets_target": self.meets_target,
            "team_meets_target": self.team_meets_target,
            "target_s": self.target_s,
            "clock_policy": self.clock_policy,
            "considered": [each.as_json() for each in self.considered],
            "considered_counts": dict(self.considered_counts),
            "coverage_loss": self.coverage_loss,
            "competence": list(self.competence),
            "transfer": list(self.transfer),
        }

    def _range_json(self) -> dict[str, Json]:
        if isinstance(self.lead_range, str):
            return {"range": None, "range_reason": self.lead_range}
        return {"range": self.lead_range.as_json(), "range_reason": None}

    @classmethod
    def from_json(
        cls, value: Mapping[str, Json], *, facts: CaseFacts, urgency: Urgency, handler: Handler | None
    ) -> Recommendation:
        """Read back what `as_json` wrote; `facts`, `urgency` and `handler` are stored elsewhere."""
        lead = value["lead"]
        found = None if lead is None else lead.get("range")
        reason = "no-calibration" if lead is None else lead.get("range_reason") or "no-calibration"
        return cls(
            type=facts.type,
            urgency=urgency,
            response_class=facts.response_class,
            target_s=value["target_s"],
            clock_policy=value["clock_policy"],
            handler=handler,
            lead=None if lead is None else ChosenTeam.from_json(lead),
            members=tuple(ChosenTeam.from_json(member) for member in value["members"]),
            unfilled=tuple(Unfilled.from_json(slot) for slot in value["unfilled"]),
            lead_response_s=value["lead_response_s"],
            full_team_response_s=value["full_team_response_s"],
            meets_target=value["meets_target"],
            team_meets_target=value.get("team_meets_target"),
            considered=tuple(Considered(**each) for each in value["considered"]),
            considered_counts=value.get("considered_counts", {}),
            competence=tuple(value["competence"]),
            transfer=tuple(value["transfer"]),
            coverage_loss=value["coverage_loss"],
            lead_range=reason if found is None else ResponseRange(**found),
        )
