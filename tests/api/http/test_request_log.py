"""What the log and the metrics say of a request whose client goes before its answer."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from prometheus_client import generate_latest

from gridsvc.api.http.limits import RequestLimit
from gridsvc.api.http.metrics import RequestLog, RequestTimes

if TYPE_CHECKING:
    from starlette.types import Message

HALF: Message = {"type": "http.request", "body": b'{"a": ', "more_body": True}
REST: Message = {"type": "http.request", "body": b'"b"}', "more_body": False}
BROKEN: Message = {"type": "http.request", "body": b'"', "more_body": False}
GONE: Message = {"type": "http.disconnect"}


@pytest.mark.parametrize(
    ("sent", "status"), [([HALF, GONE], 499), ([GONE], 499), ([HALF, REST, GONE], 200), ([HALF, BROKEN], 422)]
)
def test_a_request_whose_client_goes_is_no_bad_request(
    sent: list[Message], status: int, caplog: pytest.LogCaptureFixture
) -> None:
    app = FastAPI()

    @app.post("/incidents")
    async def take(body: dict[str, str]) -> dict[str, str]:
        return body

    times = RequestTimes()
    messages = iter(sent)
    answers: list[Message] = []

    async def receive() -> Message:
        return next(messages, GONE)

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/incidents", "raw_path": b"/incidents", "query_string": b"",
        "headers": [(b"content-type", b"application/json")], "http_version": "1.1", "scheme": "http", "root_path": "",
        "server": ("localhost", 80), "client": ("10.0.0.1", 1),
    }  # fmt: skip
    caplog.set_level(logging.INFO, "gridsvc.request")
    asyncio.run(RequestLog(RequestLimit(app), times)(scope, receive, send))
    assert [record.__dict__["facts"]["status"] for record in caplog.records] == [status]
    assert f'status="{status}"' in generate_latest(times.registry).decode()
