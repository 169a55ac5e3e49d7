"""One process that answers HTTP: the application over the service of the settings, in uvicorn."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import uvicorn

from gridsvc.access.hosts import read_origins
from gridsvc.api.app import CONNECTIONS, create_app
from gridsvc.api.http.client_timeouts import TimeoutProtocol
from gridsvc.api.http.metrics import share_counts
from gridsvc.api.http.rate_table import COUNTED_EVERY_S
from gridsvc.db.session.services import list_services
from gridsvc.errors import GridsvcError
from gridsvc.operations.runtime.json_logs import log_as_json
from gridsvc.operations.runtime.kernels import load_all
from gridsvc.operations.runtime.warmup import warm
from gridsvc.serve.listener import refuse_unscoped_database
from gridsvc.settings import Settings, open_service

if TYPE_CHECKING:
    from gridsvc.api.http.rate_table import RateTable
    from gridsvc.operations.runtime.service import Service
    from gridsvc.serve.listener import Listener
    from gridsvc.serve.run import Shared

_STOP_TIMEOUT_S = 10
_KEEP_ALIVE_S = 30
_SWITCH_INTERVAL_S = 0.001
"""How long a thread computes while others wait. With the usual 5 ms an order that has its turn waits that long for a
thread that answers something else, and all later orders with it."""


def load() -> None:
    """Load what all processes share, before any is forked."""
    log_as_json()
    load_all()


def run(listener: Listener, shared: Shared, number: int) -> None:
    """Answer HTTP on an open socket until SIGTERM or SIGINT, as HTTP process `number` of the service."""
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    settings = Settings.read()
    service = open_service(settings, pool=CONNECTIONS // 2, name=shared.name)
    sign_in = settings.auth == "required"
    if sign_in:
        refuse_unscoped_database(service.database)
    warm(service)  # before the first request, so that /readyz means it
    counts = share_counts(service.folder, os.getppid(), number)
    origins = read_origins(settings.environment.get("GRIDSVC_CORS_ORIGINS", ""))
    app = create_app(service, sign_in=sign_in, counts=counts, rates=shared.rates, origins=origins)
    threading.Thread(target=_keep_counting, args=(service, shared.rates), name="services", daemon=True).start()
    config = uvicorn.Config(
        app, http=TimeoutProtocol, log_config=None, access_log=False, timeout_graceful_shutdown=_STOP_TIMEOUT_S,
        timeout_keep_alive=_KEEP_ALIVE_S, server_header=False, ssl_certfile=listener.tls_cert,
        ssl_keyfile=listener.tls_key, proxy_headers=listener.proxies is not None, forwarded_allow_ips=listener.proxies,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[shared.listening])


def _keep_counting(service: Service, rates: RateTable) -> None:
    """Count the services that share the database, so that they share the rates of callers."""

    def count() -> int:
        with service.database.transaction() as connection:
            return len(list_services(connection))

    while True:
        with suppress(GridsvcError):  # while the database is unavailable the last number stays
            rates.count_services(time.monotonic(), count)
        time.sleep(COUNTED_EVERY_S)
