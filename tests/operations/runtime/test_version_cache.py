"""The memory of loaded versions: limited in bytes, the least recently used goes first."""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

import numpy as np

from gridsvc.operations.runtime.version_cache import ABSENT, ALWAYS_KEPT, VersionCache, private_bytes

if TYPE_CHECKING:
    from pathlib import Path

MB = 1 << 20


def test_the_least_recently_used_is_dropped_above_the_limit() -> None:
    cache = VersionCache(100 * MB)
    for number in range(90):
        cache.put("weights", number, np.zeros(MB // 8))
    assert cache.get("weights", 0) is not ABSENT  # used now: the next to go is 1
    for number in range(90, 110):
        cache.put("weights", number, np.zeros(MB // 8))
    kept = [number for number in range(110) if cache.get("weights", number) is not ABSENT]
    assert kept[0] == 0
    assert kept[1] >= 11
    assert cache.used_bytes <= 100 * MB
    assert len(kept) >= 95


def test_a_value_above_the_limit_stays_while_it_is_among_the_newest() -> None:
    cache = VersionCache(MB)
    cache.put("network", "large", np.zeros(MB))
    for number in range(ALWAYS_KEPT - 1):
        cache.put("district", number, object())
    assert cache.get("network", "large") is not ABSENT
    cache.put("network", "larger", np.zeros(MB))
    assert len(cache) == ALWAYS_KEPT


def test_what_a_mapped_file_or_another_value_holds_is_not_counted(tmp_path: Path) -> None:
    file = tmp_path / "network"
    file.write_bytes(bytes(8 * MB))
    with file.open("rb") as stream:
        mapped = np.frombuffer(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ), np.int64)
    assert private_bytes({"arcs": mapped}) < 10_000
    cache = VersionCache(100 * MB)
    network = {"own": np.zeros(MB)}
    cache.put("network", 1, network)
    used = cache.used_bytes
    assert used >= 8 * MB
    cache.put("weights", 1, {"network": network, "ms": np.zeros(10)})
    assert cache.used_bytes - used < 10_000


def test_a_version_put_again_is_counted_once_and_a_kind_can_be_forgotten() -> None:
    cache = VersionCache(100 * MB)
    for _ in range(3):
        cache.put("weights", 1, np.zeros(MB))
    assert cache.used_bytes < 9 * MB
    cache.put("law", 1, object())
    cache.forget("weights")
    assert cache.get("weights", 1) is ABSENT
    assert cache.get("law", 1) is not ABSENT
    assert cache.used_bytes < 10_000
