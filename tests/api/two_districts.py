"""Two demo districts on one ground, in one service with sign-in; keys of several roles and scopes.

The second is drawn from another seed and its names end in 乙, so that whatever leaks can be told by its words.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from gridsvc.access.scopes import Role
from gridsvc.api.app import create_app
from gridsvc.db.evidence import sealing
from gridsvc.db.grids.versions import ensure_district
from gridsvc.demo import build
from gridsvc.demo.past import live_through
from gridsvc.demo.world.synthetic import make_jindong
from gridsvc.files.packaged import geodata_folder
from gridsvc.operations.access import keys
from gridsvc.settings import Settings, open_cluster, open_service
from tests.api.contract import CheckedClient

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from sqlalchemy import Connection
    from starlette.testclient import TestClient

    from gridsvc.files.osm.model import DemoPlace
    from gridsvc.operations.runtime.service import Service

A, B = "330703", "330799"
MARK = "乙"
CASES = 30


@dataclass(frozen=True)
class World:
    """The service, its application, and what lies in it. `keys` maps a caller's name to his key."""

    service: Service
    app: FastAPI
    web: TestClient
    keys: dict[str, str]
    township: str

    def client(self, name: str | None = None, *, key: str | None = None) -> TestClient:
        """Return a client that comes with the key of a name."""
        told = key or (self.keys[name] if name else None)
        headers = {"Authorization": f"Bearer {told}"} if told else {}
        return CheckedClient(self.app, headers=headers, raise_server_exceptions=False)

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """Ask the database past every scope."""
        with self.service.database.transaction() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    def write(self, sql: str) -> None:
        """Write past every scope."""
        self.service.database.run(lambda connection: connection.execute(text(sql)))


def _renamed(place: DemoPlace) -> DemoPlace:
    def moved(grid: Any) -> Any:
        parent = None if grid.parent is None else grid.parent.replace(A, B)
        return replace(grid, code=grid.code.replace(A, B), parent=parent, name=grid.name + MARK)

    grids = tuple(moved(grid) for grid in place.grids)
    named: dict[str, Any] = {
        kind: tuple(replace(each, name=each.name + MARK) for each in getattr(place, kind))
        for kind in ("stations", "settlements")
    }
    addresses = tuple(replace(each, text=each.text + MARK) for each in place.addresses)
    return replace(place, code=B, name=place.name + MARK, grids=grids, addresses=addresses, **named)


def _load(service: Service, place: DemoPlace, seed: int) -> None:
    def announce(connection: Connection) -> None:
        ensure_district(connection, place.code, name=place.name, synthetic=True, time_zone=place.time_zone)

    service.database.run(announce)
    build.load_place(service, place, "synthetic", geodata_folder(), seed, lambda _words: None)
    live_through(service, place, CASES, seed)


@contextmanager
def two_districts() -> Iterator[World]:
    """Yield the two districts; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-two-", dir="/tmp"))
    folder.chmod(0o755)
    settings = Settings(data=folder / "data")
    service = open_service(settings)
    try:
        _load(service, make_jindong(geodata_folder(), 1), 1)
        _load(service, _renamed(make_jindong(geodata_folder(), 2)), 2)
        sealing.seal_all(service.database)
        with service.database.transaction() as connection:
            busiest = text(
                "select township from incident where district = :d and township is not null "
                "group by 1 order by count(*) desc, 1 limit 1"
            )
            township = connection.scalar(busiest, {"d": A})
        made = {
            name: keys.add_key(service, name, role, district=district, grid=grid).text
            for name, role, district, grid in [
                ("everywhere", Role.ADMIN, None, None),
                *((f"{role}-a", role, A, None) for role in Role),
                ("admin-b", Role.ADMIN, B, None),
                ("township", Role.DISPATCHER, A, township),
                ("township-admin", Role.ADMIN, A, township),
            ]
        }
        app = create_app(service)
        with CheckedClient(app, raise_server_exceptions=False) as web:
            yield World(service, app, web, made, township)
    finally:
        service.database.close()
        open_cluster(settings).stop()
        shutil.rmtree(folder, ignore_errors=True)


def words_of(value: Any) -> str:
    """Return JSON as the text in which a leak would be found."""
    return json.dumps(value, ensure_ascii=False)
