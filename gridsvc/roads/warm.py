"""`python -m gridsvc.roads.warm`: compile every kernel, so that no query ever waits for a compiler.

Kernels are kept by numba: in `__pycache__` beside the source where that can be written, else in the user's cache
folder, or where NUMBA_CACHE_DIR says; keyed by the source, numba's version and the processor.
"""

from __future__ import annotations

import importlib

KERNELS = (
    "gridsvc.roads.chains",
    "gridsvc.roads.geometry",
    "gridsvc.roads.snapping_kernel",
    "gridsvc.roads.anchor_kernel",
    "gridsvc.roads.search_kernel",
    "gridsvc.roads.one_kernel",
    "gridsvc.roads.dissection",
    "gridsvc.roads.hierarchy_kernel",
    "gridsvc.roads.posts_kernel",
)
"""Modules whose import compiles what is not compiled yet."""


def main() -> None:
    """Import them all."""
    for module in KERNELS:
        importlib.import_module(module)


if __name__ == "__main__":
    main()
