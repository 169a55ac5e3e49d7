"""Rate limits of a caller and of an address without a key. Each HTTP process counts for itself."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_KEPT = 20_000


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
    """Token buckets by name. Safe for threads; the least recently used are dropped and start full again.

    Parameters
    ----------
    clock
        Monotonic seconds; another one in tests.
    """

    def __init__(self, rate: Rate, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Take one token and return 0, or take none and return the seconds until one is free."""
        now = self._clock()
        with self._lock:
            left = self._now(name, now)
            taken = left >= 1.0
            self._left.pop(name, None)
            self._left[name] = (left - 1.0 if taken else left, now)
            if len(self._left) > _KEPT:
                self._left.popitem(last=False)
        return 0.0 if taken else (1.0 - left) / self._rate.per_s

    def give_back(self, name: str) -> None:
        """Put one token back that was taken."""
        now = self._clock()
        with self._lock:
            self._left[name] = (min(self._rate.burst, self._now(name, now) + 1.0), now)

    def wait_s(self, name: str) -> float:
        """Return the seconds until a token is free, 0 if one is; take none."""
        with self._lock:
            left = self._now(name, self._clock())
        return 0.0 if left >= 1.0 else (1.0 - left) / self._rate.per_s

    def _now(self, name: str, now: float) -> float:
        left, at = self._left.get(name, (self._rate.burst, now))
        return min(self._rate.burst, left + (now - at) * self._rate.per_s)
