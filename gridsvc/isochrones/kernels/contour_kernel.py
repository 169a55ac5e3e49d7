"""The compiled part of service areas: times at the corners of the tiles, and the lines where the budget ends.

A tile is one row of int32 (`tiles.SECTIONS`), handed over by its address, so that one call walks over all tiles that
are there without copying any. Tiles are numbered row by row; a side of a triangle on the border of its tile has the
neighbour -1 - i, i its place among the tile's border sides, and the same place counts in the tile beyond.
"""

# ruff: noqa: PLR1730  `if` writes only where the time becomes less
# mypy: disable-error-code="assignment, call-arg, unreachable"

from __future__ import annotations

import math

import numpy as np
from numba import carray, njit, types
from numba.extending import intrinsic

from gridsvc.isochrones.kernels.arguments import (
    corner_times_type,
    lattice_rows_type,
    place_type,
    searched_type,
    slots_type,
    table_type,
)
from gridsvc.numba_types import borrowed, f8, float64, i4, i8, int64, read_i8

SHUT = 0xFFFFFFFF
FARTHEST_MS = 2**31 - 1
WHOLE = 1 << 30
"""Of an edge: its fractions are kept as whole numbers."""

HALF = WHOLE >> 1

BESIDE_MS_PER_M = (240.0, 720.0)
"""Beside the road: out of the place with the vehicle, to the place on foot (see `anchor_kernel`)."""

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
def _start_of(searched, slots, slot, whole, node):
    """When a slot is entered at its beginning (forward), or left at its end (backward), the node if there is one."""
    start = np.int64(FARTHEST_MS)
    if whole != SHUT and node >= 0:
        start = _node_ms(searched.state, searched.stamp, node)
    elif whole != SHUT and not searched.backward:
        for at in range(slots.slot_first[slot], slots.slot_first[slot + 1]):
            arc = slots.slot_arc[at]
            ms = np.int64(slots.out_arcs[arc, 1])
            if ms != SHUT:
                start = min(start, _node_ms(searched.state, searched.stamp, slots.arc_tail[arc]) + ms - whole)
    return start


@njit(nogil=True)
def _edge_times(searched, slots, tile, time):
    """Lower the times of a tile's corners to what the reached ends of its edges allow."""
    edge, edge_first = _section(tile, EDGE), _section(tile, EDGE_FIRST)
    corner, fraction = _section(tile, EDGE_CORNER), _section(tile, EDGE_FRACTION)
    ends = _section(tile, EDGE_ENDS)
    backward, limit, slot_ms = searched.backward, searched.limit_ms, slots.slot_ms
    for i in range(len(edge)):
        slot = 2 * edge[i]
        onward, back = np.int64(slot_ms[slot]), np.int64(slot_ms[slot + 1])
        end = 4 * i if backward else 4 * i + 2
        start = _start_of(searched, slots, slot, onward, ends[end])
        start_back = _start_of(searched, slots, slot + 1, back, ends[end + 1])
        if start > limit and start_back > limit:
            continue
        # a side that is not reached keeps the time at the farthest
        if start > limit:
            start, onward = FARTHEST_MS, 0
        if start_back > limit:
            start_back, back = FARTHEST_MS, 0
        for c in range(edge_first[i], edge_first[i + 1]):
            passed = (fraction[c] * onward + HALF) >> 30
            passed_back = ((WHOLE - fraction[c]) * back + HALF) >> 30
            if backward:
                ms = min(start + onward - passed, start_back + back - passed_back)
            else:
                ms = min(start + passed, start_back + passed_back)
            if ms < time[corner[c]]:
                time[corner[c]] = ms


@njit(nogil=True)
def _place_times(backward, slot_ms, place, tile, time):
    """Lower the times of the corners on the place's own edges to the direct way along the edge."""
    edge, edge_first = _section(tile, EDGE), _section(tile, EDGE_FIRST)
    corner, fraction = _section(tile, EDGE_CORNER), _section(tile, EDGE_FRACTION)
    for p in range(len(place.edge)):
        e, f = place.edge[p], place.fraction[p]
        i = np.searchsorted(edge, e)
        if i == len(edge) or edge[i] != e:
            continue
        beside = np.int64(place.offroad_m[p] * BESIDE_MS_PER_M[1 if backward else 0] + 0.5)
        forward, against = np.int64(slot_ms[2 * e]), np.int64(slot_ms[2 * e + 1])
        for c in range(edge_first[i], edge_first[i + 1]):
            a, b = (fraction[c] / WHOLE, f) if backward else (f, fraction[c] / WHOLE)
            ms = np.int64(FARTHEST_MS)
            if forward != SHUT and a <= b:
                ms = beside + np.int64(b * forward + 0.5) - np.int64(a * forward + 0.5)
            if against != SHUT and a >= b:
                ms = min(ms, beside + np.int64((1.0 - b) * against + 0.5) - np.int64((1.0 - a) * against + 0.5))
            if ms < time[corner[c]]:
                time[corner[c]] = ms


