"""Files that can be made again from others at any time: kept in the data folder so that they are made once."""

from __future__ import annotations

import hashlib
import mmap
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_DIGEST_BYTES = 32
UNFINISHED = ".part"
"""Ending of a file that is being written; it gets its own name when it is complete."""


def derived(folder: Path, name: str, make: Callable[[], Sequence[bytes | memoryview]]) -> memoryview:
    """Return the bytes of a derived file, mapped; `make` returns its blocks where it is missing, cut or damaged.

    The SHA-256 of the bytes stands at the end of the file. Where the folder cannot be written, the bytes are only held
    in memory.
    """
    path = folder / "derived" / name
    if (mapped := _map(path)) is not None:
        return mapped
    blocks = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=UNFINISHED)
        try:
            with os.fdopen(handle, "wb") as file:
                digest = hashlib.sha256()
                for block in blocks:
                    digest.update(block)
                    file.write(block)
                file.write(digest.digest())
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError:
        return memoryview(b"".join(blocks))
    return _map(path) or memoryview(b"".join(blocks))


def remove_derived(folder: Path, pattern: str) -> None:
    """Remove the derived files of a pattern: those of earlier versions. A process that maps one keeps its bytes."""
    for path in (folder / "derived").glob(pattern):
        path.unlink(missing_ok=True)


def remove_unfinished(folder: Path, older_than_s: float) -> int:
    """Remove what processes that were killed left half written in a folder; return how many files."""
    newest = time.time() - older_than_s
    removed = 0
    for path in folder.rglob(f"*{UNFINISHED}"):
        try:
            if path.stat().st_mtime < newest:
                path.unlink()
                removed += 1
        except FileNotFoundError:  # completed, or removed by another process
            continue
    return removed


def _map(path: Path) -> memoryview | None:
    """Return the mapped bytes without their digest; None where the file is missing or the digest disagrees."""
    try:
        with path.open("rb") as file:
            mapped = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        return None
    content = mapped[:-_DIGEST_BYTES]
    return content if hashlib.sha256(content).digest() == mapped[-_DIGEST_BYTES:] else None
