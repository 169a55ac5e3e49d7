"""What is asked of a plan: a model, the unit whose posts are placed, the candidates, the demand and the rules."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from gridsvc.errors import InvalidInput
from gridsvc.law import BUREAU
from gridsvc.operations.coverage.demand import LIVE, SOURCES
from gridsvc.operations.coverage.what_if import Changes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridsvc.json_types import Json

MODELS = ("lscp", "mclp", "backup", "p-median", "p-center", "dsm", "mexclp")
WHAT_IF = "what-if"
"""No model: the posts afterwards are named, not found."""
CANDIDATES = ("stations", "regional", "township", "area", "village")
EXISTING = ("closable", "fixed", "ignored")
SQUADRON_PER_AREA, HALF_IN_TOWNSHIPS = "squadron-per-area", "half-in-townships"
OFFICER_PER_VILLAGE, AS_TODAY = "officer-per-village", "as-today"
RULES = (SQUADRON_PER_AREA, HALF_IN_TOWNSHIPS, OFFICER_PER_VILLAGE, AS_TODAY)
"""The plan of the reform: each area grid has one squadron (two (one) 3); of the staff of a specialty brigade half or
more are posted to townships (two (one) 2); each village has one officer (two (one) 3), a post where nobody is one.
`as-today`: what the posts of today keep of these stays kept."""

_LONGEST_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One question for a plan.

    `unit`: whose posts are placed; only demand that the law gives it counts. `p`: posts (teams for `dsm` and `mexclp`).
    `minutes` of driving within which demand is covered, two for `dsm`; empty: what the class's target leaves after call
    handling and turnout. `candidates`: stations of all teams, or the middles of the grids of a level. `existing`: what
    becomes of the posts of today. `demand`: cases of this service, imported ones, both, the villages, or people.
    `hours` of the day, end exclusive; `classes` of places. `changes`: posts that are added, moved and closed (what-if).
    `budget` limits the sum of the candidates' costs. `capacity`: cases that a post can serve (`p-median`). `busy`:
    share of the time that a team is on a case (`mexclp`).
    """

    model: str
    name: str = ""
    unit: str = BUREAU
    p: int | None = None
    minutes: tuple[float, ...] = ()
    candidates: str = "stations"
    existing: str = "closable"
    demand: str = LIVE
    resolution: int = 8
    hours: tuple[int, int] | None = None
    classes: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    changes: Changes | None = None
    budget: float | None = None
    capacity: float | None = None
    busy: float = 0.3
    backup_share: float = 0.5
    near_share: float = 0.8
    time_limit_s: float = 60.0

    def __post_init__(self) -> None:
        for name, value, known in (
            ("model", self.model, (*MODELS, WHAT_IF)),
            ("candidates", self.candidates, CANDIDATES),
            ("existing", self.existing, EXISTING),
            ("demand", self.demand, SOURCES),
            *(("rules", each, RULES) for each in self.rules),
            *(("classes", each, ("urban", "rural")) for each in self.classes),
        ):
            if value not in known:
                raise InvalidInput(
                    f"`{name}` is {str(value)[:60]!r}; use one of {', '.join(known)}.",
                    kind="bad-scenario",
                    name=name,
                    value=str(value)[:60],
                    known=list(known),
                )
        if (self.model == WHAT_IF) != (self.changes is not None):
            raise InvalidInput(
                "`changes` (add, close, move) belong to the model what-if, and it needs them.",
                kind="bad-scenario",
                name="changes",
                model=self.model,
            )
        if self.model not in ("lscp", WHAT_IF) and self.p is None:
            raise InvalidInput(
                f"The model {self.model} places a number of posts: give `p`.", kind="bad-scenario", name="p",
                model=self.model,
            )  # fmt: skip
        _in_range("p", self.p, 1, 10_000)
        for each in self.minutes:
            _in_range("minutes", each, 0.1, 1440)
        wanted = 2 if self.model == "dsm" else 1
        if self.minutes and len(self.minutes) != wanted:
            raise InvalidInput(
                f"The model {self.model} takes {wanted} limits of `minutes`, not {len(self.minutes)}.",
                kind="bad-scenario",
                name="minutes",
                model=self.model,
                wanted=wanted,
                given=len(self.minutes),
            )
        if self.hours is not None:
            for hour in self.hours:
                _in_range("hours", hour, 0, 24)
        if self.capacity is not None and self.model != "p-median":
            raise InvalidInput(
                f"Only p-median keeps a `capacity`, not {self.model}. Leave it out.",
                kind="bad-scenario",
                name="capacity",
                model=self.model,
            )
        _in_range("budget", self.budget, 0, 1e15)
        _in_range("capacity", self.capacity, 0, 1e15)
        _in_range("busy", self.busy, 0, 0.99)
        _in_range("backup_share", self.backup_share, 0, 1)
        _in_range("near_share", self.near_share, 0, 1)
        _in_range("time_limit_s", self.time_limit_s, 1, _LONGEST_S)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        value = {field.name: getattr(self, field.name) for field in fields(self)}
        value["changes"] = None if self.changes is None else self.changes.as_json()
        return {name: list(each) if isinstance(each, tuple) else each for name, each in value.items()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Scenario:
        """Read a scenario; InvalidInput for a name that is none of its fields, or a value of another type."""
        known = {field.name for field in fields(cls)}
        read = {name.replace("-", "_"): each for name, each in value.items()}
        if unknown := sorted(set(read) - known):
            raise InvalidInput(
                f"A scenario has no `{unknown[0][:60]}`; it has {', '.join(sorted(known))}.",
                kind="bad-scenario",
                name=unknown[0][:60],
                known=sorted(known),
            )
        if "model" not in read:
            raise InvalidInput(
                f"A scenario names its `model`: one of {', '.join(MODELS)}.", kind="bad-scenario", name="model",
                known=list(MODELS),
            )  # fmt: skip
        try:
            plain = {name: _TYPES[name](each) for name, each in read.items() if each is not None}
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise InvalidInput(
                f"A value of the scenario cannot be read: {str(error)[:100]}. See docs/coverage.md.",
                kind="bad-scenario",
                reason=str(error)[:100],
            ) from None
        return cls(**plain)


def _in_range(name: str, value: float | None, least: float, most: float) -> None:
    if value is not None and not (math.isfinite(value) and least <= value <= most):
        raise InvalidInput(
            f"`{name}` is {value}. Give {least:g} to {most:g}.", kind="bad-scenario", name=name, value=str(value),
            least=least, most=most,
        )  # fmt: skip


def _hours(value: Json) -> tuple[int, int]:
    start, end = value
    return int(start), int(end)


def _words(value: Json) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(str(each) for each in value)


def _minutes(value: Json) -> tuple[float, ...]:
    return tuple(float(each) for each in value) if isinstance(value, list | tuple) else (float(value),)


_TYPES: Mapping[str, Any] = {
    "model": str, "name": str, "unit": str, "p": int, "minutes": _minutes, "candidates": str, "existing": str,
    "demand": str, "resolution": int, "hours": _hours, "classes": _words, "rules": _words,
    "changes": Changes.from_json, "budget": float,
    "capacity": float, "busy": float, "backup_share": float, "near_share": float, "time_limit_s": float,
}  # fmt: skip
