"""The compiled part of service areas: times at the corners of the tiles, and the lines where the budget ends.

A tile is one row of int32 (`tiles.SECTIONS`), handed over by its address, so that one call walks over all tiles that
are there without copying any. Tiles are numbered row by row; a side of a triangle on the border of its tile has the
neighbour -1 - i, i its place among the tile's border sides, and the same place counts in the tile beyond.
"""

# ruff: noqa: ANN001, ANN201, ANN202, PLR1730  the types of compiled functions are their signatures
# mypy: disable-error-code="no-untyped-def, no-untyped-call, assignment, attr-defined, call-arg, unreachable"

from __future__ import annotations

import math

import numpy as np
from numba import carray, njit, types
from numba.extending import intrinsic

from gridsvc.roads.kernels.signatures import (
    f8,
    float64,
    i4,
    i4_2d,
    i8,
    int64,
    read_f8,
    read_i4,
    read_i8,
    read_u4,
    read_u4_2d,
)  # fmt: skip

SHUT = 0xFFFFFFFF
FARTHEST_MS = 2**31 - 1
WHOLE = 1 << 30
"""Of an edge: its fractions are kept as whole numbers."""

HALF = WHOLE >> 1

CORNER_LON, CORNER_LAT, TRIANGLE, NEIGHBOUR, EDGE, EDGE_ENDS, EDGE_FIRST, EDGE_CORNER, EDGE_FRACTION = range(9)
SIDE_FIRST, SIDE_TRIANGLE, RIM_CORNER, RIM_SIDES = range(9, 13)
SECTIONS = 13
LEAVE = np.array([0, 1, 2, 1, 0, 0, 2, 0])
AFTER = np.array([1, 2, 0, 1])
"""The side by which a line leaves a triangle, given which corners are inside (bits): that whose inside end comes after
its outside end, counter-clockwise, so that the inside stays to the left. Side k runs from corner AFTER[k] on."""

LEAST = 0.02
"""The line keeps this share of a side from its ends, so that corners are clearly inside or outside."""

UNIT = 1e-7
"""Degrees of one unit of a tile's coordinates."""


@intrinsic
def _as_pointer(_typing, address):
    """Take an address for that of int32."""

    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

    return types.CPointer(types.int32)(address), generate


@njit(nogil=True)
def _tile_at(address):
    """Return the row of a tile that begins at an address; its last offset is its length."""
    offsets = carray(_as_pointer(address), SECTIONS + 1)
    return carray(_as_pointer(address), offsets[SECTIONS])


@njit(nogil=True)
def _section(tile, k):
    return tile[tile[k] : tile[k + 1]]


@njit(nogil=True, inline="always")
def _node_ms(state, stamp, v):
    """Milliseconds of a node in the search just made."""
    return np.int64(state[v, 0]) if state[v, 1] == stamp else np.int64(FARTHEST_MS)


@njit(nogil=True, inline="always")
def _begun(backward, state, stamp, out_arcs, slot_first, slot_arc, arc_tail, slot, whole, node):
    """When a slot is entered at its beginning (forward), or left at its end (backward), the node if there is one."""
    begun = np.int64(FARTHEST_MS)
    if whole != SHUT and node >= 0:
        begun = _node_ms(state, stamp, node)
    elif whole != SHUT and not backward:
        for at in range(slot_first[slot], slot_first[slot + 1]):
            arc = slot_arc[at]
            ms = np.int64(out_arcs[arc, 1])
            if ms != SHUT:
                begun = min(begun, _node_ms(state, stamp, arc_tail[arc]) + ms - whole)
    return begun


@njit(nogil=True)
def _edge_times(
    backward, state, stamp, limit, slot_ms, out_arcs, slot_first, slot_arc, arc_tail, tile, time
):  # fmt: skip
    """Lower the times of a tile's corners to what the reached ends of its edges allow."""
    edge, edge_first = _section(tile, EDGE), _section(tile, EDGE_FIRST)
    corner, fraction = _section(tile, EDGE_CORNER), _section(tile, EDGE_FRACTION)
    ends = _section(tile, EDGE_ENDS)
    for i in range(len(edge)):
        slot = 2 * edge[i]
        onward, back = np.int64(slot_ms[slot]), np.int64(slot_ms[slot + 1])
        end = 4 * i if backward else 4 * i + 2
        begun = _begun(backward, state, stamp, out_arcs, slot_first, slot_arc, arc_tail, slot, onward, ends[end])
        begun_back = _begun(backward, state, stamp, out_arcs, slot_first, slot_arc, arc_tail, slot + 1, back,
                            ends[end + 1])  # fmt: skip
        if begun > limit and begun_back > limit:
            continue
        # a side that is not reached keeps the time far off
        if begun > limit:
            begun, onward = FARTHEST_MS, 0
        if begun_back > limit:
            begun_back, back = FARTHEST_MS, 0
        for c in range(edge_first[i], edge_first[i + 1]):
            passed = (fraction[c] * onward + HALF) >> 30
            passed_back = ((WHOLE - fraction[c]) * back + HALF) >> 30
            if backward:
                ms = min(begun + onward - passed, begun_back + back - passed_back)
            else:
                ms = min(begun + passed, begun_back + passed_back)
            if ms < time[corner[c]]:
                time[corner[c]] = ms


