"""Counts of several HTTP processes: they add up, outlive a killed process, and need no room on a full disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from prometheus_client import generate_latest

from gridsvc.api.http.metrics import RequestTimes, share_counts
from tests.conftest import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

PROCESS = """
import os, sys
sys.path.insert(0, {project!r})
from pathlib import Path
from gridsvc.api.http.metrics import RequestTimes, share_counts
folder, supervisor, number, program = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
times = RequestTimes(share_counts(folder, supervisor, number))
exec(program)
"""
COUNT_UNTIL_KILLED = """
n = 0
while True:
    times.count("GET", f"/route/{n % 50}", 200, 0.003)
    n += 1
    os.write(1, b".")
"""


def start(folder: Path, number: int, program: str, supervisor: int | None = None) -> subprocess.Popen[bytes]:
    words = [str(folder), str(supervisor or os.getpid()), str(number), program]
    code = PROCESS.format(project=str(PROJECT))
    command = [sys.executable, "-c", code, *words]
    return subprocess.Popen(command, bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def run(folder: Path, number: int, program: str, supervisor: int | None = None) -> str:
    """Return what a process printed that ran a program to its end."""
    with start(folder, number, program, supervisor) as child:
        printed, error = child.communicate(timeout=120)
    assert child.returncode == 0, error.decode()
    return printed.decode()


def counted(text: str) -> float:
    """Return the number of answers counted, of all routes."""
    lines = [line for line in text.splitlines() if line.startswith("gridsvc_http_request_seconds_count{")]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


REPORT = "from prometheus_client import generate_latest; print(generate_latest(times.registry).decode())"


def test_the_counts_of_several_processes_add_up(tmp_path: Path) -> None:
    run(tmp_path, 1, "times.count('GET', '/x', 200, 0.003); times.count('GET', '/x', 200, 99.0)")
    text = run(tmp_path, 2, "times.count('GET', '/x', 200, 0.003)\n" + REPORT)
    labels = 'method="GET",route="/x",status="200"'
    lines = text.splitlines()
    assert f"gridsvc_http_request_seconds_count{{{labels}}} 3.0" in lines
    assert f'gridsvc_http_request_seconds_bucket{{le="0.005",{labels}}} 2.0' in lines
    assert f'gridsvc_http_request_seconds_bucket{{le="5.12",{labels}}} 2.0' in lines
    assert f'gridsvc_http_request_seconds_bucket{{le="+Inf",{labels}}} 3.0' in lines
    assert "# TYPE gridsvc_http_request_seconds histogram" in lines


def test_a_killed_process_loses_no_count_and_the_next_one_continues_its_file(tmp_path: Path) -> None:
    acknowledged = 0
    for _ in range(5):
        child = start(tmp_path, 1, COUNT_UNTIL_KILLED)
        assert child.stdout is not None
        printed = len(child.stdout.read(200))  # it counts now
        child.send_signal(signal.SIGKILL)
        rest, _ = child.communicate(timeout=60)
        acknowledged += printed + len(rest)
    total = counted(run(tmp_path, 2, REPORT))
    # Each killed process may have counted one answer that it did not print any more.
    assert acknowledged <= total <= acknowledged + 5
    assert sorted(file.name for file in tmp_path.glob("metrics/*/*")) == ["histogram_1.db", "histogram_2.db"]


def test_counts_of_services_that_ended_are_deleted(tmp_path: Path) -> None:
    ended = tmp_path / "metrics" / "99999999-1"
    ended.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        run(tmp_path, 1, "times.count('GET', '/x', 200, 1)", supervisor=other.pid)
        assert counted(run(tmp_path, 1, REPORT)) == 0  # another service in the same data folder counts for itself
        assert len(list(tmp_path.glob("metrics/*"))) == 2
        other.communicate(b"\n")
    assert not ended.exists()
    run(tmp_path, 1, "")
    assert len(list(tmp_path.glob("metrics/*"))) == 1


def test_a_full_disk_ends_no_process_that_counts(tmp_path: Path) -> None:
    """A page of a mapped file that the disk has no room for would end the process with SIGBUS."""
    run(tmp_path, 1, "[times.count('GET', f'/route/{n}', 200, 0.1) for n in range(400)]")
    (file,) = tmp_path.glob("metrics/*/*.db")
    status = file.stat()
    assert status.st_blocks * 512 >= status.st_size == 4 << 20


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount the small disk")
def test_on_a_full_disk_a_new_process_counts_for_itself_alone(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no mounts here: {mounted.stderr.decode()}")
    try:
        assert counted(run(disk, 1, "times.count('GET', '/x', 200, 1)\n" + REPORT)) == 1
        assert not list(disk.glob("metrics/*/*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_words_that_are_no_method_share_one_label() -> None:
    times = RequestTimes()
    for n in range(5):
        times.count(f"WORD{n}", "(none)", 405, 0.001)
    lines = generate_latest(times.registry).decode().splitlines()
    label = 'method="(other)",route="(none)",status="405"'
    assert f"gridsvc_http_request_seconds_count{{{label}}} 5.0" in lines
    assert counted("\n".join(lines)) == 5
    assert not any("_created" in line for line in lines)


def test_a_folder_that_cannot_be_written_is_none(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    assert share_counts(blocked, os.getpid(), 1) is None
