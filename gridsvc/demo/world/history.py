"""What happened in the made-up past: when, where, of which type, and what went wrong; who went is decided by replay.

Weights follow what is known of such calls: more by day and where people live, storms and festivals that bring many
at once, seasons of fires, floods and markets.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import shapely

from gridsvc.files.osm.tiling import point_list
from gridsvc.grids.levels import Level
from gridsvc.law import Urgency
from gridsvc.roads.network.network import DEGREE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from gridsvc.files.osm.model import DemoPlace
    from gridsvc.grids.levels import Grid
    from gridsvc.law import PlanBook, ResponsePlan

SPAN = timedelta(days=730)
EMERGENCY_SHARE = 0.6
_OPEN_AGES_S = np.array([8.0, 240.0, 900.0, 1500.0])
"""How long ago the cases that are open now were reported; the first waits for its order."""
FAR_SHARE = 0.05
"""Share of emergencies where even the nearest station is too far: the first cause of lateness."""

# Relative number of calls by hour of the day, 0 to 23.
_HOURS = np.array([2, 1.5, 1, 1, 1, 1.5, 3, 5, 7, 8, 8, 7, 6, 6, 7, 7.5, 8, 8, 7, 6, 5, 4.5, 4, 3])
_SEASONS = {
    "flood": (5, 6, 7, 8, 9),
    "water": (5, 6, 7, 8, 9),
    "typhoon": (7, 8, 9),
    "storm": (6, 7, 8, 9),
    "forest": (1, 2, 3, 4, 10, 11, 12),
    "straw": (5, 6, 10, 11),
    "burning": (5, 6, 10, 11),
    "food": (6, 7, 8, 9),
    "heat": (7, 8),
    "tourism": (4, 5, 10),
    "scenic": (4, 5, 10),
    "dust": (2, 3, 4, 11, 12),
    "noise": (5, 6, 7, 8, 9),
}


class Mishap(StrEnum):
    """What goes wrong on a case; one of the causes of lateness (the others are far stations and no free unit)."""

    SLOW_HANDLING = "slow-handling"
    SLOW_ACKNOWLEDGE = "slow-acknowledge"
    SLOW_TURNOUT = "slow-turnout"
    SLOW_TRAVEL = "slow-travel"
    WRONG_TEAM = "wrong-team"
    CALLED_OFF = "called-off"


_MISHAPS = {
    Mishap.SLOW_HANDLING: 0.025,
    Mishap.SLOW_ACKNOWLEDGE: 0.02,
    Mishap.SLOW_TURNOUT: 0.02,
    Mishap.SLOW_TRAVEL: 0.03,
    Mishap.WRONG_TEAM: 0.02,
    Mishap.CALLED_OFF: 0.03,
}


@dataclass(frozen=True, slots=True)
class PlannedIncident:
    """One incident before anybody is sent. `at` is when it is reported, aware, in UTC.

    mishap, storm, far: why it may be late; the case that is made of it does not say.
    """

    at: datetime
    lon: float
    lat: float
    type: str
    description: str
    drill: bool = False
    mishap: Mishap | None = None
    open_now: bool = False
    storm: bool = False
    far: bool = False


@dataclass(frozen=True, slots=True)
class Candidates:
    """Places where something may happen, (n,) degrees, with the words that name each."""

    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    words: tuple[str, ...]


def candidate_places(place: DemoPlace, count: int, seed: int) -> Candidates:
    """Draw places at addresses (half of them, where there are any) and along the roads of villages, towns first."""
    random = np.random.default_rng(seed)
    lon, lat, words = [], [], []
    if place.addresses:
        for index in random.integers(len(place.addresses), size=count // 2):
            address = place.addresses[int(index)]
            lon.append(address.lon)
            lat.append(address.lat)
            words.append(address.text)
    villages = place.list_grids(Level.VILLAGE)
    roads = place.roads
    points = np.asarray(np.column_stack([roads.junction_lon, roads.junction_lat]) * DEGREE, dtype=np.float64)
    members = _members(villages, points)
    filled = [number for number in range(len(villages)) if len(members[number])]
    weight = np.array([3.0 if villages[n].urban_rural_code in {"111", "112"} else 1.0 for n in filled])
    weight *= np.sqrt([len(members[n]) for n in filled])
    chosen = random.choice(filled, size=count - len(lon), p=weight / weight.sum())
    for number in chosen:
        at = points[int(random.choice(members[int(number)]))] + random.normal(0, 0.0002, 2)
        lon.append(float(at[0]))
        lat.append(float(at[1]))
        words.append(villages[int(number)].name)
    order = random.permutation(len(lon))
    return Candidates(
        np.round(np.array(lon)[order], 7), np.round(np.array(lat)[order], 7), tuple(words[n] for n in order)
    )


def _members(villages: Sequence[Grid], points: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Return the numbers of the points inside each village."""
    tree = shapely.STRtree(point_list(points))
    shapes = [village.geometry for village in villages]
    pairs = tree.query(shapes, predicate="contains")
    return [np.sort(pairs[1][pairs[0] == number]) for number in range(len(villages))]


