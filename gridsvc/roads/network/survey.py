"""Roads as a source gives them, before they are a network: ways over numbered points, barriers, turn restrictions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gridsvc.coordinates import to_wgs84

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gridsvc.coordinates import Datum


@dataclass(frozen=True, slots=True)
class Restriction:
    """A turn that signs forbid (`only` = False) or command (`only` = True).

    from_ways, to_ways: several only for no entry and no exit. Via is a point, or ways one after the other.
    """

    only: bool
    from_ways: tuple[int, ...]
    to_ways: tuple[int, ...]
    via_point: int | None = None
    via_ways: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Every road of a source.

    Points: `point` (n,) any int64 ids in any order, with `lon`, `lat` (n,) degrees, `signal` (n,) bool. Ways: way w
    runs over `way_point[way_first[w] : way_first[w + 1]]`, ids that may be missing among the points (the way is cut
    there). `kph` (w, 4): normal forward, normal backward, emergency forward, emergency backward; 0 = closed.
    """

    point: NDArray[np.int64]
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    signal: NDArray[np.bool_]
    way: NDArray[np.int64]
    way_first: NDArray[np.int64]
    way_point: NDArray[np.int64]
    road_class: NDArray[np.uint8]
    kph: NDArray[np.float32]
    roundabout: NDArray[np.bool_]
    name: NDArray[np.int32]
    names: tuple[str, ...]
    barriers: dict[int, tuple[bool, bool]] = field(default_factory=dict)
    """Point -> (opens for anybody, opens in an emergency)."""
    restrictions: tuple[Restriction, ...] = ()
    level: NDArray[np.uint8] | None = None
    """Of each way (w,), a key of `speeds.LEVELS`; None: nothing but the surface."""
    report: dict[str, Any] = field(default_factory=dict)
    """Counts of what the reading left out, carried into the network's facts."""

    def read_in(self, datum: Datum) -> Survey:
        """Return the same roads in WGS-84, where their degrees are of a datum."""
        lon, lat = to_wgs84(self.lon, self.lat, datum)
        return replace(self, lon=lon, lat=lat)
