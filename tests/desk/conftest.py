"""A district on paper with a past: superseded roads, a draft, open and closed cases, drawn service areas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from gridsvc.api.app import create_app
from gridsvc.db.access import viewers
from gridsvc.db.access.url_forms import keywords_of
from gridsvc.db.grids import generations as store
from gridsvc.grids.levels import Level
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.grids import checks
from gridsvc.operations.isochrones.service_areas import draw_areas
from gridsvc.operations.roads import networks
from tests.desk.ogc import ORIGIN
from tests.worlds import toy
from tests.worlds.district import DISTRICT, open_toy, report, scratch_database, toy_grids, toy_road

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True)
class Desk:
    """The service, its viewer's address, and what a person would count in the map."""

    service: Service
    viewer: str
    counts: dict[str, int]

    @property
    def address(self) -> dict[str, str]:
        """Keywords of libpq."""
        return keywords_of(self.viewer)


@pytest.fixture(scope="session")
def desk(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path_factory.mktemp("desk"))
        networks.establish(service, DISTRICT, toy_road(kph=40.0), source="a road of another speed")
        cases = [report(service, km=km) for km in (1.0, 6.0, 12.0)]
        step_incident(service, UUID(cases[0]), Step("cancel"), actor="test")
        step_incident(service, UUID(cases[1]), Step("assign"), actor="test")
        drawn = draw_areas(service, DISTRICT)

        def draft(connection: Any) -> None:
            made = store.open_draft(connection, DISTRICT, of=None, source={})
            holed = [grid for grid in toy_grids() if grid.code in {"R1", "R2", toy.T1, toy.T3, "A1"}]
            store.write_grids(connection, DISTRICT, made.number, holed, levels=Level)

        service.database.run(draft)
        faults = checks.check(service, DISTRICT).faults  # of the draft
        roads = toy_road(kph=40.0).edge_count
        with service.database.transaction() as connection:
            teams = connection.exec_driver_sql("select count(*) from team where retired_at is null").scalar_one()
        areas = sum(drawn.drawn.values())
        counts = {
            "grid_in_force": len(toy_grids()), "draft_grid": 5, "road_in_force": roads, "station_now": 0,
            "team_now": teams, "incident_open": 2, "service_area_now": areas,
            "boundary_fault": sum(fault.lon is not None for fault in faults),
        }  # fmt: skip
        yield Desk(service, viewers.url_as(url, viewers.viewer_of(None)), counts)
        service.database.close()


@pytest.fixture(scope="session")
def web(desk: Desk) -> Iterator[TestClient]:
    app = create_app(desk.service, sign_in=False, origins=frozenset({ORIGIN}))
    with TestClient(app, base_url="http://localhost") as client:
        yield client
