"""What is sent is what was recommended, for any report while the fleet does not change (R3, R7)."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
import pytest
import shapely

from gridsvc.cases.decide import Report
from gridsvc.errors import Conflict
from gridsvc.operations.cases.recommend import law_of
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.runtime.districts import list_views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

KM_LAT = 1 / 110.85
KINDS = ("point", "radius", "line", "area")


@pytest.fixture(scope="module")
def view(service: Service) -> DistrictView:
    with service.database.transaction() as connection:
        return list_views(service, connection)[0]


def places(view: DistrictView, draw: random.Random) -> Iterator[tuple[str, dict[str, object]]]:
    """Points, uncertain points, lines and areas of 0.1 to 10 km, each beginning in the district."""
    assert view.index is not None
    bounds = view.index.bounds
    km_lon = KM_LAT / np.cos(np.radians((bounds.south + bounds.north) / 2))
    while True:
        kind = draw.choice(KINDS)
        lon, lat = draw.uniform(bounds.west, bounds.east), draw.uniform(bounds.south, bounds.north)
        if view.index.locate(lon, lat).finest is None:
            continue
        if kind in {"point", "radius"}:
            radius_m = draw.choice([50.0, 400.0, 3000.0]) if kind == "radius" else None
            yield kind, {"lon": lon, "lat": lat, "radius_m": radius_m}
            continue
        step_km = draw.choice([0.1, 1.0, 5.0])
        way = [(lon, lat)]
        for _ in range(draw.randint(1, 3)):
            turn = draw.uniform(0, 2 * np.pi)
            way.append((way[-1][0] + step_km * km_lon * np.cos(turn), way[-1][1] + step_km * KM_LAT * np.sin(turn)))
        line = shapely.LineString(way)
        yield kind, {"extent": line if kind == "line" else line.buffer(0.05 * KM_LAT)}


@pytest.mark.parametrize("count", [120, pytest.param(10_000, marks=[pytest.mark.long, pytest.mark.timeout(3600)])])
def test_r7_an_order_sends_exactly_the_recommended_team(service: Service, view: DistrictView, count: int) -> None:
    draw = random.Random(20260 + count)
    types = sorted(law_of(view).plans.plans)
    matters = [matter.key for matter in law_of(view).prepared.catalogue.matters]
    tried = dict.fromkeys((*KINDS, "district"), 0)
    for _, (kind, where) in zip(range(count), places(view, draw), strict=False):
        what = {"matter": draw.choice(matters)} if draw.random() < 0.1 else {"type": draw.choice(types)}
        case = json.loads(report_incident(service, Report(**what, **where), actor="test").body)  # type: ignore[arg-type]
        recommendation = case["recommendation"]
        wanted = [each for each in (recommendation["lead"], *recommendation["members"]) if each]
        try:
            after = json.loads(step_incident(service, UUID(case["id"]), Step("assign"), actor="test").body)
        except Conflict:
            assert not wanted, (what, where)
            after = None
        if after is not None:
            sent = {each["slot"]: each["team_id"] for each in (*after["assignments"], *after["work_list"])}
            assert sent == {each["slot"]: each["team_id"] for each in wanted}, (what, where)
            assert after["differs"] == {"added": [], "missing": []}
            assert after["unfilled"] == recommendation["unfilled"]
        step_incident(service, UUID(case["id"]), Step("cancel"), actor="test")
        tried[kind] += 1
        tried["district"] += case["ownership"]["rule"] == "district"
    assert min(tried[kind] for kind in KINDS) > count / 10
    assert tried["district"] > 0
