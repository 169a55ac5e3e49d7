"""What is asked of a simulation."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput
from gridsvc.operations.coverage.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Mapping

DISPATCH = ("service", "nearest")
ARRIVALS = ("days", "poisson")
RULES_OF_THE_REFORM = ("refuse", "keep", "ignore")
_RANGES = {"days": (1, 36_500), "replications": (2, 1000), "seed": (0, 2**63), "load": (0.001, 1000.0)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One question for a simulation.

    scenarios: of `cover plan`; each is planned, and its posts are compared with those of today. dispatch: `service`,
    the rule of the service itself, or `nearest`, of the lawful free teams the first to be there, slot by slot.
    arrivals: `days`, whole days of the past drawn again, or `poisson`, each place and hour on its own. days in each of
    `replications`, from `seed`. load: calls against those of the past (`poisson` alone). broken_rules: a plan that
    breaks a rule of the reform where today's posts keep it is refused; `keep` plans again with the rule; `ignore` plays
    it as it is. validate: also replay the recorded cases.
    """

    scenarios: tuple[Scenario, ...] = ()
    dispatch: str = "service"
    arrivals: str = "days"
    days: int = 365
    replications: int = 20
    seed: int = 1
    load: float = 1.0
    broken_rules: str = "refuse"
    validate: bool = False

    def __post_init__(self) -> None:
        for name, known in (("dispatch", DISPATCH), ("arrivals", ARRIVALS), ("broken_rules", RULES_OF_THE_REFORM)):
            value = getattr(self, name)
            if value not in known:
                raise InvalidInput(
                    f"`{name}` is {str(value)[:60]!r}; use one of {', '.join(known)}.", kind="bad-simulation",
                    name=name, value=str(value)[:60], known=list(known),
                )  # fmt: skip
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if not (math.isfinite(value) and least <= value <= most):
                raise InvalidInput(
                    f"`{name}` is {value}. Give {least:g} to {most:g}.", kind="bad-simulation", name=name,
                    value=str(value), least=least, most=most,
                )  # fmt: skip
        if self.load != 1.0 and self.arrivals != "poisson":
            raise InvalidInput(
                "A day of the past has the calls that it had: give `arrivals` = poisson with a `load`.",
                kind="bad-simulation",
                name="load",
            )
        for scenario in self.scenarios:
            if scenario.existing == "ignored":
                raise InvalidInput(
                    "The teams of today are moved to the posts of the plan, so that these are never ignored. Give "
                    "`existing` = closable.",
                    kind="bad-simulation",
                    name="existing",
                )

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        value = {field.name: getattr(self, field.name) for field in fields(self)}
        return value | {"scenarios": [each.as_json() for each in self.scenarios]}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Wanted:
        """Read a question; InvalidInput for a name that is none of its fields, or a value of another type."""
        known: dict[str, type[Any]] = {field.name: type(field.default) for field in fields(cls)}
        read: dict[str, Any] = {}
        for name, each in value.items():
            if name not in known:
                raise InvalidInput(
                    f"A simulation has no `{name[:60]}`; it has {', '.join(sorted(known))}.",
                    kind="bad-simulation",
                    name=name[:60],
                    known=sorted(known),
                )
            try:
                read[name] = (
                    tuple(Scenario.from_json(one) for one in each) if name == "scenarios" else known[name](each)
                )
            except (TypeError, ValueError, AttributeError) as error:
                raise InvalidInput(
                    f"`{name}` cannot be read: {str(error)[:100]}.",
                    kind="bad-simulation",
                    name=name,
                    error=str(error)[:100],
                ) from None
        return cls(**read)
