"""The report of a plan or a what-if: its answer, the curve of cover by number of posts, and the shapes of its maps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import h3
import numpy as np
import shapely

from gridsvc import coverage
from gridsvc.coverage.model import Deadline, Limits
from gridsvc.grids.levels import Level
from gridsvc.operations.coverage.effect import share_of
from gridsvc.operations.coverage.ground import ground_of
from gridsvc.operations.coverage.plan import solved

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.json_types import Json
    from gridsvc.operations.coverage.ground import Given, Ground
    from gridsvc.operations.coverage.scenario import Scenario
    from gridsvc.operations.runtime.service import Service

SHAPES = ("map", "names")
"""What a plan need not have where no page and no layer is made."""
_POINTS = 12
"""Numbers of posts on the curve, at most."""


def make_plan_report(service: Service, district: str, scenario: Scenario, given: Given) -> dict[str, Any]:
    """Return a plan as `make_plan` does, with `curve`, `map`, `names`, `about`: what its page and its layers need.

    Raises
    ------
    NotFound, InvalidInput
        As `make_plan`.
    """
    began = time.monotonic()
    ground = ground_of(service, district, scenario, given)
    found = solved(ground, scenario, began)
    view = ground.view
    assert view.index is not None
    limits_s = sorted({round(float(each - ground.ready_s), 1) for each in ground.columns.target_s})
    found |= {
        "about": {
            "district_name": view.district.name,
            "synthetic": view.district.synthetic,
            "at": view.local_time(view.versions.now).isoformat(timespec="minutes"),
            "candidates": len(ground.sites),
            "ready_s": ground.ready_s,
            "times": found["basis"],
            "drive_limits_s": [each * 60 for each in scenario.minutes] or limits_s,
        },
        "curve": _curve(ground, scenario, _chosen(ground, found)),
        "map": _map(ground, scenario, _chosen(ground, found), found),
        "names": dict(zip(view.index.grids.codes, view.index.grids.names, strict=True)),
    }
    return found


def _chosen(ground: Ground, found: dict[str, Any]) -> list[int]:
    """Return the numbers of the sites of a plan."""
    at = {(site["lon"], site["lat"]) for site in found["sites"]}
    if ground.chosen is not None:
        return list(ground.chosen)
    return [number for number, site in enumerate(ground.sites)
            if (round(site.candidate.lon, 6), round(site.candidate.lat, 6)) in at]  # fmt: skip


def _curve(ground: Ground, scenario: Scenario, chosen: Sequence[int]) -> dict[str, Json]:
    """Return the most demand that each number of posts reaches, from all sites and without rules, with its bound.

    It says how far the posts of today and those of the plan are from the best of their number.
    """
    cover, weight = ground.within(scenario.minutes[0] if scenario.minutes else None), ground.columns.weight
    total = float(weight.sum())
    deadline = Deadline(scenario.time_limit_s)
    numbers = _numbers(len(ground.sites), len(ground.today), len(chosen))
    points = []
    for at, p in enumerate(numbers):
        limit_s = max(0.5, deadline.left_s() / (len(numbers) - at))
        best = coverage.mclp(cover, weight, p, limits=Limits(time_limit_s=limit_s))
        share = share_of(ground, best.objective, total)
        points.append({"p": p, "bound_share": round(best.bound / total, 4), "gap": best.gap, "optimal": best.optimal}
                      | share)  # fmt: skip
    return {
        "points": points,
        "today": _reached(ground, cover, ground.today),
        "plan": _reached(ground, cover, chosen),
        "reachable": share_of(ground, float(weight[cover.any(axis=0)].sum()), total),
    }


def _reached(ground: Ground, cover: NDArray[np.bool_], sites: Sequence[int]) -> dict[str, Json]:
    weight = ground.columns.weight
    covered = cover[list(sites)].any(axis=0)
    return {"p": len(sites)} | share_of(ground, float(weight[covered].sum()), float(weight.sum()))


def _numbers(sites: int, today: int, chosen: int) -> list[int]:
    """Return the numbers of posts of the curve: 1 to about twice those of today and of the plan, these among them."""
    most = min(sites, max(2 * max(today, chosen), 6))
    spread = {round(each) for each in np.linspace(1, most, min(_POINTS, most)).tolist()}
    return sorted(spread | {each for each in (today, chosen) if 1 <= each <= sites})


def _map(ground: Ground, scenario: Scenario, chosen: Sequence[int], found: dict[str, Any]) -> dict[str, Json]:
    """Return the cells with the share of their demand that is reached before and after, outlines, and posts."""
    cover, columns = ground.within(scenario.minutes[0] if scenario.minutes else None), ground.columns
    sums: list[NDArray[np.float64]] = []
    for sites in ((), ground.today, chosen):
        flags = cover[list(sites)].any(axis=0) if len(sites) else np.full(len(columns.weight), not sums)
        at = np.flatnonzero(flags)
        sums.append(np.bincount(columns.place[at], columns.weight[at], minlength=len(ground.places)).astype(np.float64))
    cells = []
    for place in np.flatnonzero(sums[0] > 0).tolist():
        whole, before, after = (float(each[place]) for each in sums)
        cells.append(
            {
                "cell": ground.demand.cells[place],
                "demand": round(whole, 2),
                "before": round(before / whole, 4),
                "after": round(after / whole, 4),
                "geometry": shapely.geometry.mapping(_shape(ground, place)),
            }
        )
    posts = [_post(each, "kept" if each["exists"] else "new") for each in found["sites"]]
    moves = [{"from": each["from"], "to": each["to"]} for each in found["moved"]]
    posts += [_post(each, "closed") for each in found["closed"]]
    return {"cells": cells, "posts": posts, "moves": moves, "outlines": _outlines(ground)}


def _post(site: dict[str, Any], state: str) -> dict[str, Json]:
    return {"name": site["name"], "lon": site["lon"], "lat": site["lat"], "state": state}


def _shape(ground: Ground, place: int) -> BaseGeometry:
    """Return the H3 cell of a place, or its village."""
    cell = ground.demand.cells[place]
    if h3.is_valid_cell(cell):
        return shapely.Polygon([(lon, lat) for lat, lon in h3.cell_to_boundary(cell)])
    assert ground.view.index is not None
    shape: BaseGeometry = ground.view.index.shapes[ground.view.index.grids.codes.index(cell)]
    return shape


def _outlines(ground: Ground) -> list[dict[str, Json]]:
    """Return the outlines of the townships, or of the widest grids."""
    assert ground.view.index is not None
    levels = np.asarray(ground.view.index.grids.levels)
    rows = np.flatnonzero(levels == Level.TOWNSHIP)
    if not len(rows):
        rows = np.flatnonzero(levels == levels.min())
    return [
        {"code": ground.view.index.grids.codes[row],
         "geometry": shapely.geometry.mapping(ground.view.index.shapes[row])}
        for row in rows.tolist()
    ]  # fmt: skip
