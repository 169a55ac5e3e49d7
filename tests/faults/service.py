"""A served instance with its own data folder, driven and hurt from outside: what the campaign does it to."""

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
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

GRIDSVC = [sys.executable, "-m", "gridsvc"]


class Served:
    """`gridsvc serve` over the demo district, in a folder of its own; killed and started again at will."""

    def __init__(self, *, incidents: int = 20, workers: int = 2, demo: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gsf", dir="/tmp"))
        self.folder.chmod(0o755)
        self.workers = workers
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("GRIDSVC_")}
        self.environment |= {"GRIDSVC_DATA": str(self.folder / "data"), "GRIDSVC_AUTH": "off"}
        self._log = (self.folder / "serve.log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        if demo:
            self.command("demo", "--incidents", str(incidents), "--no-serve", "--json")

    def close(self) -> None:
        """Stop everything and remove the folder."""
        self.kill_service()
        with contextlib.suppress(subprocess.SubprocessError):
            self.command("db", "down")
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def command(self, *words: str, timeout_s: float = 300, code: int = 0) -> str:
        """Run a command of gridsvc in this folder and return what it says."""
        done = subprocess.run(
            [*GRIDSVC, *words], env=self.environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )
        assert done.returncode == code, f"gridsvc {' '.join(words)}: exit {done.returncode}: {done.stderr[-500:]}"
        return done.stdout

    def start(self) -> float:
        """Start the service and return the seconds until it is ready."""
        began = time.monotonic()
        self._process = subprocess.Popen(
            [*GRIDSVC, "serve", "--port", str(self.port), "--workers", str(self.workers)], env=self.environment,
            stdout=self._log, stderr=self._log, start_new_session=True,
        )  # fmt: skip
        while time.monotonic() - began < 120:
            assert self._process.poll() is None, (self.folder / "serve.log").read_text()[-800:]
            with contextlib.suppress(httpx.TransportError), self.client(5) as client:
                if client.get("/readyz").status_code == 200:
                    return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError("not ready within two minutes")

    def client(self, timeout_s: float = 15) -> httpx.Client:
        """A client that keeps no connection longer than it lives."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=timeout_s, trust_env=False)

    def kill_service(self) -> None:
        """Kill -9 the supervisor, its HTTP processes, the background processes and their jobs."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(30)

    def background(self) -> list[int]:
        """The processes of `gridsvc work` of this instance."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    ours = f"GRIDSVC_DATA={self.folder / 'data'}".encode() in (entry / "environ").read_bytes()
                    if ours and b"work" in words and b"--job" not in words:
                        found.append(int(entry.name))
        return found

    def kill_background(self) -> None:
        """Kill -9 every background process; the supervisor starts new ones."""
        for pid in self.background():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def postmaster(self) -> int:
        """The first process of the embedded database."""
        return int((self.folder / "data" / "postgres" / "data" / "postmaster.pid").read_text().split()[0])

    def kill_database(self) -> None:
        """Kill -9 the postmaster."""
        with contextlib.suppress(OSError, ValueError):
            os.kill(self.postmaster(), signal.SIGKILL)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database itself, past everything."""
        import psycopg

        url = json.loads(self.command("db", "url", "--role", "owner", "--json"))["url"].replace("+psycopg", "")
        with psycopg.connect(url) as connection:
            return connection.execute(statement).fetchall()


@dataclass
class Acknowledged:
    """What the service said was done: cases by their key, assignments, and every answer that should not be."""

    cases: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    assigned: set[str] = field(default_factory=set)
    bad: list[str] = field(default_factory=list)
    refused: int = 0
    answers: int = 0
    in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def _list(client: httpx.Client, path: str, patience_s: float = 60) -> list[dict[str, Any]]:
    """The items at a path; a service that was killed a moment ago is waited for."""
    deadline = time.monotonic() + patience_s
    while True:
        with contextlib.suppress(httpx.TransportError):
            answer = client.get(path)
            if answer.status_code == 200:
                items: list[dict[str, Any]] = answer.json()["items"]
                return items
        assert time.monotonic() < deadline, f"{path} does not come back"
        time.sleep(0.2)


def places_and_types(served: Served) -> tuple[list[dict[str, float]], list[str]]:
    """The places of the demo's cases and the types of its run cards."""
    with served.client() as client:
        items = _list(client, "/incidents?limit=100")
        types = [plan["type"] for plan in _list(client, "/response-plans")]
    return [{k: case["location"][k] for k in ("lon", "lat")} for case in items], types


@contextlib.contextmanager
def load(served: Served, *, clients: int = 6, repeat: bool = False) -> Iterator[Acknowledged]:
    """Report, accept and assign without pause from several clients, and write down what was acknowledged.

    `repeat`: every request is sent twice under its key; the second answer must be the first.
    """
    told, stop = Acknowledged(), threading.Event()
    places, types = places_and_types(served)
    threads = [
        threading.Thread(target=_keep_reporting, args=(served, told, stop, n, places, types, repeat))
        for n in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def _keep_reporting(served, told, stop, number, places, types, repeat):
    n = number
    with served.client(10) as client:
        while not stop.is_set():
            body = {"type": types[n % len(types)], "location": places[n % len(places)]}
            n += 7
            key = str(uuid.uuid4())
            try:
                got = _send(client, told, "/incidents", body, key)
                if got is None or got.status_code != 201:
                    stop.wait(0.05)
                    continue
                case = got.json()["id"]
                with told.lock:
                    told.cases[key], told.bodies[key] = case, body
                if repeat and (again := _send(client, told, "/incidents", body, key)) is not None:
                    _same(told, got, again)
                for step in ("accept", "assign"):
                    own = str(uuid.uuid4())
                    done = _send(client, told, f"/incidents/{case}/steps", {"step": step}, own)
                    if repeat and done is not None and done.status_code < 300:
                        again = _send(client, told, f"/incidents/{case}/steps", {"step": step}, own)
                        if again is not None:
                            _same(told, done, again)
                    if done is None or done.status_code >= 300:
                        break
                    if step == "assign":
                        with told.lock:
                            told.assigned.add(case)
                # The fleet is finite: what was sent is cleared again, so that there is somebody to send.
                client.post(f"/incidents/{case}/steps", json={"step": "cancel"})
            except httpx.TransportError:
                stop.wait(0.05)


def _send(client, told, path, body, key):
    with told.lock:
        told.in_flight += 1
    try:
        got = client.post(path, json=body, headers={"Idempotency-Key": key})
    finally:
        with told.lock:
            told.in_flight -= 1
            told.answers += 1
    if got.status_code == 503:
        if "Retry-After" not in got.headers:
            told.bad.append(f"{path}: 503 without Retry-After")
        if got.json()["type"].endswith("unforeseen"):
            told.bad.append(f"{path}: unforeseen")
        told.refused += 1
        return None
    if got.status_code >= 500:
        told.bad.append(f"{path}: {got.status_code} {got.text[:200]}")
    return got


def _same(told, first, again):
    if again.status_code != first.status_code or again.content != first.content:
        told.bad.append(f"the same request gave another answer: {first.status_code}, then {again.status_code}")


def settle(served: Served) -> None:
    """Wait until every event has its seal."""
    deadline = time.monotonic() + 60
    while served.query("select count(*) from event_unsealed")[0][0]:
        assert time.monotonic() < deadline, "events wait for a seal for a minute"
        time.sleep(0.1)


def compare(served: Served, told: Acknowledged) -> dict[str, int]:
    """Compare what was acknowledged with what is there; return the counts of what is wrong."""
    settle(served)
    there = {str(row[0]): row[1] for row in served.query("select id, type from incident")}
    lost = [k for k, case in told.cases.items() if there.get(case) != told.bodies[k]["type"]]
    engaged = {str(row[0]) for row in served.query("select distinct incident_id from engagement")}
    doubled = served.query(
        "select team_id from engagement where until is null and engaging group by team_id having count(*) > 1"
    )
    renamed = 0
    with served.client() as client:
        for key in list(told.cases)[:: max(1, len(told.cases) // 40)]:
            again = client.post("/incidents", json=told.bodies[key], headers={"Idempotency-Key": key})
            renamed += again.json().get("id") != told.cases[key]
    return {
        "acknowledged": len(told.cases),
        "assigned": len(told.assigned),
        "lost": len(lost),
        "given twice": len(told.cases) - len(set(told.cases.values())),
        "assignments lost": len(told.assigned - engaged),
        "in two places": len(doubled),
        "retries renamed": renamed,
        "bad answers": len(told.bad),
    }


WRONG = ("lost", "given twice", "assignments lost", "in two places", "retries renamed", "bad answers")
