"""Numba types of the arguments of compiled kernels, and the folder of the compiled code.

Kernels never write to `read_` arrays, so these can be views of mapped files. Every kernel module of the roads and of
the isochrones imports this module first.

numba takes a named tuple of arrays as one argument (`named` gives its type), but it does not turn a writable array
within one into a read-only array. Groups that kernels only read therefore hold read-only views: `read_only` makes them
in Python, `frozen` in compiled code.
"""

from __future__ import annotations

import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from numba import types
from numba.core import cgutils
from numba.core import config as numba_config
from numba.core.imputils import impl_ret_borrowed
from numba.extending import intrinsic

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Scalar = TypeVar("Scalar", bound=np.generic)

config: Any = numba_config


def _keep_by_sources() -> None:
    """Set numba's cache folder to one that is named after the digest of all kernel sources.

    numba sees a change of a kernel's own file, but not of a kernel that it calls: after a partial upgrade it would run
    the old one. Where the folder is not writable, numba takes the user's cache.
    """
    package = files("gridsvc")
    digest = hashlib.sha256((package / "numba_types.py").read_bytes())
    for folder in ("roads", "isochrones", "grids", "simulation"):
        sources = (package / folder / "kernels").iterdir()
        for source in sorted(sources, key=lambda source: source.name):
            if source.name.endswith(".py"):
                digest.update(source.read_bytes())
    parent = config.CACHE_DIR or package / "__pycache__"
    config.CACHE_DIR = f"{parent}/kernels-{digest.hexdigest()[:16]}"


_keep_by_sources()


def _read(scalar: types.Type, dimensions: int = 1) -> types.Array:
    return types.Array(scalar, dimensions, "C", readonly=True)


read_i4 = _read(types.int32)
read_i8 = _read(types.int64)
read_f8 = _read(types.float64)
read_u4 = _read(types.uint32)
read_b1 = _read(types.boolean)
read_u1 = _read(types.uint8)
read_u4_2d = _read(types.uint32, 2)
read_i4_2d = _read(types.int32, 2)
read_f8_2d = _read(types.float64, 2)
read_b1_2d = _read(types.boolean, 2)
read_i8_2d = _read(types.int64, 2)

i4 = types.int32[::1]
i8 = types.int64[::1]
f8 = types.float64[::1]
u4 = types.uint32[::1]
b1 = types.boolean[::1]
i4_2d = types.int32[:, ::1]
u4_2d = types.uint32[:, ::1]
f8_2d = types.float64[:, ::1]
b1_2d = types.boolean[:, ::1]

int64 = types.int64
float64 = types.float64
void = types.void


def read_only(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return a read-only view of an array."""
    view = array.view()
    view.flags.writeable = False
    return view


def _frozen(_typing: Any, array: Any) -> Any:
    """Return a read-only view of an array, in compiled code."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return impl_ret_borrowed(context, builder, signature.return_type, arguments[0])

    return array.copy(readonly=True)(array), generate


def _borrowed(_typing: Any, group: Any) -> Any:
    """Return a group of arrays without reference counts, in compiled code; the caller of the kernel keeps them alive.

    numba counts a reference each time an array is read out of a tuple, which costs an atomic instruction. A function
    borrows only its own parameters (tests/test_kernels.py): what it was called with lives until it returns, whereas
    numba frees a local group after its last use, which does not see the borrowed one. An array that a function returns
    must not come out of a borrowed group.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return _without_counts(context, builder, signature.args[0], arguments[0])

    return group(group), generate


def _without_counts(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()  # noqa: SLF001  numba's name for it
    if isinstance(kind, types.BaseTuple):
        for i, member in enumerate(kind.types):
            part = _without_counts(context, builder, member, builder.extract_value(value, i))
            value = builder.insert_value(value, part, i)
    return value


# numba's stubs want the arguments of the definition from a caller
frozen: Any = intrinsic(_frozen)
borrowed: Any = intrinsic(_borrowed)


def named(kind: type[tuple[Any, ...]], *members: types.Type) -> types.Type:
    """Return the numba type of a named tuple."""
    return types.BaseTuple.from_types(members, kind)
