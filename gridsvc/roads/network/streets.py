"""Directed pieces between neighbouring points, and what kind of road each is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.roads.network.speeds import CLASS_NUMBER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.survey import Survey


@dataclass(frozen=True, slots=True, eq=False)
class Streets:
    """Segments u -> v of ways over points that are numbered from 0; rows of `kind` give class and speeds.

    `along` and `against` (segments,) are rows of `kph` (kinds, 4) and `road_class` (kinds,): the kind of the road
    when driven from u to v and from v to u. `way`, `level` and `name` (segments,) as in the survey.
    """

    point: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    signal: NDArray[np.bool_]
    u: NDArray[np.int64]
    v: NDArray[np.int64]
    way: NDArray[np.int64]
    level: NDArray[np.uint8]
    name: NDArray[np.int32]
    along: NDArray[np.int64]
    against: NDArray[np.int64]
    road_class: NDArray[np.uint8]
    roundabout: NDArray[np.bool_]
    kph: NDArray[np.float32]


def segments(survey: Survey, report: dict[str, Any]) -> Streets:
    """Cut the ways of a survey into segments; a way is cut where one of its points is unknown."""
    order = np.argsort(survey.point, kind="stable")
    known = survey.point[order]
    at = np.searchsorted(known, survey.way_point)
    found = (
        (at < len(known)) & (known[np.minimum(at, max(len(known) - 1, 0))] == survey.way_point)
        if len(known)
        else (np.zeros(len(survey.way_point), bool))
    )
    number = np.where(found, order[np.minimum(at, len(known) - 1)] if len(known) else 0, -1)
    way = np.repeat(np.arange(len(survey.way)), np.diff(survey.way_first))
    here, there = number[:-1], number[1:]
    same = (way[:-1] == way[1:]) & (here >= 0) & (there >= 0) & (here != there)
    report["missing_points"] = int((~found).sum())
    # only points on roads get a number
    used, ends = np.unique(np.concatenate([here[same], there[same]]), return_inverse=True)
    m = int(same.sum())
    rows = np.column_stack([survey.road_class, survey.roundabout, survey.kph]).astype(np.float64)
    turned = rows[:, [0, 1, 3, 2, 5, 4]]
    kinds, kind = np.unique(np.concatenate([rows, turned]), axis=0, return_inverse=True)
    of = way[:-1][same]
    return Streets(
        point=survey.point[used],
        lon=survey.lon[used],
        lat=survey.lat[used],
        signal=survey.signal[used],
        u=ends[:m],
        v=ends[m:],
        way=survey.way[of],
        level=np.zeros(m, np.uint8) if survey.level is None else survey.level[of],
        name=survey.name[of],
        along=kind.reshape(-1)[of],
        against=kind.reshape(-1)[len(rows) + of],
        road_class=kinds[:, 0].astype(np.uint8),
        roundabout=kinds[:, 1] > 0,
        kph=kinds[:, 2:].astype(np.float32),
    )


def shut_barriers(streets: Streets, barriers: dict[int, tuple[bool, bool]], report: dict[str, Any]) -> Streets:
    """Cut the road at each barrier and put a gate between the sides, for those who may pass it.

    A gate is a segment of class `gate`; its `kph` are 1 where it opens (normal, normal, emergency, emergency), and
    what it costs is decided where times are.
    """
    wanted = np.array(list(barriers), np.int64)
    at = np.flatnonzero(np.isin(streets.point, wanted))
    ends = np.concatenate([streets.u, streets.v])
    hit = np.flatnonzero(np.isin(ends, at))
    hit = hit[np.argsort(ends[hit], kind="stable")]
    # the first road that meets a barrier keeps its point, each further one gets a copy
    copied = hit[1:][ends[hit][1:] == ends[hit][:-1]]
    original = ends[copied]
    count = len(streets.point)
    ends[copied] = count + np.arange(len(copied))
    m = len(streets.u)
    opens = np.array([barriers[int(p)] for p in streets.point[original]], bool).reshape(-1, 2)
    report["barriers"] = {
        "on_roads": len(at),
        "gates": int(opens[:, 0].sum()),
        "emergency_only": int((opens[:, 1] & ~opens[:, 0]).sum()),
        "shut": int((~opens[:, 1]).sum()),
    }
    kinds = len(streets.kph)
    gate_kind = np.where(opens[:, 0], kinds, kinds + 1)
    passes = opens.any(axis=1)
    made = int(passes.sum())
    gate_class = CLASS_NUMBER["gate"]
    return replace(
        streets,
        point=np.concatenate([streets.point, streets.point[original]]),
        lon=np.concatenate([streets.lon, streets.lon[original]]),
        lat=np.concatenate([streets.lat, streets.lat[original]]),
        signal=np.concatenate([streets.signal, np.zeros(len(original), bool)]),
        u=np.concatenate([ends[:m], original[passes]]),
        v=np.concatenate([ends[m:], count + np.flatnonzero(passes)]),
        way=np.concatenate([streets.way, np.zeros(made, np.int64)]),
        level=np.concatenate([streets.level, np.zeros(made, np.uint8)]),
        name=np.concatenate([streets.name, np.full(made, -1, np.int32)]),
        along=np.concatenate([streets.along, gate_kind[passes]]),
        against=np.concatenate([streets.against, gate_kind[passes]]),
        road_class=np.concatenate([streets.road_class, np.array([gate_class, gate_class], np.uint8)]),
        roundabout=np.concatenate([streets.roundabout, np.zeros(2, bool)]),
        kph=np.concatenate([streets.kph, np.array([[1, 1, 1, 1], [0, 0, 1, 1]], np.float32)]),
    )
