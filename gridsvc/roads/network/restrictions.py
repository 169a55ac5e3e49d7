"""Turn restrictions in terms of the roads: sequences of directed segments that must not be driven.

A directed segment is 2 * segment (from u to v) or 2 * segment + 1 (from v to u).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gridsvc.roads.network.streets import Streets
    from gridsvc.roads.network.survey import Restriction

Sequence = tuple[int, ...]


class Surroundings:
    """The directed segments at the points and on the ways that restrictions speak of."""

    def __init__(self, streets: Streets, points: set[int], ways: set[int]) -> None:
        number = {int(p): i for i, p in reversed(list(enumerate(streets.point.tolist()))) if p in points}
        self.number = number
        self.streets = streets
        wanted = np.array(sorted(number.values()), np.int64)
        self.arriving: dict[int, list[int]] = {}
        self.leaving: dict[int, list[int]] = {}
        for ends, toward, away in ((streets.v, 0, 1), (streets.u, 1, 0)):
            for segment in np.flatnonzero(np.isin(ends, wanted)).tolist():
                self.arriving.setdefault(int(ends[segment]), []).append(2 * segment + toward)
                self.leaving.setdefault(int(ends[segment]), []).append(2 * segment + away)
        self.of_way: dict[int, list[int]] = {}
        for segment in np.flatnonzero(np.isin(streets.way, np.array(sorted(ways), np.int64))).tolist():
            self.of_way.setdefault(int(streets.way[segment]), []).append(segment)

    def on(self, directed: list[int], ways: tuple[int, ...]) -> list[int]:
        """Keep those on one of the ways."""
        return [d for d in directed if int(self.streets.way[d >> 1]) in ways]

    def runs(self, way: int, start: int) -> tuple[Sequence, int] | None:
        """Drive the whole of a way from one of its ends; the directed segments and the point at its other end."""
        pieces = self.of_way.get(way, [])
        if not pieces:
            return None
        u, v = self.streets.u, self.streets.v
        if int(u[pieces[0]]) == start:
            return tuple(2 * s for s in pieces), int(v[pieces[-1]])
        if int(v[pieces[-1]]) == start:
            return tuple(2 * s + 1 for s in reversed(pieces)), int(u[pieces[0]])
        return None


def forbidden_sequences(
    restrictions: tuple[Restriction, ...], streets: Streets, report: dict[str, Any]
) -> tuple[set[Sequence], NDArray[np.int64]]:
    """Resolve restrictions; the sequences, and the points that must be junctions for them.

    Those whose roads are not here, or that do not say where the turn is, are counted in the report.
    """
    points = {r.via_point for r in restrictions if r.via_point is not None}
    ways = {w for r in restrictions for w in (*r.from_ways, *r.to_ways, *r.via_ways)}
    # where via ways begin and end is known only from their segments
    ends = np.flatnonzero(np.isin(streets.way, np.array(sorted(ways), np.int64))) if ways else np.empty(0, np.int64)
    points |= set(streets.point[np.concatenate([streets.u[ends], streets.v[ends]])].tolist())
    around = Surroundings(streets, points, ways)
    sequences: set[Sequence] = set()
    via: set[int] = set()
    unresolved = 0
    for restriction in restrictions:
        found = _one(restriction, around)
        unresolved += not found
        for sequence, joints in found:
            sequences.add(sequence)
            via.update(joints)
    report["restrictions"] = {"applied": len(restrictions) - unresolved, "unresolved": unresolved}
    return sequences, np.array(sorted(via), np.int64)


def _one(restriction: Restriction, around: Surroundings) -> list[tuple[Sequence, list[int]]]:
    starts: list[tuple[Sequence, int, list[int]]] = []
    if restriction.via_point is not None:
        via = around.number.get(restriction.via_point)
        if via is None:
            return []
        came = around.on(around.arriving.get(via, []), restriction.from_ways)
        # a way that passes through the point has two sides, and which one is meant is not said
        if len(came) > len(restriction.from_ways) and restriction.from_ways != restriction.to_ways:
            return []
        starts = [((d,), via, [via]) for d in came]
    else:
        for first in _ends_of(restriction.from_ways, around):
            drive = _along(restriction.via_ways, first, around)
            if drive is None:
                continue
            path, last, joints = drive
            came = around.on(around.arriving.get(first, []), restriction.from_ways)
            starts += [((d, *path), last, joints) for d in came]
    found = []
    for path, via, joints in starts:
        away = around.leaving.get(via, [])
        meant = around.on(away, restriction.to_ways)
        if restriction.from_ways == restriction.to_ways and restriction.via_point is not None:
            meant = [path[-1] ^ 1]
        if not meant or (len(meant) > len(restriction.to_ways)):
            continue
        forbidden = [d for d in away if d not in meant] if restriction.only else meant
        found += [((*path, d), joints) for d in forbidden]
    return found


def _ends_of(ways: tuple[int, ...], around: Surroundings) -> list[int]:
    ends: list[int] = []
    for way in ways:
        if pieces := around.of_way.get(way):
            ends += [int(around.streets.u[pieces[0]]), int(around.streets.v[pieces[-1]])]
    return ends


def _along(ways: tuple[int, ...], start: int, around: Surroundings) -> tuple[Sequence, int, list[int]] | None:
    path: Sequence = ()
    joints = [start]
    for way in ways:
        run = around.runs(way, joints[-1])
        if run is None:
            return None
        path = (*path, *run[0])
        joints.append(run[1])
    return path, joints[-1], joints
