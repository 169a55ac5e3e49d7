"""The digest of a row: SHA-256 over its columns as canonical JSON (RFC 8785).

Times are given as seconds since 1970 in text, dates are written as 2026-03-01, bytes become hexadecimal, and columns
that are null are left out: a migration that adds a column without values changes no digest.
"""

from __future__ import annotations

import hashlib
import math
from datetime import date
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from gridsvc.evidence import chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gridsvc.json_types import Json

_EXACT = 2**53


def row_digest(row: Mapping[str, Any]) -> str:
    """Return the digest of one row, its values by column; geometries are given as bytes (WKB)."""
    values = {name: _plain(value) for name, value in row.items() if value is not None}
    return hashlib.sha256(chain.canonical(values).encode()).hexdigest()


def rows_digest(digests: Iterable[str]) -> str:
    """Return one digest for many rows, from their digests in a fixed order."""
    whole = hashlib.sha256()
    for each in digests:
        whole.update(each.encode())
    return whole.hexdigest()


def _plain(value: object) -> Json:
    """Return a column's value as a JSON value."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -_EXACT < value < _EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return cast("Json", value)
