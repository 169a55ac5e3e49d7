"""Orders without HTTP: eight dispatchers, joint teams out of a fleet of hundreds, straight to the operation.

Two processes of four threads each, as the service answers; the database alone is shared.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, UUID, uuid5

from tests.benchmarks.incidents import demo_folder, row

if TYPE_CHECKING:
    from multiprocessing.synchronize import Barrier

PROCESSES, THREADS = 2, 4
COPIES = 8
ROUNDS, CASES = 6, 80
TEAMS_WANTED = 4


def rows() -> list[dict[str, Any]]:
    """Measure orders a second, their latency, and what contention did to them."""
    with demo_folder() as environment:
        return _measure(Path(environment["GRIDSVC_DATA"]))


def _measure(folder: Path) -> list[dict[str, Any]]:
    service = _service(folder)
    _multiply_the_fleet(service)
    context = get_context("spawn")
    barrier = context.Barrier(PROCESSES + 1)
    result: Any = context.Queue()
    asked = [context.Queue() for _ in range(PROCESSES)]
    crowd = [
        context.Process(target=_dispatchers, args=(folder, queue, result, barrier), daemon=True) for queue in asked
    ]
    for process in crowd:
        process.start()
    deadlocks = _deadlocks(service)
    latencies, seconds, sizes, refused, wrong = [], 0.0, [], 0, 0
    for _ in range(ROUNDS):
        cases = _report(service, CASES)
        for number, queue in enumerate(asked):
            queue.put(cases[number::PROCESSES])
        barrier.wait(120)
        started = time.perf_counter()
        answers = [result.get(timeout=120) for _ in asked]
        seconds += time.perf_counter() - started
        sent = {case: teams for answer in answers for case, teams, _ in answer if teams is not None}
        refused += sum(teams is None for answer in answers for _, teams, _ in answer)
        latencies += [took for answer in answers for _, teams, took in answer if teams is not None]
        sizes += [len(teams) for teams in sent.values()]
        wrong += _compare_and_clear(service, sent)
    for queue in asked:
        queue.put(None)
    for process in crowd:
        process.join()
    deadlocks = _deadlocks(service) - deadlocks
    service.database.close()
    ordered = sorted(latencies)
    name = f"orders of joint teams (mean size {sum(sizes) / len(sizes):.1f}), 8 dispatchers, without HTTP"
    return [
        row(name, len(latencies) / seconds, "1/s", 400, least=True),
        row("the same, p99", ordered[int(0.99 * len(ordered))] * 1000, "ms", None),
        row("the same, refused because no team was free", refused, "of " + str(ROUNDS * CASES), None),
        row("the same, deadlocks", deadlocks, "", 0),
        row("the same, teams on two cases, or acknowledged and not in the database", wrong, "", 0),
    ]


def _service(folder: Path) -> Any:
    from gridsvc.operations.runtime.kernels import load_all
    from gridsvc.operations.runtime.warmup import warm
    from gridsvc.settings import Settings, open_service

    service = open_service(Settings(folder, auth="off"), pool=THREADS)
    load_all()
    warm(service)
    return service


def _multiply_the_fleet(service: Any) -> None:
    """Let every team of the demo be there several times over, at the same post."""
    from gridsvc.db.grids.versions import list_versions
    from gridsvc.db.teams import list_roster, replace_teams

    def work(connection: Any) -> None:
        code = list_versions(connection)[0].district
        teams = list_roster(connection, code)
        more = [replace(team, id=str(uuid5(NAMESPACE_OID, f"{team.id} {n}")), name=f"{team.name} {n}")
                for team in teams for n in range(1, COPIES)]  # fmt: skip
        replace_teams(connection, code, [], [*teams, *more], {})

    service.database.run(work)


def _report(service: Any, count: int) -> list[UUID]:
    """Report emergencies at the places of the demo's cases until so many want a joint team of four or more."""
    from gridsvc.cases.decide import Report
    from gridsvc.db.cases.filters import CaseFilter
    from gridsvc.operations.cases.read import list_cases
    from gridsvc.operations.cases.report import report_incident

    past = list_cases(service, CaseFilter(), limit=200, after=None)["items"]
    kinds = sorted({case["type"] for case in past if case["urgency"] == "emergency"})
    found: list[UUID] = []
    number = 0
    while len(found) < count:
        place = past[number % len(past)]["location"]
        report = Report(type=kinds[number % len(kinds)], lon=place["lon"], lat=place["lat"])
        case = json.loads(report_incident(service, report, actor="bench").body)
        if 1 + len(case["recommendation"]["members"]) >= TEAMS_WANTED:
            found.append(UUID(case["id"]))
        number += 1
        assert number < 100 * count, "the demo has hardly any joint teams of four"
    return found


def _dispatchers(folder: Path, asked: Any, result: Any, barrier: Barrier) -> None:
    from gridsvc.errors import Conflict
    from gridsvc.operations.cases.steps import Step, step_incident

    service = _service(folder)

    def order(cases: list[UUID]) -> list[tuple[UUID, list[str] | None, float]]:
        done = []
        for case in cases:
            started = time.perf_counter()
            try:
                teams = json.loads(step_incident(service, case, Step("assign"), actor="bench").body)["sent"]
            except Conflict:
                teams = None
            done.append((case, teams, time.perf_counter() - started))
        return done

    with ThreadPoolExecutor(THREADS) as crowd:
        while (cases := asked.get()) is not None:
            barrier.wait(120)
            result.put(
                [each for mine in crowd.map(order, [cases[n::THREADS] for n in range(THREADS)]) for each in mine]
            )
    service.database.close()


def _compare_and_clear(service: Any, sent: dict[UUID, list[str]]) -> int:
    """Count what is in the database otherwise than it was acknowledged, then end it all."""
    from sqlalchemy import text

    from gridsvc.operations.cases.steps import Step, step_incident

    live = "select incident_id, team_id from engagement where until is null and engaging"
    with service.database.transaction() as connection:
        rows = [tuple(each) for each in connection.execute(text(live))]
    stored = {(case, str(team)) for case, team in rows}
    result = {(case, team) for case, teams in sent.items() for team in teams}
    wrong = len(rows) - len({team for _, team in rows}) + len(result - stored)
    for case in sent:
        step_incident(service, case, Step("cancel"), actor="bench")
    return wrong


def _deadlocks(service: Any) -> int:
    from sqlalchemy import text

    with service.database.transaction() as connection:
        query = "select deadlocks from pg_stat_database where datname = current_database()"
        return int(connection.scalar(text(query)))
