"""What to ask a caller whose place two grids may own: on which side of a landmark, or in which of the two (R3).

A landmark tells two grids apart as well as its sides do: of each grid the share of its spots within the radius that lie
on the grid's side, and of both shares the smaller one. The side of a road at a spot is that of its nearest piece, all
pieces being turned to run the same way; those of a river run as it flows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.coordinates import LocalMetres
from gridsvc.grids.ownership import Choice, Question
from gridsvc.grids.shares import spots_within

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from gridsvc.grids.index import OwnershipIndex
    from gridsvc.grids.ownership import Owner

    Floats = NDArray[np.float64]
    Words = tuple[str, str]  # Chinese and English
    Chain = tuple[Owner | None, Owner | None, Owner | None, Owner | None]
    Told = tuple["Landmark", Words, Words]

LARGEST_RADIUS_M = 3000.0
"""Round a larger place no road is a landmark that a caller knows their side of."""
SURE = 0.85
"""A landmark is asked for where it tells at least so much of either grid from the other."""
_SPOTS = 64  # of each grid
_STEPS = 20  # landmarks that differ by less than a twentieth are equal: the wider road is better known
_COMPASS = (
    ("北", "north"), ("东北", "north-east"), ("东", "east"), ("东南", "south-east"),
    ("南", "south"), ("西南", "south-west"), ("西", "west"), ("西北", "north-west"),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Landmark:
    """What callers know where they are from: a line (`segments`: (n, 4) degrees) or a place (lon, lat in degrees).

    rank: of two that tell as much, the lower one is asked for. line: what the segments are, `road`, `river` or
    `railway`. head_start: by so many twentieths it may tell less than another one and is still as good.
    directed: the segments follow each other, as those of a river do from its source on.
    """

    name: str
    rank: int = 0
    segments: Floats | None = None
    lon: float = 0.0
    lat: float = 0.0
    line: str = "road"
    head_start: int = 0
    directed: bool = False

    @property
    def by(self) -> str:
        """`road`, `river`, `railway` or `place`."""
        return "place" if self.segments is None else self.line


def question_of(
    index: OwnershipIndex, lon: float, lat: float, radius_m: float, landmarks: Iterable[Landmark]
) -> Question | None:
    """Return what to ask about a place (degrees) that is known to a radius; None where one chain has all of it.

    The two chains with the largest shares are distinguished by the best landmark, else by their names.
    """
    x, y = spots_within(radius_m)
    plane = LocalMetres(lon, lat)
    held = index.find_rows(*plane.to_lonlat(x, y))
    rows, counts = np.unique(held, return_counts=True)
    order = np.lexsort((rows, -counts))[:2]
    if len(order) < 2:
        return None
    first, second = (int(rows[k]) for k in order)
    spots = np.column_stack([x, y])
    one, other = (_thinned(spots[held == row]) for row in (first, second))
    words = None if radius_m > LARGEST_RADIUS_M else _best(landmarks, plane, one, other)
    shares = [int(counts[k]) / len(x) for k in order]
    chains = index.owners_of(first), index.owners_of(second)
    if words is None:
        return _by_names(chains, shares)
    mark, here, there = words
    return Question(
        mark.by,
        mark.name,
        f"在{mark.name}的哪一侧：{here[0]}侧还是{there[0]}侧？",
        f"On which side of {mark.name} is it: {here[1]} or {there[1]}?",
        tuple(
            Choice(f"{side[0]}侧", side[1], chain, share)
            for side, chain, share in zip((here, there), chains, shares, strict=True)
        ),
    )


def _best(landmarks: Iterable[Landmark], plane: LocalMetres, one: Floats, other: Floats) -> Told | None:
    """Return the landmark that tells two sets of spots apart best, and the words of their sides; None without any."""
    found: tuple[tuple[int, int], Told] | None = None
    for each in sorted(landmarks, key=lambda landmark: landmark.name):
        parted, here, there = _sides(each, plane, one, other)
        rank = (max(int((1 - parted) * _STEPS) - each.head_start, 0), each.rank)
        if parted >= SURE and (found is None or rank < found[0]):
            found = rank, (each, here, there)
    return None if found is None else found[1]


def _thinned(spots: Floats) -> Floats:
    return spots[:: max(1, len(spots) // _SPOTS)]


def _sides(mark: Landmark, plane: LocalMetres, one: Floats, other: Floats) -> tuple[float, Words, Words]:
    """Return how much a landmark tells two sets of spots (metres) apart, and the compass words of their sides."""
    if mark.segments is None:
        pieces = _line_between(mark, plane, one, other)
    else:
        ends = [plane.to_metres(mark.segments[:, k], mark.segments[:, k + 1]) for k in (0, 2)]
        pieces = np.column_stack([*ends[0], *ends[1]])
    along = pieces[:, 2:] - pieces[:, :2]
    pieces, along = pieces[along.any(axis=1)], along[along.any(axis=1)]
    if not len(pieces):
        return 0.0, _COMPASS[0], _COMPASS[4]
    if mark.directed:  # turned piece by piece, a meander would have its sides mixed up
        way = along.sum(axis=0)
    else:
        way = _way(along)
        against = along @ way < 0
        pieces = np.where(against[:, None], pieces[:, [2, 3, 0, 1]], pieces)
    left, other_left = (float(np.mean(_is_left(pieces, spots))) for spots in (one, other))
    parted = min(left, 1 - other_left), min(1 - left, other_left)
    normal = np.array([-way[1], way[0]]) * (1 if parted[0] >= parted[1] else -1)
    turn = round(float(np.degrees(np.arctan2(normal[0], normal[1]))) / 45) % 8
    return max(parted), _COMPASS[turn], _COMPASS[(turn + 4) % 8]


def _line_between(mark: Landmark, plane: LocalMetres, one: Floats, other: Floats) -> Floats:
    """Return a line through a place, across the way from one set of spots to the other."""
    across = other.mean(axis=0) - one.mean(axis=0)
    line = np.array([-across[1], across[0]])
    spot = np.array(plane.to_metres(mark.lon, mark.lat))
    return np.concatenate([spot - line, spot + line])[None]


def _way(along: Floats) -> Floats:
    """Return the direction that pieces of a road have in common, whichever way each of them runs."""
    turns = np.arctan2(along[:, 1], along[:, 0])
    lengths = np.hypot(along[:, 0], along[:, 1])
    twice = np.arctan2((lengths * np.sin(2 * turns)).sum(), (lengths * np.cos(2 * turns)).sum())
    return np.array([np.cos(twice / 2), np.sin(twice / 2)])


def _is_left(pieces: Floats, spots: Floats) -> NDArray[np.bool_]:
    """Say of each spot whether it is left of the nearest piece.

    At a bend the end of two pieces is nearest; the one that the spot lies more beside decides.
    """
    a, d = pieces[None, :, :2], (pieces[:, 2:] - pieces[:, :2])[None]
    p = spots[:, None, :] - a
    length2 = (d * d).sum(axis=2)
    t = np.clip((p * d).sum(axis=2) / length2, 0, 1)
    away = p - t[..., None] * d
    metres = np.hypot(away[..., 0], away[..., 1])
    cross = d[..., 0] * p[..., 1] - d[..., 1] * p[..., 0]
    beside = np.abs(cross) / np.sqrt(length2)
    nearest = metres <= metres.min(axis=1, keepdims=True) + 1e-6
    chosen = np.where(nearest, beside, -1.0).argmax(axis=1)
    left: NDArray[np.bool_] = cross[np.arange(len(spots)), chosen] > 0
    return left


def _by_names(chains: tuple[Chain, Chain], shares: list[float]) -> Question:
    """Ask for the names of the widest level at which two chains differ."""
    one, other = chains
    level = next((k for k in range(len(one)) if one[k] != other[k]), len(one) - 1)
    words = [_words(chain, level) for chain in chains]
    return Question(
        "names",
        None,
        f"在{words[0][0]}，还是在{words[1][0]}？",
        f"Is it in {words[0][1]}, or in {words[1][1]}?",
        tuple(Choice(*spoken, chain, share) for spoken, chain, share in zip(words, chains, shares, strict=True)),
    )


def _words(chain: Chain, level: int) -> Words:
    """Return how a person calls the part of a place that a chain has: a grid, the rest of one, or what is beyond."""
    own = chain[level]
    if own is not None:
        return own.name, own.name
    wider = next((owner.name for owner in reversed(chain) if owner is not None), None)
    return ("辖区以外", "the neighbouring district") if wider is None else (f"{wider}其他地方", f"the rest of {wider}")
