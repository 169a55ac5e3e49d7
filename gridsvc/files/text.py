"""Text and JSON files: read whole, written whole or not at all."""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def read_json(path: Path, cure: str) -> object:
    """Return the JSON value of a file; `cure` is the sentence that says what to give instead.

    Raises
    ------
    InvalidInput
        For a file that cannot be read, is not JSON, or is nested too deeply.
    """
    try:
        value: object = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}. Check the path.", kind="no-file") from None
    except RecursionError:
        raise InvalidInput(f"{path} is nested too deeply. {cure}", kind="bad-json") from None
    except ValueError as error:
        raise InvalidInput(f"{path} is not JSON: {error}. {cure}", kind="bad-json") from None
    return value


def write_text(path: Path, text: str) -> None:
    """Write a text in place of a file. Raises InvalidInput where it cannot be written; the old file stays then."""
    with replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        file.write(text)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield the path of a draft that replaces the file when the block ends; after an error the old file stays.

    A device or a pipe, such as /dev/stdout, is written directly.

    Raises
    ------
    InvalidInput
        When the file cannot be written, also because the disk is full.
    """
    special = path.exists() and not path.is_file()
    draft = path if special else path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield draft
        if draft != path:
            draft.replace(path)
    except OSError as error:
        _discard(draft, path)
        reason = error.strerror or str(error)
        raise InvalidInput(
            f"{path} cannot be written: {reason}. Give a path that can be written, on a disk with free space.",
            kind="no-file",
        ) from None
    except BaseException:
        _discard(draft, path)
        raise


def _discard(draft: Path, path: Path) -> None:
    if draft != path:
        draft.unlink(missing_ok=True)


def check_ending(path: Path, endings: Sequence[str], *, device_ok: bool = False) -> None:
    """Raise InvalidInput where a file's ending names no format that can be written; a device may have any ending."""
    if path.suffix.lower() in endings or (device_ok and path.exists() and not path.is_file() and not path.is_dir()):
        return
    ending = f"the ending {path.suffix}" if path.suffix else "a name without an ending"
    raise InvalidInput(
        f"{path}: {ending} names no format that can be written here. Use {' or '.join(endings)}.",
        kind="unknown-format",
    )


def file_digest(path: Path) -> str:
    """Return the SHA-256 of the bytes of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
