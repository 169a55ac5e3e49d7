"""House numbers along a street, kilometre posts along a road, and roads that meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.places.text import spell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.places.model import Entry


@dataclass(frozen=True, slots=True)
class Streets:
    """What is known along streets: `houses` and `posts` by spelled name, `junctions` by the two names, sorted."""

    houses: dict[str, tuple[Entry, ...]]
    posts: dict[str, tuple[Entry, ...]]
    junctions: dict[tuple[str, str], tuple[Entry, ...]]

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Streets:
        """Group what lies along streets."""
        del entries
        return cls({}, {}, {})


__all__ = ["Streets", "spell"]