@njit(nogil=True)
def _with_room(array, used, need):
    """Return an array with room for `need` more elements after the first `used`."""
    if used + need <= len(array):
        return array
    return np.append(array, np.empty(max(len(array), need), array.dtype))


@njit(nogil=True)
def _sides_beyond(sides, up, right):
    """Say whether a corner on these sides of its tile (bits) is also a corner of the tile in that direction."""
    south, east, north, west = (sides & 1) > 0, (sides & 2) > 0, (sides & 4) > 0, (sides & 8) > 0
    if (up < 0 and not south) or (up > 0 and not north):
        return False
    return not ((right < 0 and not west) or (right > 0 and not east))


@njit(nogil=True)
def _tiles_beyond(tile, here, limit, number, columns):
    """Return the tiles beside this one with which it shares a corner within the limit; a tile may occur twice."""
    rim, sides = _section(tile, RIM_CORNER), _section(tile, RIM_SIDES)
    beyond = np.empty(9, np.int64)
    known = np.zeros((3, 3), np.bool_)
    n = 0
    for i in range(len(rim)):
        if here[rim[i]] > limit:
            continue
        # at a corner of the rectangle three tiles meet this one
        for up in range(-1, 2):
            for right in range(-1, 2):
                if not known[up + 1, right + 1] and _sides_beyond(sides[i], up, right):
                    known[up + 1, right + 1] = True
                    beyond[n] = number + up * columns + right
                    n += 1
    return beyond[:n]


@njit(
    types.Tuple((i4, i8, i4, i4, i4))(searched_type, slots_type, place_type, read_i8, table_type),
    cache=True,
    nogil=True,
)
def corner_times(searched, slots, place, start, table):
    """Compute the milliseconds of every corner of the tiles that a search reached.

    From the tiles `start` on, it goes into the next tile wherever a corner on the common border is within the limit.

    Returns
    -------
    tile
        The tiles reached.
    first, time
        The corners of tile i have time[first[i] : first[i + 1]]; 2^31 - 1 = open ground and edges beyond the limit.
    earliest
        The least time of each tile.
    missing
        Tiles reached that are not built; where there are any, the rest is not complete.
    """
    searched, slots, place, table = borrowed(searched), borrowed(slots), borrowed(place), borrowed(table)
    address, limit = table.address, searched.limit_ms
    seen = np.zeros(len(address), np.bool_)
    queue = np.empty(64, np.int32)
    first, earliest = np.zeros(65, np.int64), np.empty(64, np.int32)
    missing, tiles = np.empty(64, np.int32), np.empty(64, np.int32)
    time = np.empty(1 << 14, np.int32)
    waiting, done, absent, taken = 0, 0, 0, 0
    for number in start:
        if not seen[number]:
            seen[number] = True
            queue = _with_room(queue, waiting, 1)
            queue[waiting] = number
            waiting += 1
    while taken < waiting:
        number = queue[taken]
        taken += 1
        if address[number] == 0:
            missing = _with_room(missing, absent, 1)
            missing[absent] = number
            absent += 1
            continue
        tile = _tile_at(address[number])
        tiles, earliest = _with_room(tiles, done, 1), _with_room(earliest, done, 1)
        first = _with_room(first, done + 1, 1)
        corners = len(_section(tile, CORNER_LON))
        begin = first[done]
        time = _with_room(time, begin, corners)
        here = time[begin : begin + corners]
        here[:] = FARTHEST_MS
        _edge_times(searched, slots, tile, here)
        _place_times(searched.backward, slots.slot_ms, place, tile, here)
        tiles[done], first[done + 1], earliest[done] = number, begin + corners, here.min()
        done += 1
        for beyond in _tiles_beyond(tile, here, limit, number, table.columns):
            if not seen[beyond]:
                seen[beyond] = True
                queue = _with_room(queue, waiting, 1)
                queue[waiting] = beyond
                waiting += 1
    return (
        tiles[:done].copy(),
        first[: done + 1].copy(),
        time[: first[done]],
        earliest[:done].copy(),
        missing[:absent].copy(),
    )


@njit(nogil=True)
def _mixed_triangles(budget, corners, table):
    """Return which corners of each triangle are within the budget (bits), 0 where all or none are.

    Also where the triangles of each tile begin, and how many triangles are cut.
    """
    n = len(corners.tiles)
    triangle_first = np.zeros(n + 1, np.int64)
    for i in range(n):
        triangle_first[i + 1] = triangle_first[i]
        if corners.earliest[i] <= budget:
            triangle_first[i + 1] += len(_section(_tile_at(table.address[corners.tiles[i]]), TRIANGLE)) // 3
    mixed = np.empty(triangle_first[n], np.int8)
    crossings = 0
    for i in range(n):
        if corners.earliest[i] > budget:
            continue
        inside = (corners.time[corners.first[i] : corners.first[i + 1]] <= budget).astype(np.int8)
        triangle = _section(_tile_at(table.address[corners.tiles[i]]), TRIANGLE)
        base = triangle_first[i]
        for t in range(triangle_first[i + 1] - base):
            code = inside[triangle[3 * t]] | inside[triangle[3 * t + 1]] << 1 | inside[triangle[3 * t + 2]] << 2
            mixed[base + t] = code if code != 7 else 0
            crossings += 0 < code < 7
    return mixed, triangle_first, crossings


