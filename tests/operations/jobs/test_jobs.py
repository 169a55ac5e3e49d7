"""Jobs and due times: claimed once, fenced, taken up again after a crash, cancelled; and their child processes."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text

from gridsvc.db.jobs import due, jobs
from gridsvc.db.jobs.retention import keep_position_days
from gridsvc.db.session.connection import Database
from gridsvc.errors import Conflict, InvalidInput, Refusal
from gridsvc.operations.jobs import jobs as operations
from gridsvc.operations.jobs import retention, schedule
from gridsvc.operations.runtime.service import Service
from gridsvc.serve.runner import Runner
from tests.conftest import PROJECT
from tests.worlds.district import as_superuser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Any]:
    service = Service(Database(url), tmp_path)
    yield service
    service.database.close()


def add(service: Service, kind: str = "count", **arguments: Any) -> Any:
    return service.database.run(lambda c: jobs.add_job(c, kind, arguments, asked_by="test"))


def claim(service: Service, **how: Any) -> Any:
    return service.database.run(lambda c: jobs.claim_job(c, "here", **how))


def now_of(service: Service, job: Any) -> Any:
    with service.database.transaction() as connection:
        return jobs.get_job(connection, job.id)


def let_heartbeat_lapse(url: str, job: Any) -> None:
    with as_superuser(url) as superuser:
        superuser.execute("update job set heartbeat_at = heartbeat_at - interval '1 hour' where id = %s", [job.id])


def wait_until(condition: Any, patience_s: Any = 20.0) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


# the row


def test_the_oldest_waiting_job_is_claimed_and_only_one_runs_at_once(service: Service) -> None:
    first, second = add(service), add(service)
    held = claim(service)
    assert (held.id, held.attempt, held.state) == (first.id, 1, "running")
    assert claim(service) is None
    assert claim(service, at_once=2).id == second.id


def test_jobs_of_before_the_clock_was_set_back_come_before_those_after(service: Service, url: str) -> None:
    before, later = add(service), add(service)
    with as_superuser(url) as superuser:
        superuser.execute("update job set created_at = created_at + interval '1 hour'")
    after = add(service)
    assert [claim(service, at_once=3).id for _ in range(3)] == [before.id, later.id, after.id]


def test_a_job_is_claimed_by_one_of_many(service: Service) -> None:
    for _ in range(5):
        add(service)
    with ThreadPoolExecutor(8) as crowd:
        claimed = [job.id for job in crowd.map(lambda _: claim(service, at_once=100), range(60)) if job]
    assert len(claimed) == len(set(claimed)) <= 5


def test_a_silent_holder_loses_the_job_and_can_write_nothing_more(service: Service, url: str) -> None:
    add(service)
    held = claim(service)
    let_heartbeat_lapse(url, held)
    again = claim(service)
    assert (again.id, again.attempt) == (held.id, 2)
    for deed in (
        lambda c: jobs.beat(c, held),
        lambda c: jobs.set_progress(c, held, 1, 2, ""),
        lambda c: jobs.finish_job(c, held, "done"),
        lambda c: jobs.put_back(c, held, counts=True),
    ):
        with suppress(jobs.JobLost):
            service.database.run(deed)
    assert now_of(service, held).state == "running"
    service.database.run(lambda c: jobs.finish_job(c, again, "done", result=7))
    assert now_of(service, held).result == 7


def test_a_job_that_died_before_the_clock_was_set_back_does_not_hold_up_the_others(service: Service, url: str) -> None:
    dead, next_one = add(service), add(service)
    claim(service)
    with as_superuser(url) as superuser:
        superuser.execute("update job set heartbeat_at = heartbeat_at + interval '1 hour' where id = %s", [dead.id])
        assert claim(service) is None  # it may live: then it beats soon
        superuser.execute("update job set heartbeat_at = heartbeat_at - interval '11 s' where id = %s", [dead.id])
    again = claim(service)
    assert (again.id, again.attempt) == (dead.id, 2)
    service.database.run(lambda c: jobs.finish_job(c, again, "done"))
    assert claim(service).id == next_one.id


def test_a_job_that_never_ends_well_is_given_up(service: Service, url: str) -> None:
    job = add(service)
    for attempt in (1, 2, 3):
        held = claim(service)
        assert held.attempt == attempt
        let_heartbeat_lapse(url, held)
    assert claim(service) is None
    assert now_of(service, job).state == "failed"
    assert "3 times" in now_of(service, job).error


def test_effect_and_end_are_one_transaction(service: Service, url: str) -> None:
    add(service)
    held = claim(service)
    run = operations.Run(service, held)
    let_heartbeat_lapse(url, held)
    claim(service)

    def effect(connection: Any) -> None:
        connection.execute(text("insert into service_mark (district, name, value) values ('*', 'effect', '1')"))

    with pytest.raises(jobs.JobLost):
        run.finish(effect)
    with service.database.transaction() as connection:
        assert connection.scalar(text("select count(*) from service_mark")) == 0


def test_a_waiting_job_is_cancelled_at_once_a_finished_one_stays(service: Service) -> None:
    job = add(service)
    assert json.loads(operations.cancel(service, job.id).body)["state"] == "cancelled"
    assert claim(service) is None
    add(service)
    held = claim(service)
    service.database.run(lambda c: jobs.finish_job(c, held, "done"))
    assert json.loads(operations.cancel(service, held.id).body)["state"] == "done"


def test_unknown_kinds_and_arguments_are_refused(service: Service) -> None:
    with pytest.raises(InvalidInput, match="no kind of job"):
        operations.ask(service, "dance", asked_by="test")
    with pytest.raises(InvalidInput, match="has no argument"):
        operations.ask(service, "verify", {"fast": True}, asked_by="test")


# the child process

CHILD = """
import sys, time
from pathlib import Path
from uuid import UUID
sys.path.insert(0, {project!r})
from gridsvc.db.session.connection import Database
from gridsvc.operations.jobs.jobs import JobKind, run_attempt
from gridsvc.operations.runtime.service import Service
kinds = {{name: JobKind("tests.operations.jobs.test_jobs:" + name, "") for name in ("count", "crash", "refuse")}}
run_attempt(Service(Database({url!r}), Path({folder!r})), UUID(sys.argv[1]), int(sys.argv[2]), kinds)
"""


def count(run: Any) -> Any:
    """Take a while, and leave one mark per effect."""
    for n in range(run.job.arguments.get("tenths", 0)):
        run.progress(n, run.job.arguments["tenths"], "tenths")
        time.sleep(0.1)
    return run.finish(
        lambda c: (
            c.execute(
                text("insert into service_mark (district, name, value) values ('*', 'e' || gen_random_uuid(), '1')")
            ).rowcount
        )
    )


def crash(run: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def refuse(run: Any) -> None:
    raise Refusal("not today")


@contextmanager
def running(service: Service, url: str, tmp_path: Path) -> Iterator[Any]:
    code = CHILD.format(project=str(PROJECT), url=url, folder=str(tmp_path))
    runner = Runner(service, command=lambda job: [sys.executable, "-c", code, str(job.id), str(job.attempt)])
    stop = threading.Event()
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(20)


def effects(service: Service) -> Any:
    with service.database.transaction() as connection:
        return connection.scalar(text("select count(*) from service_mark where name like 'e%'"))


def test_a_child_does_the_job_and_says_how_far_it_is(service: Service, url: str, tmp_path: Path) -> None:
    job = add(service, tenths=12)
    with running(service, url, tmp_path):
        wait_until(lambda: now_of(service, job).done > 0)
        wait_until(lambda: now_of(service, job).finished)
    done = now_of(service, job)
    assert (done.state, done.result, done.attempt, effects(service)) == ("done", 1, 1, 1)


def test_a_running_job_is_cancelled_within_seconds(service: Service, url: str, tmp_path: Path) -> None:
    job = add(service, tenths=600)
    with running(service, url, tmp_path):
        wait_until(lambda: now_of(service, job).done > 0)
        operations.cancel(service, job.id)
        wait_until(lambda: now_of(service, job).finished, 5)
    assert now_of(service, job).state == "cancelled"
    assert effects(service) == 0


def test_a_child_that_dies_is_tried_three_times_and_the_next_job_is_done(
    service: Service, url: str, tmp_path: Path
) -> None:
    bad, good = add(service, "crash"), add(service)
    with running(service, url, tmp_path):
        wait_until(lambda: now_of(service, good).finished, 40)
    assert (now_of(service, bad).state, now_of(service, bad).attempt) == ("failed", 3)
    assert now_of(service, good).state == "done"


def test_a_refusal_ends_the_job_with_its_words(service: Service, url: str, tmp_path: Path) -> None:
    job = add(service, "refuse")
    with running(service, url, tmp_path):
        wait_until(lambda: now_of(service, job).finished)
    assert (now_of(service, job).state, now_of(service, job).error, now_of(service, job).attempt) == (
        "failed", "not today", 1,
    )  # fmt: skip


def test_a_runner_that_stops_puts_its_job_back(service: Service, url: str, tmp_path: Path) -> None:
    job = add(service, tenths=600)
    with running(service, url, tmp_path):
        wait_until(lambda: now_of(service, job).done > 0)
    left = now_of(service, job)
    assert (left.state, left.attempts_allowed) == ("waiting", 4)


# due times


def plan(service: Service, kind: str = "tick", in_s: Any = -1.0, subject: str = "x") -> Any:
    def work(connection: Any) -> Any:
        now = connection.execute(due.clock).scalar_one()
        return due.set_due(connection, kind, subject, now + timedelta(seconds=in_s), asked_by="test")

    return service.database.run(work)


def _tick(connection: Any, entry: Any) -> Any:
    connection.execute(
        text("insert into service_mark (district, name, value) values ('*', 'e' || gen_random_uuid(), '1')")
    )
    return {"ticked": entry.subject}


def test_what_is_due_takes_effect_once_however_many_look(service: Service) -> None:
    for n in range(6):
        plan(service, subject=str(n))
    with ThreadPoolExecutor(8) as crowd:
        taken = [e for e in crowd.map(lambda _: schedule.take_effect(service, {"tick": _tick}), range(30)) if e]
    assert sorted(e.subject for e in taken) == ["0", "1", "2", "3", "4", "5"]
    assert effects(service) == 6


def test_what_is_not_due_yet_waits_and_a_new_moment_replaces_the_old(service: Service) -> None:
    first = plan(service, in_s=3600)
    assert schedule.take_effect(service, {"tick": _tick}) is None
    assert plan(service, in_s=-1) == first
    done = schedule.take_effect(service, {"tick": _tick})
    assert done is not None
    assert done.id == first


def test_a_failed_effect_leaves_nothing_and_is_tried_later(service: Service) -> None:
    def half(connection: Any, entry: Any) -> None:
        _tick(connection, entry)
        raise RuntimeError("half way")

    plan(service)
    with pytest.raises(RuntimeError):
        schedule.take_effect(service, {"tick": half})
    assert effects(service) == 0
    assert schedule.take_effect(service, {"tick": _tick}) is None  # later
    with service.database.transaction() as connection:
        entry = due.list_due(connection)[0]
    assert entry.attempt == 1
    assert "half way" in entry.outcome["error"]


def test_a_refused_effect_ends_failed_with_its_words(service: Service) -> None:
    def refuse_it(connection: Any, entry: Any) -> None:
        raise Conflict("not in this state")

    plan(service)
    assert schedule.take_effect(service, {"tick": refuse_it}) is not None
    with service.database.transaction() as connection:
        assert due.list_due(connection, waiting=False)[0].outcome == {"refused": "not in this state"}


def test_tidying_comes_round_again(service: Service) -> None:
    schedule.ensure_standing(service)
    schedule.ensure_standing(service)
    with service.database.transaction() as connection:
        (entry,) = due.list_due(connection, kind="tidy")
    plan(service, "tidy", in_s=-1, subject="all")
    schedule.take_effect(service)
    with service.database.transaction() as connection:
        (again,) = due.list_due(connection, kind="tidy")
        (job,) = jobs.list_jobs(connection)
    assert again.id != entry.id
    assert job.kind == "tidy"


def test_a_backup_is_made_each_day_and_once_for_the_days_that_were_missed(service: Service) -> None:
    schedule.ensure_standing(service)
    plan(service, "backup", in_s=-3.5 * 86_400, subject="all")
    assert schedule.take_effect(service) is not None
    assert schedule.take_effect(service) is None
    with service.database.transaction() as connection:
        (entry,) = due.list_due(connection, kind="backup")
        (job,) = jobs.list_jobs(connection)
        now = connection.execute(due.clock).scalar_one()
    assert job.kind == "backup"
    assert 0.4 < (entry.at - now).total_seconds() / 86_400 < 0.6


def test_backups_that_nobody_makes_do_not_pile_up(service: Service) -> None:
    schedule.ensure_standing(service)
    for _ in range(3):
        plan(service, "backup", in_s=-1, subject="all")
        assert schedule.take_effect(service) is not None
    with service.database.transaction() as connection:
        (job,) = jobs.list_jobs(connection)
        ended = [entry for entry in due.list_due(connection, kind="backup", waiting=False) if entry.state == "done"]
    assert [entry.outcome for entry in ended] == [{"job": str(job.id)}] * 3


# what tidying removes


def test_tidying_keeps_what_is_named_and_what_is_young(service: Service, url: str) -> None:
    with as_superuser(url) as superuser:
        superuser.execute(
            """
            insert into district (code, name) values ('330703', 'x');
            insert into district_version (district, network) values ('330703', 'in-force');
            insert into idempotency (district, caller, key, digest, created_at) values
                ('330703', 'a', 'old', '', now() - interval '31 days'), ('330703', 'a', 'young', '', now());
            insert into artifact (district, digest, kind, size_bytes, pieces, created_at)
            select '330703', d, 'network', 1, 1, now() - interval '30 days'
            from unnest(array['in-force', 'loaded', 'of-a-case', 'unnamed']) d;
            insert into artifact (district, digest, kind, size_bytes, pieces) values ('330703', 'new', 'network', 1, 1);
            insert into artifact_piece (district, digest, number, sha256, content)
            select district, digest, 0, '', 'x' from artifact;
            insert into road_network (district, digest, source, nodes, arcs) values ('330703', 'loaded', '', 0, 0);
            insert into incident (district, id, type, type_name, urgency, clock_policy, status, waiting, drill,
                                  geom, rule, owners, lead_wanted, report_event, versions, reported_at, triggered_at)
            values ('330703', gen_random_uuid(), 't', 'T', 'routine', 'p', 'triggered', true, false,
                    st_setsrid(st_makepoint(1, 1), 4326), 'gap', '{}', false, gen_random_uuid(),
                    '{"network": "of-a-case"}', now(), now());
            """
        )
    folder = service.folder / "artifacts" / "un"
    folder.mkdir(parents=True)
    (folder / "unnamed").write_bytes(b"x")
    yesterday = time.time() - 90_000
    drafts = [service.folder / name for name in ("artifacts/ab/x.part", "derived/y.part", "artifacts/ab/new.part")]
    for draft in drafts:
        draft.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(b"half")
    for draft in drafts[:2]:
        os.utime(draft, (yesterday, yesterday))
    add(service, "tidy")
    told = retention.run_tidy(operations.Run(service, claim(service)))
    assert (told["answers"], told["artifacts"], told["unfinished"]) == (1, 1, 2)
    assert [draft.exists() for draft in drafts] == [False, False, True]
    assert not (folder / "unnamed").exists()
    with service.database.transaction() as connection:
        kept = set(connection.scalars(text("select digest from artifact")))
        pieces = set(connection.scalars(text("select digest from artifact_piece")))
        keys = set(connection.scalars(text("select key from idempotency")))
    assert kept == pieces == {"in-force", "loaded", "of-a-case", "new"}
    assert keys == {"young"}


def test_positions_get_a_partition_a_day_and_lose_old_ones(service: Service, url: str) -> None:
    with as_superuser(url) as superuser:
        superuser.execute(
            """
            create table team_position_20200101 partition of team_position
                for values from ('2020-01-01 00:00+00') to ('2020-01-02 00:00+00');
            insert into team_position (district, team_id, at, geom)
            select 'd', gen_random_uuid(), at, st_setsrid(st_makepoint(1, 1), 4326)
            from unnest(array[now(), now() + interval '1 day', '2020-01-01 05:00+00', '2019-01-01']) at;
            """
        )
    now = datetime.now(UTC)
    assert service.database.run(lambda c: keep_position_days(c, now, 2, 90)) == (3, 1)
    assert service.database.run(lambda c: keep_position_days(c, now, 2, 90)) == (0, 0)
    with as_superuser(url) as superuser:
        rows = superuser.execute("select tableoid::regclass::text, count(*) from team_position group by 1").fetchall()
    assert [count for _, count in rows] == [1, 1]
    assert all(name != "team_position_rest" for name, _ in rows)
