"""Rate limits of a caller and of an address without a key, counted by all processes of a service together."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.api.http.rate_table import RateTable

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then `per_s` in the long run."""

    per_s: float
    burst: float


CALLER = Rate(per_s=500, burst=1000)
"""Of one key: more than a desk or a gateway of sensors sends, less than would take capacity from others."""
STRANGER = Rate(per_s=2, burst=40)
"""Of one address on the open routes."""
WRONG_KEY = Rate(per_s=1 / 6, burst=10)
"""Of wrong secrets of one key id from one address, and of wrong codes from one address: ten a minute."""
WRONG_KEYS_OF_ADDRESS = Rate(per_s=1, burst=40)
"""Of wrong keys of all ids from one address, which may be that of a whole office: against the cost of argon2."""
UNKNOWN_TOKEN = Rate(per_s=20, burst=200)
"""Of wrong tokens from one address. A token has 256 random bits and costs one query, so that none can be guessed."""


class Buckets:
    """Token buckets of one rate, by name, in a table that the processes of a service share. Safe for threads.

    The least recently used are dropped and start full again. Several services divide the rate: a proxy sends each of
    them its share of the requests.

    Parameters
    ----------
    kind
        Name of the rate in the table.
    table
        None: a table of this process.
    clock
        Monotonic seconds, the same in all processes of a machine; another one in tests.
    """

    def __init__(
        self,
        rate: Rate,
        *,
        kind: str = "",
        table: RateTable | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._kind = kind
        self._table = RateTable() if table is None else table
        self._clock = clock

    def take(self, name: str) -> float:
        """Take one token and return 0, or take none and return the seconds until one is free."""
        now, wait_s = self._clock(), 0.0

        def take(known: tuple[float, float] | None) -> tuple[float, float]:
            nonlocal wait_s
            left = self._left(known, now)
            wait_s = self._wait_s(left)
            return (left if wait_s else left - 1.0), now

        self._table.update(f"{self._kind} {name}", take)
        return wait_s

    def give_back(self, name: str) -> None:
        """Put one token back that was taken."""
        now = self._clock()
        self._table.update(f"{self._kind} {name}", lambda known: (min(self._burst, self._left(known, now) + 1.0), now))

    def wait_s(self, name: str) -> float:
        """Return the seconds until a token is free, 0 if one is; take none."""
        now, left = self._clock(), 0.0

        def look(known: tuple[float, float] | None) -> tuple[float, float]:
            nonlocal left
            left = self._left(known, now)
            return left, now

        self._table.update(f"{self._kind} {name}", look)
        return self._wait_s(left)

    @property
    def _burst(self) -> float:
        return max(1.0, self._rate.burst / self._table.services)

    def _wait_s(self, left: float) -> float:
        return 0.0 if left >= 1.0 else (1.0 - left) * self._table.services / self._rate.per_s

    def _left(self, known: tuple[float, float] | None, now: float) -> float:
        if known is None:
            return self._burst
        left, at = known
        return min(self._burst, left + (now - at) * self._rate.per_s / self._table.services)
