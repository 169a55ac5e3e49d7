"""The fork server replaces a child that ends, no child outlives its parents, and all stop on SIGTERM."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, {project!r})
from pathlib import Path
from gridsvc.serve.prefork import Child, fork_server
folder = Path({folder!r})

def live(name):
    def run():
        (folder / f"{{name}}-{{os.getpid()}}").touch()
        while True:
            time.sleep(0.05)
    return run

def stubborn():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    live("stubborn")()

children = [Child("a", live("a")), Child("b", live("b"), 0.5)]
if "stubborn" in sys.argv:
    from gridsvc.serve import prefork
    prefork._STOP_TIMEOUT_S = 0.5
    children.append(Child("stubborn", stubborn))
if "broken" in sys.argv:
    children.append(Child("broken", lambda: 1 / 0))
with fork_server(children, lambda: (folder / f"loaded-{{os.getpid()}}").touch()) as server:
    print(server._pid, flush=True)
    if "cancelled" in sys.argv:
        time.sleep(1)
        sys.exit(0)
    server.start()
    sys.exit(server.wait())
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    started = []

    def run(*words: Any) -> Any:
        code = PROGRAM.format(project=str(PROJECT), folder=str(tmp_path))
        child = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True)  # fmt: skip
        started.append(child)
        assert child.stdout is not None
        return child, int(child.stdout.readline())

    yield run
    for child in started:
        child.kill()
        child.communicate()


def pids(folder: Path, name: str) -> Any:
    return [int(path.name.partition("-")[2]) for path in folder.glob(f"{name}-*")]


def lives(pid: Any) -> Any:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition: Any, timeout_s: Any = 15.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.01)


def test_everything_is_loaded_once_and_every_child_runs(start: Any, tmp_path: Path) -> None:
    start()
    wait_until(lambda: pids(tmp_path, "a") and pids(tmp_path, "b"))
    assert len(pids(tmp_path, "loaded")) == 1


def test_a_killed_child_is_replaced(start: Any, tmp_path: Path) -> None:
    start()
    for n in range(1, 4):
        wait_until(lambda n=n: len(pids(tmp_path, "a")) == n)
        time.sleep(0.1)
        for pid in pids(tmp_path, "a"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(pids(tmp_path, "a")) == 4)
    assert len(pids(tmp_path, "b")) == 1
    assert len(pids(tmp_path, "loaded")) == 1


def test_all_stop_on_sigterm(start: Any, tmp_path: Path) -> None:
    child, _ = start()
    wait_until(lambda: pids(tmp_path, "a") and pids(tmp_path, "b"))
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == 0
    assert not any(map(lives, pids(tmp_path, "a") + pids(tmp_path, "b") + pids(tmp_path, "loaded")))


def test_a_child_that_ignores_sigterm_is_killed(start: Any, tmp_path: Path) -> None:
    child, _ = start("stubborn")
    wait_until(lambda: pids(tmp_path, "stubborn"))
    child.send_signal(signal.SIGINT)
    child.wait(20)
    assert not lives(pids(tmp_path, "stubborn")[0])


@pytest.mark.parametrize("killed", ["parent", "fork server"])
def test_no_child_outlives_its_parents(start: Any, tmp_path: Path, killed: Any) -> None:
    child, server = start()
    wait_until(lambda: pids(tmp_path, "a") and pids(tmp_path, "b"))
    os.kill(child.pid if killed == "parent" else server, signal.SIGKILL)
    wait_until(lambda: not any(map(lives, pids(tmp_path, "a") + pids(tmp_path, "b") + [server])))
    if killed == "fork server":
        assert child.wait(20) == 1


@pytest.mark.parametrize("frozen", ["child", "fork server"])
def test_a_process_that_is_suspended_ends_with_its_parent(start: Any, tmp_path: Path, frozen: Any) -> None:
    child, server = start()
    wait_until(lambda: pids(tmp_path, "a") and pids(tmp_path, "b"))
    os.kill(server if frozen == "fork server" else pids(tmp_path, "a")[0], signal.SIGSTOP)
    os.kill(child.pid, signal.SIGKILL)
    wait_until(lambda: not any(map(lives, pids(tmp_path, "a") + pids(tmp_path, "b") + [server])))


def test_a_child_that_fails_at_once_is_started_again_after_pauses_and_its_error_is_logged(
    start: Any, tmp_path: Path
) -> None:
    child, _ = start("broken")
    time.sleep(2.5)
    child.send_signal(signal.SIGTERM)
    _, log = child.communicate(timeout=20)
    assert 2 <= log.count("division by zero") <= 8
    assert pids(tmp_path, "a")


def test_no_child_starts_before_the_parent_says_so(start: Any, tmp_path: Path) -> None:
    child, server = start("cancelled")
    assert child.wait(20) == 0
    assert pids(tmp_path, "loaded") == [server]
    assert not pids(tmp_path, "a")
    assert not lives(server)
