"""Sixteen places side by side: vectors of 16 milliseconds, written as LLVM vectors, since numba has no such type.

LLVM splits them into the registers of the processor: one instruction with AVX-512, two with AVX2, four with SSE or
NEON. Plain loops over 16 lanes were six times slower, since their sums went through memory from arc to arc.
"""

# ruff: noqa: ARG001  numba passes its typing context to every intrinsic

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
"""Places swept together: their distances at one node fill one cache line."""

_WORD, _INDEX = ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_WORD, LANES)
_UNDEFINED = ir.Constant(_VECTOR, ir.Undefined)


def _at(context, builder, kind, array, offset) -> Any:
    """Point at 16 words of a C-ordered array from an offset in words on."""
    data = cgutils.create_struct_proxy(kind)(context, builder, value=array).data
    return builder.bitcast(builder.gep(data, [offset]), _VECTOR.as_pointer())


def _row(context, builder, kind, array, row) -> Any:
    return _at(context, builder, kind, array, builder.mul(row, ir.Constant(_INDEX, LANES)))


def _load(builder, pointer) -> Any:
    vector = builder.load(pointer)
    vector.align = 4
    return vector


def _store(builder, vector, pointer) -> None:
    builder.store(vector, pointer).align = 4


def _all(builder, word) -> Any:
    one = builder.insert_element(_UNDEFINED, word, ir.Constant(_WORD, 0))
    return builder.shuffle_vector(one, _UNDEFINED, ir.Constant(_VECTOR, [0] * LANES))


def _least(builder, a, b) -> Any:
    return builder.select(builder.icmp_unsigned("<", a, b), a, b)


def _capped(builder, vector, limit, beyond) -> Any:
    over = builder.icmp_unsigned(">", vector, _all(builder, limit))
    return builder.select(over, _all(builder, beyond), vector)


def _least_over(context, builder, kinds, arrays, low, high, begin) -> Any:
    """Take the least of `begin` and table[row] + ms over the pairs (row, ms) low..high."""
    pairs = cgutils.create_struct_proxy(kinds[1])(context, builder, value=arrays[1]).data
    held = cgutils.alloca_once(builder, _VECTOR)
    builder.store(begin, held)
    one = ir.Constant(_INDEX, 1)
    with cgutils.for_range_slice(builder, low, high, one, _INDEX) as (a, _):
        at = builder.shl(a, one)
        row = builder.zext(builder.load(builder.gep(pairs, [at])), _INDEX)
        ms = builder.load(builder.gep(pairs, [builder.add(at, one)]))
        there = _load(builder, _row(context, builder, kinds[0], arrays[0], row))
        over = builder.add(there, _all(builder, ms))
        builder.store(_least(builder, builder.load(held), over), held)
    return builder.load(held)


@intrinsic
def relax_row(typing, table, pairs, row, low, high, far):
    """Lower table[row] to the least of itself and table[u] + ms, over pairs[low:high] of (u, ms).

    table (rows, 16) and pairs (n, 2) uint32; a row of which `far` is nonzero counts as all `far`, whatever it holds.
    """
    signature = types.void(table, pairs, types.int64, types.int64, types.int64, types.uint32)

    def generate(context, builder, signature, args):
        kinds = signature.args[:2]
        row, low, high, far = args[2:]
        pointer = _row(context, builder, kinds[0], args[0], row)
        unset = builder.icmp_unsigned("!=", far, ir.Constant(_WORD, 0))
        begin = builder.select(unset, _all(builder, far), _load(builder, pointer))
        _store(builder, _least_over(context, builder, kinds, args[:2], low, high, begin), pointer)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def fill_row(typing, table, row, word):
    """Write one word into all lanes of table[row]."""

    def generate(context, builder, signature, args):
        _store(builder, _all(builder, args[2]), _row(context, builder, signature.args[0], args[0], args[1]))
        return context.get_dummy_value()

    return types.void(table, types.int64, types.uint32), generate


@intrinsic
def least_row(typing, table, pairs, span, cap, result, offset):
    """Write the least of table[row] + ms over pairs[low:high] to 16 words of the result from `offset` on, flat.

    span = (low, high), cap = (limit, beyond): what is more than `limit` is written as `beyond`.
    """
    pair_of_words = types.UniTuple(types.uint32, 2)
    signature = types.void(table, pairs, types.UniTuple(types.int64, 2), pair_of_words, result, types.int64)

    def generate(context, builder, signature, args):
        low, high = cgutils.unpack_tuple(builder, args[2])
        limit, beyond = cgutils.unpack_tuple(builder, args[3])
        least = _least_over(
            context, builder, signature.args[:2], args[:2], low, high, _all(builder, ir.Constant(_WORD, 0x3FFFFFFF))
        )
        pointer = _at(context, builder, signature.args[4], args[4], args[5])
        _store(builder, _capped(builder, least, limit, beyond), pointer)
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def turn_tile(typing, tile, result, row, column):
    """Write result[row + i, column + j] = tile[j, i] for 16 by 16 words: both sides in whole cache lines."""

    def generate(context, builder, signature, args):
        lines = [
            _load(builder, _row(context, builder, signature.args[0], args[0], ir.Constant(_INDEX, i)))
            for i in range(LANES)
        ]
        # in four rounds: blocks of 1, 2, 4 and 8 beside the diagonal change places
        for step in (1, 2, 4, 8):
            low = [j if not j & step else LANES + j - step for j in range(LANES)]
            high = [j + step if not j & step else LANES + j for j in range(LANES)]
            for i in (i for i in range(LANES) if not i & step):
                a, b = lines[i], lines[i + step]
                lines[i] = builder.shuffle_vector(a, b, ir.Constant(_VECTOR, low))
                lines[i + step] = builder.shuffle_vector(a, b, ir.Constant(_VECTOR, high))
        whole = cgutils.create_struct_proxy(signature.args[1])(context, builder, value=args[1])
        width = builder.extract_value(whole.shape, 1)
        for i, line in enumerate(lines):
            at = builder.add(builder.mul(builder.add(args[2], ir.Constant(_INDEX, i)), width), args[3])
            _store(builder, line, _at(context, builder, signature.args[1], args[1], at))
        return context.get_dummy_value()

    return types.void(tile, result, types.int64, types.int64), generate
