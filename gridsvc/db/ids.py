"""Identifiers that sort by time."""

from __future__ import annotations

import os
import time
import uuid


def uuid7() -> uuid.UUID:
    """Return a UUID of version 7: milliseconds, their fraction in 12 bits, 62 random bits (RFC 9562, 5.7 and 6.2)."""
    milliseconds, rest_ns = divmod(time.time_ns(), 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    tail = int.from_bytes(os.urandom(8), "big") & (2**62 - 1)
    return uuid.UUID(int=(milliseconds & (2**48 - 1)) << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | tail)


def uuid7_at(epoch_s: float) -> uuid.UUID:
    """Return the lowest UUID of version 7 at a moment (seconds since 1970): no id made since then is below it."""
    return uuid.UUID(int=(int(epoch_s * 1000) & (2**48 - 1)) << 80)
