"""The compiled kernels of the isochrones."""

from __future__ import annotations

KERNELS = tuple(
    f"gridsvc.isochrones.kernels.{module}"
    for module in (
        "contour_kernel",
        "ground_kernel",
        "insertion_kernel",
        "ranking_kernel",
        "rings_kernel",
        "triangulation_kernel",
    )
)
"""The kernel modules. An import of one compiles what is not compiled yet."""
