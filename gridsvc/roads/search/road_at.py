"""Which road a place is at, for an answer that says what its times are of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.roads.network.speeds import CLASSES, LEVELS

if TYPE_CHECKING:
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.snapping import Snaps


@dataclass(frozen=True, slots=True)
class RoadAt:
    """The nearest road of a place. `name` None: it has none. `level`: of `speeds.LEVELS`, None = not known."""

    name: str | None
    road_class: str
    level: str | None
    offroad_m: float

    def as_json(self) -> dict[str, Any]:
        """Return the road as a member of an answer."""
        return {"name": self.name, "class": self.road_class, "level": self.level, "offroad_m": self.offroad_m}


def find_road(network: RoadNetwork, place: Snaps) -> RoadAt | None:
    """Return the nearest road of the one place; None = none within reach."""
    if not len(place.edge):
        return None
    edge = int(place.edge[0])
    a, b = int(network.edge_first_vertex[edge]), int(network.edge_first_vertex[edge + 1])
    metres = float(place.fraction[0]) * float(network.edge_length_m[edge])
    segment = a + int(np.clip(np.searchsorted(network.vertex_m[a:b], metres, side="right") - 1, 0, b - a - 2))
    number = int(network.edge_name[edge])
    return RoadAt(
        (network.names[number] or None) if number >= 0 else None,
        CLASSES[int(network.edge_class[edge])],
        LEVELS[int(network.segment_level[segment])] if network.levels_known else None,
        round(float(place.offroad_m[0]), 1),
    )
