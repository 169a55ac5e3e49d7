"""The compiled kernels of the roads: `python -m gridsvc.roads.compiled` compiles them all.

numba keeps compiled kernels beside the sources, or in the user's cache folder where that is not writable;
NUMBA_CACHE_DIR names another folder. They depend on the sources, numba's version and the processor.
"""

from __future__ import annotations

import importlib

KERNELS = tuple(
    f"gridsvc.roads.kernels.{module}"
    for module in (
        "chains_kernel",
        "cells_kernel",
        "ellipsoid_kernel",
        "snapping_kernel",
        "anchor_kernel",
        "search_kernel",
        "one_kernel",
        "path_kernel",
        "dissection_kernel",
        "hierarchy_kernel",
        "lanes",
        "sweep_kernel",
        "partial_kernel",
        "station_times_kernel",
    )
)
"""The kernel modules. An import of one compiles what is not compiled yet."""


def main() -> None:
    """Import every kernel module."""
    for module in KERNELS:
        importlib.import_module(module)


if __name__ == "__main__":
    main()
