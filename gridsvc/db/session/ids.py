"""Identifiers that sort by time."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TIES = 64  # of a quarter of a microsecond


_last = [0]


def uuid7(at: datetime | None = None) -> uuid.UUID:
    """Return a UUID of version 7: milliseconds, their fraction in 12 bits, 62 random bits (RFC 9562, 5.7 and 6.2).

    `at` is the moment that it sorts by, None = now by this machine's clock. What one process makes for the same moment
    sorts in the order in which it was made.
    """
    epoch_ns = time.time_ns() if at is None else (at - _EPOCH) // _MICROSECOND * 1000
    milliseconds, rest_ns = divmod(epoch_ns, 1_000_000)
    stamp = milliseconds << 12 | rest_ns * 4096 // 1_000_000
    if _last[0] - _TIES < stamp <= _last[0]:
        stamp = _last[0] + 1
    _last[0] = stamp
    tail = int.from_bytes(os.urandom(8), "big") & (2**62 - 1)
    return uuid.UUID(int=(stamp >> 12 & (2**48 - 1)) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | tail)


def uuid7_at(epoch_s: float) -> uuid.UUID:
    """Return the lowest UUID of version 7 at a moment (seconds since 1970): no id made since then is below it."""
    return uuid.UUID(int=(int(epoch_s * 1000) & (2**48 - 1)) << 80)
