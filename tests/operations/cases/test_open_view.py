"""The view of open cases for GIS programs: its timing is the evaluator's at the moment, not at the last event."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import text

from gridsvc.cases.timing import evaluate
from gridsvc.db.cases.incidents import find_case
from gridsvc.operations.cases.steps import Step, step_incident
from tests.worlds.district import report

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service


def arrive(service: Service, case: str) -> None:
    """Order the teams, and let the lead be on the scene at once."""
    step_incident(service, UUID(case), Step("assign"), actor="test")
    with service.database.transaction() as connection:
        (lead,) = connection.scalars(
            text("select team_id from engagement where incident_id = :c and lead"), {"c": case}
        )
    step_incident(service, UUID(case), Step("on_scene", lead), actor="test")


def test_an_open_case_is_late_from_the_end_of_its_target_on(service: Service) -> None:
    old = datetime.now(UTC) - timedelta(minutes=50)
    known = {
        "open": report(service, km=2.0),
        "waits": report(service, km=3.0, reported_at=old),
        "met": report(service, km=5.0),
        "late": report(service, km=6.0, reported_at=old),
        "routine": report(service, kind="noise", km=7.0),
    }
    for name in ("met", "late"):
        arrive(service, known[name])
    with service.database.transaction() as connection:
        shown = {str(row.id): row.timing for row in connection.execute(text("select id, timing from incident_open"))}
        stored = {str(row.id): row.timing for row in connection.execute(text("select id, timing from incident"))}
        now = datetime.now(UTC)
        for case in known.values():
            found = find_case(connection, UUID(case))
            assert found is not None
            assert shown[case] == evaluate(found).at(now)
    assert [shown[known[name]] for name in known] == ["open", "late", "met", "late", None]
    assert stored[known["waits"]] == "open"  # at its last event, its report
