"""An application over the synthetic demo district, driven without a socket."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI
    from starlette.testclient import TestClient

    from gridsvc.operations.runtime.service import Service
    from tests.api.contract import CheckedClient
    from tests.api.two_districts import World


@pytest.fixture(scope="session")
def demo_folder() -> Iterator[Path]:
    """A data folder with the synthetic demo district and 60 cases of its past."""
    folder = Path(tempfile.mkdtemp(prefix="gridsvc-api-", dir="/tmp"))
    folder.chmod(0o755)
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GRIDSVC_")}
    environment |= {"GRIDSVC_DATA": str(folder / "data"), "GRIDSVC_AUTH": "off"}
    gridsvc = [sys.executable, "-m", "gridsvc"]
    try:
        words = [*gridsvc, "demo", "--incidents", "60", "--no-serve", "--json"]
        made = subprocess.run(words, env=environment, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr[-2000:]
        assert json.loads(made.stdout)["owned"] == 60
        yield folder / "data"
    finally:
        subprocess.run([*gridsvc, "db", "down"], env=environment, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def two() -> Iterator[World]:
    """Two districts behind sign-in; what one test changes the next one finds."""
    from tests.api.two_districts import two_districts

    with two_districts() as world:
        yield world


@pytest.fixture(scope="session")
def service(demo_folder: Path) -> Iterator[Service]:
    from gridsvc.settings import Settings, open_service

    opened = open_service(Settings(data=demo_folder, auth="off"))
    yield opened
    opened.database.close()


@pytest.fixture(scope="session")
def web(service: Service) -> Iterator[TestClient]:
    from gridsvc.api.app import create_app
    from tests.api.contract import CheckedClient

    with CheckedClient(
        create_app(service, sign_in=False), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        yield client


@pytest.fixture(scope="session")
def app(service: Service) -> FastAPI:
    """The application over the demo district, behind sign-in."""
    from gridsvc.api.app import create_app

    return create_app(service)


@pytest.fixture(scope="session")
def admin(app: FastAPI, service: Service) -> Iterator[CheckedClient]:
    """A client with a key for everything."""
    from gridsvc.access.scopes import Role
    from gridsvc.operations.access import keys
    from tests.api.contract import CheckedClient

    key = keys.add_key(service, "contract", Role.ADMIN).text
    with CheckedClient(app, headers={"Authorization": f"Bearer {key}"}, raise_server_exceptions=False) as client:
        yield client
