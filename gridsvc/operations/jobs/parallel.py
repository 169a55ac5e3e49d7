"""Heavy jobs in independent pieces: in this process, or on the machines of a Dask cluster (GRIDSVC_DASK).

A piece is a function's argument and its result, both of which can be pickled. What all pieces need is sent to each
worker once. The results are the same wherever the pieces run, and come in their order.
"""

from __future__ import annotations

from concurrent.futures import CancelledError
from typing import TYPE_CHECKING, TypeVar

from gridsvc.errors import Refusal, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distributed import Client

Shared = TypeVar("Shared")
Piece = TypeVar("Piece")
Result = TypeVar("Result")

_CONNECT_S = 10
_TRIES = 3
_TASKS_A_WORKER = 8  # a task costs Dask some milliseconds


def map_pieces(
    function: Callable[[Shared, Piece], Result], shared: Shared, pieces: Sequence[Piece], *, dask: str | None = None
) -> Iterator[Result]:
    """Yield `function(shared, piece)` of each piece, in the order of the pieces.

    Parameters
    ----------
    function
        A function of a module, so that a worker finds it: workers have the same gridsvc installed.
    dask
        Address of a Dask scheduler (tcp://host:8786, or tls:// with the certificates of Dask's settings); None: the
        pieces run in this process, each when it is asked for.

    Raises
    ------
    Refusal
        When the package `distributed` is not installed.
    Unavailable
        When the scheduler cannot be reached. A piece whose worker dies runs again on another one.
    """
    if dask is None or not pieces:
        return (function(shared, piece) for piece in pieces)
    return _map_on_cluster(function, shared, pieces, dask)


def _map_on_cluster(
    function: Callable[[Shared, Piece], Result], shared: Shared, pieces: Sequence[Piece], address: str
) -> Iterator[Result]:
    done = 0
    with _connect(address) as client:
        for _ in range(_TRIES):
            everywhere = client.scatter(shared, broadcast=True, hash=False)
            left = pieces[done:]
            tasks = min(len(left), _TASKS_A_WORKER * max(1, len(client.scheduler_info()["workers"])))
            # Neighbours go into different tasks. `pure`: one that another job has sent is not taken for this one.
            shares = [left[number::tasks] for number in range(tasks)]
            futures = client.map(_call, shares, function=function, shared=everywhere, pure=False)
            try:
                results: list[Iterator[Result]] = [iter(())] * tasks
                for number in range(len(left)):
                    if number < tasks:
                        results[number] = iter(futures[number].result())
                    yield next(results[number % tasks])
                    done += 1
            except CancelledError:
                continue  # the last worker that had what is shared is gone: it is sent again
            return
    raise Unavailable(
        f"The workers of the Dask scheduler at {address} died {_TRIES} times; {done} of {len(pieces)} pieces are done. "
        "Their logs say why; give them more memory, or remove GRIDSVC_DASK: the job then runs here.",
        address=address,
        tries=_TRIES,
        done=done,
        pieces=len(pieces),
    )


def _call(pieces: Sequence[Piece], *, function: Callable[[Shared, Piece], Result], shared: Shared) -> list[Result]:
    return [function(shared, piece) for piece in pieces]


def _connect(address: str) -> Client:
    try:
        import distributed
    except ImportError as error:
        raise Refusal(
            "GRIDSVC_DASK is set, and the package `distributed` is not installed. Install `gridsvc[dask]`, or remove "
            "the setting.",
            kind="no-dask",
        ) from error
    try:
        return distributed.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except OSError as error:
        raise Unavailable(
            f"The Dask scheduler at {address} (GRIDSVC_DASK) cannot be reached within {_CONNECT_S} s. Start it "
            "(`dask scheduler`), or remove the setting: the job then runs here.",
            address=address,
            timeout_s=_CONNECT_S,
        ) from error