def plan_history(
    places: Candidates,
    far: NDArray[np.bool_],
    plans: PlanBook,
    time_zone: str,
    now: datetime,
    count: int,
    seed: int,
    squadrons: int,
) -> list[PlannedIncident]:
    """Plan `count` incidents before `now`, in the order of their reports.

    Parameters
    ----------
    far
        (n,) whether the nearest station cannot make the target at that place; only FAR_SHARE of the emergencies are
        there, as far as the places allow it.
    squadrons
        Teams that can lead: a storm brings more calls than that at once, so that some cases wait.
    """
    random = np.random.default_rng(seed)
    zone = ZoneInfo(time_zone)
    emergencies = [plan for plan in plans.plans.values() if plan.urgency is Urgency.EMERGENCY]
    routines = [plan for plan in plans.plans.values() if plan.urgency is Urgency.ROUTINE]
    near_pool, far_pool = np.flatnonzero(~far).tolist(), np.flatnonzero(far).tolist()
    all_pool = list(range(len(places.lon)))
    times = _times(count, now, zone, random, squadrons)
    incidents = []
    for moment, storm, is_open in times:
        local = moment.astimezone(zone)
        urgent = storm or is_open or random.random() < EMERGENCY_SHARE or not routines
        plan = _draw_type(emergencies if urgent else routines, local, random)
        if urgent:
            farther = random.random() < FAR_SHARE and far_pool and not is_open
            pool = far_pool if farther or not near_pool else near_pool
        else:
            pool = all_pool
        at = pool[int(random.integers(len(pool)))]
        drill = not storm and not is_open and random.random() < 0.03
        mishap = None
        if urgent and not is_open:
            mishap = _draw_mishap(random)
        what = f"{'演练：' if drill else ''}{plan.name} · {places.words[at]}"
        lon, lat = float(places.lon[at]), float(places.lat[at])
        incidents.append(
            PlannedIncident(moment, lon, lat, plan.type, what, drill, mishap, is_open, storm, far=bool(far[at]))
        )
    return incidents


def _times(
    count: int, now: datetime, zone: ZoneInfo, random: np.random.Generator, squadrons: int
) -> list[tuple[datetime, bool, bool]]:
    """Return (report time, in a storm, still open now) in order: single calls, storms, and a few of the last hour."""
    still_open = min(len(_OPEN_AGES_S), count // 20)
    surge = round(squadrons * 1.5) + 2
    storms = min(int(count * 0.12) // surge, 40) if count >= 100 else 0
    ages_s = random.uniform(0.8, 1.2, len(_OPEN_AGES_S))[:still_open] * _OPEN_AGES_S[:still_open]
    found = [(now - timedelta(seconds=float(age_s)), False, True) for age_s in ages_s]
    for _ in range(storms):
        begin = now - timedelta(days=float(random.uniform(8, SPAN.days - 1)))
        begin = begin.astimezone(zone).replace(hour=int(random.integers(11, 19)), minute=0, second=0, microsecond=0)
        found += [
            (begin.astimezone(now.tzinfo) + timedelta(seconds=float(s)), True, False)
            for s in np.sort(random.uniform(0, 2400, surge))
        ]
    share = _HOURS / _HOURS.sum()
    for _ in range(count - len(found)):
        day = now.astimezone(zone) - timedelta(days=float(random.uniform(1.5, SPAN.days)))
        day = day.replace(
            hour=int(random.choice(24, p=share)),
            minute=int(random.integers(60)),
            second=int(random.integers(60)),
            microsecond=int(random.integers(1000)) * 1000,
        )
        found.append((min(day.astimezone(now.tzinfo), now - timedelta(hours=12)), False, False))
    return sorted(found)


def _draw_type(plans: Sequence[ResponsePlan], local: datetime, random: np.random.Generator) -> ResponsePlan:
    weights = np.ones(len(plans))
    for number, plan in enumerate(plans):
        for word, months in _SEASONS.items():
            if word in plan.type:
                weights[number] *= 2.5 if local.month in months else 0.4
        weights[number] *= 0.5 if plan.major else 1.0
        weights[number] *= 1.0 + 0.15 * (3 - plan.priority)
    return plans[int(random.choice(len(plans), p=weights / weights.sum()))]


def _draw_mishap(random: np.random.Generator) -> Mishap | None:
    dice = float(random.random())
    for mishap, share in _MISHAPS.items():
        if dice < share:
            return mishap
        dice -= share
    return None
