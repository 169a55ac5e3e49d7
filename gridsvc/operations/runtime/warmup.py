"""Warms caches before readiness."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gridsvc.cases.decide import Report
from gridsvc.errors import GridsvcError
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.roads.team_times import prepare_stations
from gridsvc.operations.runtime.districts import list_views

if TYPE_CHECKING:
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service


def warm(service: Service) -> None:
    """Map what is in force and compute one recommendation in every district; nothing is written.

    What fails now (the database is unavailable, a district has no teams) is loaded by the first request instead.
    """
    with suppress(GridsvcError):
        with service.database.transaction() as connection:
            views = list_views(service, connection)
        for view in views:
            with suppress(GridsvcError):
                _warm(service, view)


def _warm(service: Service, view: DistrictView) -> None:
    prepare_stations(service, view)
    law = view.law
    if law is None or not len(law.station_lon):
        return
    kind = next(iter(law.plans.plans))
    recommend(service, Report(type=kind, lon=float(law.station_lon[0]), lat=float(law.station_lat[0])))
