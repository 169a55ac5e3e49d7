"""The district on paper behind sign-in: a key of every role, a case with a reporter, clients from many addresses."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

from gridsvc.access.scopes import Role
from gridsvc.api.app import create_app
from gridsvc.operations.access import keys
from tests.api.contract import CheckedClient
from tests.worlds import district as worlds
from tests.worlds.district import scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx
    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service

D = worlds.DISTRICT
SAID = {"name": "王小明", "phone": "13812345678", "address": "东湄路1号"}
_addresses = count(1)


@dataclass(frozen=True)
class World:
    """A service with sign-in. `keys` maps a role to a key, `case` is one with a reporter (SAID), `url` the database.

    `everywhere` is the key of an administrator of all districts.
    """

    service: Service
    app: FastAPI
    url: str
    case: str
    keys: dict[str, str]
    everywhere: str

    def browser(self, key: str | None = None, **headers: str) -> TestClient:
        """Return a client from an address of its own, so that none uses up another's tries."""
        number = next(_addresses)
        told = {"Authorization": f"Bearer {key}"} if key else {}
        return CheckedClient(
            self.app,
            headers=told | headers,
            raise_server_exceptions=False,
            follow_redirects=False,
            client=(f"10.0.{number // 250}.{number % 250}", 1),
        )

    def client(self, role: str) -> TestClient:
        """Return a client with the key of a role."""
        return self.browser(self.keys[role])


@contextmanager
def toy_world(cluster: EmbeddedCluster, folder: Path) -> Iterator[World]:
    """Yield a world in a database of its own."""
    with scratch_database(cluster) as url:
        service = worlds.open_toy(url, folder)
        case = worlds.report(service, reporter=SAID, description="he says that Li Si did it")
        made = {str(role): keys.add_key(service, str(role), role, district=D).text for role in Role}
        app = create_app(service)
        with CheckedClient(app, raise_server_exceptions=False):
            everywhere = keys.add_key(service, "everywhere", Role.ADMIN).text
            yield World(service, app, url, case, made, everywhere)


class Clock:
    """A clock that moves only when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Return its seconds."""
        return self.now


def kind(answer: httpx.Response) -> str:
    """Return which refusal an answer is."""
    found: str = answer.json()["type"].rsplit(":", 1)[-1]
    return found
