"""Positions over HTTP in batches, beside reports at 50/s: throughput, processor time, and what the reports notice.

A served demo with two HTTP processes, the load generator on the same machine. Reports are measured with and without the
stream by turns in one run, and the ratio is the median of those of two turns that follow each other, so that other work
on the machine falls on both, or on one pair of many. Every team has a position before the first turn and all of them
move with every batch, so that the turns differ by the stream alone.
"""

from __future__ import annotations

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice
from statistics import median
from typing import TYPE_CHECKING, Any

from tests.benchmarks.incidents import get, reports, row, served_demo, service_processor_s
from tests.benchmarks.load import Request, closed_loop, open_loop

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REPORTS_PER_S, POSITIONS_PER_S, BATCH = 50, 2000, 200
TURNS, TURN_S = 8, 8


def batches(teams: Sequence[dict[str, Any]], count: int, first: datetime) -> list[Request]:
    """Return requests of BATCH positions: the teams in turn, each a few metres further every time."""
    dice = random.Random(7)
    places = [(team["station"]["lon"], team["station"]["lat"]) for team in teams]
    made = []
    for number in range(count):
        rows = []
        for each in range(BATCH):
            which = (number * BATCH + each) % len(teams)
            lon, lat = places[which]
            places[which] = lon + dice.uniform(-1e-4, 1e-4), lat + dice.uniform(-1e-4, 1e-4)
            at = first + timedelta(seconds=(number * BATCH + each) / POSITIONS_PER_S)
            rows.append(
                {"team_id": teams[which]["id"], "lon": lon, "lat": lat, "at": at.isoformat(), "accuracy_m": 8.0}
            )
        made.append(Request("POST", "/positions", rows))
    return made


def rows() -> Iterator[dict[str, Any]]:
    """Measure the most positions a second, their processor time, and the reports beside 2,000/s."""
    with served_demo() as (port, pid):
        teams = get(port, "/teams")["items"]
        start = datetime.now(UTC) - timedelta(hours=2)
        closed_loop(port, list(islice(reports(port), 200)), 4)
        deadline = time.monotonic() + 120
        while not _drawn(port) and time.monotonic() < deadline:
            time.sleep(1)
        closed_loop(port, batches(teams, 20, start), 2)
        used = service_processor_s(pid)
        most = closed_loop(port, batches(teams, 200, start + timedelta(minutes=10)), 2, keep=True)
        assert sum(json.loads(body)["stored"] for body in most.bodies) == 200 * BATCH, most.statuses
        each_ms = (service_processor_s(pid) - used) * 1000 / (200 * BATCH) * 1000
        yield row(f"POST /positions, {BATCH} in a request, 2 clients", most.per_second * BATCH, "1/s", 2000, least=True)
        yield row("processor time of 1,000 positions, service + database", each_ms, "ms", None)
        yield _single(port, pid, teams)
        yield from _beside_reports(port, teams, start + timedelta(minutes=20))


def _single(port: int, pid: int, teams: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Measure positions that come one by one."""
    place = teams[0]["station"]
    requests = [Request("POST", f"/teams/{each['id']}/positions", place) for each in teams for _ in range(10)]
    used = service_processor_s(pid)
    done = closed_loop(port, requests, 4)
    assert set(done.statuses) == {200}, done.statuses
    each_ms = (service_processor_s(pid) - used) * 1000 / len(requests) * 1000
    return row("the same of 1,000 positions in requests of their own", each_ms, "ms", None)


def _beside_reports(port: int, teams: Sequence[dict[str, Any]], first: datetime) -> Iterator[dict[str, Any]]:
    supply = reports(port)
    stream = iter(batches(teams, TURNS * TURN_S * POSITIONS_PER_S // BATCH, first))
    quiet_ms: list[float] = []
    busy_ms: list[float] = []
    paces: list[float] = []
    with ThreadPoolExecutor(1) as other:
        for _ in range(TURNS):
            quiet_ms.append(_p99_ms(port, supply))
            turn = list(islice(stream, TURN_S * POSITIONS_PER_S // BATCH))
            sending = other.submit(open_loop, port, turn, POSITIONS_PER_S / BATCH, 8)
            busy_ms.append(_p99_ms(port, supply))
            sent = sending.result()
            assert sent.statuses == {200: len(turn)}, sent.statuses
            paces.append(sent.per_second * BATCH)
    quiet, busy = median(quiet_ms), median(busy_ms)
    yield row(f"POST /incidents at {REPORTS_PER_S}/s, p99, without positions", quiet, "ms", 40)
    result = row(f"the same beside {median(paces):.0f} positions/s", busy, "ms", None)
    ratio = median(with_ms / without_ms for without_ms, with_ms in zip(quiet_ms, busy_ms, strict=True))
    yield result | {"ratio": ratio, "target": "<= 1.5x", "met": ratio <= 1.5}


def _drawn(port: int) -> bool:
    """Whether the first drawing of service areas is over, beside which reports take longer."""
    return all(job["state"] not in {"waiting", "running"} for job in get(port, "/jobs")["items"])


def _p99_ms(port: int, supply: Iterator[Request]) -> float:
    paced = open_loop(port, list(islice(supply, REPORTS_PER_S * TURN_S)), REPORTS_PER_S)
    assert set(paced.statuses) == {201}, paced.statuses
    return paced.quantile_s(0.99) * 1000
