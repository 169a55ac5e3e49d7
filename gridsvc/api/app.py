"""The application: routers, refusals, limits, and one service a process."""

from __future__ import annotations

import importlib
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import FastAPI

from gridsvc import __version__
from gridsvc.api import problems
from gridsvc.api.limits import BodyLimit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gridsvc.operations.service import Service

# Routers by noun, in the order in which they are listed in the OpenAPI.
ROUTERS = ("incidents", "response_plans", "grids", "teams", "roads", "tiles", "health", "pages")

_THREADS = 16


def create_app(service: Service) -> FastAPI:
    """Return the application over a service."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # More threads than connections would only wait for each other.
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        yield
        service.database.close()

    app = FastAPI(
        title="gridsvc",
        version=__version__,
        summary="Geospatial command of law enforcement and emergencies",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    problems.register(app)
    app.add_middleware(BodyLimit)
    for name in ROUTERS:
        app.include_router(importlib.import_module(f"gridsvc.api.{name}").router)
    return app


def from_environment() -> FastAPI:
    """Return the application over the service of the environment's settings: what a worker process runs."""
    import multiprocessing

    from gridsvc.settings import Settings, die_with_parent, open_service

    if multiprocessing.parent_process() is not None:
        die_with_parent()
    return create_app(open_service(Settings.read(), pool=_THREADS // 2))
