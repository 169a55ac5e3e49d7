"""What a plan or a what-if changes: demand, people and grids gained and lost, by class and hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from gridsvc.compliance.proportions import interval
from gridsvc.coverage.changes import change_of
from gridsvc.operations.coverage.demand import CASES, POPULATION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from gridsvc.json_types import Json
    from gridsvc.operations.coverage.ground import Ground
    from gridsvc.operations.coverage.scenario import Scenario

    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

PARTS_OF_DAY = ((0, 6), (6, 12), (12, 18), (18, 24))
"""Local hours of the columns of a table of grids, end exclusive."""


def effect(ground: Ground, scenario: Scenario, chosen: Sequence[int]) -> dict[str, Json]:
    """Return the cover before and after by class and hour, and the places and grids that are gained and lost."""
    minutes = scenario.minutes[0] if scenario.minutes else None
    before, after = _reached(ground, minutes, ground.today), _reached(ground, minutes, chosen)
    people = None
    if ground.people is not None:
        people = (_reached(ground.people, minutes, ground.today), _reached(ground.people, minutes, chosen))
    return {
        "covered": _by_class(ground, before, after),
        "people": None if ground.people is None or people is None else _by_class(ground.people, *people),
        "hours": list(_by_hour(ground, before, after)),
        "grids": _grids(ground, (before, after), people),
        "drive_s": {"before": _mean_drive(ground, ground.today), "after": _mean_drive(ground, chosen)},
        "gained": _cells(ground, after & ~before),
        "lost": _cells(ground, before & ~after),
        "outside": _cells(ground, ~after),
    }


def _reached(ground: Ground, minutes: float | None, sites: Sequence[int]) -> Flags:
    """Return which columns some sites reach, (columns,)."""
    return np.asarray(ground.within(minutes)[sorted(set(sites))].any(axis=0), bool)


def _of_class(ground: Ground, kind: str) -> Flags:
    return np.array([kind in ("all", each) for each in ground.columns.response_class], bool)


def _by_class(ground: Ground, before: Flags, after: Flags) -> dict[str, Json]:
    """Return {class or all: {before, after, change}}."""
    found = {}
    for kind in ("all", *sorted(set(ground.columns.response_class))):
        own = _of_class(ground, kind)
        found[kind] = _both(ground, before[own], after[own], ground.columns.weight[own])
    return found


def _by_hour(ground: Ground, before: Flags, after: Flags) -> Iterator[dict[str, Json]]:
    """Yield the cover of each class and local hour that has demand; nothing where the demand has no hours."""
    hourly = ground.columns.hourly
    if hourly is None:
        return
    for kind in sorted(set(ground.columns.response_class)):
        own = _of_class(ground, kind)
        for hour in np.flatnonzero(hourly[own].sum(axis=0) > 0).tolist():
            both = _both(ground, before[own], after[own], hourly[own, hour])
            yield {"class": kind, "hour": hour} | both


def _both(ground: Ground, before: Flags, after: Flags, weight: Floats) -> dict[str, Json]:
    change = change_of(before, after, weight, cases=ground.demand.source in CASES)
    return {
        "before": share_of(ground, float(weight[before].sum()), float(weight.sum())),
        "after": share_of(ground, float(weight[after].sum()), float(weight.sum())),
        "change": {
            "gained": round(change.gained, 2),
            "lost": round(change.lost, 2),
            "share": round(change.share, 4),
            "low": None if change.low is None else round(change.low, 4),
            "high": None if change.high is None else round(change.high, 4),
        },
    }


def share_of(ground: Ground, part: float, whole: float) -> dict[str, Json]:
    """Return the covered weight and its share, with an exact 95 % interval that takes each case as one trial.

    People have no interval: they are counted, not drawn.
    """
    found = share_of_cases(part, whole)
    return found | {"low": None, "high": None} if ground.demand.source == POPULATION else found


def share_of_cases(part: float, whole: float) -> dict[str, Json]:
    """Return the weight of some cases and its share, with an exact 95 % interval that takes each case as one trial."""
    low, high = interval(round(part), max(round(whole), 1)) if whole >= 1 else (0.0, 1.0)
    return {
        "demand": round(whole, 2),
        "covered": round(part, 2),
        "share": round(part / whole, 4) if whole else 0.0,
        "low": round(low, 4),
        "high": round(high, 4),
    }


def _grids(ground: Ground, reached: tuple[Flags, Flags], people: tuple[Flags, Flags] | None) -> list[dict[str, Json]]:
    """Return the grids in which demand or people are gained or lost, by class, the greatest change first.

    A grid is the village, or the finest that there is.
    """
    rows: dict[tuple[str, str], dict[str, Json]] = {}
    for name, side, flags in (("demand", ground, reached), ("people", ground.people, people)):
        if side is None or flags is None:
            continue
        before, after = flags
        for kind in sorted(set(side.columns.response_class)):
            own = _of_class(side, kind)
            weights = (own, own & before, own & after, own & after & ~before, own & before & ~after)
            sums = np.array([_by_place(side, each) for each in weights])
            for code, of in _places_of(side).items():
                whole, was, now, gained, lost = sums[:, of].sum(axis=1).tolist()
                if gained == lost == 0:
                    continue
                row = rows.setdefault((code, kind), _empty_row(ground, code, kind))
                row |= {name: round(whole, 2), f"{name}_before": round(was, 2), f"{name}_after": round(now, 2),
                        f"{name}_gained": round(gained, 2), f"{name}_lost": round(lost, 2)}  # fmt: skip
                if name == "demand":
                    row["parts_of_day"] = _parts(side, own, of, before, after)
    found = list(rows.values())
    found.sort(key=lambda row: (-abs(row["demand_gained"] - row["demand_lost"]), -abs(
        (row["people_gained"] or 0) - (row["people_lost"] or 0)), row["code"], row["class"]))  # fmt: skip
    return found


def _empty_row(ground: Ground, code: str, kind: str) -> dict[str, Json]:
    assert ground.view.index is not None
    table = ground.view.index.grids
    chain = ground.view.index.find_chain(code)
    township = None if chain is None else chain.owners[1]
    people = dict.fromkeys(("people", "people_before", "people_after", "people_gained", "people_lost"))
    demand = dict.fromkeys(("demand", "demand_before", "demand_after", "demand_gained", "demand_lost"), 0.0)
    name = dict(zip(table.codes, table.names, strict=True)).get(code, code)
    return {"code": code, "name": name, "township": None if township is None else township.name, "class": kind,
            **demand, **people, "parts_of_day": []}  # fmt: skip


def _parts(ground: Ground, own: Flags, places: list[int], before: Flags, after: Flags) -> list[dict[str, Json]]:
    """Return what a grid gains and loses in each part of the day; nothing where the demand has no hours."""
    hourly = ground.columns.hourly
    if hourly is None:
        return []
    here = own & np.isin(ground.columns.place, places)
    gained, lost = (hourly[here & each].sum(axis=0) for each in (after & ~before, before & ~after))
    return [
        {"from": start, "until": end, "gained": round(float(gained[start:end].sum()), 2),
         "lost": round(float(lost[start:end].sum()), 2)}
        for start, end in PARTS_OF_DAY
    ]  # fmt: skip


def _places_of(ground: Ground) -> dict[str, list[int]]:
    """Return the numbers of the places of each finest grid."""
    found: dict[str, list[int]] = {}
    for number, owners in enumerate(ground.places):
        code = next((each for each in reversed(owners) if each is not None), None)
        if code is not None:
            found.setdefault(code, []).append(number)
    return found


def _by_place(ground: Ground, flags: Flags) -> Floats:
    """Return the weight of some columns by place, (places,)."""
    at = np.flatnonzero(flags)
    weight = np.bincount(ground.columns.place[at], ground.columns.weight[at], minlength=len(ground.places))
    return weight.astype(np.float64)


def _mean_drive(ground: Ground, sites: Sequence[int]) -> float | None:
    """Return the mean seconds of driving from the nearest lawful post, None where some demand has no way."""
    if not sites:
        return None
    own = sorted(set(sites))
    seconds = np.where(ground.lawful, ground.seconds[:, ground.columns.place], np.inf)[own].min(axis=0)
    mean = float(np.average(seconds, weights=ground.columns.weight))
    return round(mean, 1) if np.isfinite(mean) else None


def _cells(ground: Ground, flags: Flags) -> list[dict[str, Json]]:
    weight = _by_place(ground, flags)
    found = []
    for place in np.argsort(-weight, kind="stable").tolist():
        if weight[place] <= 0:
            break
        owners = ground.places[place]
        found.append(
            {
                "cell": ground.demand.cells[place],
                "lon": round(float(ground.demand.lon[place]), 6),
                "lat": round(float(ground.demand.lat[place]), 6),
                "township": owners.township,
                "village": owners.village,
                "demand": round(float(weight[place]), 2),
            }
        )
    return found
