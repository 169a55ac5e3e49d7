"""A file that is shifted as if by another datum, as it is said and refused (R20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gridsvc.coordinates import Datum
    from gridsvc.json_types import Json
    from gridsvc.roads.datum_fit import RoadFit


@dataclass(frozen=True, slots=True)
class Shift:
    """What speaks for another datum than the declared one: the words after "FILE", and what was measured."""

    words: str
    declared: Datum
    likely: Datum
    east_m: float
    north_m: float
    measured: Mapping[str, Json]

    def refusal(self, file: str) -> InvalidInput:
        """Return the refusal of a file, with the options that cure it."""
        return InvalidInput(
            f"{file} {self.words}. Load it as {self.likely.value}; or, where what is in force is wrong, say that it "
            f"is {self.declared.value}.",
            kind="shifted-datum",
            file=file,
            declared=self.declared.value,
            likely=self.likely.value,
            east_m=self.east_m,
            north_m=self.north_m,
            measured=dict(self.measured),
            retry=[["--datum", self.likely.option], ["--datum", self.declared.option]],
        )


def road_shift(fit: RoadFit, places: str, roads: str) -> Shift:
    """Return the shift that roads tell: which places were compared with which roads."""
    return Shift(
        f"lies {fit.shift_words} of what is in force: as {fit.declared.value} {places} are {fit.as_declared_m:.0f} m "
        f"(median) from {roads}, as {fit.datum.value} {fit.best_m:.0f} m",
        fit.declared,
        fit.datum,
        fit.east_m,
        fit.north_m,
        {"as_declared_m": fit.as_declared_m, "as_likely_m": fit.best_m, "places": fit.places},
    )