@njit(nogil=True)
def _place_times(backward, slot_ms, place_edge, place_fraction, place_m, tile, time):
    """Lower the times of the corners on the place's own edges to the direct way along the edge."""
    edge, edge_first = _section(tile, EDGE), _section(tile, EDGE_FIRST)
    corner, fraction = _section(tile, EDGE_CORNER), _section(tile, EDGE_FRACTION)
    for p in range(len(place_edge)):
        e, f = place_edge[p], place_fraction[p]
        i = np.searchsorted(edge, e)
        if i == len(edge) or edge[i] != e:
            continue
        walk = np.int64(place_m[p] * 720.0 + 0.5)
        forward, against = np.int64(slot_ms[2 * e]), np.int64(slot_ms[2 * e + 1])
        for c in range(edge_first[i], edge_first[i + 1]):
            a, b = (fraction[c] / WHOLE, f) if backward else (f, fraction[c] / WHOLE)
            ms = np.int64(FARTHEST_MS)
            if forward != SHUT and a <= b:
                ms = walk + np.int64(b * forward + 0.5) - np.int64(a * forward + 0.5)
            if against != SHUT and a >= b:
                ms = min(ms, walk + np.int64((1.0 - b) * against + 0.5) - np.int64((1.0 - a) * against + 0.5))
            if ms < time[corner[c]]:
                time[corner[c]] = ms


@njit(
    types.Tuple((i4, i8, i4, i4, i4))(
        types.boolean, i4_2d, int64, int64, read_u4, read_u4_2d, read_i4, read_i4, read_i4, read_i4, read_f8, read_f8,
        read_i8, read_i8, int64),
    cache=True,
    nogil=True,
)  # fmt: skip
def corner_times(
    backward, state, stamp, limit, slot_ms, out_arcs, slot_first, slot_arc, arc_tail, place_edge, place_fraction,
    place_m, start, address, columns,
):  # fmt: skip
    """Work out the milliseconds of every corner of the tiles that a search reached.

    From the tiles `start` on, it goes into the next tile wherever a corner on the common border is within the limit.

    Parameters
    ----------
    state, stamp
        Workspace of the search just made, and its number.
    address, columns
        Where each tile of the lattice lies, 0 = not there; and how many tiles a row of the lattice has.

    Returns
    -------
    tile
        The tiles reached.
    first, time
        The corners of tile i have time[first[i] : first[i + 1]]; 2^31 - 1 = open ground and edges beyond the limit.
    earliest
        The least time of each tile.
    missing
        Tiles reached that are not there; where there are any, the rest is not complete.
    """
    seen = np.zeros(len(address), np.bool_)
    queue = np.empty(64, np.int32)
    first, earliest = np.zeros(65, np.int64), np.empty(64, np.int32)
    missing = np.empty(64, np.int32)
    time = np.empty(1 << 14, np.int32)
    waiting, done, absent = 0, 0, 0
    for number in start:
        if not seen[number]:
            seen[number] = True
            if waiting == len(queue):
                queue = np.append(queue, np.empty(len(queue), np.int32))
            queue[waiting] = number
            waiting += 1
    taken = 0
    tiles = np.empty(64, np.int32)
    while taken < waiting:
        number = queue[taken]
        taken += 1
        if address[number] == 0:
            if absent == len(missing):
                missing = np.append(missing, np.empty(len(missing), np.int32))
            missing[absent] = number
            absent += 1
            continue
        tile = _tile_at(address[number])
        if done == len(tiles):
            tiles = np.append(tiles, np.empty(done, np.int32))
            earliest = np.append(earliest, np.empty(done, np.int32))
            first = np.append(first, np.empty(done, np.int64))
        corners = len(_section(tile, CORNER_LON))
        begin = first[done]
        if begin + corners > len(time):
            time = np.append(time, np.empty(max(len(time), corners), np.int32))
        here = time[begin : begin + corners]
        here[:] = FARTHEST_MS
        _edge_times(backward, state, stamp, limit, slot_ms, out_arcs, slot_first, slot_arc, arc_tail, tile, here)
        _place_times(backward, slot_ms, place_edge, place_fraction, place_m, tile, here)
        tiles[done], first[done + 1], earliest[done] = number, begin + corners, here.min()
        done += 1
        rim, sides = _section(tile, RIM_CORNER), _section(tile, RIM_SIDES)
        for i in range(len(rim)):
            if here[rim[i]] > limit:
                continue
            # at a corner of the rectangle three tiles meet this one
            south, north = (sides[i] & 1) > 0, (sides[i] & 4) > 0
            east, west = (sides[i] & 2) > 0, (sides[i] & 8) > 0
            for up in range(-1, 2):
                for right in range(-1, 2):
                    if (up < 0 and not south) or (up > 0 and not north):
                        continue
                    if (right < 0 and not west) or (right > 0 and not east):
                        continue
                    beyond = number + up * columns + right
                    if not seen[beyond]:
                        seen[beyond] = True
                        if waiting == len(queue):
                            queue = np.append(queue, np.empty(len(queue), np.int32))
                        queue[waiting] = beyond
                        waiting += 1
    return (tiles[:done].copy(), first[: done + 1].copy(), time[: first[done]], earliest[:done].copy(),
            missing[:absent].copy())  # fmt: skip


