"""Ownership indexes and road networks by digest: the database keeps the bytes, a file of each is mapped by all."""

from __future__ import annotations

import hashlib
import mmap
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from gridsvc.db.schema.tables import artifact
from gridsvc.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


def digest_of(content: bytes | memoryview) -> str:
    """Return the SHA-256 of the bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def put_artifact(connection: Connection, folder: Path, district: str, kind: str, content: bytes) -> str:
    """Keep bytes in the database and as a file, and return their digest; the same bytes again cost nothing."""
    digest = digest_of(content)
    row = {"district": district, "digest": digest, "kind": kind, "content": content}
    connection.execute(insert(artifact).values(row).on_conflict_do_nothing())
    _write(folder, digest, content)
    return digest


def open_artifact(connection: Connection, folder: Path, district: str, digest: str) -> memoryview:
    """Return the bytes of a digest, mapped from the file; the file is restored from the database where it is missing.

    Raises
    ------
    NotFound
        When neither a file nor the database has it.
    """
    path = _path(folder, digest)
    if not path.exists():
        query = select(artifact.c.content).where(artifact.c.district == district, artifact.c.digest == digest)
        content = connection.scalar(query)
        if content is None:
            raise NotFound(f"The stored file {digest[:12]} of district {district} is missing. Load its source again.")
        _write(folder, digest, content)
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def remove_files(folder: Path, digests: Iterable[str]) -> None:
    """Remove the files of artifacts that the database keeps no longer; who has one mapped keeps it until he lets go."""
    for digest in digests:
        _path(folder, digest).unlink(missing_ok=True)


def _path(folder: Path, digest: str) -> Path:
    return folder / "artifacts" / digest[:2] / digest


def _write(folder: Path, digest: str, content: bytes) -> None:
    """Write under a temporary name, sync, rename: a reader sees the whole file or none."""
    path = _path(folder, digest)
    if path.exists():
        return
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
