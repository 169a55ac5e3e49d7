"""The application: routers, refusals, limits, and one service a process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from fastapi import Depends, FastAPI

from gridsvc import __version__
from gridsvc.api import access, cases, grids, health, isochrones, jobs, law, roads, teams, tiles
from gridsvc.api.http import metrics, once, problems
from gridsvc.api.http.limits import RequestLimit
from gridsvc.api.http.metrics import Meter, Watch
from gridsvc.api.http.route_rights import authorize
from gridsvc.api.http.safe_headers import SafeHeaders
from gridsvc.api.http.sign_in import SignIn
from gridsvc.api.screen_data import pages
from gridsvc.errors import NotAllowed
from gridsvc.operations.access.callers import CallerBook

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gridsvc.operations.runtime.service import Service

# Routes are tried in this order: the most frequent first.
ROUTERS = (
    tiles.router, cases.router, teams.router, grids.router, roads.router, isochrones.router, law.router, access.router,
    jobs.router, health.router, metrics.router, pages.router,
)  # fmt: skip

_THREADS = 16


def create_app(service: Service, *, sign_in: bool = True, supervisor: int | None = None) -> FastAPI:
    """Return the application over a service; without `sign_in` everybody is the operator of this machine.

    `supervisor` is the process that all processes of the service have in common; None where this is the only one.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        # More threads than connections would only wait for each other.
        anyio.to_thread.current_default_thread_limiter().total_tokens = _THREADS
        app.state.large = anyio.CapacityLimiter(1)
        meter.start()
        yield
        meter.stop()
        service.database.close()

    app = FastAPI(
        title="gridsvc",
        version=__version__,
        summary="Geospatial command of law enforcement and emergencies",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(authorize)],
    )
    meter = app.state.meter = Meter(service.folder, supervisor)
    app.state.whole_service = service  # a route takes `service_of(request)`, which sees what its caller may see
    problems.register(app)
    # The last one added is the first one asked.
    app.add_middleware(RequestLimit)
    app.add_middleware(SignIn, book=CallerBook(service) if sign_in else None)
    app.add_middleware(SafeHeaders, signed_in=sign_in)
    app.add_middleware(Watch, meter=meter)
    for router in ROUTERS:
        app.include_router(router)
    once.describe(app)
    return app


def from_environment(supervisor: int | None = None) -> FastAPI:
    """Return the application over the service of the environment's settings: what a worker process runs."""
    from gridsvc.operations.runtime.json_logs import log_as_json
    from gridsvc.operations.runtime.kernels import load_all
    from gridsvc.operations.runtime.warmup import warm
    from gridsvc.settings import Settings, open_service

    log_as_json()
    settings = Settings.read()
    service = open_service(settings, pool=_THREADS // 2)
    sign_in = settings.auth == "required"
    if sign_in and not service.database.holds_scopes():
        raise NotAllowed("The database's role is above row level security.")
    load_all()  # before the first request, so that /readyz means it
    warm(service)
    return create_app(service, sign_in=sign_in, supervisor=supervisor)
