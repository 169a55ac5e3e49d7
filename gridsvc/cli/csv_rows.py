"""How commands report the rows of a file that could not be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gridsvc.cli.answers import printable, say

if TYPE_CHECKING:
    from gridsvc.files.csv_text import BadRows


def show_bad_rows(bad: BadRows) -> None:
    """Write the first bad rows and their count to stderr."""
    for line in bad.lines():
        say(printable(line))
