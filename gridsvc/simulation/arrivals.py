"""Calls as they may come: at random by place and hour of the day, or whole days of the past drawn again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.errors import InvalidInput
from gridsvc.simulation.model import DAY_S, HOUR_S, Calls

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Numbers = NDArray[np.int64]

MOST_CALLS = 20_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Where calls come from, r rows; what of it is the same for each call of a row.

    per_day: (r,) expected calls. hour: (r,) local, -1 = any. place, form, rank, kind, target_s: (r,) as of `Calls`.
    """

    per_day: Floats
    hour: Numbers
    place: Numbers
    form: Numbers
    rank: Numbers
    kind: Numbers
    target_s: Floats
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Durations:
    """What was recorded, each any number of samples; a call draws one of each, independently.

    handling_s, scene_s, member_scene_s: seconds. turnout_factor, travel_factor: recorded / expected.
    """

    handling_s: Floats
    scene_s: Floats
    member_scene_s: Floats
    turnout_factor: Floats
    travel_factor: Floats

    def __post_init__(self) -> None:
        for name in self.__slots__:
            values = getattr(self, name)
            if not len(values) or not np.isfinite(values).all() or (values < 0).any():
                raise InvalidInput(
                    f"`{name}` must have samples, finite and 0 or more.", kind="bad-simulation", name=name
                )


@dataclass(frozen=True, slots=True, eq=False)
class PastDays:
    """The calls of past days: day: (n,) from 0; second: (n,) of the day, local; row: (n,) of `Sources`; days in all."""

    day: Numbers
    second: Floats
    row: Numbers
    days: int


def draw_poisson(
    sources: Sources, durations: Durations, days: float, random: np.random.Generator, *, load: float = 1.0
) -> Calls:
    """Draw calls of independent Poisson processes, constant within each hour of the day; `load` multiplies them."""
    rate = sources.per_day * load
    _check_count(float(rate.sum()) * days)
    n = int(random.poisson(rate.sum() * days)) if rate.sum() > 0 else 0
    row = random.choice(len(rate), n, p=rate / rate.sum()) if n else np.empty(0, np.int64)
    hour = np.where(sources.hour[row] < 0, random.integers(24, size=n), sources.hour[row])
    whole = int(np.ceil(days))
    time_s = random.integers(whole, size=n) * DAY_S + (hour + random.random(n)) * HOUR_S
    return calls_at(sources, durations, row, time_s, random)


def draw_days(
    sources: Sources, durations: Durations, past: PastDays, days: int, random: np.random.Generator
) -> Calls:  # fmt: skip
    """Draw whole days of the past with replacement, so that calls that came together come together again."""
    drawn = random.integers(past.days, size=days)
    order = np.argsort(past.day, kind="stable")
    first = np.searchsorted(past.day[order], np.arange(past.days + 1))
    count = (first[1:] - first[:-1])[drawn]
    _check_count(float(count.sum()))
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    at = order[np.repeat(first[drawn], count) + within]
    time_s = np.repeat(np.arange(days), count) * DAY_S + past.second[at]
    return calls_at(sources, durations, past.row[at], time_s, random)


def calls_at(
    sources: Sources, durations: Durations, row: Numbers, time_s: Floats, random: np.random.Generator
) -> Calls:
    """Return calls of given rows and times, with durations drawn for each."""
    order = np.argsort(time_s, kind="stable")
    row, n = row[order], len(row)
    drawn = {name: getattr(durations, name)[random.integers(len(getattr(durations, name)), size=n)]
             for name in durations.__slots__}  # fmt: skip
    return Calls(
        time_s=time_s[order],
        place=sources.place[row],
        form=sources.form[row],
        rank=sources.rank[row],
        kind=sources.kind[row],
        target_s=sources.target_s[row],
        kinds=sources.kinds,
        **drawn,
    )


def _check_count(calls: float) -> None:
    if calls > MOST_CALLS:
        raise InvalidInput(
            f"{calls:.3g} calls would be drawn; {MOST_CALLS:,} are the most. Give fewer days or a smaller load.",
            kind="bad-simulation",
            name="days",
            value=calls,
            most=MOST_CALLS,
        )
