"""`python -m gridsvc.roads.kernels.warm`: compile every kernel, so that no query ever waits for a compiler.

numba keeps them beside the sources, else in the user's cache folder; NUMBA_CACHE_DIR names another place. What is
kept depends on the sources, numba's version and the processor.
"""

from __future__ import annotations

import importlib

from gridsvc.roads.kernels import signatures

KERNELS = tuple(f"gridsvc.roads.{module}" for module in signatures.KERNELS)
"""Modules whose import compiles what is not compiled yet."""


def main() -> None:
    """Import every module of kernels."""
    for module in KERNELS:
        importlib.import_module(module)


if __name__ == "__main__":
    main()
