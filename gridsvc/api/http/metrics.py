"""`GET /metrics` in the Prometheus text format, and for every request an id, a time, a count and a log line.

Requests are counted by a histogram of prometheus_client. Where several processes answer HTTP, each of them counts in a
memory-mapped file (the multiprocess mode of the library) that is named after its number, not after its process id. The
process that replaces a killed one continues that file: no count is lost, and there are never more files than processes.
The gauges are read from the database when a request asks for them.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from gridsvc import __version__
from gridsvc.api.http.lanes import CLIENT_GONE
from gridsvc.api.http.requests import service_of
from gridsvc.db.session.metrics import read_gauges
from gridsvc.errors import Unavailable
from gridsvc.operations.runtime.json_logs import request_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from gridsvc.db.session.metrics import Gauges
    from gridsvc.db.session.replica import Lag

router = APIRouter(tags=["health"])

BUCKETS_S = (0.0025, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# About 1,000 series of this histogram. A page that is mapped but not on the disk ends the process (SIGBUS) when the
# disk is full, so the whole file is written before the library maps it.
_RESERVED_BYTES = 4 << 20
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

_EXAMPLE = "gridsvc_sealer_lag_seconds 0.012\n"

_log = logging.getLogger("gridsvc.request")

disable_created_metrics()


class RequestTimes:
    """How long answers took, by method, route and status: of this process, or of all processes that share `folder`.

    Parameters
    ----------
    folder
        What `share_counts` returned; None where one process answers all requests.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "gridsvc_http_request_seconds",
            "Time from a request to the end of its answer.",
            ["method", "route", "status"],
            buckets=BUCKETS_S,
            registry=self.registry if folder is None else None,
        )
        if folder is not None:
            MultiProcessCollector(self.registry, str(folder))

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer. Methods that HTTP does not define share one label: a client may send any word."""
        known = method if method in _METHODS else "(other)"
        self._seconds.labels(known, route, str(status)).observe(seconds)


def share_counts(folder: Path, supervisor: int, process: int) -> Path | None:
    """Let this process count in a file that all processes of its service read; call it before `RequestTimes`.

    Files of services that no longer run are deleted.

    Parameters
    ----------
    folder
        The data folder.
    supervisor
        Process id that all processes of the service have as their parent.
    process
        Number of this HTTP process in its service; no two processes that run at the same time share one.

    Returns
    -------
    Path or None
        The folder of the counts; None where the file cannot be written: the process then counts for itself alone.
    """
    ours = folder / "metrics" / f"{supervisor}-{_started(supervisor)}"
    file = ours / f"histogram_{process}.db"
    try:
        ours.mkdir(parents=True, exist_ok=True)
        _remove_ended(ours)
        if not file.exists():
            _reserve(file)
    except OSError as error:
        _log.warning("HTTP process %d counts its requests for itself alone: %s: %s", process, file, error.strerror)
        return None
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(ours)
    values.ValueClass = values.MultiProcessValue(lambda: process)
    return ours


# A map asks for hundreds of tiles: they are counted and timed, but not logged line by line.
_UNLOGGED = ("/tiles/", "/assets/")
_FINE = frozenset({200, 204, 304})


class RequestLog:
    """Middleware: gives every request an id (its own X-Request-Id, or a new one), times, counts and logs it.

    A request whose client goes before its answer starts has the status 499, as in nginx.
    """

    def __init__(self, app: ASGIApp, times: RequestTimes) -> None:
        self.app = app
        self._times = times

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and record its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        identity = sent if _ID.fullmatch(sent) else uuid4().hex
        token = request_id.set(identity)
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), (b"x-request-id", identity.encode())]
            await send(message)

        gone = False

        async def receive_noting() -> Message:
            nonlocal gone
            message = await receive()
            gone = gone or (message["type"] == "http.disconnect" and not status)
            return message

        try:
            await self.app(scope, receive_noting, send_with_id)
        finally:
            if gone:  # whatever was answered to half a request, nobody read it
                status = CLIENT_GONE
            seconds = time.perf_counter() - started
            # The pattern of the route, never the path: a path may hold what a person searched for.
            route = getattr(scope.get("route"), "path", None) or "(none)"
            self._times.count(scope["method"], route, status, seconds)
            if not (status in _FINE and route.startswith(_UNLOGGED)):
                facts = {"method": scope["method"], "route": route, "status": status, "ms": round(seconds * 1000, 1)}
                _log.info("answered", extra={"facts": facts})
            request_id.reset(token)


@router.get(
    "/metrics",
    summary="Counters and gauges, in the Prometheus text format",
    response_class=PlainTextResponse,
    responses={200: {"description": "The metrics.", "content": {"text/plain": {"example": _EXAMPLE}}}},
)
def get_metrics(request: Request) -> Response:
    """Return the counters of all processes and the present gauges, without those of an unavailable database."""
    times: RequestTimes = request.app.state.request_times
    service = service_of(request)
    gauges: Gauges | None = None
    lag: Lag | None = None
    try:
        with service.database.transaction() as connection:
            gauges = read_gauges(connection)
        lag = service.database.replica_lag()
    except Unavailable:
        gauges = None
    # Requests are not counted by district, so that only a caller of all districts sees how many there were.
    text = generate_latest(times.registry) if service.caller.scope.district is None else b""
    now = CollectorRegistry()
    if service.caller.scope.grid is None:
        now.register(_Present(gauges, GAUGES, lag))
    else:
        now.register(_Present(gauges, GAUGES_OF_A_GRID, None))
    return Response(text + generate_latest(now), media_type=CONTENT_TYPE_PLAIN_0_0_4)


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
    "archive_failing": ("archive_failing", "Whether the log cannot be archived now; only where it is archived."),
    "base_backup_age_s": ("base_backup_age_seconds", "Age of the last base backup in the archive."),
    "services": ("services", "Services that share the database, and with it the rates of callers."),
}


GAUGES_OF_A_GRID = (
    "waiting_emergencies", "waiting_routine", "open_cases", "engaged_teams", "teams_with_position",
    "oldest_position_s", "median_position_s", "open_proposals",
)  # fmt: skip
"""What a caller of one grid sees: counts of rows that are there for them. The others count the whole district."""


class _Present(Collector):
    """Gauges at one time, those of `fields`; None while the database is unavailable. `lag` None: without a replica."""

    def __init__(self, gauges: Gauges | None, fields: Iterable[str], lag: Lag | None) -> None:
        self._gauges, self._fields = gauges, fields
        self._lag = lag

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yield the families; those without a value are left out."""
        info = GaugeMetricFamily("gridsvc_info", "The version.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        yield GaugeMetricFamily(
            "gridsvc_database_up", "Whether the database answers.", value=int(self._gauges is not None)
        )
        if self._gauges is not None:
            yield from _families(self._gauges, self._fields)
        if self._lag is not None:
            yield from _families_of_replica(self._lag)


