"""Who a key or token belongs to, at a cost that a guesser cannot choose.

A caller that this process knows costs a look-up in memory. Another one costs argon2 (a key) or a query (a token), in
threads that nothing else uses, and only where its buckets have a token left. The token is taken before the work and
given back where the key is good, so that many wrong keys at once cost no more than as many in turn.

Wrong keys are counted by address and key id: a device with an old key, behind an address that many people share, uses
up its own bucket only. A second bucket of the whole address is against many ids.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from anyio.to_thread import run_sync

from gridsvc.api.http import rates
from gridsvc.api.http.rate_table import RateTable
from gridsvc.api.http.threads import Threads
from gridsvc.errors import GridsvcError
from gridsvc.operations.access.credentials import is_key, parse_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from gridsvc.access.scopes import Caller
    from gridsvc.db.access.keys import StoredKey
    from gridsvc.operations.access.callers import CallerCache

T = TypeVar("T")

KNOWN_THREADS, NEW_THREADS = 2, 2
THREADS = KNOWN_THREADS + NEW_THREADS


class TooManyWrongError(GridsvcError):
    """Too many wrong keys, tokens or codes came from this address; one more is taken after `wait_s`."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.wait_s = wait_s


class Verification:
    """The callers of one process, with the limits on what it costs to find them."""

    def __init__(self, callers: CallerCache, table: RateTable | None = None) -> None:
        self.callers = callers
        table = RateTable() if table is None else table
        self.codes = rates.Buckets(rates.WRONG_KEY, kind="code", table=table)
        self._of_key = rates.Buckets(rates.WRONG_KEY, kind="key", table=table)
        self._of_address = rates.Buckets(rates.WRONG_KEYS_OF_ADDRESS, kind="keys of address", table=table)
        self._tokens = rates.Buckets(rates.UNKNOWN_TOKEN, kind="token", table=table)
        self._known_threads = Threads(KNOWN_THREADS)
        self._new_threads = Threads(NEW_THREADS)

    async def caller_of(self, credential: str, address: str) -> Caller | None:
        """Return the caller of a key or token; None where it is wrong.

        Raises
        ------
        TooManyWrongError
            Where the process does not know it and too many wrong ones came from the address.
        Unavailable
            Where the database is unavailable and the caller is not known.
        """
        if (caller := self.callers.find(credential) or await self.renewed(credential)) is not None:
            return caller
        return await self._new(credential, address, self.callers.verify)

    async def renewed(self, credential: str) -> Caller | None:
        """Return a caller that this process knows, as the database has it now; None for any other."""
        if not self.callers.is_known(credential):
            return None
        return await run_sync(self.callers.verify, credential, limiter=self._known_threads.limiter)

    async def key_of(self, text: str, address: str) -> StoredKey | None:
        """Return the stored key of a key's text; None where it is wrong. Raises as `caller_of` does."""
        if self.callers.is_known(text):
            found = await run_sync(self.callers.verify_key, text, limiter=self._known_threads.limiter)
            if found is not None:
                return found
        return await self._new(text, address, self.callers.verify_key)

    async def _new(self, shown: str, address: str, verify: Callable[[str], T | None]) -> T | None:
        buckets = self._buckets(shown, address)
        for position, (bucket, name) in enumerate(buckets):
            if wait_s := bucket.take(name):
                _give_back(buckets[:position])
                raise TooManyWrongError(wait_s)
        try:
            found = await run_sync(verify, shown, limiter=self._new_threads.limiter)
        except GridsvcError:
            _give_back(buckets)  # it was not found to be wrong
            raise
        if found is None:
            await run_sync(self._note_wrong, address, limiter=self._new_threads.limiter)
        else:
            _give_back(buckets)
        return found

    def _buckets(self, shown: str, address: str) -> list[tuple[rates.Buckets, str]]:
        if not is_key(shown):
            return [(self._tokens, address)]
        parts = parse_key(shown)
        return [(self._of_key, f"{address} {'' if parts is None else parts[0]}"), (self._of_address, address)]

    def _note_wrong(self, address: str) -> None:
        with suppress(GridsvcError):  # the refusal stands even where its event cannot be written
            self.callers.note_refusal("sign-in-refused", address, district=None, address=address, why="unknown key")


def _give_back(buckets: list[tuple[rates.Buckets, str]]) -> None:
    for bucket, name in buckets:
        bucket.give_back(name)
