"""Areas of at least five cases: no reporter can be located from a map, nor by subtracting one area from another.

A published count must not be small, nor may it follow from two published ones (Cox 1980, Suppression methodology and
statistical disclosure control; Duke-Williams, Rees 1998, on two zonings of the same cases). So cases are divided once:
first by owner (the township), then by cells of ever finer resolution within it, and a division is made only where every
part has enough cases. Each published number is a sum over whole areas, so that any difference of two is one too.

Not covered: two reports of periods that overlap in part. Reports of whole months do not.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.int64]
    CellOf = Callable[[int, int], str]
    """(row, resolution) -> cell."""

LEAST_CASES = 5


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that are published together. `owners`: whose they are, several where one alone has too few cases.

    `cell`: the cell that holds them all, None = the whole of the owners. `without`: cells in it that are other parts.
    """

    owners: tuple[str, ...]
    rows: Rows
    cell: str | None = None
    without: tuple[str, ...] = ()


def divide(
    owners: Sequence[str], cell_of: CellOf, resolutions: Sequence[int], least: int = LEAST_CASES
) -> tuple[Part, ...]:
    """Divide cases into parts of at least `least`, in the order of their owners and cells.

    Parameters
    ----------
    owners
        (n,) the code of each case's owner, "" = none.
    cell_of
        The cell of a row at a resolution; cells of a resolution are within those of the one before.
    resolutions
        From coarse to fine, each one finer than the one before.
    least
        The fewest cases of a part that is a cell, or what cells leave of their owner. An owner stands alone from
        LEAST_CASES on.

    Returns
    -------
    No part where there are fewer cases than `least`.
    """
    parts: list[Part] = []
    for joined, rows in merge_small(owners, min(least, LEAST_CASES)):
        _split(parts, Part(joined, rows), cell_of, list(resolutions), least)
    return tuple(parts)


def merge_small(owners: Sequence[str], least: int = LEAST_CASES) -> list[tuple[tuple[str, ...], Rows]]:
    """Return (owners, rows), each of at least `least` rows: owners with fewer are joined; [] where all are too few.

    If all small ones together are too few, the smallest of the others joins them.
    """
    grouped: dict[str, list[int]] = defaultdict(list)
    for row, owner in enumerate(owners):
        grouped[owner].append(row)
    by_size = sorted(grouped, key=lambda owner: (len(grouped[owner]), owner))
    joined = [owner for owner in by_size if len(grouped[owner]) < least]
    alone = by_size[len(joined) :]
    if joined and sum(len(grouped[owner]) for owner in joined) < least and alone:
        joined.append(alone.pop(0))
    sets: list[tuple[str, ...]] = [(owner,) for owner in alone]
    if sum(len(grouped[owner]) for owner in joined) >= least:
        sets.append(tuple(sorted(joined)))
    return [
        (each, np.array(sorted(row for owner in each for row in grouped[owner]), dtype=np.int64))
        for each in sorted(sets)
    ]


def _split(parts: list[Part], part: Part, cell_of: CellOf, resolutions: list[int], least: int) -> None:
    """Add a part, or the parts of it that are possible."""
    if not resolutions:
        parts.append(part)
        return
    resolution, *finer = resolutions
    grouped: dict[str, list[int]] = defaultdict(list)
    for row in part.rows.tolist():
        grouped[cell_of(row, resolution)].append(row)
    by_size = sorted(grouped, key=lambda cell: (len(grouped[cell]), cell))
    rest = [cell for cell in by_size if len(grouped[cell]) < least]
    shown = by_size[len(rest) :]
    if rest and shown and sum(len(grouped[cell]) for cell in rest) < least:
        rest.append(shown.pop(0))
    if not shown:
        parts.append(part)
        return
    for cell in sorted(shown):
        _split(parts, Part(part.owners, np.array(grouped[cell], dtype=np.int64), cell), cell_of, finer, least)
    if rest:
        rows = np.array(sorted(row for cell in rest for row in grouped[cell]), dtype=np.int64)
        parts.append(Part(part.owners, rows, part.cell, tuple(sorted(shown))))
