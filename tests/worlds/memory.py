"""The memory of a process, measured by the kernel."""

from __future__ import annotations

from pathlib import Path


def peak_memory_bytes() -> int:
    """Return the most memory that this process had resident since its program began.

    `getrusage` says more: its figure starts with the memory of the process that started this one.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM: this kernel does not say the peak of a process's memory")
