"""Lanes: answers that take long have threads of their own, so that reports and steps never wait for them.

    reports    2 threads: reports and corrections
    steps      4 threads: orders and steps, and the duty of teams
    drawings   1 thread: isochrones, service areas, large matrices; 12 wait, at most 4 of one caller
    lists      1 thread: long pages of cases; 24 wait, at most 8 of one caller

These are the numbers of one HTTP process. All other answers share the threads of `app.THREADS`. There are as many
connections to the database as threads, so that no lane takes the connections of another one.

A report is nearly all computation, and an order that has its turn (`db.cases.turns`) holds up those after it: the fewer
reports compute beside it, the shorter its turn. Nor does a report wait for a thread in which an order waits.

A request that no queue takes is refused at once: with 429 where its caller has too many there, with 503 where all have.
A request whose client has gone leaves the queue. An answer that is already being made asks between its steps whether
it is still wanted (`Wanted.check`), and ends where it is not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import anyio
from anyio.to_thread import run_sync
from starlette.responses import Response

from gridsvc.api.http.problems import problem
from gridsvc.api.http.threads import Threads
from gridsvc.errors import GridsvcError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping
    from typing import Any

    from fastapi import FastAPI, Request
    from starlette.types import Receive

P = ParamSpec("P")
T = TypeVar("T")

RETRY_AFTER_S = 5
CLIENT_GONE = 499
"""The status in logs and metrics of a request whose client has gone, as in nginx."""


@dataclass(frozen=True, slots=True)
class Limits:
    """At most `at_once` answers are made, and `waiting` more requests wait; `of_one_caller` counts both."""

    at_once: int
    waiting: int
    of_one_caller: int


CASE_THREADS = {"reports": 2, "steps": 4}
LANES = {"drawings": Limits(1, 12, 4), "lists": Limits(1, 24, 8)}
THREADS = sum(CASE_THREADS.values()) + sum(limits.at_once for limits in LANES.values())
"""Of all lanes together."""


class LaneFullError(GridsvcError):
    """No more requests wait in this lane, of one caller or of all."""

    def __init__(self, lane: str, limit: int, *, own: bool) -> None:
        super().__init__(lane)
        self.lane, self.limit, self.own = lane, limit, own


class AbandonedError(GridsvcError):
    """The client closed the connection before its answer was made."""


class Wanted:
    """Whether a client still waits for its answer; set in one thread, read in another."""

    def __init__(self) -> None:
        self._gone = False

    def end(self) -> None:
        """Note that the client has gone."""
        self._gone = True

    def check(self) -> None:
        """Raise AbandonedError where the client has gone; long answers call it between their steps."""
        if self._gone:
            raise AbandonedError


class Lane:
    """The queue and the threads of one kind of answers. For the event loop of one process."""

    def __init__(self, name: str, limits: Limits) -> None:
        self.name, self._limits = name, limits
        self._of_callers: Counter[str] = Counter()
        self.threads = Threads(limits.at_once)

    @property
    def length(self) -> int:
        """Requests that are answered or wait."""
        return self._of_callers.total()

    @contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Hold a place in the lane, to be answered or to wait.

        Raises
        ------
        LaneFullError
            Where the caller, or all callers together, have the most places already.
        """
        limits = self._limits
        if self._of_callers[caller] >= limits.of_one_caller:
            raise LaneFullError(self.name, limits.of_one_caller, own=True)
        if self.length >= limits.at_once + limits.waiting:
            raise LaneFullError(self.name, limits.at_once + limits.waiting, own=False)
        self._of_callers[caller] += 1
        try:
            yield
        finally:
            self._of_callers[caller] -= 1
            if not self._of_callers[caller]:
                del self._of_callers[caller]

    async def run(self, caller: str, receive: Receive, work: Callable[[Wanted], T]) -> T:
        """Call `work` in a thread of the lane, as long as the client waits for the result.

        Parameters
        ----------
        receive
            Messages of the request, whose body was read; the next one says that the client has gone.

        Raises
        ------
        LaneFullError
            See `place`.
        AbandonedError
            When the client has gone.
        """
        wanted = Wanted()
        with self.place(caller), anyio.CancelScope() as waiting:

            async def watch() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                wanted.end()
                waiting.cancel()  # takes the request from the queue; a thread that already works sees `wanted`

            watching = asyncio.create_task(watch())
            try:
                return await run_sync(work, wanted, limiter=self.threads.limiter)
            finally:
                watching.cancel()
        raise AbandonedError


class Lanes:
    """The lanes of one process."""

    def __init__(self) -> None:
        self.cases = {name: Threads(most) for name, most in CASE_THREADS.items()}
        self.queues = {name: Lane(name, limits) for name, limits in LANES.items()}


def register(app: FastAPI) -> None:
    """Give an application its lanes and their refusals."""
    app.state.lanes = Lanes()
    app.add_exception_handler(LaneFullError, _lane_full)
    app.add_exception_handler(AbandonedError, _abandoned)


def in_queue(lane: str) -> Callable[[Callable[P, Response]], Callable[P, Coroutine[Any, Any, Response]]]:
    """Answer a route in a lane that has a queue; `request.state.wanted` is its `Wanted`."""

    def wrap(route: Callable[P, Response]) -> Callable[P, Coroutine[Any, Any, Response]]:
        @wraps(route)
        async def queued(*args: P.args, **kwargs: P.kwargs) -> Response:
            return await run_in(lane, _request_of(kwargs), partial(route, *args, **kwargs))

        return queued

    return wrap


def with_case_threads(lane: str) -> Callable[[Callable[P, Response]], Callable[P, Coroutine[Any, Any, Response]]]:
    """Answer a route in the threads of `reports` or of `steps`."""

    def wrap(route: Callable[P, Response]) -> Callable[P, Coroutine[Any, Any, Response]]:
        @wraps(route)
        async def threaded(*args: P.args, **kwargs: P.kwargs) -> Response:
            lanes: Lanes = _request_of(kwargs).app.state.lanes
            return await run_sync(partial(route, *args, **kwargs), limiter=lanes.cases[lane].limiter)

        return threaded

    return wrap


def _request_of(arguments: Mapping[str, object]) -> Request:
    """Return the request that every route of a lane takes by this name."""
    return cast("Request", arguments["request"])


async def run_in(lane: str, request: Request, work: Callable[[], T]) -> T:
    """Call `work` in a lane that has a queue; raises as `Lane.run` does."""
    lanes: Lanes = request.app.state.lanes

    def wanted_work(wanted: Wanted) -> T:
        request.state.wanted = wanted
        return work()

    return await lanes.queues[lane].run(request.state.caller.name, request.receive, wanted_work)


def refuse_full(error: LaneFullError) -> Response:
    """Return the refusal of a request that no queue takes: 429 where its caller has too many there, else 503."""
    limit, lane = error.limit, error.lane
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    if error.own:
        detail = f"{limit} of your requests are in the queue of {lane} already. Wait for their answers."
        return problem(
            429, "queue-full", detail, headers=headers, limit=limit, lane=lane, own=True, retry_after_s=RETRY_AFTER_S
        )
    detail = f"{limit} requests are in the queue of {lane} already. Try again in {RETRY_AFTER_S} s."
    return problem(
        503, "queue-full", detail, headers=headers, limit=limit, lane=lane, own=False, retry_after_s=RETRY_AFTER_S
    )


def _lane_full(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LaneFullError)
    return refuse_full(error)


def _abandoned(_request: Request, _error: Exception) -> Response:
    return Response(status_code=CLIENT_GONE)  # for the log: nobody reads it
