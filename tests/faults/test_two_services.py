"""Two services on one database behind one proxy: nothing is lost with one of them, and what is once stays once."""

from __future__ import annotations

import sys
import time
import uuid
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from gridsvc.api.http.rate_table import COUNTED_EVERY_S
from gridsvc.api.http.rates import STRANGER, WRONG_KEY
from gridsvc.db.evidence.sealing import DISTRICT_LOCK
from tests.faults.patroni import missing_programs
from tests.faults.proxied import Member, Proxied
from tests.faults.service import WRONG, compare, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(bool(missing_programs(["haproxy"])), reason="not installed. Type: apt-get install haproxy"),
]


@pytest.fixture(scope="module")
def proxied() -> Iterator[Proxied]:
    proxied = Proxied()
    try:
        proxied.start()
        yield proxied
    finally:
        proxied.close()


def metric(text: str, name: str) -> float:
    return float(next(line for line in text.splitlines() if line.startswith(name)).split()[-1])


def test_a_case_of_one_service_is_in_the_lists_of_the_other(proxied: Proxied) -> None:
    with proxied.client() as client:
        case = client.get("/incidents?limit=1").json()["items"][0]
        body = {"type": case["type"], "location": {k: case["location"][k] for k in ("lon", "lat")}}
        for _ in range(6):  # each other request goes to the other service
            key = {"Idempotency-Key": uuid.uuid4().hex}
            first = client.post("/incidents", json=body, headers=key)
            again = client.post("/incidents", json=body, headers=key)
            assert (first.status_code, again.content) == (201, first.content)
            for member in proxied.members:
                with member.client() as direct:
                    assert direct.get("/incidents?limit=1").json()["items"][0]["id"] == first.json()["id"]
                    screen = direct.get("/screen/cases").json()["items"]
                    assert first.json()["id"] in {each["id"] for each in screen}


def test_what_is_done_once_is_done_by_one_of_them(proxied: Proxied) -> None:
    sealers = f"select count(*) from pg_locks where locktype = 'advisory' and granted and classid = {DISTRICT_LOCK}"
    assert proxied.query(sealers) == proxied.query("select count(*) from district_version")
    due = Counter(kind for (kind,) in proxied.query("select kind from due where state = 'waiting'"))
    assert due == {"backup": 1, "tidy": 1, "rehearsal": 1}
    proxied.query("update due set at = clock_timestamp() where state = 'waiting' and kind = 'backup'  returning 1")
    deadline = time.monotonic() + 120
    while proxied.query("select count(*) from job where kind = 'backup' and state = 'done'") != [(1,)]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    time.sleep(3)  # several looks of both watchers
    assert proxied.query("select count(*) from job where kind = 'backup'") == [(1,)]
    made = [list((member.folder / "data" / "backups").glob("*.backup")) for member in proxied.members]
    assert sum(map(len, made)) == 1


def test_each_service_counts_its_own_requests_and_knows_of_the_other(proxied: Proxied) -> None:
    with proxied.client() as client:
        assert client.get("/metrics").status_code == 404  # of which service? Prometheus reads each directly
        before = [_answered(member) for member in proxied.members]
        for _ in range(20):
            client.get("/healthz")
    counted = [_answered(member) - known for member, known in zip(proxied.members, before, strict=True)]
    assert all(each >= 10 for each in counted)
    with proxied.members[0].client() as direct:
        assert metric(direct.get("/metrics").text, "gridsvc_services ") == 2


def _answered(member: Member) -> float:
    with member.client() as direct:
        text = direct.get("/metrics").text
    wanted = 'gridsvc_http_request_seconds_count{method="GET",route="/healthz",status="200"}'
    return metric(text, wanted) if wanted in text else 0.0


def test_nothing_acknowledged_is_lost_with_a_service(proxied: Proxied, capsys: pytest.CaptureFixture[str]) -> None:
    with load(proxied, per_second=4.0) as told:
        for member in proxied.members:
            known = len(told.cases)
            while len(told.cases) < known + 20:
                time.sleep(0.02)
            member.kill_service()
            since, known = time.monotonic(), told.answers
            while told.answers < known + 10:
                time.sleep(0.005)
            away_s = time.monotonic() - since
            known = len(told.cases)
            while len(told.cases) < known + 20:
                time.sleep(0.02)
            member.start()
            time.sleep(2)  # the proxy looks each second
    found = compare(proxied, told)
    assert {name: found[name] for name in WRONG} == dict.fromkeys(WRONG, 0), (found, told.bad[:5])
    proxied.command("audit", "verify")
    with capsys.disabled():
        sys.stdout.write(f"\na service killed: ten answers within {away_s:.2f} s; {found}\n")


def test_two_services_allow_one_rate() -> None:
    proxied = Proxied(auth="required", incidents=0)
    try:
        proxied.start()
        time.sleep(2 * COUNTED_EVERY_S)  # both have counted
        with proxied.client() as client:
            began = time.monotonic()
            pages = [client.get("/sign-in").status_code for _ in range(int(4 * STRANGER.burst))]
            filled = STRANGER.per_s * (time.monotonic() - began)
            assert STRANGER.burst - 2 <= pages.count(200) <= STRANGER.burst + filled + 2
            began = time.monotonic()
            keys = [_guess(client) for _ in range(int(8 * WRONG_KEY.burst))]
            filled = WRONG_KEY.per_s * (time.monotonic() - began)
            assert WRONG_KEY.burst - 2 <= keys.count(401) <= WRONG_KEY.burst + filled + 2
            assert keys.count(401) + keys.count(429) == len(keys)
    finally:
        proxied.close()


def _guess(client: httpx.Client) -> int:
    key = f"gs_{uuid.uuid4().hex}"
    return client.get("/teams", headers={"Authorization": f"Bearer {key}"}).status_code
