"""Everything at once: twelve districts on a pair of servers under Patroni, with load, plans, drawings and an import.

Meanwhile processes, servers and machines are killed, and the database's clock is set back. At the end nothing that was
acknowledged is lost, the evidence holds, and the answers are those of a quiet hour.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pytest

from gridsvc.db.session.connection import Database
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.runtime.service import Service
from tests.faults.beside import Drawings, Imports, Jobs, running
from tests.faults.campaign import hurt_often, kill_and_start, one_after_the_other, show
from tests.faults.clock import install_clock, set_clock
from tests.faults.patroni import PatroniCluster, ServedOver, missing_programs
from tests.faults.service import measure_capacity, places_and_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.campaign import Campaign, Hurt
    from tests.faults.patroni import Node

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        bool(missing_programs()),
        reason=f"not installed: {missing_programs()}. Type: apt-get install patroni python3-etcd etcd-server",
    ),
]

SEED = 20261203
DISTRICTS = 12
HOUR = timedelta(hours=1)
RESTART = "PostgreSQL of the primary, started again"
TAKE_OVER = "PostgreSQL of the primary, standby takes over"
MACHINE = "machine of the primary, standby takes over"
JOB = "process of a job"
CLOCK = "clock of the database set back an hour"


class World:
    """The pair, the service over it, and what can be done to them; `seen` are seals that somebody could read."""

    def __init__(self, cluster: PatroniCluster, served: ServedOver) -> None:
        self.cluster, self.served = cluster, served
        self.seen: dict[tuple[str, int], bytes] = {}
        self.unexpected: list[str] = []
        """What Patroni decided otherwise than its settings ask for, with its logs."""
        self._clock = timedelta()
        self.hurt: dict[str, Hurt] = {
            "HTTP process": lambda served: served.kill_http_process(),
            "background processes": lambda served: served.kill_background(),
            "service": kill_and_start,
            JOB: lambda _: self._kill_job(),
            RESTART: lambda _: self._kill_primary(stays=True),
            TAKE_OVER: lambda _: self._kill_primary(stays=False),
            MACHINE: lambda _: self._kill_machine(),
        }

    def make_ready(self, kind: str) -> None:
        """Wait for what is to be hurt, and write down the ends of all chains."""
        if kind == JOB:
            _wait_for(lambda: bool(self.served.jobs()), "no job runs", 90)
        if kind in (RESTART, TAKE_OVER, MACHINE):
            self.cluster.wait_for_standby(300)
            self.cluster.set_start_timeout(300 if kind == RESTART else 0)
            self.cluster.wait_for_standby(300)
        rows = self.served.query(
            "select distinct on (district) district, position, hash from event_seal order by district, position desc"
        )
        self.seen |= {(district, position): digest for district, position, digest in rows}

    def set_clock_back(self) -> None:
        """Set the database's clock back by one hour more."""
        self._clock -= HOUR
        with self.cluster.superuser() as superuser:
            set_clock(superuser, self._clock)

    def _kill_job(self) -> None:
        killed = False
        for pid in self.served.jobs():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed = True
        assert killed

    def _kill_primary(self, *, stays: bool) -> Callable[[], None]:
        old = self.cluster.primary()
        old.kill_database()
        return lambda: self._expect(old, stays=stays)

    def _kill_machine(self) -> Callable[[], None]:
        old = self.cluster.primary()
        old.kill()

        def mend() -> None:
            self._expect(old, stays=False)
            old.patroni.start()  # the machine is back, and follows the other one

        return mend

    def _expect(self, old: Node, *, stays: bool) -> None:
        primaries = [node.name for node in self.cluster.nodes if node.role() == "primary"]
        if (old.name in primaries) != stays:
            self.unexpected.append(f"the primary was {old.name} and is {primaries}\n{self.cluster.logs()}")


@contextmanager
def open_world() -> Iterator[World]:
    """The demo's district and eleven on paper in one database on two servers, and two HTTP processes over them."""
    cluster = PatroniCluster()
    try:
        cluster.start()
        served = ServedOver(cluster, workers=2)
        try:
            served.add_districts(DISTRICTS - 1)
            with cluster.superuser() as superuser:
                install_clock(superuser)
            served.start()
            yield World(cluster, served)
        finally:
            served.close()
    finally:
        cluster.close()


@pytest.fixture
def world() -> Iterator[World]:
    with open_world() as opened:
        yield opened


