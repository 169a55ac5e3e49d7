"""Incidents that happen now, in a served demo: reported, dispatched and brought to an end, faster than life."""

from __future__ import annotations

import heapq
import itertools
import json
import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import numpy as np

from gridsvc.cases.decide import Report
from gridsvc.db.cases import pages
from gridsvc.demo.cases import ACTOR
from gridsvc.errors import GridsvcError
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.cases.steps import Step, step_incident

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.operations.runtime.service import Service

MEAN_GAP_S = 900.0
"""Seconds of life between two incidents: about a hundred a day."""

_log = logging.getLogger("gridsvc.demo")


@dataclass(frozen=True, slots=True)
class _Past:
    """Where and of which type something has happened before."""

    lon: float
    lat: float
    type: str
    description: str


@contextmanager
def live_replay(service: Service, district: str, speed: float, seed: int = 1) -> Iterator[None]:
    """Let incidents happen in a thread of this process until the block is left."""
    stop = threading.Event()
    thread = threading.Thread(target=_run, args=(service, district, speed, seed, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)
        service.database.close()


def _run(service: Service, district: str, speed: float, seed: int, stop: threading.Event) -> None:
    random = np.random.default_rng(seed)
    past = _past(service, district)
    order = itertools.count()
    due: list[tuple[float, int, dict[str, Any]]] = [(time.monotonic(), next(order), {"step": "report"})]
    while past and not stop.is_set():
        at, _, todo = due[0]
        if stop.wait(max(0.0, min(at - time.monotonic(), 1.0))):
            return
        if time.monotonic() < at:
            continue
        heapq.heappop(due)
        try:
            following = _take(service, past, todo, random)
        except GridsvcError as refusal:  # a dispatcher at the screen was quicker, or nobody is free
            _log.info("replay: %s", refusal)
            following = [(120.0, todo)] if todo["step"] == "assign" and todo["tries"] < 30 else []
            todo["tries"] = todo.get("tries", 0) + 1
        for after_s, more in following:
            heapq.heappush(due, (time.monotonic() + after_s / speed, next(order), more))


def _past(service: Service, district: str) -> list[_Past]:
    with service.database.transaction() as connection:
        cases = pages.newest(connection, pages.Condition(district=district), limit=500)
    return [_Past(c["lon"], c["lat"], c["type"], f"重演 · {c['type_name']}") for c in cases if c["matter"] is None]


def _take(
    service: Service, past: list[_Past], todo: dict[str, Any], random: np.random.Generator
) -> list[tuple[float, dict[str, Any]]]:
    """Do one thing, and return what follows: (seconds of life from now, what)."""
    if todo["step"] == "report":
        where = past[int(random.integers(len(past)))]
        report = Report(type=where.type, lon=where.lon, lat=where.lat, description=where.description, source="replay")
        case = json.loads(report_incident(service, report, actor=ACTOR).body)
        return [
            (float(random.exponential(MEAN_GAP_S)), {"step": "report"}),
            (35.0, {"step": "assign", "id": case["id"], "tries": 0}),
        ]
    case_id = UUID(todo["id"])
    team = UUID(todo["team"]) if "team" in todo else None
    case = json.loads(step_incident(service, case_id, Step(todo["step"], team), actor=ACTOR).body)
    if todo["step"] != "assign":
        return []
    if case["urgency"] != "emergency":
        return [
            (3600.0, {"step": "handle", "id": todo["id"]}),
            (7200.0, {"step": "feedback", "id": todo["id"]}),
            (9000.0, {"step": "archive", "id": todo["id"]}),
        ]
    return _ways(case, random)


def _ways(case: dict[str, Any], random: np.random.Generator) -> list[tuple[float, dict[str, Any]]]:
    """Return the team steps of everybody who was sent, and the end of the case."""
    travel_s = {each["team_id"]: each["travel_s"] or 300.0 for each in case["assignments"]}
    steps: list[tuple[float, dict[str, Any]]] = []
    last_s = 0.0
    for sent in case["assignments"]:
        who = {"id": case["id"], "team": sent["team_id"]}
        off_s = float(random.uniform(40, 80))
        there_s = off_s + travel_s.get(sent["team_id"], 300.0) * float(random.uniform(0.85, 1.15))
        clear_s = there_s + float(random.uniform(900, 3000))
        steps += [
            (float(random.uniform(5, 20)), who | {"step": "acknowledge"}),
            (off_s, who | {"step": "en_route"}),
            (there_s, who | {"step": "on_scene"}),
            (clear_s, who | {"step": "clear"}),
        ]
        last_s = max(last_s, clear_s)
    whole = {"id": case["id"]}
    steps += [
        (last_s - 60.0, whole | {"step": "handle"}),
        (last_s + 600.0, whole | {"step": "feedback"}),
        (last_s + 1200.0, whole | {"step": "archive"}),
    ]
    return steps
