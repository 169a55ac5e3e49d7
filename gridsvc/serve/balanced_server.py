"""New connections go to the HTTP process that has the fewest.

Processes that wait on one socket would share the connections as the scheduler wakes them: the first one awake takes all
that arrive together, and answers their requests for as long as they are kept alive, beside an idle process.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import uvicorn

from gridsvc.api.http.client_timeouts import TimeoutProtocol

if TYPE_CHECKING:
    from gridsvc.serve.connections import ConnectionCounts

_FULL_WAIT_S = 1.0  # no file descriptor is left


class BalancedServer(uvicorn.Server):
    """uvicorn's server on a socket that other processes listen on, too."""

    def __init__(self, config: uvicorn.Config, listening: socket.socket, counts: ConnectionCounts, number: int) -> None:
        super().__init__(config)
        self._listening, self._counts, self._number = listening, counts, number
        self._openings: set[asyncio.Task[None]] = set()
        self._is_waiting = self._is_accepting = False

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept connections."""
        await super().startup(sockets=sockets or [])
        self._counts.set(self._number, 0)  # a process of this number that was killed left its own
        self._listening.setblocking(False)
        self._is_accepting = True
        self._listen()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept no more connections, and end as uvicorn does."""
        self._is_accepting = False
        asyncio.get_running_loop().remove_reader(self._listening)
        await super().shutdown(sockets=sockets)

    def _listen(self) -> None:
        if self._is_accepting:
            asyncio.get_running_loop().add_reader(self._listening, self._accept)

    def _pause(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._listening)
        loop.call_later(seconds, self._listen)

    def _accept(self) -> None:
        wait_s = 0.0 if self._is_waiting else self._counts.wait_s(self._number)
        self._is_waiting = wait_s > 0
        if wait_s:
            self._pause(wait_s)  # what is still there afterwards is taken
            return
        try:
            connection, _ = self._listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another process has it, or the client is gone
        except OSError:
            self._pause(_FULL_WAIT_S)
            return
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        opening = asyncio.get_running_loop().create_task(self._open(connection))
        self._openings.add(opening)
        opening.add_done_callback(self._opened)
        self._count()

    async def _open(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(self._protocol, connection, ssl=self.config.ssl)
        except OSError:  # a TLS handshake that fails or is given up, too
            connection.close()

    def _opened(self, opening: asyncio.Task[None]) -> None:
        self._openings.discard(opening)
        self._count()

    def _protocol(self) -> TimeoutProtocol:
        protocol = TimeoutProtocol(self.config, self.server_state, self.lifespan.state)
        protocol.on_closed = self._count
        return protocol

    def _count(self) -> None:
        self._counts.set(self._number, len(self.server_state.connections) + len(self._openings))
