"""The clocks of a response: which class a place has (R15), and from which event to which event is timed (R17)."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from gridsvc.errors import InvalidInput
from gridsvc.law.catalogue import canonical_json


class ResponseClass(StrEnum):
    URBAN = "urban"
    RURAL = "rural"


START_EVENTS = ("received", "dispatched")
STOP_EVENTS = ("first_on_scene", "lead_on_scene", "full_team_on_scene")


@dataclass(frozen=True, slots=True)
class ResponseClassMapping:
    """Which three-digit urban-rural codes of villages count as urban; versioned data with an id."""

    id: str
    name: str
    urban_codes: frozenset[str]

    def class_of(self, village_code: str | None, township_seat_code: str | None = None) -> ResponseClass:
        """Class of a place: by the code of its village, else of its township's seat, else rural."""
        code = village_code or township_seat_code
        return ResponseClass.URBAN if code in self.urban_codes else ResponseClass.RURAL


@dataclass(frozen=True, slots=True)
class ClockPolicy:
    """From which event to which event a response is timed, which share must make it, and what is left out.

    start_event: one of START_EVENTS, stop_event: one of STOP_EVENTS. `percentile` 0 to 100. `call_handling_s` is the
    planning value from received to dispatched. `exclusions`: slugs of cases that do not count, e.g. `drill`.
    """

    id: str
    name: str
    start_event: str
    stop_event: str
    percentile: float
    call_handling_s: int
    exclusions: tuple[str, ...] = ()
    name_en: str = ""

    @property
    def handling_s(self) -> int:
        """Seconds of call handling that this clock counts: none where it starts at the order."""
        return self.call_handling_s if self.start_event == "received" else 0


@dataclass(frozen=True, slots=True)
class ClockRules:
    """All clock policies, the one for emergencies and the class mapping; `version` is the SHA-256 of `document()`."""

    policies: dict[str, ClockPolicy]
    default_policy: str
    response_classes: ResponseClassMapping
    version: str = field(init=False)

    def __post_init__(self) -> None:
        for policy in self.policies.values():
            check_policy(policy)
        if self.default_policy not in self.policies:
            raise InvalidInput(f"`default` is {self.default_policy!r}; use one of {', '.join(self.policies)}.")
        object.__setattr__(self, "policies", {each: self.policies[each] for each in sorted(self.policies)})
        object.__setattr__(self, "version", hashlib.sha256(self.document().encode()).hexdigest())

    def get(self, policy_id: str) -> ClockPolicy:
        """Raise InvalidInput, with the known ids, for an unknown policy."""
        if found := self.policies.get(policy_id):
            return found
        raise InvalidInput(f"No clock policy {policy_id[:100]!r}; use one of {', '.join(self.policies)}.")

    def document(self) -> str:
        """Return the whole version as canonical JSON text: it is stored, digested and replayed."""
        return canonical_json(
            {
                "policies": [asdict(policy) for policy in self.policies.values()],
                "default_policy": self.default_policy,
                "response_classes": asdict(self.response_classes),
            }
        )

    @classmethod
    def from_document(cls, text: str) -> ClockRules:
        """Read back what `document` wrote."""
        value: dict[str, Any] = json.loads(text)
        policies = [ClockPolicy(**{**each, "exclusions": tuple(each["exclusions"])}) for each in value["policies"]]
        mapping = value["response_classes"]
        return cls(
            policies={policy.id: policy for policy in policies},
            default_policy=value["default_policy"],
            response_classes=ResponseClassMapping(**{**mapping, "urban_codes": frozenset(mapping["urban_codes"])}),
        )


def check_policy(policy: ClockPolicy) -> None:
    """Raise InvalidInput, with the cure, for an invalid policy."""
    for what, value, known in (
        ("start_event", policy.start_event, START_EVENTS),
        ("stop_event", policy.stop_event, STOP_EVENTS),
    ):
        if value not in known:
            raise InvalidInput(f"Clock policy {policy.id}: `{what}` is {value!r}; use one of {', '.join(known)}.")
    if not 0 < policy.percentile < 100:
        raise InvalidInput(
            f"Clock policy {policy.id}: `percentile` is {policy.percentile}; give a share above 0, under 100."
        )
    if policy.call_handling_s < 0:
        raise InvalidInput(f"Clock policy {policy.id}: `call_handling_s` is {policy.call_handling_s}; give 0 or more.")
