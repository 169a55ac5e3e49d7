"""The weights of a district's roads at a version vector: a profile under the closures in effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.roads.search.closures import closed_edges, with_closures
from gridsvc.roads.search.weights import weights_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork
    from gridsvc.roads.search.closures import Closure
    from gridsvc.roads.search.weights import Weights


def weights_now(service: Service, view: DistrictView, network: RoadNetwork, profile: str) -> Weights:
    """Return the weights of a profile under the closures in effect at the view's clock.

    They are computed once in a process for each set of closures; the edges of a closure once for each network.
    """
    acting = acting_closures(view, profile)
    if not acting:
        return weights_of(network, profile)

    key = (view.versions.network, profile, tuple(closure.id for closure in acting))

    def work() -> Weights:
        return with_closures(
            network, profile, [(closure, _edges(service, view, network, closure)) for closure in acting]
        )

    return service.cached("weights", key, work)


def acting_closures(view: DistrictView, profile: str) -> list[Closure]:
    """Return the closures that apply to a profile at the view's clock, by id."""
    return [closure for closure in view.closures if closure.acts(profile, view.versions.now)]


def _edges(service: Service, view: DistrictView, network: RoadNetwork, closure: Closure) -> NDArray[np.int32]:

    key = (view.versions.network, closure.id)
    return service.cached("closed", key, lambda: closed_edges(network, closure.geometry))
