"""A fault of a draft of boundaries, its kinds, and the limits of what blocks (R4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import shapely

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

FAULT_KINDS = (
    "invalid",
    "overlap",
    "gap",
    "sliver",
    "orphan",
    "misplaced",
    "duplicate-code",
    "absent",
    "unresolved-name",
    "no-officer",
)
BLOCKING_OVER_M2 = 100.0
"""A draft with a larger overlap, gap or sliver cannot be activated, unless a setting allows it."""
OPEN_GAP_M = 20.0
"""A notch of the outline that is narrower than this, between two grids, is listed as a gap."""
MENDED_M2 = 10_000.0
"""A repair mends overlaps and gaps up to this area, and slivers of any."""
PIECES = frozenset({"overlap", "gap", "sliver"})


@dataclass(frozen=True, slots=True)
class Limits:
    """blocking_over_m2: a larger overlap, gap or sliver blocks. open_gap_m: see `find_open_gaps`; 0: not looked for."""

    blocking_over_m2: float = BLOCKING_OVER_M2
    open_gap_m: float = OPEN_GAP_M


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    codes, names: the grids concerned, in the order of their codes. area_m2: on the ellipsoid; 0 where the fault has
    no area of its own. lon, lat: a point inside the fault, None for an empty geometry. blocking: the draft cannot be
    activated. words: a message for the user. cure: the command that removes it. shape: the polygons of an overlap, a
    gap or a sliver, else those of the grids concerned; empty where they have none.
    """

    kind: str
    codes: tuple[str, ...]
    names: tuple[str, ...]
    area_m2: float
    lon: float | None
    lat: float | None
    blocking: bool
    words: str
    cure: str
    shape: BaseGeometry = field(default_factory=shapely.Polygon, compare=False, repr=False)

    def as_json(self) -> dict[str, object]:
        """Return {kind, codes, names, area_m2, lon, lat, blocking, words, cure}."""
        return {
            "kind": self.kind,
            "codes": list(self.codes),
            "names": list(self.names),
            "area_m2": round(self.area_m2, 2),
            "lon": self.lon,
            "lat": self.lat,
            "blocking": self.blocking,
            "words": self.words,
            "cure": self.cure,
        }