@njit(
    types.Tuple((f8, f8, i8))(
        int64, read_i4, read_i8, read_i4, read_i4, read_i8, int64, types.Array(types.float64, 2, "C", readonly=True),
        int64, int64, float64, types.boolean),
    cache=True,
    nogil=True,
)  # fmt: skip
def trace(budget, tiles, corner_first, time, earliest, address, columns, metres, south, height, buffer_m, spread):
    """Trace the closed lines round all corners within the budget, the inside to the left.

    A road is cut where the budget ends on it, or at its beginning where it is not driven into at all. Beside roads the
    line lies `buffer_m` off, at most half way to the next corner; with `spread` also where that corner has a time, so
    that the area within a larger budget is never the smaller one.

    `metres` (rows of the lattice, 2) of a unit eastward and northward; `south` and `height` say which row a latitude
    is in. For the others see `corner_times`. Returns longitudes, latitudes and where each ring begins (its last point
    joins its first; the end comes last).
    """
    n = len(tiles)
    place = np.full(len(address), -1, np.int32)
    triangle_first = np.zeros(n + 1, np.int64)
    for i in range(n):
        place[tiles[i]] = i
        triangle_first[i + 1] = triangle_first[i]
        if earliest[i] <= budget:
            triangle_first[i + 1] += len(_section(_tile_at(address[tiles[i]]), TRIANGLE)) // 3
    mixed = np.empty(triangle_first[n], np.int8)
    crossings = 0
    for i in range(n):
        if earliest[i] > budget:
            continue
        inside = (time[corner_first[i] : corner_first[i + 1]] <= budget).astype(np.int8)
        triangle = _section(_tile_at(address[tiles[i]]), TRIANGLE)
        base = triangle_first[i]
        for t in range(triangle_first[i + 1] - base):
            code = inside[triangle[3 * t]] | inside[triangle[3 * t + 1]] << 1 | inside[triangle[3 * t + 2]] << 2
            mixed[base + t] = code if code != 7 else 0
            crossings += 0 < code < 7
    ring_lon, ring_lat = np.empty(crossings), np.empty(crossings)
    first = np.empty(crossings // 3 + 2, np.int64)
    rings = 0
    at = 0
    for begin in range(n):
        for start in range(triangle_first[begin], triangle_first[begin + 1]):
            if mixed[start] == 0:
                continue
            first[rings] = at
            rings += 1
            i, t = begin, start - triangle_first[begin]
            inner = True
            while inner:
                tile = _tile_at(address[tiles[i]])
                lon, lat = _section(tile, CORNER_LON), _section(tile, CORNER_LAT)
                triangle, neighbour = _section(tile, TRIANGLE), _section(tile, NEIGHBOUR)
                here = time[corner_first[i] : corner_first[i + 1]]
                base = triangle_first[i]
                row = tiles[i] // columns
                top = south + (row + 1) * height
                while mixed[base + t] > 0:
                    leave = LEAVE[mixed[base + t]]
                    mixed[base + t] = 0
                    a, b = triangle[3 * t + AFTER[leave]], triangle[3 * t + AFTER[leave + 1]]
                    near, far = np.int64(here[b]), np.int64(here[a])
                    east, north = lon[a] - lon[b], lat[a] - lat[b]
                    road = neighbour[3 * t + leave] & 1
                    share = LEAST
                    if far < FARTHEST_MS:
                        share = min(max((budget - near + 0.5) / (far - near), LEAST), 1.0 - LEAST)
                    if not road and (far == FARTHEST_MS or spread):
                        beside = row + (lat[b] == top)
                        length = math.sqrt((east * metres[beside, 0]) ** 2 + (north * metres[beside, 1]) ** 2)
                        share = max(share, min(buffer_m / length, 0.5))
                    ring_lon[at] = (lon[b] + share * east) * UNIT
                    ring_lat[at] = (lat[b] + share * north) * UNIT
                    at += 1
                    t = neighbour[3 * t + leave] >> 1
                    if t < 0:
                        break
                inner = t < 0
                if inner:
                    # into the tile beyond the border
                    side_first = _section(tile, SIDE_FIRST)
                    k = -1 - t
                    side = 0
                    while k >= side_first[side + 1]:
                        side += 1
                    k -= side_first[side]
                    step = (-columns, 1, columns, -1)[side]
                    i = place[tiles[i] + step]
                    if i < 0:
                        return np.empty(0), np.empty(0), np.full(1, -1)
                    tile = _tile_at(address[tiles[i]])
                    t = _section(tile, SIDE_TRIANGLE)[_section(tile, SIDE_FIRST)[(side + 2) % 4] + k]
                    inner = mixed[triangle_first[i] + t] > 0
    first[rings] = at
    return ring_lon[:at], ring_lat[:at], first[: rings + 1].copy()
