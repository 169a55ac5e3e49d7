"""The file of a network: named arrays at aligned offsets behind a header, checked before they are believed.

Layout: 8 bytes magic, uint32 version, uint32 length of the header, 32 bytes SHA-256 of all that follows, the header as
JSON, then the arrays, each at a multiple of 64 bytes. Little endian.
"""

from __future__ import annotations

import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

MAGIC = b"gsROADS\n"
VERSION = 1
PREFIX = struct.Struct("<8sII32s")
ALIGN = 64


def pack(
    arrays: Mapping[str, NDArray[Any]], rest: Mapping[str, Any], *, magic: bytes = MAGIC
) -> list[bytes | memoryview]:
    """Return one file of arrays and a JSON value as blocks; the same content gives the same bytes.

    The arrays are not copied: their blocks are views of them.
    """
    table: dict[str, Any] = {}
    blocks: list[bytes | memoryview] = []
    offset = 0
    for name, array in arrays.items():
        if gap := -offset % ALIGN:
            blocks.append(bytes(gap))
        offset += gap
        stored = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        table[name] = {"type": stored.dtype.str, "shape": array.shape, "offset": offset}
        if stored.nbytes:
            blocks.append(stored.reshape(-1).view(np.uint8).data)
        offset += stored.nbytes
    header = json.dumps({"arrays": table, "size": offset, "rest": rest}, ensure_ascii=False, sort_keys=True).encode()
    header += b" " * (-(PREFIX.size + len(header)) % ALIGN)
    digest = hashlib.sha256(header)
    for block in blocks:
        digest.update(block)
    return [PREFIX.pack(magic, VERSION, len(header), digest.digest()), header, *blocks]


def unpack(
    buffer: bytes | bytearray | memoryview, *, magic: bytes = MAGIC, verify: bool = True
) -> tuple[dict[str, NDArray[Any]], dict[str, Any], str]:
    """Read what `pack` wrote, the arrays as read-only views of the buffer; the digest in hexadecimal comes third.

    `verify` reads all bytes and compares them with the digest; a caller that has just done so leaves it out.
    Raises InvalidInput (kind network-file) for anything else.
    """
    view = memoryview(buffer).toreadonly()
    if len(view) < PREFIX.size or bytes(view[: len(magic)]) != magic:
        raise _refusal("This is no road network of gridsvc.")
    _, version, header_size, digest = PREFIX.unpack(view[: PREFIX.size])
    if version != VERSION:
        raise _refusal(f"The road network has file version {version}, this program reads {VERSION}.")
    body = view[PREFIX.size :]
    if verify and hashlib.sha256(body).digest() != digest:
        raise _refusal("The road network file is cut short or damaged: its checksum does not fit.")
    header = json.loads(bytes(body[:header_size]))
    arrays = {}
    for name, entry in header["arrays"].items():
        count = int(np.prod(entry["shape"], dtype=np.int64))
        flat = np.frombuffer(body, np.dtype(entry["type"]), count, header_size + entry["offset"])
        arrays[name] = flat.reshape(entry["shape"])
    return arrays, header["rest"], digest.hex()


def _refusal(detail: str) -> InvalidInput:
    cure = "Load the roads again with `gridsvc load roads` or `gridsvc load osm`."
    return InvalidInput(f"{detail} {cure}", kind="network-file")
