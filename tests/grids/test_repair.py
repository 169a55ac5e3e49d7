"""Broken tilings: the check finds each planted fault with its place and area, the repair mends those that it may."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import shapely

from gridsvc.grids.faults import find_faults
from gridsvc.grids.levels import Grid, Level
from gridsvc.grids.repair import RepairLimits, repair
from gridsvc.grids.rulings import Ruling
from tests.grids.test_faults import area_m2, changed, place_of, square, toy
from tests.worlds.tilings import nest, tile

if TYPE_CHECKING:
    from collections.abc import Callable

    from shapely.geometry.base import BaseGeometry

    from gridsvc.grids.fault import Fault

KINDS = ("overlap", "gap", "missing cell", "bow-tie", "hole", "duplicate", "wrong parent")
BOX = shapely.box(119.6, 29.0, 119.95, 29.35)


class Broken:
    """A nested tiling of 60 villages with one fault in one inner village."""

    def __init__(self, what: str, seed: int) -> None:
        self.draw = np.random.default_rng(seed)
        good = [replace(grid, officer="someone") for grid in nest(tile(60, seed))]
        inner = [g for g in good if g.level is Level.VILLAGE and g.geometry.distance(BOX.boundary) > 0.01]
        self.grid = inner[int(self.draw.integers(len(inner)))]
        self.others = [g for g in good if g.code != self.grid.code]
        self.villages = shapely.union_all([g.geometry for g in self.others if g.level is Level.VILLAGE])
        self.grids, self.place, self.kind = PLANT[what](self)

    def with_shape(self, shape: BaseGeometry) -> list[Grid]:
        return [*self.others, replace(self.grid, geometry=shape)]


def overlap(world: Broken) -> tuple[list[Grid], BaseGeometry, str]:
    grown = world.grid.geometry.buffer(float(world.draw.uniform(2e-5, 1e-4)))
    return world.with_shape(grown), shapely.intersection(grown, world.villages), "overlap"


def gap(world: Broken) -> tuple[list[Grid], BaseGeometry, str]:
    less = world.grid.geometry.buffer(-float(world.draw.uniform(3e-5, 1e-4)))
    return world.with_shape(less), shapely.difference(world.grid.geometry, less), "gap"


def missing_cell(world: Broken) -> tuple[list[Grid], BaseGeometry, str]:
    return world.others, world.grid.geometry, "gap"


def bow_tie(world: Broken) -> tuple[list[Grid], BaseGeometry, str]:
    x, y = world.grid.geometry.representative_point().coords[0]
    ring = [(x, y), (x + 4e-4, y + 4e-4), (x + 4e-4, y), (x, y + 4e-4)]
    halves = [
        shapely.Polygon([ring[0], (x + 2e-4, y + 2e-4), ring[3]]),
        shapely.Polygon([ring[1], (x + 2e-4, y + 2e-4), ring[2]]),
    ]
    return world.with_shape(shapely.Polygon(ring)), shapely.union_all(halves), "invalid"


def hole(world: Broken) -> tuple[list[Grid], BaseGeometry, str]:
    middle = world.grid.geometry.representative_point().buffer(1e-4, cap_style="square")
    return world.with_shape(shapely.difference(world.grid.geometry, middle)), middle, "gap"


def duplicate(world: Broken) -> tuple[list[Grid], BaseGeometry, str]:
    return [*world.others, world.grid, world.grid], shapely.Polygon(), "duplicate-code"


def wrong_parent(world: Broken) -> tuple[list[Grid], BaseGeometry, str]:
    areas = [g for g in world.others if g.level is Level.AREA and g.code != world.grid.parent]
    other = max(areas, key=lambda g: g.geometry.distance(world.grid.geometry))
    return [*world.others, replace(world.grid, parent=other.code)], world.grid.geometry, "misplaced"


PLANT: dict[str, Callable[[Broken], tuple[list[Grid], BaseGeometry, str]]] = dict(
    zip(KINDS, (overlap, gap, missing_cell, bow_tie, hole, duplicate, wrong_parent), strict=True)
)
MENDED = {"overlap", "gap", "hole", "duplicate"}


def kinds(faults: list[Fault]) -> set[str]:
    return {fault.kind for fault in faults}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("what", KINDS)
def test_a_planted_fault_is_found_where_it_is_and_mended_where_it_may_be(what: str, seed: int) -> None:
    world = Broken(what, seed)
    faults = find_faults(world.grids)
    found = [
        f
        for f in faults
        if f.kind in {world.kind, "sliver"} or (what == "gap" and f.kind == "overlap")
        if world.grid.code in f.codes or what in {"missing cell", "hole", "gap"}
    ]
    assert found, kinds(faults)
    if not world.place.is_empty:
        measured = [f for f in found if f.kind in {world.kind, "sliver"}]
        assert sum(f.area_m2 for f in measured) == pytest.approx(area_m2(world.place), rel=1e-3, abs=0.5)
        near = world.place.buffer(1e-6)
        assert all(near.covers(place_of(f)) for f in measured)
        assert all(f.cure.startswith("gridsvc ") for f in measured)
    unlimited = RepairLimits(overlap_m2=1e9, gap_m2=1e6)
    mended, changes = repair(world.grids, limits=unlimited)
    left = kinds(find_faults(mended))
    if what in MENDED:
        assert changes
        assert left == set()
        assert sum(c.area_m2 for c in changes) == pytest.approx(
            area_m2(world.place) if what != "duplicate" else area_m2(world.grid.geometry), rel=1e-3, abs=1
        )
        own, again = (
            shapely.union_all([g.geometry for g in grids if g.level is Level.VILLAGE])
            for grids in (world.grids, mended)
        )
        assert area_m2(again) - area_m2(own) == pytest.approx(
            sum(c.area_m2 for c in changes if c.lost is None), rel=1e-3, abs=1
        )
    elif what == "bow-tie":
        assert "invalid" not in left
        assert [c.gained for c in changes if c.kind == "invalid"] == [world.grid.code]
    elif what == "missing cell":
        assert "gap" in left or area_m2(world.place) <= unlimited.gap_m2
    else:
        assert changes == []
        assert left == kinds(faults)


def test_a_clean_tiling_is_left_as_it_is() -> None:
    grids = nest(tile(60, 3))
    mended, changes = repair(grids)
    assert changes == []
    assert {id(g) for g in mended} == {id(g) for g in grids}


def test_an_overlap_over_the_limit_stays_until_a_ruling_gives_it_to_one() -> None:
    grown = square(0, 0).buffer(0.001, join_style="mitre") & shapely.box(119.6, 29.0, 119.63, 29.01)
    draft = changed("V00", geometry=grown)
    shared = area_m2(shapely.intersection(grown, square(1, 0)))
    assert shared > 10_000
    mended, changes = repair(draft)
    assert changes == []
    ruling = Ruling(("V00", "V10"), np.datetime64("2026-01-01").astype(object), "the treaty", "me", shared)
    (fault,) = [f for f in find_faults(draft, accepted=[ruling]) if f.kind == "overlap"]
    assert not fault.blocking
    assert "the treaty" in fault.words
    assert repair(draft, accepted=[ruling])[1] == []  # accepted as it is
    for owner, loser in (("V00", "V10"), ("V10", "V00")):
        mended, (change,) = repair(draft, accepted=[replace(ruling, owner=owner)])
        assert (change.gained, change.lost) == (owner, loser)
        assert change.area_m2 == pytest.approx(shared, rel=1e-6)
        assert not [f for f in find_faults(mended) if f.kind == "overlap"]
    (fault,) = [f for f in find_faults(draft, accepted=[replace(ruling, area_m2=shared / 1.1)]) if f.kind == "overlap"]
    assert fault.blocking, "a ruling accepts the overlap that it was made for, not a larger one"


def test_a_gap_goes_to_the_neighbour_with_the_longest_shared_border() -> None:
    """A strip of 5 m along the whole of one village's side, and the end of another's."""
    strip = shapely.box(119.61 - 5e-5, 29.0, 119.61, 29.01)
    towns = [
        Grid("R", "region", Level.REGIONAL, None, shapely.box(119.6, 29.0, 119.62, 29.02)),
        Grid("A", "a", Level.TOWNSHIP, "R", shapely.difference(square(0, 0), strip)),
        Grid("B", "b", Level.TOWNSHIP, "R", square(1, 0)),
        Grid("C", "c", Level.TOWNSHIP, "R", square(0, 1, width=2)),
    ]
    mended, (change,) = repair(towns)
    assert (change.kind, change.gained, change.lost) == ("gap", "A", None)  # of equal borders the lower code
    assert change.area_m2 == pytest.approx(area_m2(strip), rel=1e-6)
    assert find_faults(mended) == []


def test_what_no_repair_may_decide_has_another_cure() -> None:
    faults = find_faults([g for g in toy() if g.code != "V21"])
    assert [f.cure for f in faults] == ["gridsvc load grids FILE --level village"]
    grown = square(0, 0).buffer(0.001, join_style="mitre")
    faults = find_faults([g for g in changed("V00", geometry=grown) if g.code not in {"V01", "V11"}])
    assert "gridsvc grids rule V00 V10 --from DATE --reason TEXT" in {f.cure for f in faults}
