"""Warms caches before readiness."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gridsvc.cases.decide import Report
from gridsvc.db.grids.versions import get_versions, list_versions
from gridsvc.errors import GridsvcError
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.places.gazetteer import gazetteer_of
from gridsvc.operations.places.geocode import MOST_DISTRICTS
from gridsvc.operations.roads.team_times import prepare_stations
from gridsvc.operations.runtime.districts import view_at

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

WARM_S = 10.0
"""A process that starts again has to be back soon, however many districts there are."""


def warm(service: Service) -> None:
    """Map what is in force and compute one recommendation in each district, for WARM_S at most; nothing is written.

    What fails now (the database is unavailable, a district has no teams), and what there was no time for, is loaded by
    the first request instead.
    """
    until = time.monotonic() + WARM_S
    with suppress(GridsvcError):
        with service.database.transaction() as connection:
            codes = [versions.district for versions in list_versions(connection)]
        for code in codes:
            if time.monotonic() > until:
                break
            with suppress(GridsvcError):
                _warm(service, code)
    # Readiness does not wait for it: a report with coordinates needs no gazetteer.
    threading.Thread(target=_warm_gazetteers, args=(service,), name="warm gazetteers", daemon=True).start()


def _warm_gazetteers(service: Service) -> None:
    with suppress(GridsvcError), service.database.transaction() as connection:
        for versions in list_versions(connection)[:MOST_DISTRICTS]:
            gazetteer_of(service, connection, versions)


def _warm(service: Service, code: str) -> None:
    with service.database.transaction() as connection:
        view = view_at(service, connection, get_versions(connection, code))
    prepare_stations(service, view)
    law = view.law
    if law is None or not len(law.station_lon):
        return
    kind = next(iter(law.plans.plans))
    recommend(service, Report(type=kind, lon=float(law.station_lon[0]), lat=float(law.station_lat[0])))
