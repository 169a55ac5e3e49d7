"""Ownership indexes and road networks by their SHA-256: stored in the database in pieces, mapped from files.

An artifact is one row with its size and its count of pieces. A piece has at most PIECE_BYTES bytes and a digest, so
that no value is too large for a statement, a dump or a restore, and a damaged piece has a number. All rows of an
artifact are written in one transaction: no reader sees a part of them. One piece at a time is held in memory.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.evidence import row_digests
from gridsvc.db.schema.tables import artifact, artifact_piece
from gridsvc.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    Block = bytes | memoryview

_log = logging.getLogger("gridsvc.artifacts")

PIECE_BYTES = 8 << 20


class ArtifactLost(Unavailable):
    """Neither the data folder nor the database has the right bytes of a digest."""

    kind = "artifact-lost"


def digest_of(blocks: Iterable[Block]) -> str:
    """Return the SHA-256 of all blocks together, in hexadecimal."""
    hashed = hashlib.sha256()
    for block in blocks:
        hashed.update(block)
    return hashed.hexdigest()


def put_artifact(connection: Connection, folder: Path, district: str, kind: str, blocks: Sequence[Block]) -> str:
    """Store the bytes of all blocks in the database and as a file, and return their digest.

    What is stored already is not written again; a damaged file or piece is replaced.
    """
    digest = digest_of(blocks)
    if _map(folder, digest) is None:
        try:
            _write(folder, digest, blocks)
        except OSError as error:
            _log.warning("artifact %s is in the database only, its file cannot be written: %s", digest[:12], error)
    size = sum(len(block) for block in blocks)
    pieces = -(-size // PIECE_BYTES)
    row = {"district": district, "digest": digest, "kind": kind, "size_bytes": size, "pieces": pieces}
    added = connection.scalar(insert(artifact).values(row).on_conflict_do_nothing().returning(artifact.c.digest))
    if added is not None:
        row_digests.mark(connection, "artifact", district, digest)
    missing = range(pieces) if added is not None else _remove_damaged(connection, district, digest, pieces)
    if missing:
        _store(connection, district, digest, blocks, missing)
    return digest


def open_artifact(connection: Connection, folder: Path, district: str, digest: str) -> memoryview:
    """Return the bytes of a digest, mapped from its file.

    The whole file is compared with the digest. A missing, cut or damaged file is replaced atomically by the pieces of
    the database; where the folder cannot be written, those bytes are returned from memory.

    Raises
    ------
    ArtifactLost
        When neither the file nor the database has the right bytes; the message names the damaged piece.
    """
    if (mapped := _map(folder, digest)) is not None:
        return mapped
    try:
        _write(folder, digest, _stored(connection, district, digest))
    except OSError as error:
        _log.warning("artifact %s cannot be written and is used from memory: %s", digest[:12], error)
        content = bytearray()
        for piece in _stored(connection, district, digest):
            content += piece
        return memoryview(content).toreadonly()
    _log.warning("artifact %s was missing or damaged and is restored from the database", digest[:12])
    if (mapped := _map(folder, digest)) is None:
        raise _lost(district, digest, "was written, but its file was damaged again")
    return mapped


def remove_files(folder: Path, digests: Iterable[str]) -> None:
    """Remove the files of artifacts that the database no longer stores; a process that maps one keeps its bytes."""
    for digest in digests:
        _path(folder, digest).unlink(missing_ok=True)


# ------------------------------------------------------------------------------------------------------- the database


def _pieces(blocks: Iterable[Block]) -> Iterator[bytes]:
    """Cut the bytes of all blocks into pieces; only the last one is shorter."""
    piece = bytearray()
    for block in blocks:
        rest = memoryview(block).cast("B")
        while len(rest):
            taken = rest[: PIECE_BYTES - len(piece)]
            piece += taken
            rest = rest[len(taken) :]
            if len(piece) == PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
    if piece:
        yield bytes(piece)


def _store(
    connection: Connection, district: str, digest: str, blocks: Iterable[Block], wanted: range | frozenset[int]
) -> None:
    for number, piece in enumerate(_pieces(blocks)):
        if number in wanted:
            row = {
                "district": district,
                "digest": digest,
                "number": number,
                "sha256": hashlib.sha256(piece).hexdigest(),
                "content": piece,
            }
            connection.execute(insert(artifact_piece), row)


def _remove_damaged(connection: Connection, district: str, digest: str, pieces: int) -> frozenset[int]:
    """Remove the damaged pieces of an artifact; return the numbers of all pieces that are missing then."""
    named = {"district": district, "digest": digest}
    damaged = connection.scalars(text("select remove_damaged_pieces(:district, :digest)"), named).all()
    if damaged:
        _log.warning("artifact %s: the damaged pieces %s are written again", digest[:12], damaged)
    present = select(artifact_piece.c.number).where(
        artifact_piece.c.district == district, artifact_piece.c.digest == digest
    )
    return frozenset(range(pieces)).difference(connection.scalars(present))


def _stored(connection: Connection, district: str, digest: str) -> Iterator[bytes]:
    """Yield the pieces of an artifact, each compared with its digest, and all together with the artifact's.

    Raises ArtifactLost at the first piece that is missing or damaged.
    """
    of_this = (artifact_piece.c.district == district, artifact_piece.c.digest == digest)
    query = select(artifact.c.pieces).where(artifact.c.district == district, artifact.c.digest == digest)
    pieces: int | None = connection.scalar(query)
    if pieces is None:
        raise _lost(district, digest, "is missing")
    whole = hashlib.sha256()
    for number in range(pieces):
        found = select(artifact_piece.c.content, artifact_piece.c.sha256).where(*of_this)
        row = connection.execute(found.where(artifact_piece.c.number == number)).one_or_none()
        if row is None or hashlib.sha256(row.content).hexdigest() != row.sha256:
            state = "missing" if row is None else "damaged"
            raise _lost(district, digest, f"is damaged: piece {number + 1} of {pieces} is {state}")
        whole.update(row.content)
        yield row.content
    if whole.hexdigest() != digest:
        raise _lost(district, digest, f"is damaged: its {pieces} pieces together have another digest")


def is_whole(connection: Connection, district: str, digest: str) -> bool:
    """Whether the database has all pieces of an artifact, as they were stored."""
    try:
        for _ in _stored(connection, district, digest):
            pass
    except ArtifactLost:
        return False
    return True


def _lost(district: str, digest: str, state: str) -> ArtifactLost:
    return ArtifactLost(
        f"The file {digest[:12]} of district {district} is missing or damaged, and its copy in the database {state}. "
        "Load its source again, or restore a backup.",
        digest=digest,
        district=district,
    )


# ----------------------------------------------------------------------------------------------------------- the files


def _path(folder: Path, digest: str) -> Path:
    return folder / "artifacts" / digest[:2] / digest


def _map(folder: Path, digest: str) -> memoryview | None:
    """Return the mapped file of a digest; None where it is missing, unreadable, or has other bytes."""
    try:
        with _path(folder, digest).open("rb") as file:
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return None
    return mapped if digest_of([mapped]) == digest else None


def _write(folder: Path, digest: str, blocks: Iterable[Block]) -> None:
    """Write under a temporary name, sync, rename: a reader sees the whole file or none."""
    path = _path(folder, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            for block in blocks:
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
