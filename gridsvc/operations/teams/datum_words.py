"""What speaks against the datum of a team's positions, in words; without the engine of the roads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.coordinates import shift_words

if TYPE_CHECKING:
    from collections.abc import Mapping


def suspect_words(name: str, fit: Mapping[str, Any]) -> str:
    """Say what speaks against the datum of a team's positions, in one sentence without its end."""
    return (
        f"{name} reports positions {shift_words(fit['east_m'], fit['north_m'])} of where it is: as {fit['declared']} "
        f"they are {fit['as_declared_m']:.0f} m (median) from a road, as {fit['likely']} {fit['best_m']:.0f} m"
    )