@njit(nogil=True, inline="always")
def _share_of_side(budget, near, far, road, spread, buffer_m, length):
    """Return where the line crosses a side, as a share of it from the corner inside, whose time is `near`."""
    share = LEAST
    if far < FARTHEST_MS:
        share = min(max((budget - near + 0.5) / (far - near), LEAST), 1.0 - LEAST)
    if not road and (far == FARTHEST_MS or spread):
        share = max(share, min(buffer_m / length, 0.5))
    return share


@njit(nogil=True)
def _tile_beyond(tile, t, columns):
    """Return the step to the tile beyond a border side, the side it comes from, and the place among its triangles."""
    side_first = _section(tile, SIDE_FIRST)
    k = -1 - t
    side = 0
    while k >= side_first[side + 1]:
        side += 1
    return (-columns, 1, columns, -1)[side], side, k - side_first[side]


@njit(nogil=True)
def _trace_tile(budget, tile, here, mixed, lines, t, ring, at):
    """Follow a line from triangle t as far as it stays in the tile; mixed triangles are passed once.

    Returns the triangle where it ends, or -1 - i where it leaves by border side i; and how many points there are.
    """
    rows, row, buffer_m, spread = lines
    ring_lon, ring_lat = ring
    lon, lat = _section(tile, CORNER_LON), _section(tile, CORNER_LAT)
    triangle, neighbour = _section(tile, TRIANGLE), _section(tile, NEIGHBOUR)
    top = rows.south + (row + 1) * rows.height
    while mixed[t] > 0:
        leave = LEAVE[mixed[t]]
        mixed[t] = 0
        a, b = triangle[3 * t + AFTER[leave]], triangle[3 * t + AFTER[leave + 1]]
        east, north = lon[a] - lon[b], lat[a] - lat[b]
        beside = row + (lat[b] == top)
        length = math.sqrt((east * rows.metres[beside, 0]) ** 2 + (north * rows.metres[beside, 1]) ** 2)
        road = neighbour[3 * t + leave] & 1
        share = _share_of_side(budget, np.int64(here[b]), np.int64(here[a]), road, spread, buffer_m, length)
        ring_lon[at] = (lon[b] + share * east) * UNIT
        ring_lat[at] = (lat[b] + share * north) * UNIT
        at += 1
        t = neighbour[3 * t + leave] >> 1
        if t < 0:
            break
    return t, at


@njit(
    types.Tuple((f8, f8, i8))(int64, corner_times_type, table_type, lattice_rows_type, float64, types.boolean),
    cache=True,
    nogil=True,
)
def trace(budget, corners, table, rows, buffer_m, spread):
    """Trace the closed lines round all corners within the budget, the inside to the left.

    A road is cut where the budget ends on it, or at its beginning where it is not driven into at all. Beside roads the
    line is `buffer_m` away, at most half way to the next corner; with `spread` also where that corner has a time, so
    that the area within a larger budget is never the smaller one.

    Returns longitudes, latitudes and where each ring begins (its last point joins its first; the end comes last).
    """
    corners, table, rows = borrowed(corners), borrowed(table), borrowed(rows)
    n = len(corners.tiles)
    place = np.full(len(table.address), -1, np.int32)
    for i in range(n):
        place[corners.tiles[i]] = i
    mixed, triangle_first, crossings = _mixed_triangles(budget, corners, table)
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
                tile = _tile_at(table.address[corners.tiles[i]])
                here = corners.time[corners.first[i] : corners.first[i + 1]]
                row = corners.tiles[i] // table.columns
                of_tile = mixed[triangle_first[i] : triangle_first[i + 1]]
                lines = rows, row, buffer_m, spread
                t, at = _trace_tile(budget, tile, here, of_tile, lines, t, (ring_lon, ring_lat), at)
                inner = t < 0
                if inner:
                    step, side, k = _tile_beyond(tile, t, table.columns)
                    i = place[corners.tiles[i] + step]
                    if i < 0:
                        return np.empty(0), np.empty(0), np.full(1, -1)
                    tile = _tile_at(table.address[corners.tiles[i]])
                    t = _section(tile, SIDE_TRIANGLE)[_section(tile, SIDE_FIRST)[(side + 2) % 4] + k]
                    inner = mixed[triangle_first[i] + t] > 0
    first[rings] = at
    return ring_lon[:at], ring_lat[:at], first[: rings + 1].copy()
