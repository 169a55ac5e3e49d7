"""gridsvc: geospatial command of law enforcement and emergencies.

`from gridsvc import Grids, Roads` gives analysts ownership and travel times over GeoDataFrames, without a server.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gridsvc.analysis.grids import Grids
    from gridsvc.analysis.roads import Roads

__version__ = "0.1.0"
__all__ = ["Grids", "Roads", "__version__"]


_LATE = {"Grids": "gridsvc.analysis.grids", "Roads": "gridsvc.analysis.roads"}


def __getattr__(name: str) -> object:
    """Load a class of analysts at its first use: `import gridsvc` alone costs nothing."""
    if name not in _LATE:
        raise AttributeError(f"module 'gridsvc' has no attribute {name!r}")
    return getattr(importlib.import_module(_LATE[name]), name)
