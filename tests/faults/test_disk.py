"""A disk that runs full under load: told in plain words, nothing acknowledged is lost, and space cures it by itself."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psycopg
import pytest

from gridsvc.db.cluster import processes
from tests.faults.service import WRONG, Served, compare, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.traffic import Acknowledged

SIZE_MB = 400
SEGMENT_MB = 16  # of PostgreSQL's log: with less it cannot go on


@pytest.fixture(scope="module")
def small_disk() -> Iterator[Path]:
    """A file system of its own, as small as a service needs; skipped where nothing may be mounted."""
    folder = Path(tempfile.mkdtemp(prefix="gsd", dir="/tmp"))
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m", "tmpfs", folder], capture_output=True)
    if mounted.returncode != 0:
        folder.rmdir()
        pytest.skip(f"nothing may be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)
    folder.rmdir()


@pytest.fixture(scope="module")
def served(small_disk: Path) -> Iterator[Served]:
    instance = Served(folder=small_disk / "service")
    try:
        instance.start()
        yield instance
    finally:
        instance.close()


def fill(file: Path) -> None:
    """Write until there is no byte left."""
    with file.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(1 << 20))
    with file.open("ab", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(1 << 10))
    assert shutil.disk_usage(file.parent).free < 1 << 12


def wait_until(condition: Callable[[], object], words: str, patience_s: float = 60) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, words
        time.sleep(0.05)


def ready(served: Served) -> httpx.Response | None:
    with contextlib.suppress(httpx.TransportError), served.client(10) as client:
        return client.get("/readyz")
    return None


def use_up_the_log(served: Served) -> None:
    """Ask for one segment of the log after the other, until there is no room for the next: PostgreSQL gives up."""
    server = processes.read_postmaster(served.folder / "data" / "postgres" / "data")
    if server is None:
        return  # it needed one already
    first = server.pid
    line = f"host={server.socket_folder} user=postgres dbname=gridsvc"
    with contextlib.suppress(psycopg.Error), psycopg.connect(line, autocommit=True) as connection:
        for _ in range(200):
            connection.execute("select pg_logical_emit_message(false, 'x', repeat('x', 1000000))")
            connection.execute("select pg_switch_wal()")
    wait_until(lambda: not processes.lives(first), "the server lives on a full disk")


def holds(served: Served, told: Acknowledged) -> dict[str, int]:
    found = compare(served, told)
    assert {name: found[name] for name in WRONG} == dict.fromkeys(WRONG, 0), (found, told.bad[:5])
    served.command("audit", "verify")
    return found


@pytest.mark.timeout(300)
def test_a_full_disk_is_told_and_space_cures_it(served: Served) -> None:
    ballast = served.folder / "ballast"
    with load(served, clients=4) as told:
        wait_until(lambda: len(told.cases) > 5, "no load comes about")
        fill(ballast)
        wait_until(lambda: told.kinds["disk-full"] > 5, f"nobody says that the disk is full: {told.kinds}")
        use_up_the_log(served)
        asked = told.refused
        wait_until(lambda: told.refused > asked + 10, "no answers while the database is dead")
        answer = ready(served)
        assert answer is not None
        assert answer.status_code == 503
        assert answer.json()["type"].endswith("disk-full")
        assert "full" in answer.json()["detail"]
        assert int(answer.headers["Retry-After"]) > 0
        findings = {each["check"]: each for each in json.loads(served.command("doctor", "--json"))["checks"]}
        assert findings["disk"]["state"] == "bad"
        free_mb, unit, _ = findings["disk"]["found"].split(" ", 2)
        assert (int(free_mb) < SEGMENT_MB, unit) == (True, "MB")  # a server that ends leaves a little room
        assert findings["database"]["state"] == "bad"
        assert "disk" in findings["database"]["found"]
        ballast.unlink()
        began, known = time.monotonic(), len(told.cases)
        wait_until(lambda: len(told.cases) > known + 3, "the service does not come back by itself")
        back_s = time.monotonic() - began
        wait_until(lambda: (answer := ready(served)) is not None and answer.status_code == 200, "not ready again")
    found = holds(served, told)
    assert found["acknowledged"] > 8
    said = f"full disk: {found}, refused {dict(told.kinds)}, cases again {back_s:.1f} s after there was space"
    sys.stdout.write(f"\n{said}\n")
