"""The door: rates, headers on every answer, TLS, and what is refused without sign-in."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from gridsvc.api.app import create_app
from gridsvc.api.http import rates
from gridsvc.api.http.rates import Buckets, Rate
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
    clock.now += 1e6
    assert [buckets.take("a") == 0 for _ in range(5)] == [True] * 4 + [False]


def test_guessing_ends_after_ten_tries_and_known_callers_of_the_address_go_on(world: World) -> None:
    web = world.browser()
    good = {"Authorization": f"Bearer {world.keys['officer']}"}
    assert web.get("/session", headers=good).status_code == 200
    statuses = [web.get("/session", headers={"Authorization": f"Bearer gs_{n}"}).status_code for n in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    for path, body in (("/session", {"key": world.keys["officer"]}), ("/devices", {"code": "x"})):
        answer = web.post(path, json=body)
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["retry-after"]) <= 6
    assert web.get("/session", headers=good).status_code == 200


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
    web = CheckedClient(open_app, raise_server_exceptions=False)
    assert web.get("/session").json()["auth"] == "off"
    assert web.get(f"/incidents/{world.case}").status_code == 200
    step = {"json": {"step": "nonsense"}}
    path = f"/incidents/{world.case}/steps"
    assert web.post(path, **step).status_code == 422
    assert web.post(path, headers={"Origin": "http://testserver"}, **step).status_code == 422
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}):
        refused = web.post(path, headers=headers, **step)
        assert (refused.status_code, kind(refused)) == (403, "csrf")


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
