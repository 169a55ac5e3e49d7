"""Imports the compiled kernels of the grids: compiles what is not compiled yet, else loads it."""

from __future__ import annotations

from gridsvc.grids.kernels import crossing_kernel, raster_kernel, records_kernel

__all__ = ["crossing_kernel", "raster_kernel", "records_kernel"]
