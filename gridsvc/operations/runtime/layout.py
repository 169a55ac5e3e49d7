"""Where the districts are: finds the few that can hold a place, so that only these are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import shapely

from gridsvc.coordinates import Bounds, distance_m
from gridsvc.db.grids.layout import Outline, list_outlines, read_near
from gridsvc.errors import Unavailable
from gridsvc.operations.runtime.districts import view_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shapely import STRtree
    from shapely.geometry.base import BaseGeometry
    from sqlalchemy import Connection

    from gridsvc.db.grids.layout import LayoutVersion
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

_TRIES = 20  # a process that is short of processors may miss several loads of roads in a row


@dataclass(frozen=True)
class Layout:
    """The outlines of all districts that a scope holds, in the order of their codes, at one version."""

    version: LayoutVersion
    outlines: tuple[Outline, ...]

    @cached_property
    def bounds(self) -> Bounds | None:
        """The box round all grids; None without grids. For recognising swapped coordinates."""
        covers = [each.cover for each in self.outlines if each.cover is not None]
        return Bounds(*shapely.total_bounds(covers).tolist()) if covers else None

    @cached_property
    def _numbers(self) -> list[int]:
        """The outline of each area of `_tree`."""
        return [n for n, each in enumerate(self.outlines) for area in (each.cover, each.roads) if area is not None]

    @cached_property
    def _tree(self) -> STRtree:
        return shapely.STRtree(
            [area for each in self.outlines for area in (each.cover, each.roads) if area is not None]
        )

    def touching(self, area: BaseGeometry) -> list[str]:
        """Return the codes of the districts whose cover or road box meets an area, in order."""
        found = self._tree.query(area, predicate="intersects").tolist()
        return [self.outlines[n].district for n in sorted({self._numbers[each] for each in found})]

    def by_distance(self, lon: float, lat: float) -> list[tuple[float, str]]:
        """Return (metres, code) of the districts with grids, the nearest first; no grid is nearer than these metres."""
        found = []
        for each in self.outlines:
            if each.cover is not None:
                west, south, east, north = each.cover.bounds
                beside = float(np.clip(lon, west, east)), float(np.clip(lat, south, north))
                found.append((0.99 * distance_m(lon, lat, *beside), each.district))
        return sorted(found)


class Districts:
    """The districts of a caller, each loaded when a place needs it.

    In a transaction, `layout` is the one that this process knows; a statement that reads versions confirms it, and
    loads the present one where it has changed.
    """

    def __init__(self, layout: Layout, load: Callable[[Layout, Sequence[str]], list[DistrictView] | Layout]) -> None:
        self.layout = layout
        self._load = load
        self._views: dict[str, DistrictView] = {}

    @classmethod
    def now(cls, service: Service, connection: Connection) -> Districts:
        """Return the districts in force, as the transaction sees them."""
        scope = service.caller.scope.district or "*"

        def load(layout: Layout, codes: Sequence[str]) -> list[DistrictView] | Layout:
            version, found = read_near(connection, codes)
            if version != layout.version:
                current = Layout(version, tuple(list_outlines(connection)))
                service.remember("layout", scope, current)
                return current
            views = [view_at(service, connection, versions) for versions in found]
            for view in views:
                service.remember("view", view.code, view)
            return views

        known = service.recall("layout").get(scope)
        return cls(Layout((0, 0), ()) if known is None else known[1], load)

    @classmethod
    def of(cls, views: Sequence[DistrictView]) -> Districts:
        """Return districts that are loaded."""
        known = {view.code: view for view in views}
        layout = Layout((0, 0), tuple(_outline(view) for view in sorted(views, key=lambda view: view.code)))
        return cls(layout, lambda _, codes: [known[code] for code in codes])

    @property
    def bounds(self) -> Bounds | None:
        """The box round all grids; None without grids. For recognising swapped coordinates."""
        if not self.layout.outlines:
            self.view_all(())
        return self.layout.bounds

    def touching(self, area: BaseGeometry) -> list[DistrictView]:
        """Return the districts whose cover or road box meets an area, in the order of their codes."""
        return self._find(lambda layout: layout.touching(area))

    def nearest(self, lon: float, lat: float) -> Iterator[tuple[float, DistrictView]]:
        """Yield (metres, district), the nearest first: no grid of it is nearer than these metres."""
        for metres, code in self.layout.by_distance(lon, lat):
            for view in self.view_all((code,)):
                yield metres, view

    def view_all(self, codes: Sequence[str] | None = None) -> list[DistrictView]:
        """Return the districts of some codes, or all, in the order of their codes; unknown codes are left out."""
        return self._find(
            lambda layout: [each.district for each in layout.outlines if codes is None or each.district in codes]
        )

    def _find(self, choose: Callable[[Layout], Sequence[str]]) -> list[DistrictView]:
        for _ in range(_TRIES):
            codes = choose(self.layout)
            if codes and all(code in self._views for code in codes):
                return [self._views[code] for code in codes]
            found = self._load(self.layout, codes)
            if not isinstance(found, Layout):
                self._views |= {view.code: view for view in found}
                return found
            self.layout = found
            self._views.clear()
        raise Unavailable("The districts are changing at the moment. Nothing was written; try again.")


def _outline(view: DistrictView) -> Outline:
    cover = None if view.index is None else shapely.box(*view.index.bounds)
    return Outline(view.code, cover, None if view.network is None else shapely.box(*view.network.bounds))
