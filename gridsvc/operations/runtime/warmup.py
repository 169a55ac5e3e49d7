"""What a process does before it says that it is ready, so that no request pays for what is only cold."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from gridsvc.errors import GridsvcError
from gridsvc.operations.cases.report import Report, recommend
from gridsvc.operations.roads.team_times import prepare_stations
from gridsvc.operations.runtime.districts import list_views

if TYPE_CHECKING:
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service


def warm(service: Service) -> None:
    """Map what is in force and answer one question in every district, without writing anything.

    What cannot be had now (a database that is away, a district without teams) is left to the first who asks.
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
