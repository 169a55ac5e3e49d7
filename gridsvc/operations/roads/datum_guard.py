"""A file of roads that is shifted as if by another datum (R20): by the roads in force, else by addresses."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.db.evidence.artifacts import ArtifactLost
from gridsvc.db.grids.addresses import list_addresses
from gridsvc.db.grids.versions import list_versions
from gridsvc.operations.datum_shift import Shift, road_shift
from gridsvc.operations.roads.mapped import road_network
from gridsvc.roads.datum_fit import fit_places, fit_roads, places_on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from gridsvc.coordinates import Datum
    from gridsvc.db.grids.addresses import Address
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.network.network import RoadNetwork


def find_shift(
    service: Service, connection: Connection, district: str, network: RoadNetwork, declared: Datum
) -> Shift | None:
    """Compare roads that were read with `declared` with what is in force; None where nothing speaks against them."""
    versions = next((each for each in list_versions(connection) if each.district == district), None)
    if versions is None:
        return None
    present = None
    if versions.network is not None:
        with suppress(ArtifactLost):  # `doctor` says so
            present = road_network(service, connection, district, versions.network)
    houses = [each for each in list_addresses(connection, district) if each.level == "house"]
    return compare(network, present, houses, declared)


def compare(
    network: RoadNetwork, present: RoadNetwork | None, houses: Sequence[Address], declared: Datum
) -> Shift | None:
    """Return the shift of roads against those that are `present`, else against houses; None: nothing tells one.

    Of two road files one often has more roads, and those that only one has are near none of the other. So either is
    compared with the other.
    """
    if present is not None:
        fit = fit_places(present, *places_on(network), declared)
        if fit is not None and fit.is_clear:
            return road_shift(fit, "its roads", "those in force") if fit.is_shifted else None
        fit = fit_roads(network, *places_on(present), declared)
        if fit is not None and fit.is_clear:
            return road_shift(fit, "those in force", "its roads") if fit.is_shifted else None
    lon = np.array([each.lon for each in houses])
    lat = np.array([each.lat for each in houses])
    for streets, roads in (([each.parts.get("street", "") for each in houses], "their streets in it"), (None, "it")):
        fit = fit_roads(network, lon, lat, declared, streets=streets)
        if fit is not None and fit.is_clear:
            return road_shift(fit, "known houses", roads) if fit.is_shifted else None
    return None