def _families(gauges: Gauges, fields: Iterable[str]) -> Iterator[GaugeMetricFamily]:
    for field in fields:
        name, about = GAUGES[field]
        value = getattr(gauges, field)
        if value is not None:
            yield GaugeMetricFamily(f"gridsvc_{name}", about, value=value)


def _families_of_replica(lag: Lag) -> Iterator[GaugeMetricFamily]:
    yield GaugeMetricFamily("gridsvc_replica_up", "Whether the replica for reads can be used.", value=int(lag.up))
    if lag.s is not None and lag.bytes is not None:
        yield GaugeMetricFamily("gridsvc_replica_lag_seconds", "Age of what the replica has last.", value=lag.s)
        yield GaugeMetricFamily("gridsvc_replica_lag_bytes", "Log that the replica has not replayed.", value=lag.bytes)


def _reserve(file: Path) -> None:
    """Create a file of zeros, which the library reads as empty; leave nothing where the disk is full."""
    draft = file.with_suffix(".new")
    try:
        draft.write_bytes(bytes(_RESERVED_BYTES))
        draft.replace(file)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def _started(pid: int) -> str:
    """Return when a process was started, in ticks since boot: process ids are used again. "0" where it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "0"


def _remove_ended(ours: Path) -> None:
    for folder in ours.parent.glob("*-*"):
        pid, _, started = folder.name.partition("-")
        if folder != ours and pid.isdigit() and _started(int(pid)) != started:
            shutil.rmtree(folder, ignore_errors=True)
