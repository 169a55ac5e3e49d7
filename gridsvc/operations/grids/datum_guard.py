"""A file of boundaries that is shifted as if by another datum (R20)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import shapely

from gridsvc.coordinates import Bounds, Datum
from gridsvc.errors import InvalidInput
from gridsvc.files.grids.divisions import find_district_box
from gridsvc.grids.datum_fit import fit_boundaries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gridsvc.files.grids.boundaries import Boundaries
    from gridsvc.grids.levels import Grid, Level


def near_district(district: str, present: Sequence[Grid]) -> Bounds | None:
    """Return a box round what is known of a district: its grids, else the seats of its townships; None for nothing."""
    shapes = [grid.geometry for grid in present if not grid.geometry.is_empty]
    if not shapes:
        return find_district_box(district)
    west, south, east, north = shapely.total_bounds(shapes)
    return Bounds(float(west), float(south), float(east), float(north))


def check_datum(
    path: Path, boundaries: Boundaries, level: Level, present: Sequence[Grid], *, accept_shift: bool
) -> list[str]:
    """Compare the lines of a file with those in force; return what to say, or refuse it as shifted.

    Raises
    ------
    InvalidInput
        Where another datum explains the distance, and the shift is not accepted.
    """
    levels = sorted({grid.level for grid in present}, key=lambda each: (each != level, abs(each.value - level.value)))
    if not levels:
        return []
    against = levels[0]
    shapes = [grid.geometry for grid in present if grid.level == against]
    fit = fit_boundaries(list(boundaries.geometries), shapes, boundaries.datum, finer=against < level)
    if fit is None or not fit.is_shifted:
        return []
    east = f"{abs(fit.east_m):.0f} m {'east' if fit.east_m >= 0 else 'west'}"
    north = f"{abs(fit.north_m):.0f} m {'north' if fit.north_m >= 0 else 'south'}"
    shift = (
        f"lies {east} and {north} of the {against.key} boundaries in force: as {fit.declared.value} the lines are "
        f"{fit.as_declared_m:.0f} m from each other in the middle, as {fit.datum.value} {fit.best_m:.0f} m"
    )
    if accept_shift:
        return [f"the file {shift}; accepted as it is"]
    crs = "EPSG:4326" if fit.datum is Datum.WGS84 else fit.datum.value
    raise InvalidInput(
        f"{path} {shift}. Load it as {fit.datum.value}; or, where those in force are the wrong ones, with "
        "--accept-shift.",
        kind="shifted-datum",
        file=str(path),
        east_m=fit.east_m,
        north_m=fit.north_m,
        level=against.key,
        declared=fit.declared.value,
        likely=fit.datum.value,
        as_declared_m=fit.as_declared_m,
        as_likely_m=fit.best_m,
        retry=[["--crs", crs], ["--accept-shift"]],
    )
