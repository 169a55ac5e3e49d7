"""A new connection goes to the HTTP process that has the fewest."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

from gridsvc.api.http.client_timeouts import TimeoutProtocol
from gridsvc.serve.balanced_server import BalancedServer
from gridsvc.serve.connections import ConnectionCounts

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_who_has_more_waits_longer_and_never_for_long() -> None:
    counts = ConnectionCounts(3)
    assert [counts.wait_s(number) for number in (1, 2, 3)] == [0, 0, 0]
    counts.set(1, 3)
    counts.set(2, 1)
    assert [counts.wait_s(number) for number in (1, 2, 3)] == pytest.approx([0.015, 0.005, 0])
    counts.set(1, 5000)
    assert counts.wait_s(1) == pytest.approx(0.05)
    counts.set(3, 1)
    assert counts.wait_s(2) == counts.wait_s(3) == 0
    assert ConnectionCounts(1).wait_s(1) == 0


@contextmanager
def running(listening: socket.socket, counts: ConnectionCounts, number: int) -> Iterator[uvicorn.Server]:
    """Run a server in a thread with a loop of its own; its answers are its number."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        await send({"type": "http.response.body", "body": b"%d" % number})

    server = BalancedServer(
        uvicorn.Config(app, http=TimeoutProtocol, lifespan="off", log_config=None), listening, counts, number
    )
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),))
    thread.start()
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


@contextmanager
def listening_socket() -> Iterator[tuple[socket.socket, str]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening, f"http://127.0.0.1:{listening.getsockname()[1]}/"


def kept_client(stack: ExitStack) -> httpx.Client:
    """Return a client with one connection."""
    return stack.enter_context(httpx.Client(timeout=30, limits=httpx.Limits(max_connections=1), trust_env=False))


def test_connections_are_shared_between_servers_on_one_socket() -> None:
    counts = ConnectionCounts(2)
    with listening_socket() as (listening, url), ExitStack() as stack:
        for number in (1, 2):
            stack.enter_context(running(listening, counts, number))
        clients = [kept_client(stack) for _ in range(16)]
        answers = Counter(client.get(url).text for client in clients)
        assert answers["1"] + answers["2"] == 16
        assert min(answers["1"], answers["2"]) >= 4  # 8 unless one of them had no processor when connections came


def test_connections_of_a_server_that_is_gone_or_hangs_go_to_the_others() -> None:
    counts = ConnectionCounts(3)
    counts.set(3, -1)  # as if a process with fewer connections never took one
    with listening_socket() as (listening, url), ExitStack() as stack:
        stack.enter_context(running(listening, counts, 1))
        clients = [kept_client(stack) for _ in range(3)]
        assert [client.get(url).text for client in clients] == ["1"] * 3
        assert counts.wait_s(1) == pytest.approx(0.02)
        for client in clients[1:]:
            client.close()
        while counts.wait_s(1) > 0.011:  # the test's own time limit ends this
            time.sleep(0.01)
        assert clients[0].get(url).text == "1"


def test_a_server_that_ends_leaves_the_socket_to_the_others() -> None:
    counts = ConnectionCounts(2)
    with listening_socket() as (listening, url), ExitStack() as stack:
        with running(listening, counts, 1), ExitStack() as short:
            assert kept_client(short).get(url).text == "1"
        stack.enter_context(running(listening, counts, 2))
        assert {kept_client(stack).get(url).text for _ in range(4)} == {"2"}
