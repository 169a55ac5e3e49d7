"""Read response plans (a folder of TOML run cards, or one file) and clock policies."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.catalogue import Catalogue
    from gridsvc.response_plans import PlanBook


def read_plan_book(folder: Path, clock_policies: Path, catalogue: Catalogue) -> PlanBook:
    """Read every *.toml of `folder` and the policies; a card that cannot be meant is refused with file and place."""
    raise NotImplementedError
