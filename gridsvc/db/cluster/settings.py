"""Settings of the embedded server: fast, and every acknowledged write is on the disk."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

ARCHIVE_TIMEOUT_S = 60
"""A segment of the log is archived after this time, also where it is not full."""

_MIB = 1 << 20
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def write(
    file: Path,
    log_folder: Path,
    major: int,
    *,
    archive_command: str | None = None,
    more: Mapping[str, str] | None = None,
) -> None:
    """Write the settings file that postgresql.conf includes; it is written at each start; ALTER SYSTEM overrides it.

    `archive_command` is run for each segment of the log; None: nothing is archived. `more` replaces settings.
    """
    memory_mib = memory_bytes() // _MIB
    values = {
        "listen_addresses": "''",
        "port": "5432",
        "unix_socket_permissions": "0700",
        "max_connections": "100",
        "shared_buffers": f"{min(256, max(32, memory_mib // 8))}MB",
        "effective_cache_size": f"{max(64, memory_mib // 2)}MB",
        "work_mem": "16MB",
        "maintenance_work_mem": f"{min(256, max(32, memory_mib // 16))}MB",
        "jit": "off",
        "random_page_cost": "1.1",
        # Durable: what is acknowledged is on the disk (R19).
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "wal_compression": "on",
        # Nothing replicates this cluster: a restore then writes its tables once, not also into the log.
        "wal_level": "minimal",
        "max_wal_senders": "0",
        "archive_mode": "off",
        # A crash is replayed from the last checkpoint: a bound on the log is a bound on the time to be back.
        "checkpoint_timeout": "5min",
        "max_wal_size": "512MB",
        "min_wal_size": "128MB",
        "restart_after_crash": "on",
        # Every transaction stamps from this clock, in one zone.
        "timezone": _zone(),
        "log_timezone": _zone(),
        # Without DETAIL and without statements: rows and parameters hold personal data.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_line_prefix": "'%m [%p] %q%u@%d '",
        "logging_collector": "on",
        "log_directory": _quoted(str(log_folder)),
        "log_filename": "'%a.log'",
        "log_rotation_age": "1d",
        "log_rotation_size": "0",
        "log_truncate_on_rotation": "on",
        "log_checkpoints": "off",
        "cluster_name": "gridsvc",
    }
    if archive_command is not None:
        values |= {
            "wal_level": "replica",
            "max_wal_senders": "4",  # base backups
            "archive_mode": "on",
            "archive_command": _quoted(archive_command),
            # The most that is lost with the disk.
            "archive_timeout": f"{ARCHIVE_TIMEOUT_S}s",
        }
    if major >= 14 and sys.platform == "linux":
        # After a crash one call flushes the disk, instead of one for each of a thousand files: back ten times as soon.
        values["recovery_init_sync_method"] = "syncfs"
    if major >= 16:
        values["log_file_mode"] = "0600"
    values |= more or {}
    text = "# Written by gridsvc at each start of the server; yours go into ALTER SYSTEM.\n"
    draft = file.with_suffix(".new")  # a full disk must not leave half of them in force
    draft.write_text(text + "".join(f"{name} = {value}\n" for name, value in values.items()), encoding="utf-8")
    draft.chmod(0o644)
    draft.replace(file)


def memory_bytes() -> int:
    """Memory that this process may use: the machine's, or the container's where that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(_CGROUP_LIMIT.read_text(encoding="ascii")))
    except (OSError, ValueError):
        return total


def _zone() -> str:
    # Built into the server, for a system without time zone files.
    return "UTC" if Path("/usr/share/zoneinfo/UTC").exists() else "GMT"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"
