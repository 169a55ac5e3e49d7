"""Clients that stall: they ask by halves or do not listen; they are put off, and the others notice nothing."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import uvicorn

from gridsvc.api.http import client_timeouts
from gridsvc.api.http.client_timeouts import TimeoutProtocol
from tests.faults.service import Served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

LARGE = bytes(8_000_000)


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer /large with eight megabytes, and all else with what was sent."""
    if scope["type"] == "lifespan":
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body, more = body + message.get("body", b""), message.get("more_body", False)
    body = LARGE if scope["path"] == "/large" else body or b"fine"
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    for name, value in {"SEND_S": 1.0, "READ_S": 1.5, "_CHECK_EVERY_S": 0.1, "UNREAD_BYTES": 20_000_000}.items():
        monkeypatch.setattr(client_timeouts, name, value)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(256)
        config = uvicorn.Config(app, http=TimeoutProtocol, lifespan="off", log_config=None, timeout_keep_alive=30)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield listening.getsockname()[1]
        server.should_exit = True
        server.force_exit = True
        thread.join()


def connect(port: int, *, ear_bytes: int | None = None) -> socket.socket:
    line = socket.socket()
    if ear_bytes is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, ear_bytes)
    line.settimeout(60)
    line.connect(("127.0.0.1", port))
    return line


def rest_of(line: socket.socket) -> bytes:
    """All that still comes until the other side ends the connection."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while part := line.recv(1 << 16):
            said += part
    return said


def answer_of(line: socket.socket) -> bytes:
    """The answer to ASK."""
    said = b""
    while not said.endswith(b"fine"):
        said += line.recv(1000)
    return said


ASK = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@pytest.mark.parametrize("begun", [b"GET / HT", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-"])
def test_who_does_not_finish_asking_is_told_so(port: int, begun: bytes) -> None:
    with connect(port) as line:
        line.sendall(begun)
        said = rest_of(line)
    assert said.startswith(b"HTTP/1.1 408 ")
    assert b"urn:gridsvc:problem:too-slow" in said


def test_who_says_nothing_is_not_waited_for(port: int) -> None:
    with connect(port) as line:
        assert rest_of(line) == b""


def test_who_stalls_in_the_second_request_is_disconnected_too(port: int) -> None:
    with connect(port) as line:
        line.sendall(ASK)
        assert answer_of(line).startswith(b"HTTP/1.1 200 ")
        line.sendall(b"GET /again")
        assert rest_of(line).startswith(b"HTTP/1.1 408 ")


LONG = {
    "one field": b"X-A: " + b"a" * 1_000_000,
    "many fields": b"\r\n".join(b"X-%d: %b" % (n, b"a" * 1000) for n in range(1000)),
    "short fields": b"\r\n".join(b"X-%d: a" % n for n in range(5000)),
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("end", [b"\r\n\r\n", b""])
def test_a_head_without_end_is_refused(port: int, name: str, end: bytes) -> None:
    with connect(port) as line:
        with contextlib.suppress(ConnectionError):
            line.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + LONG[name] + end)
        said = rest_of(line)
    assert said.startswith(b"HTTP/1.1 431 ")
    assert b"urn:gridsvc:problem:head-too-long" in said


def test_a_long_body_and_the_next_request_are_no_long_head(port: int) -> None:
    post = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: %b\r\nContent-Length: 100004\r\n\r\n" % (b"a" * 20_000)
    with connect(port) as line:
        for _ in range(3):
            line.sendall(post + bytes(100_000) + b"fine")
            assert answer_of(line).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_does_not_come_is_not_waited_for(port: int) -> None:
    with connect(port) as line:
        line.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\nhalf")
        assert rest_of(line) == b""


def test_a_body_may_come_slowly(port: int) -> None:
    """Half a megabyte in three seconds, thrice as long as a head may take."""
    with connect(port) as line:
        line.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n")
        for _ in range(50):
            line.sendall(bytes(10_000))
            time.sleep(0.06)
        assert len(rest_of(line)) > 500_000


def test_a_client_that_does_not_read_is_disconnected(port: int) -> None:
    with connect(port, ear_bytes=4096) as line:
        line.sendall(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(4)
        assert len(rest_of(line)) < len(LARGE)


def test_who_listens_slowly_gets_it_all(port: int) -> None:
    with connect(port, ear_bytes=65_536) as line:
        line.sendall(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        got = 0
        while part := line.recv(100_000):
            got += len(part)
            time.sleep(0.04)
    assert got > len(LARGE)


def test_answers_that_nobody_takes_are_bounded(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twelve who do not listen would hold 96 MB; all but those within the bound are put off, however patient it is."""
    monkeypatch.setattr(client_timeouts, "SEND_S", 120.0)

    def open_to(clients: list[socket.socket]) -> int:
        ours = {f"{line.getsockname()[1]:04X}" for line in clients}
        there = re.findall(rf":{port:04X} \w+:(\w+) 01", Path("/proc/net/tcp").read_text())
        return sum(port_ in ours for port_ in there)

    with contextlib.ExitStack() as stack:
        deaf = [stack.enter_context(connect(port, ear_bytes=4096)) for _ in range(12)]
        for line in deaf:
            line.sendall(b"GET /large HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        deadline = time.monotonic() + 60
        while open_to(deaf) > 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with connect(port) as line:
            line.sendall(ASK)
            assert answer_of(line).startswith(b"HTTP/1.1 200 ")
        assert open_to(deaf) in {2, 3}  # those within the bound stay


def private_bytes(pid: int) -> int:
    words = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kb) * 1024 for kb in re.findall(r"Private_\w+: +(\d+)", words))


@pytest.mark.long
@pytest.mark.timeout(600)
def test_two_hundred_who_stall_cost_the_others_little() -> None:
    """A hundred ask by halves and a hundred do not listen to a list of 300 cases, while others report."""
    served = Served(incidents=300, workers=1)
    try:
        served.start()
        (answering,) = [pid for pid, (name, _) in served.processes().items() if name.startswith("HTTP")]

        def waits_of(count: int) -> list[float]:
            waits = []
            with served.client(60) as client:
                for _ in range(count):
                    began = time.monotonic()
                    assert client.get("/teams").status_code == 200
                    waits.append(time.monotonic() - began)
            return sorted(waits)

        before, quiet = private_bytes(answering), waits_of(100)
        begun = time.monotonic()
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(connect(served.port)) for _ in range(100)]
            for line in slow:
                line.sendall(b"POST /incidents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Le")
            deaf = [stack.enter_context(connect(served.port, ear_bytes=4096)) for _ in range(100)]
            for line in deaf:
                line.sendall(b"GET /incidents?limit=1000 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            most, stalled = before, []
            while time.monotonic() - begun < 45:
                stalled += waits_of(5)
                most = max(most, private_bytes(answering))
                time.sleep(0.1)
            for line in slow:
                assert rest_of(line).startswith(b"HTTP/1.1 408 ")
            # Whatever was on its way is read now; the connection has ended behind it.
            ended = [rest_of(line) is not None for line in deaf]
        assert all(ended)
        stalled.sort()
        sys.stdout.write(
            f"\nGET /teams: {quiet[50] * 1000:.0f} ms median, {quiet[98] * 1000:.0f} ms p99 before; "
            f"{stalled[len(stalled) // 2] * 1000:.0f} and {stalled[int(len(stalled) * 0.99)] * 1000:.0f} ms beside 200 "
            f"that stall; private memory {before / 1e6:.0f} MB, {most / 1e6:.0f} MB at most\n"
        )
        assert most < 500e6  # the goal, 250 MB, is missed: docs/reliability.md
    finally:
        served.close()
