"""Long answers have a queue and threads of their own: what they hold up, whom they refuse, and when they end early."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.api import cases
from gridsvc.api.app import THREADS, create_app
from gridsvc.api.http.lanes import CASE_THREADS, CLIENT_GONE, LANES
from gridsvc.operations.cases import steps
from gridsvc.operations.roads import travel_times
from gridsvc.operations.teams import fleet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fastapi import FastAPI
    from starlette.types import Message

    from gridsvc.operations.runtime.service import Service

DRAWINGS = LANES["drawings"]


class Call:
    """One request by hand to the application, of a client that may leave before its answer."""

    def __init__(self, app: FastAPI, method: str, path: str, query: str = "", body: object = None) -> None:
        self._app = app
        self._left = asyncio.Event()
        self._body = b"" if body is None else json.dumps(body).encode()
        self._read = False
        self._messages: list[Message] = []
        self._scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": [(b"content-type", b"application/json"), (b"host", b"127.0.0.1")], "http_version": "1.1",
            "scheme": "http", "root_path": "", "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1),
        }  # fmt: skip
        self.task = asyncio.create_task(app(self._scope, self._receive, self._send))

    def leave(self) -> None:
        self._left.set()

    async def _receive(self) -> Message:
        if not self._read:
            self._read = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self._messages.append(message)

    @property
    def status(self) -> int | None:
        return next((m["status"] for m in self._messages if m["type"] == "http.response.start"), None)

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(next(m["headers"] for m in self._messages if m["type"] == "http.response.start"))

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(b"".join(m.get("body", b"") for m in self._messages))
        return found


class Drawings:
    """Drawings that go on until they are finished or no longer wanted."""

    def __init__(self) -> None:
        self.started, self.running, self.most, self.given_up = 0, 0, 0, 0
        self.finish = threading.Event()

    def draw(self, *_: object, check: Callable[[], object], **__: object) -> str:
        self.started, self.running = self.started + 1, self.running + 1
        self.most = max(self.most, self.running)
        try:
            while not self.finish.wait(0.005):
                check()
        except BaseException:
            self.given_up += 1
            raise
        finally:
            self.running -= 1
        return '{"type": "FeatureCollection", "features": []}'


@pytest.fixture
def drawings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drawings]:
    made = Drawings()
    monkeypatch.setattr(travel_times, "service_areas", made.draw)
    yield made
    made.finish.set()


@pytest.fixture
def open_app(service: Service) -> FastAPI:
    return create_app(service, sign_in=False)


def isochrone(app: FastAPI) -> Call:
    return Call(app, "GET", "/isochrones", "lon=119.7&lat=29.1")


async def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


def test_a_caller_with_a_full_queue_is_refused_and_the_others_are_answered(
    open_app: FastAPI, drawings: Drawings
) -> None:
    async def scene() -> None:
        calls = [isochrone(open_app) for _ in range(DRAWINGS.of_one_caller)]
        await until(lambda: drawings.started == 1)
        refused = [isochrone(open_app) for _ in range(20)]
        await asyncio.gather(*(call.task for call in refused))
        assert {call.status for call in refused} == {429}
        assert refused[0].document["type"].endswith(":queue-full")
        assert int(refused[0].headers[b"retry-after"]) > 0
        for method, path in (("GET", "/teams"), ("GET", "/incidents")):
            other = Call(open_app, method, path)
            await other.task
            assert other.status == 200
        drawings.finish.set()
        await asyncio.gather(*(call.task for call in calls))
        assert {call.status for call in calls} == {200}
        assert drawings.most == DRAWINGS.at_once

    asyncio.run(scene())


def test_a_request_whose_client_has_gone_leaves_the_queue_and_its_drawing_ends(
    open_app: FastAPI, drawings: Drawings
) -> None:
    async def scene() -> None:
        calls = [isochrone(open_app) for _ in range(DRAWINGS.of_one_caller)]
        await until(lambda: drawings.started == 1)
        for call in reversed(calls):
            call.leave()
        await asyncio.gather(*(call.task for call in calls))
        assert {call.status for call in calls} == {CLIENT_GONE}
        assert (drawings.started, drawings.given_up) == (1, 1)
        drawings.finish.set()
        last = isochrone(open_app)
        await last.task
        assert last.status == 200
        assert open_app.state.lanes.queues["drawings"].length == 0

    asyncio.run(scene())


def test_the_queue_of_all_callers_is_limited_too(open_app: FastAPI, drawings: Drawings) -> None:
    lane = open_app.state.lanes.queues["drawings"]

    async def gone_never() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def scene() -> None:
        def work(wanted: object) -> str:
            return drawings.draw(check=lambda: wanted)

        most = DRAWINGS.at_once + DRAWINGS.waiting
        others = [asyncio.create_task(lane.run(f"caller {n // 2}", gone_never, work)) for n in range(most)]
        await until(lambda: lane.length == most)
        refused = isochrone(open_app)
        await refused.task
        assert refused.status == 503
        assert int(refused.headers[b"retry-after"]) > 0
        drawings.finish.set()
        await asyncio.gather(*others)

    asyncio.run(scene())


def test_reports_are_answered_while_every_other_thread_is_taken(
    open_app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = threading.Event()

    def slow_list(*_: object) -> dict[str, Any]:
        finish.wait(60)
        return {"items": []}

    async def scene() -> None:
        async with open_app.router.lifespan_context(open_app):
            plans, known = Call(open_app, "GET", "/response-plans"), Call(open_app, "GET", "/incidents", "limit=1")
            await asyncio.gather(plans.task, known.task)
            place = {key: known.document["items"][0]["location"][key] for key in ("lon", "lat")}
            body = {"type": plans.document["items"][0]["type"], "location": place}
            monkeypatch.setattr(fleet, "list_fleet", slow_list)
            lists = [Call(open_app, "GET", "/teams") for _ in range(3 * THREADS)]
            await asyncio.sleep(0.2)
            report = Call(open_app, "POST", "/incidents", body=body)
            await asyncio.wait_for(report.task, 30)
            assert report.status == 201
            assert not any(each.task.done() for each in lists)
            finish.set()
            await asyncio.gather(*(each.task for each in lists))

    asyncio.run(scene())


def test_a_report_waits_for_no_order_and_an_order_for_no_report(
    open_app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = threading.Event()
    real: dict[str, Callable[..., Any]] = {"reports": cases.report_incident, "steps": steps.step_incident}  # type: ignore[attr-defined]

    def slow(kind: str) -> Callable[..., Any]:
        def held(*given: Any, **more: Any) -> Any:
            finish.wait(60)
            return real[kind](*given, **more)

        return held

    async def scene() -> None:
        async with open_app.router.lifespan_context(open_app):
            plans, known = Call(open_app, "GET", "/response-plans"), Call(open_app, "GET", "/incidents", "limit=1")
            await asyncio.gather(plans.task, known.task)
            place = {key: known.document["items"][0]["location"][key] for key in ("lon", "lat")}
            body = {"type": plans.document["items"][0]["type"], "location": place}

            def a_report() -> Call:
                return Call(open_app, "POST", "/incidents", body=body)

            def a_step(case: str, word: str) -> Call:
                return Call(open_app, "POST", f"/incidents/{case}/steps", body={"step": word})

            made = a_report()
            await made.task
            case = made.document["id"]
            for owner, name, held, other in (
                (steps, "step_incident", partial(a_step, case, "accept"), a_report),
                (cases, "report_incident", a_report, partial(a_step, case, "cancel")),
            ):
                with monkeypatch.context() as patched:
                    patched.setattr(owner, name, slow("steps" if owner is steps else "reports"))
                    finish.clear()
                    waiting = [held() for _ in range(2 * sum(CASE_THREADS.values()))]
                    await asyncio.sleep(0.2)
                    answered = other()
                    await asyncio.wait_for(answered.task, 30)
                    assert answered.status in {200, 201}
                    assert not any(each.task.done() for each in waiting)
                    finish.set()
                    await asyncio.gather(*(each.task for each in waiting))

    asyncio.run(scene())


def test_an_isochrone_over_http_is_at_most_two_hours(open_app: FastAPI) -> None:
    async def scene() -> None:
        call = Call(open_app, "GET", "/isochrones", "lon=119.7&lat=29.1&minutes=5,121")
        await call.task
        assert (call.status, call.document["parameters"]["most"]) == (422, 120)

    asyncio.run(scene())
