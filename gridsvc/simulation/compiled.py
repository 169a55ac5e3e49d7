"""The compiled kernel of the simulation: an import of it compiles what is not compiled yet."""

from __future__ import annotations

KERNELS = ("gridsvc.simulation.kernels.nearest_kernel",)
