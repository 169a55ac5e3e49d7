"""Ownership indexes and road networks by their SHA-256: the database stores the bytes, and processes map a file."""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.schema.tables import artifact
from gridsvc.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

_log = logging.getLogger("gridsvc.artifacts")


class ArtifactLost(Unavailable):
    """Neither the data folder nor the database has the right bytes of a digest."""

    kind = "artifact-lost"


def digest_of(content: bytes | memoryview) -> str:
    """Return the SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def put_artifact(connection: Connection, folder: Path, district: str, kind: str, content: bytes) -> str:
    """Store bytes in the database and as a file, and return their digest; storing the same bytes again costs little.

    A damaged file is replaced.
    """
    digest = digest_of(content)
    row = {"district": district, "digest": digest, "kind": kind, "content": content}
    connection.execute(insert(artifact).values(row).on_conflict_do_nothing())
    if _map(folder, digest) is None:
        _write(folder, digest, content)
    return digest


def open_artifact(connection: Connection, folder: Path, district: str, digest: str) -> memoryview:
    """Return the bytes of a digest, mapped from its file.

    The whole file is compared with the digest. A missing, cut or damaged file is replaced atomically by the bytes of
    the database; where the folder cannot be written, those bytes are returned from memory.

    Raises
    ------
    ArtifactLost
        When neither the file nor the database has the right bytes.
    """
    if (mapped := _map(folder, digest)) is not None:
        return mapped
    query = select(artifact.c.content).where(artifact.c.district == district, artifact.c.digest == digest)
    content: bytes | None = connection.scalar(query)
    if content is None or digest_of(content) != digest:
        state = "missing" if content is None else "damaged"
        raise ArtifactLost(
            f"The file {digest[:12]} of district {district} is missing or damaged, and its copy in the database is "
            f"{state}. Load its source again, or restore a backup.",
            digest=digest,
            district=district,
        )
    try:
        _write(folder, digest, content)
    except OSError as error:
        _log.warning("artifact %s cannot be written and is used from memory: %s", digest[:12], error)
        return memoryview(content)
    _log.warning("artifact %s was missing or damaged and is restored from the database", digest[:12])
    return _map(folder, digest) or memoryview(content)


def remove_files(folder: Path, digests: Iterable[str]) -> None:
    """Remove the files of artifacts that the database no longer stores; a process that maps one keeps its bytes."""
    for digest in digests:
        _path(folder, digest).unlink(missing_ok=True)


def _path(folder: Path, digest: str) -> Path:
    return folder / "artifacts" / digest[:2] / digest


def _map(folder: Path, digest: str) -> memoryview | None:
    """Return the mapped file of a digest; None where it is missing, unreadable, or has other bytes."""
    try:
        with _path(folder, digest).open("rb") as file:
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return None
    return mapped if digest_of(mapped) == digest else None


def _write(folder: Path, digest: str, content: bytes) -> None:
    """Write under a temporary name, sync, rename: a reader sees the whole file or none."""
    path = _path(folder, digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).chmod(0o644)
    Path(temporary).replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
