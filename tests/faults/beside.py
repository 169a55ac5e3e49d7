"""What runs beside the traffic: an import of thousands of polygons again and again, and the heaviest jobs there are."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx

from gridsvc.operations.jobs.jobs import KINDS
from tests.faults.service import GRIDSVC

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.faults.service import Served

WEST, SOUTH, EAST, NORTH = 119.55, 28.85, 120.05, 29.25
HOME = "330703"
JOBS = tuple(kind for kind in ("service-areas", "verify", "backup", "tidy") if kind in KINDS)


def write_cells(file: Path, name: str, columns: int, rows: int) -> int:
    """Write a made-up village layer, a chequer-board whose names begin with `name`; return how many cells it has."""
    width, height = (EAST - WEST) / columns, (NORTH - SOUTH) / rows
    features = []
    for n in range(columns * rows):
        x, y = WEST + n % columns * width, SOUTH + n // columns * height
        ring = [[x, y], [x + width, y], [x + width, y + height], [x, y + height], [x, y]]
        features.append({"type": "Feature", "properties": {"code": f"{name}{n:06d}", "name": f"{name}{n}"},
                         "geometry": {"type": "Polygon", "coordinates": [ring]}})  # fmt: skip
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return len(features)


class Imports(threading.Thread):
    """Loads one of two village layers into the draft, in turn; now and then one is killed with -9 on its way.

    `found` counts how the attempts ended; after each, the draft's villages are all of one file (or none were loaded
    yet): anything else is written into `torn`.
    """

    def __init__(self, served: Served, seed: int, *, cells: tuple[int, int] = (60, 50)) -> None:
        super().__init__(name="imports")
        self._served, self._dice = served, random.Random(seed)
        self._files = {name: served.folder / f"{name}.geojson" for name in ("甲", "乙")}
        self._counts = {name: write_cells(file, name, *cells) for name, file in self._files.items()}
        self.stop = threading.Event()
        self.found = {"loaded": 0, "killed": 0, "refused": 0}
        self.torn: list[str] = []
        self._took_s = 8.0

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            self._attempt(list(self._files)[number % 2], kill=self._dice.random() < 0.3)
            number += 1

    def _attempt(self, name: str, *, kill: bool) -> None:
        words = [*GRIDSVC, "load", "grids", str(self._files[name]), "--level", "village", "--crs", "EPSG:4326",
                 "--district", HOME, "--code-field", "code", "--name-field", "name", "--json"]  # fmt: skip
        began = time.monotonic()
        child = subprocess.Popen(words, env=self._served.environment, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)  # fmt: skip
        os.setpriority(os.PRIO_PROCESS, child.pid, 10)
        until = began + (self._dice.uniform(0.3, 1.0) * self._took_s if kill else 300)
        while child.poll() is None and time.monotonic() < until and not self.stop.is_set():
            time.sleep(0.02)
        if child.poll() is None:
            child.send_signal(signal.SIGKILL)
            child.wait()
            self.found["killed"] += 1
        else:
            self.found["loaded" if child.returncode == 0 else "refused"] += 1
            if child.returncode == 0:
                self._took_s = time.monotonic() - began
        self._look()

    def _look(self) -> None:
        """Whole or absent: the villages of the draft are those of one file, or what was in force."""
        drafts = f"select max(number) from grid_generation where district = '{HOME}' and state = 'draft'"
        villages = f"level = 4 and district = '{HOME}'"
        query = f"select left(name, 1), count(*) from grid where {villages} and generation = ({drafts}) group by 1"
        try:
            there = dict(self._served.query(query))
        except Exception:  # noqa: BLE001 - the database was killed a moment ago; it is looked at the next time
            return
        ours = {name: there[name] for name in self._counts if name in there}
        if ours and (len(there) > 1 or ours.items() > self._counts.items() or ours.items() - self._counts.items()):
            self.torn.append(str(there))


PLAN = {"model": "mclp", "p": 4, "demand": "villages"}


class Jobs(threading.Thread):
    """Asks for one heavy job after the other, and with `plans` for a plan of coverage among them."""

    def __init__(self, served: Served, *, plans: bool = False) -> None:
        super().__init__(name="jobs")
        self._served = served
        self.stop = threading.Event()
        self._kinds = ["cover-plan", *JOBS] if plans else list(JOBS)

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            kind = self._kinds[number % len(self._kinds)]
            number += 1
            if kind == "cover-plan":
                self.plan()
            else:
                self._ask("/jobs", {"kind": kind})
            self.stop.wait(0.5)

    def plan(self, patience_s: float = 60) -> None:
        """Ask for a plan of coverage, and wait for it."""
        self._ask("/coverage/plans", {"district": HOME, "scenario": PLAN}, patience_s)

    def _ask(self, path: str, body: dict[str, Any], patience_s: float = 60) -> None:
        """Ask for a job, and wait for its end; a service that is away is asked for the next one."""
        until, job = time.monotonic() + patience_s, None
        while time.monotonic() < until and not self.stop.is_set():
            with contextlib.suppress(httpx.TransportError), self._served.client(15) as client:
                answer = client.get(f"/jobs/{job}") if job else client.post(path, json=body)
                if answer.status_code in (200, 202):
                    now = answer.json()
                    job = now["id"]
                    if now["state"] in ("done", "failed", "cancelled"):
                        return
                elif job is None:
                    return
            self.stop.wait(0.5)


class Drawings(threading.Thread):
    """Draws isochrones of a few places again and again; `drawn` has the answers by place, each place always one."""

    def __init__(self, served: Served, places: Sequence[dict[str, float]]) -> None:
        super().__init__(name="drawings")
        self._served, self._places = served, list(places)
        self.stop = threading.Event()
        self.drawn: dict[int, set[str]] = {}
        self.answered = 0
        self.bad: list[str] = []

    def run(self) -> None:
        number = 0
        while not self.stop.is_set():
            with contextlib.suppress(httpx.TransportError):
                self.draw(number % len(self._places))
            number += 1
            self.stop.wait(1)

    def draw(self, number: int) -> None:
        """Draw one place, and keep the answer."""
        with self._served.client(30) as client:
            answer = client.get("/isochrones", params=self._places[number] | {"minutes": "5,10"})
        if answer.status_code == 200:
            self.answered += 1
            self.drawn.setdefault(number, set()).add(answer.text)
        elif answer.status_code not in (429, 503):
            self.bad.append(f"{answer.status_code} {answer.text[:200]}")


@contextlib.contextmanager
def running(*threads: Any) -> Iterator[None]:
    """Let the threads run while the block runs, and stop them by their `stop`."""
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.stop.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def heavy_work(served: Served, seed: int) -> Iterator[Imports]:
    """Import and run jobs while the block runs."""
    imports = Imports(served, seed)
    with running(imports, Jobs(served)):
        yield imports
