"""Which team counts as cover of which demand: one that the law lets into the joint team, and that is in time.

A column is a place, a class and the teams that may fill one slot of the joint team there (R6, R7). A team covers it if
it may fill the slot and drives there within the class's target less call handling and its own turnout (R9).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from gridsvc.dispatch import CaseFacts
from gridsvc.law import TOWNSHIP, TOWNSHIP_UNIT_PREFIX, ResponseClass

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from gridsvc.dispatch import Prepared

    Flags = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    _Column = tuple[int, float, str, str, tuple[int, ...]]
    """Place, target, class, unit, and the teams that may fill the slot."""

HOURS = 24


class Place(NamedTuple):
    """The codes of the owners of a place; None = no owner at that level."""

    regional: str | None
    township: str | None
    area: str | None
    village: str | None


class Expected(NamedTuple):
    """So many cases of a type and class are expected at a place, by number, in a local hour (-1 = any)."""

    place: int
    type: str
    response_class: str
    weight: float
    hour: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What is to be covered, c columns.

    place: (c,) number of the place. target_s: (c,) seconds from the start of the clock. weight: (c,) cases that need
    this slot. unit, response_class: (c,). group: (c,) row of `may`. may: (groups, teams) whether the law lets a team
    fill the slot.
    """

    place: NDArray[np.intp]
    target_s: Floats
    weight: Floats
    unit: tuple[str, ...]
    response_class: tuple[str, ...]
    group: NDArray[np.intp]
    may: Flags
    hourly: Floats | None = None

    def covered_by(self, team: int, seconds: Floats, ready_s: float) -> Flags:
        """Return which columns a team covers, (c,).

        seconds: (places,) of driving from where it stands, inf = no way. ready_s: call handling and its turnout.
        """
        flags: Flags = (seconds[self.place] + ready_s <= self.target_s) & self.may[self.group, team]
        return flags

    def only(self, columns: NDArray[np.intp]) -> Columns:
        """Return some of the columns, by number."""
        numbers = columns.tolist()
        return Columns(
            self.place[columns],
            self.target_s[columns],
            self.weight[columns],
            tuple(self.unit[n] for n in numbers),
            tuple(self.response_class[n] for n in numbers),
            self.group[columns],
            self.may,
            None if self.hourly is None else self.hourly[columns],
        )

    def of_unit(self, unit: str) -> NDArray[np.intp]:
        """Return the numbers of the columns that a unit is to cover; `township` = the units of all townships."""
        townships = unit == TOWNSHIP
        return np.flatnonzero(
            [each == unit or (townships and each.startswith(TOWNSHIP_UNIT_PREFIX)) for each in self.unit]
        )


def columns_of(
    prepared: Prepared, places: Sequence[Place], expected: Iterable[Expected], local_time: datetime
) -> Columns:
    """Return the columns of the expected cases by the law of `local_time`, equal ones added up.

    A case of a type that has no run card any more, or no target for its class, is left out.
    """
    forms: dict[tuple[str, str, Place], list[tuple[str, tuple[int, ...]]]] = {}
    found: dict[_Column, float] = {}
    by_hour: dict[tuple[_Column, int], float] = {}
    for each in expected:
        plan = prepared.plans.plans.get(each.type)
        response_class = ResponseClass(each.response_class)
        target_s = None if plan is None else plan.target(response_class)
        if target_s is None:
            continue
        place = places[each.place]
        key = (each.type, each.response_class, place._replace(village=None))
        slots = forms.get(key)
        if slots is None:
            facts = CaseFacts(each.type, local_time, response_class, *place)
            slots = forms[key] = [(slot.unit, slot.options) for slot in prepared.form(facts).slots]
        for unit, options in slots:
            column = (each.place, float(target_s), each.response_class, unit, options)
            found[column] = found.get(column, 0.0) + each.weight
            if each.hour >= 0:
                by_hour[column, each.hour] = by_hour.get((column, each.hour), 0.0) + each.weight
    keys = sorted(found)
    groups = {options: number for number, options in enumerate(sorted({key[4] for key in keys}))}
    may = np.zeros((len(groups), len(prepared.teams)), bool)
    for options, number in groups.items():
        may[number, list(options)] = True
    return Columns(
        np.array([key[0] for key in keys], np.intp),
        np.array([key[1] for key in keys], np.float64),
        np.array([found[key] for key in keys], np.float64),
        tuple(key[3] for key in keys),
        tuple(key[2] for key in keys),
        np.array([groups[key[4]] for key in keys], np.intp),
        may,
        _by_hour(keys, by_hour),
    )


def _by_hour(keys: Sequence[_Column], weights: dict[tuple[_Column, int], float]) -> Floats | None:
    if not weights:
        return None
    at = {key: number for number, key in enumerate(keys)}
    hourly = np.zeros((len(keys), HOURS))
    for (key, hour), weight in weights.items():
        hourly[at[key], hour] = weight
    return hourly
