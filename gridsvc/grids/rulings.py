"""Rulings: a person accepts the overlap of two named grids from a date on (R1, R4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_GROWTH = 1.01
"""A ruling holds for the overlap that was ruled on; one that has grown by more than 1 % needs another ruling."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """The overlap of two grids is accepted from `since` on.

    codes: the two grids, in the order of their codes. area_m2: the overlap at the time of the ruling. owner: the grid
    that a repair gives the overlap to; None: it stays, and the lower code answers for it.
    """

    codes: tuple[str, str]
    since: date
    reason: str
    by: str
    area_m2: float
    owner: str | None = None

    def covers(self, area_m2: float) -> bool:
        """Whether an overlap of its two grids is the one that was ruled on."""
        return area_m2 <= self.area_m2 * _GROWTH

    def as_json(self) -> dict[str, Any]:
        """Return {codes, from, reason, by, area_m2, owner}."""
        return {
            "codes": list(self.codes),
            "from": self.since.isoformat(),
            "reason": self.reason,
            "by": self.by,
            "area_m2": round(self.area_m2, 2),
            "owner": self.owner,
        }


def list_rulings(source: Mapping[str, Any]) -> list[Ruling]:
    """Return the rulings in the document of a generation, see `Ruling.as_json`."""
    return [
        Ruling(
            (each["codes"][0], each["codes"][1]),
            date.fromisoformat(each["from"]),
            each["reason"],
            each["by"],
            each["area_m2"],
            each["owner"],
        )
        for each in source.get("rulings", ())
    ]


def rulings_on(source: Mapping[str, Any], day: date) -> list[Ruling]:
    """Return the rulings in the document of a generation that hold on a day."""
    return [ruling for ruling in list_rulings(source) if ruling.since <= day]
