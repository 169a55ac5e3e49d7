"""Demand of live and of imported cases: which count, and that a call in both counts once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import h3
import pytest

from gridsvc.db.cases.demand import list_emergency_places
from gridsvc.errors import InvalidInput
from gridsvc.operations.coverage.demand import BOTH, IMPORTED, Demand, demand_of
from gridsvc.operations.coverage.plan import make_plan
from gridsvc.operations.coverage.scenario import Scenario
from tests.operations.imports.worlds import ROWS, load, row, written
from tests.worlds.district import DISTRICT, report

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service


def demand(service: Service, **asked: Any) -> Demand:
    with service.database.transaction() as connection:
        return demand_of(connection, DISTRICT, **asked)


def test_an_imported_case_counts_where_its_position_is_in_the_district(service: Service, tmp_path: Path) -> None:
    """Of the export: c1 and c2. c3 is a drill, c4 and c5 have no position, c6 lies outside."""
    load(service, written(tmp_path, [*ROWS, row("c7", "E1", 7, 1.0, class_="", received="2026-03-07 23:30:00")]))
    found = demand(service, source=IMPORTED)
    assert (found.source, found.live, found.imported, float(found.weight.sum())) == ("imported", 0, 3, 3.0)
    assert set(found.cells) == {h3.latlng_to_cell(29.1001, 119.6 + km / 100, 8) for km in (1, 6)}
    # c7 has no class in the file: its village is urban.
    rows = sorted(zip(found.type, found.response_class, found.hour.tolist(), strict=True))
    assert rows == [("leak", "urban", 8), ("leak", "urban", 8), ("leak", "urban", 23)]
    assert demand(service, source=IMPORTED, hours=(22, 6)).imported == 1
    assert demand(service, source=IMPORTED, since=datetime(2026, 3, 2, tzinfo=UTC)).imported == 1 + 1
    assert len(demand(service).cell) == 0


def test_a_call_that_a_live_case_names_counts_once(service: Service, tmp_path: Path) -> None:
    load(service, written(tmp_path, ROWS))
    report(service, km=1.0, source="110", external_ref="c1")
    report(service, km=9.0)
    both, live = demand(service, source=BOTH), demand(service)
    assert (both.live, both.imported, float(both.weight.sum())) == (2, 1, 3.0)
    assert (live.live, live.imported, float(live.weight.sum())) == (2, 0, 2.0)
    with service.database.transaction() as connection:
        places = list_emergency_places(connection, DISTRICT, datetime(2100, 1, 1, tzinfo=UTC))
    assert [(round(lon, 4), round(lat, 4), cases) for lon, lat, cases in places] == [
        (119.61, 29.1001, 1), (119.66, 29.1001, 1), (119.69, 29.1001, 1),
    ]  # fmt: skip


def test_a_plan_is_made_for_imported_cases(service: Service, tmp_path: Path) -> None:
    """Cases at stones 1 and 6; a squadron drives 3.34 stones in time, so one post between 2.66 and 4.34 covers both."""
    load(service, written(tmp_path, [*ROWS, row("c7", "E1", 7, 9.0, type="cat in a tree")]))
    asked = Scenario.from_json({"model": "lscp", "demand": "imported"})
    plan = make_plan(service, DISTRICT, asked)
    assert plan["objective"] == 1
    assert 2.66 < (plan["sites"][0]["lon"] - 119.6) * 100 < 4.34
    assert plan["demand"] == {"source": "imported", "live": 0, "imported": 3, "without_run_card": 1}
    with pytest.raises(InvalidInput, match=r"no demand for bureau .* 0 cases"):
        make_plan(service, DISTRICT, Scenario.from_json({"model": "lscp", "demand": "history"}))
