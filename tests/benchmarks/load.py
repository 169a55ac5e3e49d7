"""A load generator for the service: raw HTTP over asyncio, in a process of its own, cheap beside what it measures."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence


@dataclass(slots=True)
class Outcome:
    """Latencies in seconds in the order of their ends, statuses counted, bodies only where they were asked for."""

    latencies_s: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.latencies_s) / self.seconds

    def quantile_s(self, share: float) -> float:
        ordered = sorted(self.latencies_s)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: object = None
    key: str | None = None

    def raw(self) -> bytes:
        content = b"" if self.body is None else json.dumps(self.body).encode()
        head = f"{self.method} {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(content)}\r\n"
        head += "Content-Type: application/json\r\n"
        if self.key is not None:
            head += f"Idempotency-Key: {self.key}\r\n"
        return head.encode() + b"\r\n" + content


def closed_loop(port: int, requests: Sequence[Request], clients: int, *, keep: bool = False) -> Outcome:
    """Send requests one after the other on each of `clients` lines: the most that the service can take."""
    return _elsewhere(_closed, port, requests, clients, keep)


def open_loop(port: int, requests: Sequence[Request], per_second: float, clients: int = 64) -> Outcome:
    """Send requests at a fixed pace, whatever the answers do; latency counts from the moment a request was due."""
    return _elsewhere(_open, port, requests, clients, per_second)


def _elsewhere(job: object, *arguments: object) -> Outcome:
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(_run, (job, arguments))


def _run(job: Callable[..., Coroutine[Any, Any, Outcome]], arguments: tuple[object, ...]) -> Outcome:
    return asyncio.run(job(*arguments))


async def _closed(port: int, requests: Sequence[Request], clients: int, keep: bool) -> Outcome:
    outcome = Outcome()
    waiting = iter(requests)

    async def client() -> None:
        line = await asyncio.open_connection("127.0.0.1", port)
        for request in waiting:
            started = time.perf_counter()
            status, body = await _ask(line, request)
            outcome.latencies_s.append(time.perf_counter() - started)
            outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
            if keep:
                outcome.bodies.append(body)
        line[1].close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    outcome.seconds = time.perf_counter() - started
    return outcome


async def _open(port: int, requests: Sequence[Request], clients: int, per_second: float) -> Outcome:
    outcome = Outcome()
    due: asyncio.Queue[tuple[float, Request] | None] = asyncio.Queue()

    async def client() -> None:
        line = await asyncio.open_connection("127.0.0.1", port)
        while (task := await due.get()) is not None:
            moment, request = task
            status, _ = await _ask(line, request)
            outcome.latencies_s.append(time.perf_counter() - moment)
            outcome.statuses[status] = outcome.statuses.get(status, 0) + 1
        line[1].close()

    crowd = [asyncio.create_task(client()) for _ in range(clients)]
    await asyncio.sleep(0.2)
    started = time.perf_counter()
    for number, request in enumerate(requests):
        moment = started + number / per_second
        await asyncio.sleep(max(0.0, moment - time.perf_counter()))
        due.put_nowait((moment, request))
    for _ in crowd:
        due.put_nowait(None)
    await asyncio.gather(*crowd)
    outcome.seconds = time.perf_counter() - started
    return outcome


async def _ask(line: tuple[asyncio.StreamReader, asyncio.StreamWriter], request: Request) -> tuple[int, bytes]:
    reader, writer = line
    writer.write(request.raw())
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    length = next((int(part[15:]) for part in head.lower().split(b"\r\n") if part.startswith(b"content-length:")), 0)
    return status, await reader.readexactly(length)
