"""How long a client may take to ask and to listen: whoever stalls is put off, so that the others have the room.

    15 s    for the head of a request, from its first byte; then 408. So long, too, for the first byte of a connection
    15 s    for its body, and a second more for every 2 kB of it
    30 s    for the next 32 kB of an answer, or for all of it
    64 MB   of answers not taken yet in one process; beyond that, whoever stands still longest is put off at once

A connection that asks for nothing between two requests is closed by uvicorn (`timeout_keep_alive`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

ASK_S = 15.0
ASK_BYTES_PER_S = 2000
LISTEN_S = 30.0
LISTEN_BYTES = 32_768
HELD_BYTES = 64 * 2**20
_LOOK_EVERY_S = 1.0

_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s"
)
_WORDS = (
    b'{"type":"urn:gridsvc:problem:too-slow","title":"Too slow","status":408,'
    b'"detail":"The request did not arrive in time. Send it again, whole."}'
)

_log = logging.getLogger("gridsvc.api")


class PatientProtocol(HttpToolsProtocol):
    """One connection of a client, and when it last got on. Its server looks after all of them once a second."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._asking_since: float | None = None
        self._asked_bytes = 0
        self._listening_since = 0.0
        self._unheard_bytes = 0

    # uvicorn's stub narrows the transport, too; its state is shared by the connections of one server
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._asking_since = self.loop.time()
        if not getattr(self.server_state, "is_patient", False):
            self.server_state.is_patient = True  # type: ignore[attr-defined]
            self.loop.call_later(_LOOK_EVERY_S, _look, self)

    def data_received(self, data: bytes) -> None:
        """Take a part of a request."""
        if self._asking_since is None:
            self._asking_since, self._asked_bytes = self.loop.time(), 0
        self._asked_bytes += len(data)
        super().data_received(data)

    def on_response_complete(self) -> None:
        """Wait for the next request, if any."""
        super().on_response_complete()
        self._asking_since, self._asked_bytes = (self.loop.time(), 0) if self.pipeline else (None, 0)

    def asks_too_slowly(self, now: float) -> bool:
        """Whether a request has begun and its rest does not come."""
        if self._asking_since is None or self.flow.read_paused:
            return False
        answering = self._is_answering
        if answering and not self.cycle.more_body:
            return False  # all of it is here; the answer takes its time
        allowed_s = ASK_S + (self._asked_bytes / ASK_BYTES_PER_S if answering else 0.0)
        return now - self._asking_since > allowed_s

    def unheard(self, now: float) -> tuple[int, float]:
        """Return how many bytes of answers wait to be taken, and for how many seconds too few of them were."""
        left = self.transport.get_write_buffer_size()
        if not left or not self._unheard_bytes or self._unheard_bytes - left >= LISTEN_BYTES:
            self._listening_since, self._unheard_bytes = now, left
        self._unheard_bytes = max(self._unheard_bytes, left)
        return left, now - self._listening_since

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # none yet before the first request
        return cycle is not None and not cycle.response_complete

    def put_off(self, *, politely: bool) -> None:
        """End the connection; where a request has begun and is not being answered yet, say why."""
        if politely and not self.transport.is_closing():
            if self._asked_bytes and not self._is_answering:
                self.transport.write(_TOO_SLOW % (len(_WORDS), _WORDS))
            self.transport.close()
        else:
            self.transport.abort()


def _look(first: PatientProtocol) -> None:
    """Look after every connection of the server, and again after a while."""
    loop, state = first.loop, first.server_state
    now = loop.time()
    held: list[tuple[float, int, PatientProtocol]] = []
    ended = 0
    for line in [line for line in state.connections if isinstance(line, PatientProtocol)]:
        left, still_s = line.unheard(now)
        if left and still_s > LISTEN_S:
            line.put_off(politely=False)
            ended += 1
        elif left:
            held.append((still_s, left, line))
        elif line.asks_too_slowly(now):
            line.put_off(politely=True)
            ended += 1
    too_many = sum(left for _, left, _ in held) - HELD_BYTES
    for _, left, line in sorted(held, key=lambda each: -each[0]):
        if too_many <= 0:
            break
        line.put_off(politely=False)
        too_many -= left
        ended += 1
    if ended:
        _log.warning("%d connections of clients that stalled were ended", ended)
    loop.call_later(_LOOK_EVERY_S, _look, first)
