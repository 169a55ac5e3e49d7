"""Types of the compiled kernels' arguments, and where compiled kernels are kept.

`read_` arrays are never written to, so that mapped files fit. Every module of kernels imports this one first.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import Any

from numba import types
from numba.core import config as numba_config

KERNELS = (
    "network.chains",
    "network.geometry",
    "kernels.ellipsoid_kernel",
    "kernels.snapping_kernel",
    "kernels.anchor_kernel",
    "kernels.search_kernel",
    "kernels.one_kernel",
    "kernels.path_kernel",
    "search.dissection",
    "kernels.hierarchy_kernel",
    "kernels.lanes",
    "kernels.sweep_kernel",
    "kernels.partial_kernel",
    "kernels.station_times_kernel",
)
"""The modules with kernels, as paths below `gridsvc.roads`; an import of one compiles what is not compiled yet."""


config: Any = numba_config


def _keep_by_sources() -> None:
    """Keep compiled kernels in a folder that is named after all their sources.

    numba notices that a kernel's own file has changed, not that a kernel it calls has: after a partial upgrade it
    would go on with the old one. Where the folder cannot be written, numba takes the user's cache.
    """
    package = files("gridsvc")
    digest = hashlib.sha256()
    for module in KERNELS:
        digest.update((package / "roads" / f"{module.replace('.', '/')}.py").read_bytes())
    told = config.CACHE_DIR or package / "__pycache__"
    config.CACHE_DIR = f"{told}/kernels-{digest.hexdigest()[:16]}"


_keep_by_sources()


def _read(scalar: types.Type, dimensions: int = 1) -> types.Array:
    return types.Array(scalar, dimensions, "C", readonly=True)


read_i4 = _read(types.int32)
read_i8 = _read(types.int64)
read_f8 = _read(types.float64)
read_u4 = _read(types.uint32)
read_b1 = _read(types.boolean)
read_u4_2d = _read(types.uint32, 2)
read_i4_2d = _read(types.int32, 2)

i4 = types.int32[::1]
i8 = types.int64[::1]
f8 = types.float64[::1]
u4 = types.uint32[::1]
b1 = types.boolean[::1]
i4_2d = types.int32[:, ::1]
u4_2d = types.uint32[:, ::1]

int64 = types.int64
float64 = types.float64
void = types.void
