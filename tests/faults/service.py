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
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from gridsvc.db.session.connection import Database
from gridsvc.operations.runtime.service import Service
from tests.faults.traffic import LINES, traffic
from tests.worlds.district import load_toy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.traffic import Acknowledged

GRIDSVC = [sys.executable, "-m", "gridsvc"]


class Served:
    """`gridsvc serve` over the demo district, in a folder of its own; killed and started again at will."""

    def __init__(self, *, incidents: int = 20, workers: int = 2, demo: bool = True,
                 folder: Path | None = None) -> None:  # fmt: skip
        self.folder = folder or Path(tempfile.mkdtemp(prefix="gsf", dir="/tmp"))
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        self.workers = workers
        self.options: list[str] = []
        self.beside: list[dict[str, Any]] = []  # type and location of cases in the districts that were added
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

    def add_districts(self, count: int) -> None:
        """Put districts on paper in force, half a degree apart, to the east of the demo's."""
        url = json.loads(self.command("db", "url", "--role", "app", "--json"))["url"]
        service = Service(Database(url), self.folder / "data")
        for n in range(1, count + 1):
            load_toy(service, f"3381{n:02d}", east_deg=n / 2)
            self.beside += [
                {"type": "leak", "location": {"lon": 119.6 + n / 2 + km / 100, "lat": 29.1001}}
                for km in range(2, 16, 3)
            ]
        service.database.close()

    def start(self) -> float:
        """Start the service and return the seconds until it is ready."""
        began = time.monotonic()
        self._process = subprocess.Popen(
            [*GRIDSVC, "serve", "--port", str(self.port), "--workers", str(self.workers), *self.options],
            env=self.environment, stdout=self._log, stderr=self._log, start_new_session=True,
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

    def processes(self) -> dict[int, tuple[str, list[bytes]]]:
        """Every process of this instance but the database's: its name and the words that it was started with."""
        ours = f"GRIDSVC_DATA={self.folder / 'data'}\0".encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    if ours in (entry / "environ").read_bytes():
                        words = (entry / "cmdline").read_bytes().split(b"\0")
                        found[int(entry.name)] = ((entry / "comm").read_text().strip(), words)
        return found

    def background(self) -> list[int]:
        """The background process and the one in reserve."""
        return [pid for pid, (name, _) in self.processes().items() if "background process".startswith(name)]

    def jobs(self) -> list[int]:
        """The processes that run a job."""
        return [pid for pid, (_, words) in self.processes().items() if b"--job" in words]

    def kill_background(self) -> None:
        """Kill -9 every background process; the supervisor starts new ones. After a start it may not be there yet."""
        deadline = time.monotonic() + 30
        while not (found := self.background()):
            assert time.monotonic() < deadline, "no background process to be killed"
            time.sleep(0.05)
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def kill_http_process(self) -> None:
        """Kill -9 one of the HTTP processes; the supervisor starts another."""
        found = [pid for pid, (name, _) in self.processes().items() if name.startswith("HTTP process")]
        assert found, "no HTTP process to be killed"
        with contextlib.suppress(ProcessLookupError):
            os.kill(min(found), signal.SIGKILL)

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
def load(
    served: Served, *, clients: int = 6, per_second: float | None = None, repeat: bool = False
) -> Iterator[Acknowledged]:
    """Send cases while the block runs (`traffic`): as fast as `clients` are answered, or so many a second."""
    places, types = places_and_types(served)
    lines = clients if per_second is None else LINES
    with traffic(
        served.port, places, types, per_second=per_second, lines=lines, repeat=repeat, beside=served.beside
    ) as told:
        yield told


def measure_capacity(served: Served, seconds: float, clients: int = 12) -> float:
    """Return the most cases a second that the service leads from the report to the cancel, with nothing else to do."""
    with load(served, clients=clients) as told:
        while told.answers < 100:
            time.sleep(0.05)
        begun, known = time.monotonic(), len(told.cases)
        time.sleep(seconds)
        return (len(told.cases) - known) / (time.monotonic() - begun)


def settle(served: Served) -> None:
    """Wait until every event has its seal."""
    deadline = time.monotonic() + 60
    while served.query("select count(*) from event_unsealed")[0][0]:
        assert time.monotonic() < deadline, "events wait for a seal for a minute"
        time.sleep(0.1)


_LIVE_TWICE = """
    select count(*) from (select team_id from engagement where until is null and engaging
                          group by district, team_id having count(*) > 1) as twice
"""
# An order's stamp is read before it waits for the locks of its teams, so that it may lie a little before their release.
_OVERLAP_S = """
    select coalesce(max(extract(epoch from least(a.until, b.until) - greatest(a.since, b.since))), 0)
    from engagement a join engagement b
      on b.district = a.district and b.team_id = a.team_id and b.id > a.id and a.engaging and b.engaging
     and tstzrange(a.since, a.until) && tstzrange(b.since, b.until)
    join incident i on i.district = a.district and i.id = a.incident_id and i.external_ref is not null
"""


def compare(served: Served, told: Acknowledged) -> dict[str, int]:
    """Compare what was acknowledged with what is there; return the counts of what is wrong."""
    settle(served)
    rows = served.query("select id, type, external_ref, status from incident where external_ref is not null")
    there = {str(case): (kind, key, status) for case, kind, key, status in rows}
    lost = [k for k, case in told.cases.items() if there.get(case, ())[:2] != (told.bodies[k]["type"], k)]
    keys = [key for _, key, _ in there.values()]
    engaged = {str(row[0]) for row in served.query("select distinct incident_id from engagement")}
    cancelled = {case for case, steps in told.steps.items() if "cancel" in steps}
    renamed = 0
    with served.client() as client:
        for key in list(told.cases)[:: max(1, len(told.cases) // 40)]:
            again = client.post("/incidents", json=told.bodies[key], headers={"Idempotency-Key": key})
            renamed += again.json().get("id") != told.cases[key]
    return {
        "acknowledged": len(told.cases),
        "steps": sum(map(len, told.steps.values())),
        "assigned": len(told.assigned),
        "answers": told.answers,
        "refused": told.refused,
        "broken": told.broken,
        "lost": len(lost),
        "reported once, there twice": len(keys) - len(set(keys)),
        "given twice": len(told.cases) - len(set(told.cases.values())),
        "assignments lost": len(told.assigned - engaged),
        "cancels lost": sum(there[case][2] != "cancelled" for case in cancelled if case in there),
        "in two places": served.query(_LIVE_TWICE)[0][0],
        "stamps overlap by ms": round(1000 * served.query(_OVERLAP_S)[0][0]),
        "retries renamed": renamed,
        "bad answers": len(told.bad),
    }


WRONG = ("lost", "reported once, there twice", "given twice", "assignments lost", "cancels lost", "in two places",
         "retries renamed", "bad answers")  # fmt: skip
