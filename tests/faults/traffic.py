"""Cases that arrive at a pace, or as fast as they are answered, and what was promised for each.

Each arrival is a case: reported, accepted, ordered, cancelled, so that its teams are free again. A request that is not
answered, or by 503, is sent again under its key, as a client does; what was acknowledged is written down.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STEPS = ("accept", "assign", "cancel")
LINES = 48
VOLLEY = 8  # so many arrive at once: calls about one fire come together
_AGAIN_AFTER_S = 0.1
_PATIENCE_S = 30.0  # how long a request is sent again
_BESIDE = 2  # every second case is in another district, where there are others
_STALE_S = 5.0  # an arrival that found no free line for so long is not sent at all


@dataclass
class Acknowledged:
    """What the service said was done: cases by their key, steps by case, and every answer that should not be.

    `in_flight` counts the requests that were sent and not answered yet; `waits_s` are the times from a report's due
    moment to its answer, of those that were answered at the first try.
    """

    cases: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    steps: dict[str, set[str]] = field(default_factory=dict)
    bad: list[str] = field(default_factory=list)
    refused: int = 0
    kinds: Counter[str] = field(default_factory=Counter)  # of the answers by 503
    broken: int = 0
    answers: int = 0
    given_up: int = 0
    in_flight: int = 0
    waits_s: list[float] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def assigned(self) -> set[str]:
        """The cases whose order was acknowledged."""
        return {case for case, steps in self.steps.items() if "assign" in steps}


class _Line:
    """One connection, opened anew when it broke."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: dict[str, Any], key: str) -> tuple[int, dict[str, str], bytes]:
        try:
            async with asyncio.timeout(15):
                if self._streams is None:
                    self._streams = await asyncio.open_connection("127.0.0.1", self._port)
                reader, writer = self._streams
                content = json.dumps(body).encode()
                head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                head += f"Idempotency-Key: {key}\r\n"
                writer.write(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                return int(first.split()[1]), headers, await reader.readexactly(int(headers["content-length"]))
        except (OSError, EOFError, TimeoutError):
            self.close()
            raise ConnectionError from None

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
        self._streams = None


class Traffic:
    """Cases at `per_second`, whatever the answers do; None = as fast as `lines` connections are answered."""

    def __init__(
        self, port: int, places: Sequence[dict[str, float]], types: Sequence[str], *,
        per_second: float | None, lines: int, repeat: bool, beside: Sequence[dict[str, Any]] = (),
    ) -> None:  # fmt: skip
        self.told = Acknowledged()
        self._beside = beside
        self._port, self._places, self._types = port, places, types
        self._per_second, self._lines, self._repeat = per_second, lines, repeat
        self._stop = threading.Event()
        self._number = 0
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), name="traffic")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let nothing more arrive, and wait for what is on its way."""
        self._stop.set()
        self._thread.join()

    async def _run(self) -> None:
        due: asyncio.Queue[float | None] = asyncio.Queue()
        lines = [asyncio.create_task(self._keep_sending(due)) for _ in range(self._lines)]
        if self._per_second is not None:
            moment = time.monotonic()
            while not self._stop.is_set():
                moment += VOLLEY / self._per_second
                await asyncio.sleep(max(0.0, moment - time.monotonic()))
                for _ in range(VOLLEY):
                    due.put_nowait(moment)
            for _ in lines:
                due.put_nowait(None)
        await asyncio.gather(*lines)

    async def _keep_sending(self, due: asyncio.Queue[float | None]) -> None:
        line = _Line(self._port)
        while not self._stop.is_set():
            moment: float | None = time.monotonic()
            if self._per_second is not None:
                moment = await due.get()
                if moment is None:
                    break
                if time.monotonic() - moment > _STALE_S:
                    self.told.given_up += 1
                    continue
            assert moment is not None
            await self._lead_through(line, moment)
        line.close()

    async def _lead_through(self, line: _Line, moment: float) -> None:
        n, told = self._number, self.told
        self._number += 1
        key = str(uuid.uuid4())
        place = self._places[n % len(self._places)]
        body = {"type": self._types[n % len(self._types)], "location": place, "external_ref": key}
        if n % _BESIDE == 0 and self._beside:
            body |= self._beside[n // _BESIDE % len(self._beside)]
        answer, tries = await self._send(line, "/incidents", body, key)
        if answer is None or answer[0] != 201:
            return
        case = json.loads(answer[1])["id"]
        with told.lock:
            told.cases[key], told.bodies[key], told.steps[case] = case, body, set()
            if tries == 1:
                told.waits_s.append(time.monotonic() - moment)
        if self._repeat:
            await self._same(line, "/incidents", body, key, answer)
        for step in STEPS:
            own = str(uuid.uuid4())
            path = f"/incidents/{case}/steps"
            done, _ = await self._send(line, path, {"step": step}, own)
            if done is None:
                return
            if done[0] < 300:
                with told.lock:
                    told.steps[case].add(step)
                if self._repeat:
                    await self._same(line, path, {"step": step}, own, done)

    async def _send(
        self, line: _Line, path: str, body: dict[str, Any], key: str
    ) -> tuple[tuple[int, bytes] | None, int]:
        """Return (status, body) of the answer, None where none came; and how often it was asked for."""
        told, tries, until = self.told, 0, time.monotonic() + _PATIENCE_S
        while time.monotonic() < until:
            tries += 1
            told.in_flight += 1
            try:
                status, headers, content = await line.ask(path, body, key)
            except ConnectionError:
                told.broken += 1
                if self._stop.is_set():
                    break
                await asyncio.sleep(_AGAIN_AFTER_S)
                continue
            finally:
                told.in_flight -= 1
            told.answers += 1
            if status < 500:
                return (status, content), tries
            if status != 503:
                told.bad.append(f"{path}: {status} {content[:200]!r}")
                break
            told.refused += 1
            told.kinds[json.loads(content)["type"].rpartition(":")[2]] += 1
            if "retry-after" not in headers:
                told.bad.append(f"{path}: 503 without Retry-After")
            if json.loads(content)["type"].endswith("unforeseen"):
                told.bad.append(f"{path}: unforeseen")
            if self._stop.is_set():
                break
            await asyncio.sleep(_AGAIN_AFTER_S)
        return None, tries

    async def _same(self, line: _Line, path: str, body: dict[str, Any], key: str, first: tuple[int, bytes]) -> None:
        again, _ = await self._send(line, path, body, key)
        if again is not None and again != first:
            self.told.bad.append(f"the same request gave another answer: {first[0]}, then {again[0]}")


@contextlib.contextmanager
def traffic(
    port: int, places: Sequence[dict[str, float]], types: Sequence[str], *,
    per_second: float | None = None, lines: int = LINES, repeat: bool = False, beside: Sequence[dict[str, Any]] = (),
) -> Iterator[Acknowledged]:  # fmt: skip
    """Send cases while the block runs; `repeat`: all twice under its key, the second answer must be the first.

    `beside`: type and location of cases in other districts.
    """
    sending = Traffic(port, places, types, per_second=per_second, lines=lines, repeat=repeat, beside=beside)
    sending.start()
    try:
        yield sending.told
    finally:
        sending.stop()
