"""Limits on what one request may bring: its address, its body, the time that it takes to come, batches at once."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request

from gridsvc.api.http import limits
from gridsvc.api.http.limits import BATCHES, LARGEST_BODY_BYTES, LONGEST_TARGET_BYTES, RequestLimit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import Message


class Line:
    """A client's connection by hand: what it sends piece by piece, and what it is answered."""

    def __init__(
        self,
        path: str = "/incidents",
        *,
        method: str = "POST",
        query: bytes = b"",
        pieces: Sequence[bytes] = (),
        waits_s: float = 0.0,
        length: int | None = None,
    ) -> None:
        headers = [(b"content-type", b"application/json")]
        headers += [] if length is None else [(b"content-length", str(length).encode())]
        self.scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "headers": headers,
            "query_string": query,
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "server": ("localhost", 80),
            "client": ("10.0.0.1", 1),
        }
        self.pieces = list(pieces)
        self.waits_s = waits_s
        self.said: list[Message] = []

    async def receive(self) -> Message:
        await asyncio.sleep(self.waits_s)
        if not self.pieces:
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": self.pieces.pop(0), "more_body": True}

    async def send(self, message: Message) -> None:
        self.said.append(message)

    @property
    def status(self) -> int:
        found: int = next(told["status"] for told in self.said if told["type"] == "http.response.start")
        return found

    @property
    def kind(self) -> str:
        body = b"".join(told.get("body", b"") for told in self.said)
        found: str = json.loads(body)["type"].rsplit(":", 1)[-1]
        return found


def listener() -> FastAPI:
    """An application that reads the whole body, as every route does; `inside` are the batches that it is at."""
    app = FastAPI()
    app.state.inside, app.state.most, app.state.go = 0, 0, asyncio.Event()
    app.state.go.set()

    @app.post("/incidents")
    async def take(body: dict[str, str]) -> dict[str, str]:
        return body

    @app.post("/owners")
    async def own(request: Request) -> dict[str, str]:
        app.state.inside += 1
        app.state.most = max(app.state.most, app.state.inside)
        await app.state.go.wait()
        await request.body()
        app.state.inside -= 1
        return {}

    return app


def ask(line: Line, **more: Any) -> Line:
    asyncio.run(RequestLimit(listener(), **more)(line.scope, line.receive, line.send))
    return line


def test_what_keeps_within_the_limits_passes() -> None:
    assert ask(Line(pieces=[b'{"a":', b' "b"}'])).status == 200


def test_a_body_without_a_length_is_counted_as_it_comes() -> None:
    line = ask(Line(pieces=[b'{"a": "', *[b"x" * 100_000] * 20, b'"}']))
    assert (line.status, line.kind) == (413, "too-large")
    assert len(line.pieces) >= 10  # the rest was not read


def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    line = ask(Line(pieces=[b"x"], length=LARGEST_BODY_BYTES + 1))
    assert (line.status, line.kind, line.pieces) == (413, "too-large", [b"x"])


def test_a_body_that_drips_in_is_not_waited_for() -> None:
    line = ask(Line(pieces=[b" "] * 1000, waits_s=0.02), body_within_s=0.1)
    assert (line.status, line.kind) == (408, "too-slow")
    assert len(line.pieces) > 900


def test_an_address_that_is_too_long_is_refused_also_of_a_read() -> None:
    longest = LONGEST_TARGET_BYTES - len("/incidents")
    for method in ("GET", "POST"):
        line = ask(Line(method=method, query=b"a" * (longest + 1)))
        assert (line.status, line.kind) == (414, "too-long")
    assert ask(Line(query=b"a" * longest, pieces=[b"{}"])).status == 200


def test_large_batches_are_answered_a_few_at_a_time_and_small_ones_pass_them_by() -> None:
    async def crowd() -> None:
        app = listener()
        app.state.go.clear()
        limit = RequestLimit(app)
        lines = [Line("/owners", pieces=[b"x"], length=limits.LARGEST_BODY_BYTES + 1) for _ in range(6)]
        running = [asyncio.create_task(limit(line.scope, line.receive, line.send)) for line in lines]
        await asyncio.sleep(0.05)
        assert app.state.inside == BATCHES.at_once
        small = Line("/owners", pieces=[b"x"], length=1)
        running.append(asyncio.create_task(limit(small.scope, small.receive, small.send)))
        await asyncio.sleep(0.05)
        assert app.state.inside == BATCHES.at_once + 1
        app.state.go.set()
        await asyncio.gather(*running)
        assert app.state.most == BATCHES.at_once + 1
        assert {line.status for line in (*lines, small)} == {200}

    asyncio.run(crowd())
