"""Heavy jobs in pieces: the same results in this process and on the workers of a Dask cluster."""

from __future__ import annotations

import operator
import os
import signal
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from distributed import LocalCluster
from sqlalchemy import text

from gridsvc.db.session.connection import Database
from gridsvc.errors import InvalidInput, Unavailable
from gridsvc.operations.isochrones.service_areas import draw_areas
from gridsvc.operations.jobs import parallel
from gridsvc.operations.jobs.parallel import map_pieces
from gridsvc.operations.runtime.service import Service
from tests.worlds.district import DISTRICT, load_toy, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster


@pytest.fixture(scope="module", params=[1, 2])
def scheduler(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a cluster with one worker and with two, each a process of its own."""
    with LocalCluster(n_workers=request.param, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        yield cluster.scheduler_address


def divided(shared: int, piece: int) -> float:
    if piece == 0:
        raise InvalidInput("A piece of nothing.")
    return shared / piece


def killed_once(folder: str, piece: int) -> int:
    """Kill the worker of the piece 1 when it is run for the first time."""
    mark = Path(folder) / "killed"
    if piece == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return piece


def test_pieces_here_run_one_by_one_as_they_are_asked_for() -> None:
    results = map_pieces(divided, 12, [3, 4, 0])
    assert (next(results), next(results)) == (4, 3)
    with pytest.raises(InvalidInput):
        next(results)


def test_results_come_in_the_order_of_the_pieces(scheduler: str) -> None:
    assert list(map_pieces(operator.sub, 100, list(range(50)), dask=scheduler)) == list(range(100, 50, -1))
    assert list(map_pieces(operator.sub, 100, [], dask=scheduler)) == []


def test_what_a_piece_raises_is_raised_here(scheduler: str) -> None:
    with pytest.raises(InvalidInput, match="A piece of nothing"):
        list(map_pieces(divided, 12, [3, 0], dask=scheduler))


def test_a_piece_whose_worker_dies_runs_again(scheduler: str, tmp_path: Path) -> None:
    assert list(map_pieces(killed_once, str(tmp_path), [0, 1, 2, 3], dask=scheduler)) == [0, 1, 2, 3]
    assert (tmp_path / "killed").exists()


def test_a_scheduler_that_is_not_there_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "_CONNECT_S", 1)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unavailable, match=r"GRIDSVC_DASK.*dask scheduler"):
            list(map_pieces(divided, 12, [3], dask=address))


def areas(service: Service) -> list[tuple[Any, ...]]:
    """Draw the service areas of the toy district and return all of them, to the last bit of their shapes."""
    load_toy(service)
    drawn = draw_areas(service, DISTRICT)
    assert all(drawn.drawn.values()), drawn.drawn
    query = text(
        "select kind, response_class, team_id, k, minutes, digest, st_asbinary(geom), st_asbinary(overview) "
        "from service_area join service_area_shape using (district, digest) order by 1, 2, 3, 4"
    )
    with service.database.transaction() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_service_areas_are_the_same_wherever_they_are_drawn(
    cluster: EmbeddedCluster, scheduler: str, tmp_path: Path
) -> None:
    found = []
    for dask in (None, scheduler):
        with scratch_database(cluster) as url:
            service = replace(Service(Database(url, pool=2), tmp_path / str(dask is None)), dask=dask)
            found.append(areas(service))
            service.database.close()
    assert len(found[0]) > 10
    assert found[0] == found[1]