def _wait_for(condition: Callable[[], bool], words: str, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, words
        time.sleep(0.1)


def list_teams_in_two_places(served: ServedOver, cases: set[str]) -> list[str]:
    """Where a team was sent to a case while it was on another, in the order of the seals: by no clock."""
    rows = served.query(
        "select e.district, e.kind, e.incident_id::text, e.body::jsonb -> 'data' "
        "from event_seal s join incident_event e on e.district = s.district and e.id = s.event_id "
        "where e.kind in ('assign', 'cancel') order by s.district, s.position"
    )
    on: dict[tuple[str, str], str] = {}
    twice = []
    for district, kind, case, data in rows:
        if case not in cases:
            continue
        if kind == "cancel":
            on = {team: held_by for team, held_by in on.items() if held_by != case}
            continue
        for team in [(district, sent["team_id"]) for sent in data["engagements"] if sent["engaging"]]:
            if team in on:
                twice.append(f"{team} on {on[team]} and {case}")
            on[team] = case
    return twice


def check_evidence(world: World, cases: dict[str, list[str]], folder: Path) -> int:
    """Verify every chain against the anchor of before, find every seal again, replay a sample; return its size."""
    reports = json.loads(world.served.command("audit", "verify", "--anchor", str(folder / "anchor"), "--json"))
    assert {each["district"] for each in reports if each["wrong"] is None} == set(cases)
    assert {each["unsealed"] for each in reports} == {0}
    there = {(d, n): digest for d, n, digest in world.served.query("select district, position, hash from event_seal")}
    assert {key: there.get(key) for key in world.seen} == world.seen
    url = json.loads(world.served.command("db", "url", "--role", "app", "--json"))["url"]
    service = Service(Database(url), world.served.folder / "data")
    sample = [case for ids in cases.values() for case in sorted(ids)[:: max(1, len(ids) // 10)]]
    again = [replay(service, UUID(case)) for case in sample]
    service.database.close()
    assert [each for each in again if not each.same] == []
    return len(sample)


def check_lists(served: ServedOver, cases: dict[str, list[str]]) -> None:
    """Every case is on one page of its district's list, once, and the other lists answer."""
    counts = dict(served.query("select district, count(*) from incident group by district"))
    with served.client(60) as client:
        for district, ids in cases.items():
            listed: list[str] = []
            after: dict[str, str] = {}
            while True:
                page = client.get("/incidents", params=httpx.QueryParams(district=district, limit=200, **after)).json()
                listed += [each["id"] for each in page["items"]]
                if page["next"] is None:
                    break
                after = {"after": page["next"]}
            assert len(listed) == len(set(listed)) == counts[district]
            assert set(ids) <= set(listed)
        for path in ("/teams", "/screen/cases", "/jobs", "/response-plans", "/coverage/now?district=330703", "/readyz"):
            assert client.get(path).status_code == 200, path


def list_plans(served: ServedOver) -> list[str]:
    """Return what each plan that was done says about its demand, its posts and their proof, as one text."""
    names = ("demand", "objective", "bound", "optimal", "sites", "closed", "covered")
    rows = served.query("select result from job where kind = 'cover-plan' and state = 'done'")
    return [json.dumps({name: plan[name] for name in names}, sort_keys=True) for (plan,) in rows]


def check_work(world: World, imports: Imports, drawings: Drawings, *, least_plans: int) -> dict[str, Any]:
    """What ran beside was done, whole, and as in a quiet moment; return what is said of it."""
    served = world.served
    # service areas come last and are drawn for twelve districts: not waited for
    waiting = "select count(*) from job where state in ('waiting', 'running') and kind <> 'service-areas'"
    _wait_for(lambda: served.query(waiting) == [(0,)], "jobs hang", 900)
    sys.stdout.write(f"  imports {imports.found}, drawings {drawings.answered}\n")
    states = Counter({f"{kind} {state}": n for kind, state, n in served.query(
        "select kind, state, count(*) from job group by kind, state")})  # fmt: skip
    assert sum(n for ended, n in states.items() if ended.endswith(" done")) > 0, states
    assert imports.torn == []
    assert imports.found["loaded"] > 0
    busy_plans = list_plans(served)
    assert len(busy_plans) >= least_plans, states
    Jobs(served).plan(600)
    plans = list_plans(served)
    assert len(plans) == len(busy_plans) + 1
    assert len(set(plans)) == 1
    busy = {number: set(texts) for number, texts in drawings.drawn.items()}
    for number in busy:
        drawings.draw(number)
    assert drawings.drawn == busy
    assert {len(texts) for texts in busy.values()} == {1}
    assert drawings.bad == []
    return {"imports": imports.found, "jobs": dict(states), "plans": len(busy_plans), "drawings": drawings.answered}


def run(world: World, kills: int, seed: int, folder: Path, *, clock_steps: int, title: str) -> Campaign:
    """One campaign, with all that it is judged by."""
    served = world.served
    served.command("audit", "anchor", str(folder / "anchor"))
    places, _ = places_and_types(served)
    capacity = measure_capacity(served, 10.0)
    order = one_after_the_other(world.hurt, kills, seed)
    for n in range(clock_steps):
        order.insert((n + 1) * kills // (clock_steps + 1), CLOCK)
    imports, jobs, drawings = Imports(served, seed), Jobs(served, plans=True), Drawings(served, places[:5])
    hurt = world.hurt | {CLOCK: lambda _: world.set_clock_back()}
    with running(imports, jobs, drawings):
        campaign = hurt_often(served, order, seed, hurt=hurt, capacity=capacity, make_ready=world.make_ready)
    show(title, campaign)
    work = check_work(world, imports, drawings, least_plans=kills // 50)
    assert campaign.told is not None
    acknowledged = set(campaign.told.cases.values())
    cases: dict[str, list[str]] = {}
    for district, case in served.query("select district, id::text from incident where external_ref is not null"):
        if case in acknowledged:
            cases.setdefault(district, []).append(case)
    assert len(cases) == DISTRICTS
    assert list_teams_in_two_places(served, acknowledged) == []
    more = {"replayed": check_evidence(world, cases, folder), "load": os.getloadavg()}
    check_lists(served, cases)
    sys.stdout.write(f"  {work}; {more}\n")
    assert world.unexpected == [], "\n".join(world.unexpected)
    return campaign


@pytest.mark.timeout(1800)
def test_one_kill_of_each_kind(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        run(world, len(world.hurt), SEED, tmp_path, clock_steps=1, title="one kill of each kind")


@pytest.mark.timeout(7200)
def test_fifty_kills_and_two_backward_clock_steps(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        campaign = run(world, 50, SEED, tmp_path, clock_steps=2, title="fifty kills")
    assert sum(map(len, campaign.back.values())) == 52
