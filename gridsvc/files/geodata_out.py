"""What every writer of a geodata format needs: a draft that replaces the file, and errors that say the cure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gridsvc.errors import InvalidInput
from gridsvc.files.text import replacing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replacing_geodata(path: Path) -> Iterator[Path]:
    """Yield the path of a draft, not there yet, that replaces the file when the block ends; see `replacing`.

    Raises
    ------
    InvalidInput
        When the driver cannot write it, for example because the disk is full.
    """
    with replacing(path) as draft, geodata_errors(path):
        draft.unlink(missing_ok=True)
        draft.touch()  # a folder that cannot be written is refused here, with the reason of the system
        draft.unlink()
        yield draft


@contextmanager
def geodata_errors(path: Path) -> Iterator[None]:
    """Raise what a driver says while it writes as InvalidInput that names the file."""
    from pyogrio.errors import DataLayerError, DataSourceError

    try:
        yield
    except (DataLayerError, DataSourceError) as error:
        raise InvalidInput(
            f"{path} cannot be written: {str(error)[:200]}. Check the folder and the free space on its disk.",
            kind="no-file",
        ) from None
