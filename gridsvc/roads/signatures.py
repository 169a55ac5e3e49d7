"""Types of the compiled kernels' arguments: `read_` arrays are never written to, so that mapped files fit."""

from __future__ import annotations

from numba import types


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
