"""What a watcher asks: /metrics in the Prometheus text format, and a log line with an id for every request.

Each process that answers HTTP counts for itself and writes its numbers to a file of its own once a second; whichever
is asked adds all files of the running service up, those of workers that died included, so that counters never fall.
What the database knows (queues, cases, positions) is asked when somebody asks.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import threading
import time
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from fastapi import APIRouter, Request, Response

from gridsvc import __version__
from gridsvc.api.http.requests import service_of
from gridsvc.db.session.metrics import read_gauges
from gridsvc.errors import Unavailable
from gridsvc.operations.runtime.json_logs import request_id

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

router = APIRouter(tags=["health"])

BUCKETS_S = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12)
_WRITE_EVERY_S = 1.0
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_log = logging.getLogger("gridsvc.request")


class Meter:
    """The counts of one process: by (method, route, status), how often each bucket, the sum of seconds, the number."""

    def __init__(self, folder: Path, supervisor: int | None = None) -> None:
        self._folder = folder / "metrics" / _run_name(os.getpid() if supervisor is None else supervisor)
        self._file = self._folder / f"{os.getpid()}.json"
        self._counts: dict[tuple[str, str, str], list[float]] = {}
        self._lock = threading.Lock()
        self._dirty = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write the counts down; forget those of services that no longer run."""
        _remove_dead(self._folder)
        self._thread = threading.Thread(target=self._keep_writing, name="meter", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write the counts for the last time."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        self._write()

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        key = (method, route, str(status))
        with self._lock:
            counts = self._counts.get(key)
            if counts is None:
                counts = self._counts[key] = [0.0] * (len(BUCKETS_S) + 3)
            counts[bisect_left(BUCKETS_S, seconds)] += 1
            counts[-2] += seconds
            counts[-1] += 1
            self._dirty = True

    def totals(self) -> dict[tuple[str, str, str], list[float]]:
        """Return the counts of all processes of this service together."""
        with self._lock:
            found = {key: list(counts) for key, counts in self._counts.items()}
        for file in self._folder.glob("*.json"):
            if file != self._file:
                for *key, counts in _read(file):
                    mine = found.setdefault((key[0], key[1], key[2]), [0.0] * len(counts))
                    mine[:] = [a + b for a, b in zip(mine, counts, strict=True)]
        return found

    def _keep_writing(self) -> None:
        while not self._stop.wait(_WRITE_EVERY_S):
            self._write()

    def _write(self) -> None:
        with self._lock:
            if not self._dirty:
                return
            self._dirty = False
            rows = [[*key, counts] for key, counts in self._counts.items()]
            told = json.dumps(rows)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = self._file.with_suffix(".new")
            draft.write_text(told, encoding="utf-8")
            draft.replace(self._file)
        except OSError as error:
            _log.warning("the counts of this process cannot be written: %s", error.strerror)


# A map asks for hundreds of tiles: they are counted and timed, a line each would say nothing more.
_UNLOGGED = ("/tiles/", "/assets/")
_FINE = frozenset({200, 204, 304})


class Watch:
    """Middleware: every request has an id (its own X-Request-Id, or a new one), is timed, counted and logged."""

    def __init__(self, app: ASGIApp, meter: Meter) -> None:
        self.app = app
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, and watch."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        asked = told if _ID.fullmatch(told) else uuid4().hex
        token = request_id.set(asked)
        began = time.perf_counter()
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", asked.encode())]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            seconds = time.perf_counter() - began
            # The pattern of the route, never the address: that may hold what somebody searched for.
            route = getattr(scope.get("route"), "path", None) or "(none)"
            self._meter.count(scope["method"], route, status, seconds)
            if not (status in _FINE and route.startswith(_UNLOGGED)):
                facts = {"method": scope["method"], "route": route, "status": status, "ms": round(seconds * 1000, 1)}
                _log.info("answered", extra={"facts": facts})
            request_id.reset(token)


@router.get(
    "/metrics",
    summary="Numbers for a watcher, in the Prometheus text format",
    responses={200: {"content": {"text/plain": {"example": "gridsvc_sealer_lag_seconds 0.012"}}}},
)
def get_metrics(request: Request) -> Response:
    """Return counters of all processes and gauges of now; without the database its gauges are missing."""
    meter: Meter = request.app.state.meter
    service = service_of(request)
    # Requests are not counted by district: how many there are is for one who may see all districts.
    lines = [*_http_lines(meter.totals())] if service.caller.scope.district is None else []
    lines += _gauge("gridsvc_info", "The version.", [({"version": __version__}, 1)])
    try:
        with service.database.transaction() as connection:
            gauges = read_gauges(connection)
    except Unavailable:
        lines += _gauge("gridsvc_database_up", "Whether the database answers.", [({}, 0)])
    else:
        lines += _gauge("gridsvc_database_up", "Whether the database answers.", [({}, 1)])
        for field, (name, about) in GAUGES.items():
            value = getattr(gauges, field)
            if value is not None:
                lines += _gauge(f"gridsvc_{name}", about, [({}, value)])
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4; charset=utf-8")


GAUGES: Mapping[str, tuple[str, str]] = {
    "unsealed": ("events_unsealed", "Events that wait for their seal."),
    "sealer_lag_s": ("sealer_lag_seconds", "Age of the oldest event without a seal."),
    "sealed_lag_p99_s": ("sealed_lag_p99_seconds", "99th percentile from event to seal, last minute."),
    "sealed_positions": ("events_sealed", "Sealed events of all districts."),
    "waiting_emergencies": ("waiting_emergencies", "Emergencies that wait for a team."),
    "waiting_routine": ("waiting_routine_cases", "Routine cases that wait for a team."),
    "open_cases": ("open_cases", "Cases that are neither archived nor cancelled."),
    "engaged_teams": ("engaged_teams", "Teams that are on a case."),
    "teams_with_position": ("teams_with_position", "Teams that ever reported a position."),
    "oldest_position_s": ("position_age_oldest_seconds", "Age of the oldest last position of a team."),
    "median_position_s": ("position_age_median_seconds", "Median age of the teams' last positions."),
    "jobs_waiting": ("jobs_waiting", "Jobs that wait for the background process."),
    "jobs_running": ("jobs_running", "Jobs that run."),
    "due_late_s": ("due_late_seconds", "How late the oldest due entry is."),
    "open_proposals": ("open_proposals", "Proposals that wait for a person's decision."),
    "backup_age_s": ("backup_age_seconds", "Age of the last backup."),
    "database_bytes": ("database_bytes", "Size of the database."),
    "sessions": ("database_sessions", "Open sessions of the database."),
}


def _http_lines(totals: Mapping[tuple[str, str, str], list[float]]) -> Iterator[str]:
    name = "gridsvc_http_request_seconds"
    yield f"# HELP {name} Time from a request to the end of its answer."
    yield f"# TYPE {name} histogram"
    for (method, route, status), counts in sorted(totals.items()):
        labels = {"method": method, "route": route, "status": status}
        cumulated = 0.0
        for bound, count in zip((*BUCKETS_S, float("inf")), counts, strict=False):
            cumulated += count
            edge = "+Inf" if bound == float("inf") else f"{bound:g}"
            yield f"{name}_bucket{_labels(labels | {'le': edge})} {cumulated:g}"
        yield f"{name}_sum{_labels(labels)} {counts[-2]:.6f}"
        yield f"{name}_count{_labels(labels)} {counts[-1]:.0f}"


def _gauge(name: str, about: str, values: list[tuple[dict[str, str], float]]) -> list[str]:
    lines = [f"# HELP {name} {about}", f"# TYPE {name} gauge"]
    return lines + [f"{name}{_labels(labels)} {value:.12g}" for labels, value in values]


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    escaped = {
        key: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for key, value in labels.items()
    }
    return "{" + ",".join(f'{key}="{value}"' for key, value in escaped.items()) + "}"


def _read(file: Path) -> list[Any]:
    try:
        rows: list[Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return rows


def _run_name(supervisor: int) -> str:
    """Name the running service: its supervisor's process, and when that began, since numbers come round again."""
    return f"{supervisor}-{_began(supervisor)}"


def _began(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


def _remove_dead(ours: Path) -> None:
    for folder in ours.parent.glob("*-*"):
        pid, _, began = folder.name.partition("-")
        if folder != ours and pid.isdigit() and _began(int(pid)) != began:
            shutil.rmtree(folder, ignore_errors=True)
