"""The generations of a district for those who approve them: listed, put in force now or at a time, taken back (R4).

Activations and roll-backs are jobs: the index of a generation is built outside of the processes that answer HTTP.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.access.scopes import Right
from gridsvc.db.grids import generations as store
from gridsvc.db.grids.about import count_grids
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.jobs import due, jobs
from gridsvc.db.schema.jobs import WHOLE_SERVICE
from gridsvc.errors import Conflict, NotFound
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.operations.grids.generations import find_earlier, no_earlier
from gridsvc.operations.grids.history import spans_of
from gridsvc.operations.jobs.jobs import need_whole_service
from gridsvc.operations.jobs.schedule import check_plan, set_activation
from gridsvc.operations.runtime.idempotency import answer_once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.db.grids.generations import Generation
    from gridsvc.db.jobs.due import Due
    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.operations.runtime.service import Service

ACTIVATE, ROLL_BACK = "activate-grids", "rollback-grids"


def list_generations(service: Service, district: str) -> dict[str, Any]:
    """Return {district, in_force, rollback_to, work, items}: the generations of a district, the newest first.

    `work` is the newest activation or roll-back, as a job; None where there was none in the last days.
    """
    with service.database.transaction() as connection:
        in_force = store.find_in_force(connection, district)
        entries = store.list_entries(connection, district)
        counts = count_grids(connection, district)
        generations = [each for each in store.list_generations(connection, district) if each.state != "discarded"]
        planned = {int(each.subject): each for each in _planned(connection, district)}
        work = [job for kind in (ACTIVATE, ROLL_BACK) for job in jobs.list_newest(connection, kind, district, limit=1)]
    spans = spans_of(entries)
    newest = max(work, key=lambda job: job.created_at, default=None)
    return {
        "district": district,
        "in_force": in_force,
        "rollback_to": find_earlier(entries),
        "work": None if newest is None else newest.as_json(),
        "items": [
            _item(each, in_force, planned.get(each.number), spans.get(each.number, []), counts.get(each.number, {}))
            for each in reversed(generations)
        ],
    }


def _item(
    generation: Generation,
    in_force: int | None,
    planned: Due | None,
    spans: Sequence[Mapping[str, str | None]],
    counts: Mapping[str, int],
) -> dict[str, Any]:
    number = generation.number
    past = "draft" if generation.state == "draft" else "past"
    loads = generation.source.get("loads", [])
    return {
        "generation": number,
        "state": "in-force" if number == in_force else past if planned is None else "planned",
        "created_at": generation.created_at.isoformat(),
        "loads": [{name: each.get(name) for name in ("level", "file", "crs")} for each in loads],
        "grids": {level: counts.get(level, 0) for level in LEVEL_KEYS},
        "blocking": generation.blocking,
        "in_force": list(spans),
        "planned": None if planned is None else {"at": planned.at.isoformat(), "by": planned.asked_by},
    }


def _planned(connection: Connection, district: str) -> list[Due]:
    return [each for each in due.list_due(connection, kind=ACTIVATE) if each.district == district]


def ask_activation(
    service: Service,
    district: str,
    number: int,
    at: datetime | None,
    *,
    asked_by: str,
    request: RequestKey | None = None,
) -> KeptAnswer:
    """Have a generation put in force, and return what will happen (202); who asks has approved it.

    `at` in the future is when it takes effect, in the past when it took effect; None: now. The job of an activation now
    refuses blocking faults; one at a later time is refused at once.

    Raises
    ------
    NotFound
        For an unknown generation.
    Conflict
        For the generation that is in force.
    BlockedByFaults
        For a later time, where it has blocking faults.
    NotAllowed
        For a caller without the right, or of one district.
    """

    def ask(connection: Connection) -> dict[str, Any]:
        store.get_generation(connection, district, number)
        versions = get_versions(connection, district)
        if versions.generation == number:
            raise Conflict(f"Generation {number} is in force already.", kind="in-force", generation=number)
        if at is not None and at > versions.now:
            check_plan(service, district, number, at)
            set_activation(connection, district, number, at, actor=asked_by)
            return _answer(district, number, planned_for=at)
        arguments: dict[str, Any] = {"district": district, "generation": number}
        if at is not None:
            arguments["at"] = at.isoformat()
        return _answer(district, number, job=_queue(connection, ACTIVATE, arguments, asked_by))

    return _once(service, request, 202, ask)


def cancel_activation(service: Service, district: str, number: int, *, request: RequestKey | None = None) -> KeptAnswer:
    """Cancel an activation that was asked for a later time (200).

    Raises
    ------
    NotFound
        Where none is scheduled.
    """

    def cancel(connection: Connection) -> dict[str, Any]:
        if not due.cancel_due(connection, ACTIVATE, str(number), district=district):
            raise NotFound(
                f"No activation of generation {number} is scheduled. GET /generations lists what is.",
                kind="not-planned",
                district=district,
                generation=number,
            )
        return _answer(district, number)

    return _once(service, request, 200, cancel)


def ask_rollback(
    service: Service, district: str, number: int, *, asked_by: str, request: RequestKey | None = None
) -> KeptAnswer:
    """Have the generation before `number`, which is in force, put in force again; return what will happen (202).

    Raises
    ------
    Conflict
        Where `number` is not in force, or nothing was before it.
    """

    def ask(connection: Connection) -> dict[str, Any]:
        in_force = get_versions(connection, district).generation
        if in_force != number:
            raise Conflict(
                f"Generation {number} is not in force, generation {in_force} is. Look at GET /generations again.",
                kind="not-in-force",
                generation=number,
                in_force=in_force,
            )
        earlier = find_earlier(store.list_entries(connection, district))
        if earlier is None:
            raise no_earlier(district)
        job = _queue(connection, ROLL_BACK, {"district": district, "from": number}, asked_by)
        return _answer(district, earlier, job=job)

    return _once(service, request, 202, ask)


def _queue(connection: Connection, kind: str, arguments: dict[str, Any], asked_by: str) -> dict[str, Any]:
    """Return the job, the one that waits already where there is one."""
    job = jobs.find_waiting(connection, kind, arguments)
    return (job or jobs.add_job(connection, kind, arguments, asked_by=asked_by)).as_json()


def _answer(
    district: str, number: int, *, planned_for: datetime | None = None, job: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "district": district,
        "generation": number,
        "planned_for": None if planned_for is None else planned_for.isoformat(),
        "job": job,
    }


def _once(
    service: Service, request: RequestKey | None, status: int, work: Callable[[Connection], dict[str, Any]]
) -> KeptAnswer:
    service.caller.need(Right.LOAD)
    need_whole_service(service)
    return service.database.run(
        lambda connection: answer_once(connection, WHOLE_SERVICE, request, status, lambda: work(connection))
    )
