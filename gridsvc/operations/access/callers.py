"""The callers that one process has verified, so that a request costs a look-up in memory and no query.

A key is verified with argon2 once in each process, a session with one query. After that a keyed hash of the key or
token finds the caller. An entry is valid while the change counter (keys, sessions, generations in force) is unchanged.
The counter is read at most every half second, and always before the answer, so every process refuses a revoked key
within a second, even one that was suspended in between. While the database is unavailable, nothing can be revoked
either: known callers stay known, and others get 503.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gridsvc.access.scopes import OPERATOR, Caller
from gridsvc.db.access import keys as store
from gridsvc.db.cases.personal import append_noted
from gridsvc.db.evidence.events import append_event
from gridsvc.db.schema.access import ALL_DISTRICTS
from gridsvc.errors import Unavailable
from gridsvc.operations.access.credentials import hash_secret, is_key, parse_key, token_digest, verify_secret
from gridsvc.operations.access.keys import caller_of_key
from gridsvc.operations.access.sessions import begin_session, caller_of_session, end_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from gridsvc.db.access.keys import StoredKey
    from gridsvc.operations.access.sessions import NewSession
    from gridsvc.operations.runtime.service import Service

CHECKED_EVERY_S = 0.5
KEPT_S = 600.0
"""How long an entry is used without reading its row; so a session is renewed at most this late."""
_KEPT = 10_000
_REFUSALS_KEPT = 10_000
_REFUSAL_EVERY_S = 60.0


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    version: tuple[int, str]
    at: float


class CallerCache:
    """The callers that this process has verified. Thread-safe.

    Parameters
    ----------
    service
        The service of any caller; the cache itself reads with the scope of the operator.
    clock
        Monotonic seconds; another one in tests.
    """

    def __init__(self, service: Service, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._service = service.seen_by(OPERATOR)
        self._database = self._service.database
        self._clock = clock
        self._secret = os.urandom(32)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._proven: OrderedDict[bytes, str] = OrderedDict()  # shown key -> the hash that it was verified against
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._version: tuple[int, str] | None = None
        self._checked_at = float("-inf")
        self._refused: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._no_such_key = hash_secret("nobody")

    def find(self, shown: str) -> Caller | None:
        """Return the caller of a key or token from memory, without a query; None if the entry is missing or too old."""
        now = self._clock()
        if now - self._checked_at > CHECKED_EVERY_S:
            return None
        known = self._known.get(self._trace(shown))
        if known is None or known.version != self._version or now - known.at > KEPT_S:
            return None
        return known.caller

    def verify(self, shown: str) -> Caller | None:
        """Return the caller of a key or token; None if it is unknown, expired or revoked.

        Raises
        ------
        Unavailable
            When the database is unavailable and the caller is not in memory.
        """
        trace = self._trace(shown)
        try:
            version = self._read_version()
        except Unavailable:
            known = self._known.get(trace)
            if known is None:
                raise
            return known.caller
        if (caller := self.find(shown)) is not None:
            return caller
        caller = self._caller_of(shown, trace)
        with self._lock:
            self._known.pop(trace, None)
            if caller is None:
                self._proven.pop(trace, None)
            else:
                self._known[trace] = _Known(caller, version, self._clock())
                while len(self._known) > _KEPT:
                    self._known.popitem(last=False)
        return caller

    def verify_key(self, shown: str) -> StoredKey | None:
        """Return the stored key of a valid key, with a query every time; None for any other text."""
        parts, trace = parse_key(shown), self._trace(shown)
        if parts is None:
            return None
        with self._database.transaction() as connection:
            key = store.find_key(connection, parts[0])
        if key is not None and key.revoked_at is not None:
            key = None
        if key is None and trace in self._proven:
            return None  # revoked since this process verified it
        proven = self._is_proven(trace, self._no_such_key if key is None else key.secret_hash, parts[1])
        return key if proven else None

    def is_known(self, shown: str) -> bool:
        """Return whether this process verified a key or token before, so that verifying it again is cheap."""
        trace = self._trace(shown)
        return trace in self._known or trace in self._proven

    def begin_session(self, key: StoredKey) -> NewSession:
        """Start a browser session for a verified key."""
        return begin_session(self._service, key)

    def end_session(self, shown: str) -> None:
        """End the session or device of a token: at once in this process, within half a second in the others."""
        end_session(self._service, shown)
        with self._lock:
            self._known.pop(self._trace(shown), None)

    def note_refusal(self, what: str, who: str, *, district: str | None, address: str, why: str) -> None:
        """Write a refusal as an event with the number of repeats, at most one a minute for each caller or address.

        `what` is `sign-in-refused` or `refused`, `who` the caller's name or the address. The address is personal data
        and is stored in a separate table.
        """
        now = self._clock()
        with self._lock:
            last, count = self._refused.pop((what, who), (float("-inf"), 0))
            due = now - last >= _REFUSAL_EVERY_S
            self._refused[what, who] = (now, 0) if due else (last, count + 1)
            while len(self._refused) > _REFUSALS_KEPT:
                self._refused.popitem(last=False)
        if not due:
            return
        actor = who if what == "refused" else "nobody"

        def work(connection: Connection) -> None:
            _, at = store.read_version(connection)
            append_noted(
                connection,
                district or ALL_DISTRICTS,
                what,
                note=address,
                actor=actor,
                at=at,
                data={"why": why, "times": count + 1},
            )

        self._database.run(work)

    def _caller_of(self, shown: str, trace: bytes) -> Caller | None:
        if is_key(shown):
            new = trace not in self._proven
            key = self.verify_key(shown)
            return None if key is None else self._database.run(lambda own: self._sign_in(own, key, new=new))

        def work(connection: Connection) -> Caller | None:
            found = store.find_session(connection, token_digest(shown))
            if found is None:
                return None
            _, now = store.read_version(connection)
            return caller_of_session(connection, found, now)

        return self._database.run(work)

    @staticmethod
    def _sign_in(connection: Connection, key: StoredKey, *, new: bool) -> Caller:
        """Return the caller of a valid key; its first use in this process is written as a `sign-in` event."""
        if new:
            _, now = store.read_version(connection)
            store.mark_used(connection, key, now)
            append_event(connection, key.district, "sign-in", actor=key.name, at=now, data={"key": key.id, "by": "key"})
        return caller_of_key(connection, key)

    def _is_proven(self, trace: bytes, secret_hash: str, secret: str) -> bool:
        """Verify with argon2 once in a process; an unknown key takes as long as a known one."""
        if self._proven.get(trace) == secret_hash:
            return True
        if not verify_secret(secret_hash, secret):
            return False
        with self._lock:
            self._proven[trace] = secret_hash
            while len(self._proven) > _KEPT:
                self._proven.popitem(last=False)
        return True

    def _read_version(self) -> tuple[int, str]:
        with self._asking:
            if self._version is not None and self._clock() - self._checked_at <= CHECKED_EVERY_S:
                return self._version
            asked_at = self._clock()
            with self._database.transaction() as connection:
                version, _ = store.read_version(connection)
            self._version, self._checked_at = version, asked_at
            return version

    def _trace(self, shown: str) -> bytes:
        return hashlib.blake2b(shown.encode("utf-8", "surrogatepass"), key=self._secret, digest_size=16).digest()
