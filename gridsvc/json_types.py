"""The names of JSON values in annotations."""

from __future__ import annotations

from typing import Any, TypeAlias

Json: TypeAlias = Any
"""None, bool, int, float, str, a list of these, or a dict of these with str keys.

It is `Any` for mypy: a recursive union would have to be narrowed at every key that is read.
"""

JsonObject: TypeAlias = dict[str, Json]
"""A JSON object."""
