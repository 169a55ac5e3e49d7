"""Whether places that name their grid are shifted as if their datum were another: by the grids that hold them (R20)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from gridsvc.coordinates import Datum
    from gridsvc.grids.index import OwnershipIndex

    Floats = NDArray[np.float64]

FEWEST_NAMED = 40
FEWEST_WRONG = 10
"""So many places must be in another grid than the one that they name, at the least."""
LEAST_WRONG_SHARE = 0.04
BEST_SHARE = 0.3
"""What another datum must leave of the places in a wrong grid."""
MOST_WRONG_SHARE = 0.05
"""What the right datum leaves at the most: mistakes of the names."""


@dataclass(frozen=True, slots=True)
class NamedFit:
    """How many of `places` are in another grid than the one that they name, as declared and in the best datum."""

    declared: Datum
    datum: Datum
    places: int
    wrong: int
    best_wrong: int

    @property
    def is_shifted(self) -> bool:
        """Whether another datum puts the places where they say that they are."""
        return (
            self.datum is not self.declared
            and self.places >= FEWEST_NAMED
            and self.wrong >= max(FEWEST_WRONG, LEAST_WRONG_SHARE * self.places)
            and self.best_wrong <= BEST_SHARE * self.wrong
            and self.best_wrong <= MOST_WRONG_SHARE * self.places
        )


def fit_named(
    index: OwnershipIndex, named: NDArray[np.int32], moved: Mapping[Datum, tuple[Floats, Floats]], declared: Datum
) -> NamedFit:
    """Compare where places are with what they name, in each datum.

    Parameters
    ----------
    named
        (n,) rows of `index.grids`, -1 = names none; of any level.
    moved
        The same places (n,), WGS-84 degrees as read with each datum, `declared` among them.
    """
    some = np.flatnonzero(named >= 0)
    wanted = named[some]
    level = index.grids.levels[wanted] - 1
    wrong = {}
    for datum, (lon, lat) in moved.items():
        chains = index.chains[index.find_rows(lon[some], lat[some])]
        wrong[datum] = int((chains[np.arange(len(some)), level] != wanted).sum())
    best = min(wrong, key=lambda datum: (wrong[datum], datum is not declared))
    return NamedFit(declared, best, len(some), wrong[declared], wrong[best])
