"""The nursery keeps its processes: one that dies is there again, none outlives those above it, all stop when told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import PROJECT

PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, {project!r})
from pathlib import Path
from gridsvc.cli.nursery import Role, nursery
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

roles = [Role("a", live("a")), Role("b", live("b"), 0.5)]
if "stubborn" in sys.argv:
    from gridsvc.cli import nursery as module
    module._PATIENCE_S = 0.5
    roles.append(Role("stubborn", stubborn))
if "broken" in sys.argv:
    roles.append(Role("broken", lambda: 1 / 0))
with nursery(roles, lambda: (folder / f"loaded-{{os.getpid()}}").touch()) as begun:
    print(begun._pid, flush=True)
    if "hesitant" in sys.argv:
        time.sleep(1)
        sys.exit(0)
    begun.begin()
    sys.exit(begun.wait())
"""


@pytest.fixture
def begin(tmp_path):
    started = []

    def run(*words):
        code = PROGRAM.format(project=str(PROJECT), folder=str(tmp_path))
        child = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 text=True)  # fmt: skip
        started.append(child)
        return child, int(child.stdout.readline())

    yield run
    for child in started:
        child.kill()
        child.communicate()


def pids(folder, name):
    return [int(path.name.partition("-")[2]) for path in folder.glob(f"{name}-*")]


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def wait_until(condition, patience_s=15.0):
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def test_all_is_loaded_once_and_every_role_runs(begin, tmp_path):
    begin()
    wait_until(lambda: pids(tmp_path, "a") and pids(tmp_path, "b"))
    assert len(pids(tmp_path, "loaded")) == 1


def test_a_process_that_is_killed_is_there_again(begin, tmp_path):
    begin()
    for n in range(1, 4):
        wait_until(lambda n=n: len(pids(tmp_path, "a")) == n)
        time.sleep(0.1)
        for pid in pids(tmp_path, "a"):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(pids(tmp_path, "a")) == 4)
    assert len(pids(tmp_path, "b")) == 1
    assert len(pids(tmp_path, "loaded")) == 1


def test_all_stop_when_told(begin, tmp_path):
    child, _ = begin()
    wait_until(lambda: pids(tmp_path, "a") and pids(tmp_path, "b"))
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) == 0
    assert not any(map(lives, pids(tmp_path, "a") + pids(tmp_path, "b") + pids(tmp_path, "loaded")))


def test_one_that_will_not_stop_is_killed(begin, tmp_path):
    child, _ = begin("stubborn")
    wait_until(lambda: pids(tmp_path, "stubborn"))
    child.send_signal(signal.SIGINT)
    child.wait(20)
    assert not lives(pids(tmp_path, "stubborn")[0])


@pytest.mark.parametrize("who", ["supervisor", "nursery"])
def test_none_outlives_those_above_it(begin, tmp_path, who):
    child, nursery = begin()
    wait_until(lambda: pids(tmp_path, "a") and pids(tmp_path, "b"))
    os.kill(child.pid if who == "supervisor" else nursery, signal.SIGKILL)
    wait_until(lambda: not any(map(lives, pids(tmp_path, "a") + pids(tmp_path, "b") + [nursery])))
    if who == "nursery":
        assert child.wait(20) == 1


def test_one_that_fails_at_once_is_tried_again_at_leisure_and_says_why(begin, tmp_path):
    child, _ = begin("broken")
    time.sleep(2.5)
    child.send_signal(signal.SIGTERM)
    _, told = child.communicate(timeout=20)
    assert 2 <= told.count("division by zero") <= 8
    assert pids(tmp_path, "a")


def test_nobody_begins_before_it_is_told(begin, tmp_path):
    child, nursery = begin("hesitant")
    assert child.wait(20) == 0
    assert pids(tmp_path, "loaded") == [nursery]
    assert not pids(tmp_path, "a")
    assert not lives(nursery)
