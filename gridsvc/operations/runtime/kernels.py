"""`python -m gridsvc.operations.runtime.kernels`: compile every numba kernel, so that no request waits for it.

numba keeps what it compiled in `__pycache__` beside the source where that can be written, else in the user's cache
folder, or where NUMBA_CACHE_DIR says; keyed by source, numba's version and processor.
"""

from __future__ import annotations

import importlib
from concurrent.futures import ProcessPoolExecutor

from gridsvc.isochrones.compiled import KERNELS as OF_ISOCHRONES
from gridsvc.roads.compiled import KERNELS as OF_ROADS
from gridsvc.simulation.compiled import KERNELS as OF_SIMULATION

KERNELS = (*OF_ROADS, "gridsvc.grids.compiled", *OF_ISOCHRONES, *OF_SIMULATION)
"""Modules whose import compiles what is not compiled yet, or loads it."""


def load_all() -> None:
    """Import them all: a second or less where they are compiled, a minute where not."""
    for module in KERNELS:
        importlib.import_module(module)


def compile_all(processes: int = 2) -> None:
    """Compile them side by side, in processes that take one module after the other; what is there is only loaded."""
    with ProcessPoolExecutor(processes) as pool:
        for _ in pool.map(_load, KERNELS):
            pass
    load_all()


def _load(module: str) -> None:
    importlib.import_module(module)


if __name__ == "__main__":
    compile_all()
