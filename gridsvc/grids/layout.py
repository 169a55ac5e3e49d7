"""The file of an ownership index: magic, version, checksums, parameters, then sections that are used in place.

All numbers are little-endian and every section begins at a multiple of 64 bytes, so that the file is mapped and read
without a copy: by numpy, by compiled kernels that get its address, and by plain Python for a single point.

    0     magic (8 bytes), version (u32), number of sections (u32), size of the file (u64), body's digest (16 bytes)
    64    parameters, 8 bytes each: see PARAMETERS
    256   sections: offset and size in bytes (u64 each), in the order of SECTIONS
    508   CRC-32 of the bytes before it
    512   body

Cells. The district's box is cut into square cells of `cell_deg` degrees. A cell's code (int32) is an outcome if it is
not negative; else `~code` is the position, in 8-byte words of the pool, of its record.

Outcome. row << 3 | rule, with row the owner's row in the table of grids (finest level first, then by code); outside:
row = number of grids, rule = 4. RIM in place of a rule: the half-open rule leaves the point outside, on the border of
the row's grid.

Record. Word 0: edges | faces << 20 | faces of the finest level << 40 | SPLIT. A split record is followed by 16 int32
codes of its 4 x 4 smaller cells, row by row from the south-west. Any other: the rows of its faces (int32, ascending,
padded to a word); for every 62 faces a word with those that hold the cell's south-east corner; then for each edge ax,
ay, bx, by (float64) and, for every 62 faces, a word with those whose border it is. Bit 62 of an edge's first word: the
corner is left of the edge.

Edges are canonical: b is north of a, or due west of it. All grids that share an edge share the same numbers, and a
point's side of it is decided once for all of them, exactly. A point on an edge counts as lying right of it (east; or
north of a horizontal one). This is the half-open rule. On the outer border it leaves the eastern and northern edges to
a neighbour. Where none is loaded the border is closed: the grid whose border it is has the point, of several grids the
one of the finest level, then of the lowest code.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

MAGIC = b"GRIDOWN\n"
VERSION = 1
HEADER_BYTES = 512
SPLIT = 1 << 60
"""Flag in word 0 of a record whose cell is cut further."""
FACES_PER_WORD = 62
CORNER_BIT = 62
RIM = 7
"""In place of a rule: a point of the outer border that no grid holds; the grid has it where no other district does."""
NEAR_DEG = 1e-9
"""A point this near to a border (0.1 mm) is called a border point."""

PARAMETERS = (
    "west_deg",
    "south_deg",
    "cell_deg",
    "cells_per_deg",
    "columns",
    "rows",
    "grids",
    "finest_level",
    "cells_at",
    "pool_at",
    "levels_at",
    "generation",
)
_FLOATS = 4
SECTIONS = (
    "about",  # JSON: district, bounds, ...
    "cells",  # int32 (rows, columns)
    "pool",  # 8-byte words
    "levels",  # int8 (grids,)
    "chains",  # int32 (grids + 1, 4): row of the owner at each level, -1 none
    "text_at",  # int64 (grids + 1,): where each grid's words begin
    "text",  # one JSON array a grid: code, name, parent, urban-rural code, derived
    "outline",  # float64 (n, 4): edges that some level has on one side only
    "coordinates",  # float64 (n, 2)
    "rings",  # int64
    "polygons",  # int64
    "multipolygons",  # int64
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is in one file: parameters, and for each section its (offset, size) in bytes."""

    parameters: dict[str, float | int]
    sections: dict[str, tuple[int, int]]
    digest: bytes


def pack(parameters: Mapping[str, float | int], sections: Mapping[str, bytes | memoryview]) -> list[bytes | memoryview]:
    """Return the file of these parameters (without the `_at` ones) and sections as blocks; no section is copied."""
    places: dict[str, tuple[int, int]] = {}
    body: list[bytes | memoryview] = []
    at = HEADER_BYTES
    for name in SECTIONS:
        size = len(sections[name])
        places[name] = (at, size)
        body += [sections[name], bytes(-size % 64)]
        at += -(-size // 64) * 64
    parameters = dict(parameters)
    parameters |= {f"{name}_at": places[name][0] for name in ("cells", "pool", "levels")}
    values = [parameters[name] for name in PARAMETERS]
    hashed = hashlib.blake2b(digest_size=16)
    for block in body:
        hashed.update(block)
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<8sIIQ16s", header, 0, MAGIC, VERSION, len(SECTIONS), at, hashed.digest())
    struct.pack_into(f"<{_FLOATS}d{len(values) - _FLOATS}q", header, 64, *values)
    struct.pack_into(f"<{2 * len(SECTIONS)}Q", header, 256, *(n for name in SECTIONS for n in places[name]))
    struct.pack_into("<I", header, 508, zlib.crc32(header[:508]))
    return [bytes(header), *(block for block in body if len(block))]


def unpack(buffer: memoryview) -> Layout:
    """Read the header of a file.

    Raises
    ------
    InvalidInput
        When it is no such file, of another version, cut short or damaged in its header.
    """
    if len(buffer) < HEADER_BYTES or bytes(buffer[:8]) != MAGIC:
        raise InvalidInput("This is no ownership index. Activate a generation to build one.", kind="not-an-index")
    magic, version, count, size, digest = struct.unpack_from("<8sIIQ16s", buffer, 0)
    del magic
    if version != VERSION or count != len(SECTIONS):
        raise InvalidInput(
            f"This ownership index has version {version}, this program reads {VERSION}. Build it again.",
            kind="index-version",
            version=version,
            newest=VERSION,
        )
    if zlib.crc32(buffer[:508]) != struct.unpack_from("<I", buffer, 508)[0] or size != len(buffer):
        raise InvalidInput("This ownership index is damaged or cut short. Build it again.", kind="index-damaged")
    values = struct.unpack_from(f"<{_FLOATS}d{len(PARAMETERS) - _FLOATS}q", buffer, 64)
    places = struct.unpack_from(f"<{2 * count}Q", buffer, 256)
    return Layout(
        dict(zip(PARAMETERS, values, strict=True)),
        {name: (places[2 * i], places[2 * i + 1]) for i, name in enumerate(SECTIONS)},
        digest,
    )


def verify(buffer: memoryview, layout: Layout) -> None:
    """Compare the body with its digest.

    Raises
    ------
    InvalidInput
        When they differ.
    """
    if hashlib.blake2b(buffer[HEADER_BYTES:], digest_size=16).digest() != layout.digest:
        raise InvalidInput("This ownership index is damaged. Build it again.", kind="index-damaged")


def read_words(buffer: memoryview, layout: Layout, row: int) -> tuple[str, str, str | None, str | None, bool]:
    """Return code, name, parent, urban-rural code and derived flag of one grid."""
    start, end = struct.unpack_from("<2q", buffer, layout.sections["text_at"][0] + 8 * row)
    at = layout.sections["text"][0]
    code, name, parent, urban_rural_code, derived = json.loads(bytes(buffer[at + start : at + end]))
    return code, name, parent, urban_rural_code, derived
