"""The case over HTTP and the order under locks: throughput, latency, processor time a case.

A served demo in a folder of its own, two HTTP workers, the load generator on the same machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.load import Request, closed_loop, open_loop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DISPATCHERS = 8
_TICKS = os.sysconf("SC_CLK_TCK")


GRIDSVC = (sys.executable, "-m", "gridsvc")


@contextlib.contextmanager
def demo_folder(extra: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
    """Yield the environment of a demo in a temporary data folder; `extra` goes into it, and so to its database."""
    folder = Path(tempfile.mkdtemp(prefix="gsb", dir="/tmp"))
    folder.chmod(0o755)
    environment = {**os.environ, "GRIDSVC_DATA": str(folder / "data"), "GRIDSVC_AUTH": "off", **(extra or {})}
    try:
        subprocess.run([*GRIDSVC, "demo", "--no-serve", "--json"], env=environment, check=True, capture_output=True)
        yield environment
    finally:
        subprocess.run([*GRIDSVC, "db", "down"], env=environment, check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def served_demo(extra: Mapping[str, str] | None = None) -> Iterator[tuple[int, int]]:
    """Yield (port, pid) of a demo that is served from a temporary data folder; its log lines go to a file there."""
    with demo_folder(extra) as environment, served(environment) as (port, pid):
        yield port, pid


@contextlib.contextmanager
def served(environment: dict[str, str]) -> Iterator[tuple[int, int]]:
    """Yield (port, pid) of a service over the data folder of an environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Path(environment["GRIDSVC_DATA"], "serve.log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            [*GRIDSVC, "serve", "--port", str(port)], env=environment, start_new_session=True, stdout=log, stderr=log
        )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5)
                break
            time.sleep(0.2)
        yield port, server.pid
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def get(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30) as answer:
        return json.load(answer)


def reports(port: int) -> Iterator[Request]:
    """Yield new reports without end: the types of the run cards at the places of the demo's cases, in turn."""
    kinds = [plan["type"] for plan in get(port, "/response-plans")["items"]]
    places = [case["location"] for case in get(port, "/incidents?limit=200")["items"]]
    number = 0
    while True:
        place = places[number % len(places)]
        body = {"type": kinds[number % len(kinds)], "location": {"lon": place["lon"], "lat": place["lat"]}}
        yield Request("POST", "/incidents", body, str(uuid.uuid4()))
        number += 1


def service_processor_s(pid: int) -> float:
    """Processor seconds of the service's process group and of its database, with those of processes that ended."""
    environment = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    folder = next(each.partition("=")[2] for each in environment if each.startswith("GRIDSVC_DATA="))
    total = 0
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError, ValueError):
            stat = (entry / "stat").read_text()
            after = stat[stat.rindex(")") + 2 :].split()
            group, used = int(after[2]), sum(map(int, after[11:15]))  # of its ended children, too
            cwd = str((entry / "cwd").readlink())
            if group == pid or cwd.startswith(folder):
                total += used
    return total / _TICKS


def rows() -> Iterator[dict[str, Any]]:
    """Measure a first POST /incidents, its throughput and latency, and orders by eight dispatchers."""
    with served_demo() as (port, pid):
        supply = reports(port)
        first = closed_loop(port, list(islice(supply, 1)), 1)
        yield row("POST /incidents, the first one", first.latencies_s[0] * 1000, "ms", None)
        closed_loop(port, list(islice(supply, 200)), 4)
        used = service_processor_s(pid)
        most = closed_loop(port, list(islice(supply, 2000)), DISPATCHERS)
        each_ms = (service_processor_s(pid) - used) * 1000 / len(most.latencies_s)
        assert most.statuses == {201: 2000}, most.statuses
        yield row("POST /incidents, whole", most.per_second, "1/s", 150, least=True)
        yield row("POST /incidents, processor time, service + database", each_ms, "ms a case", 8)
        for pace, target in ((50, 40), (100, 80)):
            paced = open_loop(port, list(islice(supply, pace * 20)), pace)
            assert set(paced.statuses) == {201}, paced.statuses
            yield row(f"POST /incidents at {pace}/s, p99", paced.quantile_s(0.99) * 1000, "ms", target)
        yield _dispatches(port, supply)


def _dispatches(port: int, supply: Iterator[Request], seconds: float = 15) -> dict[str, Any]:
    """Eight dispatchers over HTTP: order a joint team, cancel the case, so that its teams are free again."""
    wanted = (r for r in supply if r.body is not None)
    answer = closed_loop(port, list(islice(wanted, 1200)), DISPATCHERS, keep=True)
    cases = [json.loads(body) for body in answer.bodies]
    urgent = [case["id"] for case in cases if case["urgency"] == "emergency"]
    sent = refused = 0
    lock = threading.Lock()
    stop = time.monotonic() + seconds

    def dispatcher(mine: list[str]) -> None:
        nonlocal sent, refused
        import http.client

        line = http.client.HTTPConnection("127.0.0.1", port)
        for case in mine:
            if time.monotonic() > stop:
                return
            status = _step(line, case, {"step": "assign"})
            with lock:
                sent, refused = sent + (status == 200), refused + (status == 409)
            assert status in {200, 409}, status
            _step(line, case, {"step": "cancel"})

    started = time.monotonic()
    with ThreadPoolExecutor(DISPATCHERS) as crowd:
        list(crowd.map(dispatcher, [urgent[n::DISPATCHERS] for n in range(DISPATCHERS)]))
    lasted = time.monotonic() - started
    return row("orders of joint teams over HTTP, 8 dispatchers, each followed by a cancel", sent / lasted, "1/s", None)


def _step(line: Any, case: str, step: dict[str, Any]) -> int:
    line.request("POST", f"/incidents/{case}/steps", json.dumps(step), {"Content-Type": "application/json"})
    answer = line.getresponse()
    answer.read()
    return int(answer.status)


def row(name: str, value: float, unit: str, target: float | None, *, least: bool = False) -> dict[str, Any]:
    met = None if target is None else (value >= target if least else value <= target)
    words = None if target is None else f"{'>=' if least else '<='} {target:g}"
    return {"name": name, "value": value, "unit": unit, "peers": {}, "ratio": None, "target": words, "met": met}
