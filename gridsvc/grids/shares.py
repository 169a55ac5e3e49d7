"""Owners of what is larger than a point: a place known to a radius, a line, an area (R3)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import LocalMetres, check_lonlat, equal_area_m
from gridsvc.errors import InvalidInput
from gridsvc.grids.ownership import Ownership, Rule, Share

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.index import OwnershipIndex

CONFIRM_UNDER = 0.8
LARGEST_RADIUS_M = 100_000
_SPOTS = 2048
_DUST = 1e-9  # shares below this are rounding of an intersection


def with_radius(index: OwnershipIndex, lon: float, lat: float, radius_m: float) -> Ownership:
    """Return the owner of a place known to a radius: the chain with the largest share, and all shares.

    The shares are those of 2,048 spots spread evenly over the disc (Vogel's spiral), right to about 0.5 %.
    """
    if not (math.isfinite(radius_m) and 0 <= radius_m <= LARGEST_RADIUS_M):
        raise InvalidInput(
            f"The radius is {radius_m!r} m; give a number from 0 to {LARGEST_RADIUS_M}.",
            radius_m=radius_m,
            most=LARGEST_RADIUS_M,
        )
    check_lonlat(lon, lat, near=index.bounds)
    here = index.locate(lon, lat)
    if radius_m == 0:
        return replace(here, shares=(Share(here.owners, 1.0),), confirm=False)
    lons, lats = LocalMetres(lon, lat).to_lonlat(*spots_within(radius_m))
    rows, counts = np.unique(index.find_rows(lons, lats), return_counts=True)
    held = {int(row): int(count) / _SPOTS for row, count in zip(rows, counts, strict=True)}
    shares = _as_shares(index, held)
    if here.rule is Rule.OUTSIDE:
        return replace(here, shares=shares, confirm=True)
    confirm = shares[0].share < CONFIRM_UNDER
    inside = {row: share for row, share in held.items() if row < index.size}
    best = max(inside, key=lambda row: (inside[row], -row), default=None)
    if best is None or index.owners_of(best) == here.owners:
        return replace(here, shares=shares, confirm=confirm or best is None)
    likely = index.answer_of_row(best)
    return replace(likely, shares=shares, confirm=confirm or not any(shares[0].owners))


LEAST_EMERGENCIES = 20
"""Of fewer past emergencies within a radius no shares are said."""


def with_demand(
    index: OwnershipIndex,
    found: Ownership,
    circle: tuple[float, float, float],
    emergencies: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]],
) -> Ownership:
    """Return the owner of a place with the share of the past emergencies that each chain has within its radius.

    It changes neither the owner nor `confirm`: those follow from the area alone, which a replay finds again.

    Parameters
    ----------
    found
        Of `with_radius`.
    circle
        Longitude and latitude in degrees, metres.
    emergencies
        Longitudes, latitudes (degrees) and how many there were, (n,) each.
    """
    if found.shares is None or len(found.shares) < 2:
        return found
    plane = LocalMetres(*circle[:2])
    x, y = plane.to_metres(emergencies[0], emergencies[1])
    near = x * x + y * y <= circle[2] ** 2
    counts = emergencies[2][near]
    total = int(counts.sum())
    if total < LEAST_EMERGENCIES:
        return found
    rows = index.find_rows(emergencies[0][near], emergencies[1][near])
    held = {row: int(counts[rows == row].sum()) / total for row in np.unique(rows).tolist()}
    parts = {index.owners_of(row): part for row, part in held.items()}
    shares = [replace(each, demand_share=parts.pop(each.owners, 0.0)) for each in found.shares]
    codes = index.grids.urban_rural_codes
    beside = [  # too small for a spot of the area
        Share(index.owners_of(row), 0.0, codes[row] if row < index.size else None, part)
        for row, part in held.items()
        if index.owners_of(row) in parts
    ]
    return replace(found, shares=(*shares, *beside), emergencies=total)


def spots_within(radius_m: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return x and y, (2048,) metres each, of spots spread evenly over a disc round (0, 0)."""
    number = np.arange(_SPOTS) + 0.5
    turn = number * math.pi * (3 - math.sqrt(5))
    reach = radius_m * np.sqrt(number / _SPOTS)
    return reach * np.cos(turn), reach * np.sin(turn)


def with_geometry(index: OwnershipIndex, geometry: BaseGeometry) -> Ownership:
    """Return the lowest common ancestor of a line's or an area's owners; shares by length or area."""
    geometry = _checked(geometry)
    if isinstance(geometry, shapely.Point):
        return index.locate(geometry.x, geometry.y)
    measure = _measure(geometry)
    held: dict[int, float] = {}
    rest = geometry
    candidates = np.sort(index.tree.query(geometry))  # finest level first, then by code: the same order as for points
    for row in candidates[shapely.intersects(index.shapes[candidates], geometry)]:
        if rest.is_empty:
            break
        part = _sized(shapely.intersection(index.repaired(int(row)), rest), geometry)
        if part > 0:
            held[int(row)] = part
            rest = shapely.difference(rest, index.repaired(int(row)))
    if not rest.is_empty and (outside := _sized(rest, geometry)) > 0:
        held[index.size] = outside
    if not held:  # a line or area without extent: its first point speaks for it
        x, y = shapely.get_coordinates(geometry)[0]
        return index.locate(float(x), float(y))
    held = {row: part / measure for row, part in held.items() if part / measure > _DUST}
    total = sum(held.values())
    shares = _as_shares(index, {row: part / total for row, part in held.items()})
    by = "area" if shapely.get_dimensions(geometry) == 2 else "length"
    chains = index.chains[[row for row in held if row < index.size]]
    if not len(chains):
        return replace(index.answer_of_row(index.size), shares=shares, confirm=False, by=by)
    common = np.where((chains == chains[0]).all(axis=0), chains[0], -1)
    row = int(common[np.flatnonzero(common >= 0)[-1]]) if (common >= 0).any() else None
    if row is None:
        owners = index.answer_of_row(index.size)
        return replace(owners, rule=Rule.DISTRICT, shares=shares, confirm=shares[0].share < CONFIRM_UNDER, by=by)
    answer = index.answer_of_row(row)
    spread = len(chains) > 1 and answer.rule is Rule.GAP
    return replace(
        answer,
        rule=Rule.INTERIOR if spread else answer.rule,
        shares=shares,
        confirm=shares[0].share < CONFIRM_UNDER,
        by=by,
    )


def _as_shares(index: OwnershipIndex, held: Mapping[int, float]) -> tuple[Share, ...]:
    ranked = sorted(held.items(), key=lambda item: (-item[1], item[0]))
    codes = index.grids.urban_rural_codes
    return tuple(Share(index.owners_of(row), share, codes[row] if row < index.size else None) for row, share in ranked)


def _checked(geometry: BaseGeometry) -> BaseGeometry:
    if geometry.is_empty:
        raise InvalidInput("The geometry is empty. Send a point, a line or an area of degrees, longitude first.")
    geometry = shapely.force_2d(geometry)
    for lon, lat in shapely.get_coordinates(geometry):
        check_lonlat(float(lon), float(lat))
    if not geometry.is_valid:
        raise InvalidInput(
            f"The geometry is invalid: {shapely.is_valid_reason(geometry)}. Draw it without crossings.",
            reason=shapely.is_valid_reason(geometry),
        )
    return geometry


def _measure(geometry: BaseGeometry) -> float:
    whole = _sized(geometry, geometry)
    return whole if whole > 0 else 1.0


def _sized(part: BaseGeometry, whole: BaseGeometry) -> float:
    """Return the area in m2, or for a line the length in m, of a part of `whole`."""
    if shapely.get_dimensions(whole) == 2:
        return float(shapely.area(shapely.transform(part, equal_area_m)))
    plane = LocalMetres(*shapely.get_coordinates(whole)[0])
    return float(shapely.length(shapely.transform(part, lambda c: np.column_stack(plane.to_metres(c[:, 0], c[:, 1])))))
