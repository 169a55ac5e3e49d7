"""Limits on clients, below HTTP: slow ones are closed, and a head is not read without end.

    15 s    for the head of a request, from its first byte; then 408. The same for the first byte of a connection
    15 s    for its body, and one second more for each 2 kB of it
    32 kB   of address and header fields of one request; then 431
    30 s    for the next 32 kB of an answer, or for all of it
    64 MB   of answers that clients have not read, in one process; beyond that, the slowest are closed at once

An idle connection between two requests is closed by uvicorn (`timeout_keep_alive`).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import asyncio

    from uvicorn.config import Config
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle
    from uvicorn.server import ServerState

SEND_S = 15.0
SEND_BYTES_PER_S = 2000
READ_S = 30.0
READ_BYTES = 32_768
UNREAD_BYTES = 64 * 2**20
HEAD_BYTES = 32_768
_CHECK_EVERY_S = 1.0
_DISCARD_S = 2.0
_DISCARD_BYTES = 16 * 2**20

_TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s"
)
_PROBLEM = (
    b'{"type":"urn:gridsvc:problem:too-slow","title":"Too slow","status":408,'
    b'"detail":"The request did not arrive in time. Send all of it again.","parameters":{}}'
)

_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: application/problem+json\r\nconnection: close\r\n"
    b"content-length: %d\r\n\r\n%s"
)
_LONG_HEAD = (
    b'{"type":"urn:gridsvc:problem:head-too-long","title":"Head too long","status":431,'
    b'"detail":"Address and header fields are longer than %d bytes. Send fewer or shorter ones.",'
    b'"parameters":{"limit_bytes":%d}}' % (HEAD_BYTES, HEAD_BYTES)
)

_log = logging.getLogger("gridsvc.api")


class _HeadTooLongError(Exception):
    pass


class TimeoutProtocol(HttpToolsProtocol):
    """One connection of a client, with its progress. The server checks all connections once a second."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._sending_since: float | None = None
        self._sent_bytes = 0
        self._reading_since = 0.0
        self._unread_bytes = 0
        self._in_head = False
        self._head_bytes = 0  # of the fields that the parser has given
        self._head_received = 0  # of the pieces in which they came
        self._discarded: int | None = None  # since the answer to a head that is too long

    # uvicorn's stub narrows the transport, too; its state is shared by the connections of one server
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start to wait for a request."""
        super().connection_made(transport)
        self._sending_since = self.loop.time()
        if not getattr(self.server_state, "has_timeouts", False):
            self.server_state.has_timeouts = True  # type: ignore[attr-defined]
            self.loop.call_later(_CHECK_EVERY_S, _check, self)

    def data_received(self, data: bytes) -> None:
        """Receive a part of a request."""
        if self._sending_since is None:
            self._sending_since, self._sent_bytes = self.loop.time(), 0
        self._sent_bytes += len(data)
        if self._discarded is not None:
            self._discard(data)
            return
        self._head_received += len(data)
        super().data_received(data)
        if not self._in_head:
            self._head_received = 0
        elif self._head_received > HEAD_BYTES:  # one field that goes on and on
            self._refuse_head()

    def on_message_begin(self) -> None:
        """Start to read a head."""
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the address."""
        self._count_head(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header field."""
        self._count_head(name, value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the answer."""
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what the parser gave up: 431 for a head that is too long, else 400."""
        if self._head_bytes > HEAD_BYTES:
            self._refuse_head()
        else:
            super().send_400_response(msg)

    def _count_head(self, *parts: bytes) -> None:
        self._head_bytes += sum(map(len, parts)) + 4
        if self._head_bytes > HEAD_BYTES:
            raise _HeadTooLongError  # the parser stops and reports it, see `send_400_response`

    def _refuse_head(self) -> None:
        """Answer 431; read and forget the rest for a moment, since a closed socket would drop the answer (RFC 9112)."""
        if self._is_answering or self.transport.is_closing():
            self.transport.abort()
            return
        self._discarded = 0
        self.transport.write(_TOO_LONG % (len(_LONG_HEAD), _LONG_HEAD))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_DISCARD_S, self.transport.close)

    def _discard(self, data: bytes) -> None:
        assert self._discarded is not None
        self._discarded += len(data)
        if self._discarded > _DISCARD_BYTES:
            self.transport.abort()

    def on_response_complete(self) -> None:
        """Wait for the next request, if any."""
        super().on_response_complete()
        self._sending_since, self._sent_bytes = (self.loop.time(), 0) if self.pipeline else (None, 0)

    def sends_too_slowly(self, now: float) -> bool:
        """Whether a request has started and its rest does not arrive."""
        if self._sending_since is None or self.flow.read_paused:
            return False
        answering = self._is_answering
        if answering and not self.cycle.more_body:
            return False  # all of it has arrived; the answer is being computed
        allowed_s = SEND_S + (self._sent_bytes / SEND_BYTES_PER_S if answering else 0.0)
        return now - self._sending_since > allowed_s

    def unread(self, now: float) -> tuple[int, float]:
        """Return the bytes of answers that are not read yet, and for how many seconds too few of them were read."""
        left = self.transport.get_write_buffer_size()
        if not left or not self._unread_bytes or self._unread_bytes - left >= READ_BYTES:
            self._reading_since, self._unread_bytes = now, left
        self._unread_bytes = max(self._unread_bytes, left)
        return left, now - self._reading_since

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # none yet before the first request
        return cycle is not None and not cycle.response_complete

    def close_slow(self, *, with_answer: bool) -> None:
        """Close the connection; with a 408 where a request has started and has no answer yet."""
        if with_answer and not self.transport.is_closing():
            if self._sent_bytes and not self._is_answering:
                self.transport.write(_TOO_SLOW % (len(_PROBLEM), _PROBLEM))
            self.transport.close()
        else:
            self.transport.abort()


def _check(first: TimeoutProtocol) -> None:
    """Check every connection of the server, and schedule the next check."""
    loop, state = first.loop, first.server_state
    now = loop.time()
    held: list[tuple[float, int, TimeoutProtocol]] = []
    ended = 0
    for line in [line for line in state.connections if isinstance(line, TimeoutProtocol)]:
        left, still_s = line.unread(now)
        if left and still_s > READ_S:
            line.close_slow(with_answer=False)
            ended += 1
        elif left:
            held.append((still_s, left, line))
        elif line.sends_too_slowly(now):
            line.close_slow(with_answer=True)
            ended += 1
    too_many = sum(left for _, left, _ in held) - UNREAD_BYTES
    for _, left, line in sorted(held, key=lambda each: -each[0]):
        if too_many <= 0:
            break
        line.close_slow(with_answer=False)
        too_many -= left
        ended += 1
    if ended:
        _log.warning("%d connections of slow clients were closed", ended)
    loop.call_later(_CHECK_EVERY_S, _check, first)
