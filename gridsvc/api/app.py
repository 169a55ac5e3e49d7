"""The application: routers, refusals, limits, and one service a process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import anyio.to_thread
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute

from gridsvc import __version__
from gridsvc.api import (
    access,
    cases,
    compliance,
    corrections,
    coverage,
    generations,
    geocode,
    grids,
    health,
    isochrones,
    jobs,
    lateness,
    law,
    positions,
    roads,
    teams,
    tiles,
    trackers,
)
from gridsvc.api.http import lanes, metrics, openapi, problems, verification
from gridsvc.api.http.cors import Cors
from gridsvc.api.http.limits import RequestLimit
from gridsvc.api.http.metrics import RequestLog, RequestTimes
from gridsvc.api.http.route_rights import authorize
from gridsvc.api.http.safe_headers import SafeHeaders
from gridsvc.api.http.sign_in import SignIn
from gridsvc.api.ogc import routes as ogc
from gridsvc.api.screen_data import pages
from gridsvc.operations.access.callers import CallerCache

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from gridsvc.api.http.rate_table import RateTable
    from gridsvc.operations.runtime.service import Service

# Routes are tried in this order: the most frequent first.
ROUTERS = (
    tiles.router, cases.router, positions.router, trackers.router, teams.router, grids.router, generations.router,
    geocode.router, roads.router, isochrones.router, corrections.router, compliance.router, lateness.router, law.router,
    coverage.router, access.router, jobs.router, health.router, metrics.router, ogc.router, pages.router,
)  # fmt: skip

THREADS = 6
"""Of all answers that have no lane."""

CONNECTIONS = THREADS + lanes.THREADS + verification.THREADS
"""To the database, at most: one for each thread. Together: more threads would only wait for each other."""


def create_app(
    service: Service,
    *,
    sign_in: bool = True,
    counts: Path | None = None,
    rates: RateTable | None = None,
    origins: frozenset[str] = frozenset(),
) -> FastAPI:
    """Return the application over a service; without `sign_in` every caller is the operator of this machine.

    `counts` is the folder in which the processes of the service count requests, and `rates` the table in which they
    count the rates of callers; None where this is the only process. `origins` of other pages may read tiles and /ogc.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
        yield
        service.database.close()

    app = FastAPI(
        title="gridsvc",
        version=__version__,
        summary="Geospatial command of law enforcement and emergencies",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        dependencies=[Depends(authorize)],
        generate_unique_id_function=lambda route: route.name,
    )
    times = app.state.request_times = RequestTimes(counts)
    app.state.whole_service = service  # a route takes `service_of(request)`, which sees what its caller may see
    app.state.routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    problems.register(app)
    lanes.register(app)
    # The last one added sees a request first.
    app.add_middleware(RequestLimit)
    app.add_middleware(SignIn, callers=CallerCache(service) if sign_in else None, table=rates)
    if origins:
        app.add_middleware(Cors, origins=origins)
    app.add_middleware(SafeHeaders, signed_in=sign_in)
    app.add_middleware(RequestLog, times=times)
    for router in ROUTERS:
        app.include_router(router)
    openapi.complete(app, ROUTERS)
    return app
