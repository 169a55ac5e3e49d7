"""The door: rates, headers on every answer, TLS, and what is refused without sign-in."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.testclient import TestClient

from gridsvc.access.scopes import Role
from gridsvc.api.app import create_app
from gridsvc.api.http import rates
from gridsvc.api.http.rates import Buckets, Rate
from gridsvc.operations.access import callers, keys
from gridsvc.operations.access.callers import CHECKED_EVERY_S
from gridsvc.operations.access.credentials import random_letters, verify_secret
from tests.api.contract import CheckedClient
from tests.api.toy_access import Clock, kind, toy_world
from tests.worlds import district
from tests.worlds.certificate import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from tests.api.toy_access import World


@pytest.fixture(scope="module")
def world(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with toy_world(cluster, tmp_path_factory.mktemp("data")) as world:
        yield world


# Rates


def test_buckets_fill_and_empty() -> None:
    clock = Clock()
    buckets = Buckets(Rate(per_s=2, burst=4), clock=clock)
    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0]
    assert buckets.take("a") == pytest.approx(0.5)
    assert buckets.take("b") == 0
    assert buckets.wait_s("a") == pytest.approx(0.5)
    clock.now += 0.5
    assert buckets.wait_s("a") == 0
    assert buckets.take("a") == 0
    buckets.give_back("a")
    assert buckets.take("a") == 0
    clock.now += 1e6
    assert [buckets.take("a") == 0 for _ in range(5)] == [True] * 4 + [False]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def wrong(key: str) -> str:
    """The id of a key with another secret."""
    return f"{key[:-4]}{'aaaa' if key[-4:] != 'aaaa' else 'bbbb'}"


@pytest.mark.parametrize("guesses", ["nonsense", "secrets of one key"])
def test_guessing_ends_after_ten_tries(world: World, guesses: str) -> None:
    web = world.browser()
    keys = [
        f"gs_{n}" if guesses == "nonsense" else f"{world.keys['officer'][:-2]}a{'abcdefghijkm'[n]}" for n in range(12)
    ]
    assert [web.get("/session", headers=bearer(key)).status_code for key in keys] == [401] * 10 + [429] * 2
    answer = web.post("/session", json={"key": keys[0]})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 6


def test_a_device_with_an_old_key_locks_out_nobody_behind_its_address(world: World) -> None:
    web = world.browser()
    good = keys.add_key(world.service, "a neighbour", Role.OFFICER, district=district.DISTRICT)
    session = web.post("/session", json={"key": good.text})
    assert [web.get("/teams", headers=bearer(wrong(good.text))).status_code for _ in range(15)][-1] == 429
    for name in ("officer", "dispatcher"):  # keys that this process has not seen
        assert web.get("/session", headers=bearer(world.keys[name])).status_code == 200
        assert web.post("/session", json={"key": world.keys[name]}).status_code == 201
    assert web.get("/session", headers=bearer(good.text)).status_code == 200
    token = session.cookies["gridsvc"]
    other = CheckedClient(
        create_app(world.service), raise_server_exceptions=False
    )  # another process: the session is new
    assert [other.get("/teams", headers=bearer(wrong(good.text))).status_code for _ in range(15)][-1] == 429
    assert other.get("/session", headers=bearer(token)).status_code == 200


def test_pairing_codes_are_guessed_ten_times(world: World) -> None:
    web = world.browser()
    assert [web.post("/devices", json={"code": "x"}).status_code for _ in range(12)] == [404] * 10 + [429] * 2


def test_wrong_keys_at_once_cost_no_more_than_in_turn(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []

    def count(secret_hash: str, secret: str) -> bool:
        verified.append(secret)
        return verify_secret(secret_hash, secret)

    monkeypatch.setattr(callers, "verify_secret", count)
    app = create_app(world.service)
    unknown = [f"gs_{random_letters(12)}_{random_letters(40)}" for _ in range(60)]
    known = [f"{world.keys['officer'][:-40]}{random_letters(40)}" for _ in range(60)]

    async def ask() -> list[int]:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as web:
            calls = [
                web.get("/teams", headers=bearer(key)) for pair in zip(unknown, known, strict=True) for key in pair
            ]
            return [answer.status_code for answer in await asyncio.gather(*calls)]

    statuses = Counter(asyncio.run(ask()))
    assert set(statuses) == {401, 429}
    assert statuses[401] == len(verified)
    assert 40 <= len(verified) <= 60  # 40 of the address, and what its bucket gained in the meantime


def test_known_callers_do_not_wait_for_keys_that_are_verified(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    finish = threading.Event()

    def wait(_hash: str, _secret: str) -> bool:
        finish.wait(60)
        return False

    async def ask() -> None:
        transport = httpx.ASGITransport(create_app(world.service), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60) as web:
            known = bearer(world.keys["dispatcher"])
            assert (await web.get("/teams", headers=known)).status_code == 200
            monkeypatch.setattr(callers, "verify_secret", wait)
            keys = [f"gs_{random_letters(12)}_{random_letters(40)}" for _ in range(30)]
            guesses = [asyncio.create_task(web.get("/teams", headers=bearer(key))) for key in keys]
            await asyncio.sleep(CHECKED_EVERY_S + 0.2)  # what the process knows must be confirmed again
            assert (await web.get("/teams", headers=known)).status_code == 200
            assert not any(guess.done() for guess in guesses)
            finish.set()
            await asyncio.gather(*guesses)

    asyncio.run(ask())


def test_open_routes_have_a_rate(world: World) -> None:
    web = world.browser()
    statuses = [web.get("/sign-in").status_code for _ in range(int(rates.STRANGER.burst) + 3)]
    assert statuses[0] == 200
    assert statuses[-1] == 429
    assert web.get("/healthz").status_code == 200


# Headers


@pytest.mark.parametrize("path", ["/", "/teams", "/incidents/x", "/nothing", "/healthz", "/sign-in", "/tiles"])
def test_every_answer_carries_the_headers(world: World, path: str) -> None:
    for web in (world.client("admin"), world.browser()):
        headers = web.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        kept = headers["cache-control"]
        assert "no-store" in kept or "private" in kept
        assert "Cookie" in headers["vary"]


# Without sign-in


def test_without_sign_in_everybody_is_the_operator_but_no_page_of_another_site(world: World) -> None:
    open_app = create_app(world.service, sign_in=False)
    web = CheckedClient(open_app, base_url="http://localhost", raise_server_exceptions=False)
    assert web.get("/session").json()["auth"] == "off"
    assert web.get(f"/incidents/{world.case}").status_code == 200
    step = {"json": {"step": "nonsense"}}
    path = f"/incidents/{world.case}/steps"
    assert web.post(path, **step).status_code == 422
    assert web.post(path, headers={"Origin": "http://localhost"}, **step).status_code == 422
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        refused = web.post(path, headers=headers, **step)
        assert (refused.status_code, kind(refused)) == (403, "csrf")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8733", "127.0.0.1.evil.example", "10.0.0.1", "[::2]:80", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_without_sign_in_a_name_of_another_site_reaches_nothing(world: World, method: str, host: str) -> None:
    web = TestClient(create_app(world.service, sign_in=False), raise_server_exceptions=False)
    for path in ("/", "/teams", f"/incidents/{world.case}/steps"):
        refused = web.request(method, path, headers={"Host": host})
        assert (refused.status_code, kind(refused)) == (421, "foreign-host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "127.0.0.9:8733", "[::1]", "[::1]:8733"])
def test_without_sign_in_every_name_of_this_machine_is_answered(world: World, host: str) -> None:
    web = TestClient(create_app(world.service, sign_in=False), raise_server_exceptions=False)
    assert web.get("/teams", headers={"Host": host}).status_code == 200


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_serve_wants_keys_and_speaks_tls(world: World, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    cert, key = certificate
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATABASE_URL": world.url, "GRIDSVC_DATA": str(tmp_path)}
    words = ["serve", "--port", str(port), "--workers", "1", "--tls-cert", str(cert), "--tls-key", str(key)]
    with subprocess.Popen([sys.executable, "-m", "gridsvc", *words], env=environment, stderr=subprocess.PIPE) as server:
        try:
            trusted = ssl.create_default_context(cafile=str(cert))
            with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted, trust_env=False) as web:
                deadline = time.monotonic() + 120
                while True:
                    try:
                        assert web.get("/healthz").status_code == 200
                        break
                    except httpx.TransportError:
                        assert server.poll() is None, server.stderr and server.stderr.read()
                        assert time.monotonic() < deadline
                        time.sleep(0.1)
                assert web.get("/teams").status_code == 401
                answer = web.get("/teams", headers={"Authorization": f"Bearer {world.keys['officer']}"})
                assert answer.status_code == 200
                assert len(answer.json()["items"]) == len(district.TEAM_IDS)
                assert "strict-transport-security" in answer.headers
        finally:
            server.terminate()
