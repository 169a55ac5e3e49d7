"""The command that cures each kind of fault (R4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.grids.levels import Grid, Level

REPAIR = "gridsvc grids repair"


def cure_of(kind: str, grids: Sequence[Grid], *, level: Level, mends: bool) -> str:
    """Return the command that cures a fault, without `--district`.

    Parameters
    ----------
    grids
        The grids concerned; of an overlap the two that overlap.
    level
        The level whose source has the fault.
    mends
        Whether `grids repair` mends it without a ruling.
    """
    load = f"gridsvc load grids FILE --level {level.key}"
    if kind == "no-officer":
        return "gridsvc load posts FILE.csv"
    if kind == "unresolved-name":
        return f"{load} --code-field NAME"
    if kind == "orphan":
        return f"{load} --parent-field NAME"
    if mends:
        return REPAIR
    if kind == "duplicate-code":
        return f"{load} --code-field NAME"
    if kind == "overlap":
        first, second = sorted(grid.code for grid in grids)[:2]
        return f"gridsvc grids rule {first} {second} --from DATE --reason TEXT"
    return load
