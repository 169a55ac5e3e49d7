"""Files that can always be made again from others: kept in the data folder so that they are made once."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def derived(folder: Path, name: str, make: Callable[[], bytes]) -> memoryview:
    """Return the bytes of a derived file, mapped; `make` is called where it is not there yet.

    Where the folder cannot be written, the bytes are only held in memory.
    """
    path = folder / "derived" / name
    if not path.exists():
        content = make()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(temporary).chmod(0o644)
            Path(temporary).replace(path)
        except OSError:
            return memoryview(content)
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
