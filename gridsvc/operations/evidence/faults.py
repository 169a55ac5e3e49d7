"""The faults of a verification: all of them counted, the first thousand named."""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_NAMED = 1000


@dataclass(slots=True)
class Faults:
    """What does not hold in one district, in the order in which it was found."""

    named: list[str] = field(default_factory=list)
    count: int = 0

    def add(self, words: str) -> None:
        """Add one fault; after a thousand it is only counted."""
        self.count += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(words)
