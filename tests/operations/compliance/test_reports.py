"""Late cases of a real database explained, and reports that are made, kept, repeated and hidden."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import text

from gridsvc.access.scopes import Caller, Role, Scope
from gridsvc.db.jobs import jobs
from gridsvc.errors import InvalidInput, NotFound, TooLarge
from gridsvc.files.compliance import write_figures
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.compliance import kept, late
from gridsvc.operations.compliance.figures import get_compliance
from gridsvc.operations.compliance.predictions import judge_period
from gridsvc.operations.compliance.question import Question, month_of
from gridsvc.operations.compliance.read import read_history
from gridsvc.operations.compliance.report import Wanted, document_text, make_report, wanted_of
from gridsvc.operations.evidence.verify import verify
from gridsvc.operations.jobs.jobs import Run, run_attempt
from gridsvc.operations.teams.positions import SentPosition, put_positions
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, as_superuser, report

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service

ALL = Question()


def late_case(service: Service, km: float = 1.0, *, away_km: float | None = None) -> str:
    """A case that was reported an hour ago and ordered now; its lead is there at once, where it says that it is."""
    case = report(service, km=km, reported_at=datetime.now(UTC) - timedelta(hours=1))
    step_incident(service, UUID(case), Step("assign"), actor="test")
    with service.database.transaction() as connection:
        (lead,) = connection.scalars(
            text("select team_id from engagement where incident_id = :c and lead"), {"c": case}
        )
    if away_km is not None:
        put_positions(service, [SentPosition(str(lead), 119.6 + (km + away_km) / 100, 29.1)])
    step_incident(service, UUID(case), Step("on_scene", lead), actor="test")
    return case


def test_a_late_case_is_explained_from_what_is_recorded(service: Service) -> None:
    case = late_case(service)
    report(service, km=2.0)  # is not late
    found = late.list_late_cases(service, None, ALL)
    (one,) = found["items"]
    assert (found["total"], one["incident_id"], one["cause"]) == (1, case, "handling")
    assert one["target_s"] == 300
    assert one["overrun_s"] == pytest.approx(3300, abs=120)
    assert sum(one["parts_s"].values()) == pytest.approx(one["overrun_s"], abs=1e-6)
    assert one["uncertain"]  # `en_route` is missing
    station = next(each for each in one["remedies"] if each["kind"] == "other-station")
    assert station["meets_target"]
    assert station["response_s"] == pytest.approx(45 + 60 + 8, abs=1)  # sq-a1 stands at km 1; 11 m on foot
    counted = late.get_causes(service, DISTRICT, ALL)
    assert (counted["late"], counted["uncertain"]) == (1, 1)
    assert late.list_late_cases(service, None, ALL, late.Chosen("turnout"))["items"] == []
    assert late.get_causes(service, DISTRICT, Question(until="2020-01-01"))["late"] == 0
    with pytest.raises(TooLarge):
        late.get_causes(service, DISTRICT, ALL, most=0)


def test_a_team_that_reports_its_arrival_elsewhere_went_to_a_wrong_place(service: Service) -> None:
    late_case(service, away_km=1.0)
    (one,) = late.list_late_cases(service, None, ALL)["items"]
    assert "travel" not in one["parts_s"]  # it stood a kilometre from the place


def test_a_caller_of_a_township_sees_its_late_cases_and_no_report(service: Service) -> None:
    late_case(service, km=1.0)
    late_case(service, km=13.0)
    wanted = Wanted()
    made = kept.keep(service, DISTRICT, make_report(service, DISTRICT, wanted), wanted, actor="test")
    grids = (toy.T1, "R1", "A1", "V1")
    own = service.seen_by(Caller("t", Role.SUPERVISOR, Scope(DISTRICT, toy.T1, grids)))
    found = late.list_late_cases(own, None, ALL)
    assert [each["township"]["code"] for each in found["items"]] == [toy.T1]
    foreign = {TEAM_IDS["sq-a4"], TEAM_IDS["town-t3"]}
    assert not foreign & set(json.dumps(found).split('"'))
    assert kept.list_kept(own)["items"] == []
    with pytest.raises(NotFound):
        kept.get_kept(own, made.id)


def test_groups_have_names_beside_their_ids(service: Service, tmp_path: Path) -> None:
    late_case(service)
    found = get_compliance(service, None, Question(by=("unit", "type", "township")))
    (group,) = [each["group"] for each in found["outcomes"]]
    shown = {dimension: found["names"][dimension][code] for dimension, code in group.items()}
    assert group == {"unit": "bureau", "type": "leak", "township": toy.T1}
    assert shown["unit"] == next(each.name for each in toy.UNITS if each.id == "bureau")
    assert shown["type"] == "泄漏"
    write_figures(tmp_path / "rows.csv", found)
    with (tmp_path / "rows.csv").open(encoding="utf-8-sig") as file:
        rows = [each for each in csv.DictReader(file) if each["interval"] == "outcome"]
    assert {name: value for name, value in rows[0].items() if name.startswith("by_") and value} == {
        **{f"by_{dimension}": name for dimension, name in shown.items()},
        **{f"by_{dimension}_id": code for dimension, code in group.items()},
    }
    (one,) = late.list_late_cases(service, None, ALL)["items"]
    assert (one["type"], one["type_name"]) == ("leak", "泄漏")
    assert all((each["team_id"] is None) == (each["team"] is None) for each in one["remedies"])
    document = make_report(service, DISTRICT, Wanted())
    assert document["names"]["unit"] == found["names"]["unit"]
    assert document["names"]["type"] == found["names"]["type"]


def test_the_same_call_that_a_source_sends_again_does_not_count(service: Service) -> None:
    """Of two with one reference the first counts; of a cancelled one and another, the other one."""
    sent = [
        report(service, source=source, external_ref=reference)
        for source, reference in [("110", "A1"), ("110", "A1"), ("12345", "A1"), ("110", None), ("110", None)]
    ]

    def duplicates() -> list[str]:
        cases = read_history(service, DISTRICT).cases
        return [str(each) for each in cases.id[cases.duplicate]]

    assert duplicates() == [sent[1]]
    step_incident(service, UUID(sent[0]), Step("cancel"), actor="test")
    assert duplicates() == [sent[0]]


def test_the_same_events_give_the_same_report_and_it_is_kept_once(service: Service) -> None:
    late_case(service)
    wanted = Wanted()
    first, second = (make_report(service, DISTRICT, wanted) for _ in range(2))
    assert document_text(first) == document_text(second)
    one, same = (kept.keep(service, DISTRICT, each, wanted, actor="test") for each in (first, second))
    assert one == same
    assert kept.get_kept(service, one.id)[1] == json.loads(document_text(first))
    late_case(service, km=13.0)
    other = kept.keep(service, DISTRICT, make_report(service, DISTRICT, wanted), wanted, actor="test")
    assert other.digest != one.digest
    assert [each["id"] for each in kept.list_kept(service)["items"]] == [str(other.id), str(one.id)]
    assert first["causes"]["all"]["late"] == 1
    assert first["basis"]["cases"] == 1


def test_a_kept_report_counts_the_cases_of_its_figures(service: Service) -> None:
    late_case(service)
    report(service, "noise")  # routine: in what the report rests on, in no figure
    document = make_report(service, DISTRICT, Wanted())
    assert kept.keep(service, DISTRICT, document, Wanted(), actor="test").as_json()["cases"] == 1
    assert document["basis"]["cases"] == 2


def test_a_report_that_was_changed_in_the_database_is_found(service: Service, url: str) -> None:
    from gridsvc.db.evidence.sealing import seal_all

    late_case(service)
    kept.keep(service, DISTRICT, make_report(service, DISTRICT, Wanted()), Wanted(), actor="test")
    seal_all(service.database)
    assert not [fault for each in verify(service) for fault in each.faults]
    with as_superuser(url) as superuser:
        superuser.execute("update compliance_report set content = replace(content, '\"late\":1', '\"late\":0')")
    assert any("compliance_report" in str(fault) for each in verify(service) for fault in each.faults)


def test_the_months_that_have_ended_are_reported_once(service: Service, url: str) -> None:
    late_case(service)
    with as_superuser(url) as superuser:
        superuser.execute("update incident set reported_at = reported_at - interval '40 days'")
    for count in (1, 1):
        job = service.database.run(lambda c: jobs.add_job(c, "compliance-report", {}, asked_by="test"))
        held = service.database.run(lambda c: jobs.claim_job(c, "here"))
        assert held is not None
        assert run_attempt(service, job.id, held.attempt)
        assert len(kept.list_kept(service)["items"]) == count
    (only,) = kept.list_kept(service)["items"]
    since, until = (datetime.fromisoformat(only[name]) for name in ("since", "until"))
    assert timedelta(days=28) <= until - since <= timedelta(days=31)
    assert until <= datetime.now(UTC)


def test_a_named_month_is_made_by_a_job_and_an_unknown_district_is_refused(service: Service) -> None:
    late_case(service)
    month = f"{datetime.now(UTC):%Y-%m}"
    run = Run(service, service.database.run(lambda c: jobs.add_job(
        c, "compliance-report", {"district": "999999", "month": month}, asked_by="test")))  # fmt: skip
    with pytest.raises(NotFound):
        kept.run_reports(run)


def test_an_empty_period_is_a_report_and_nothing_to_keep(service: Service) -> None:
    document = make_report(service, DISTRICT, Wanted(until=datetime(2020, 1, 1, tzinfo=UTC)))
    assert document["basis"]["cases"] == 0
    with pytest.raises(InvalidInput) as refused:
        kept.keep(service, DISTRICT, document, Wanted(), actor="test")
    assert refused.value.kind == "empty-report"


def test_predictions_of_the_period_are_read_with_their_reasons(service: Service) -> None:
    late_case(service)
    report(service, km=2.0)  # nobody was sent
    with service.database.snapshot() as connection:
        honest, better = judge_period(connection, DISTRICT, "Asia/Shanghai", None, None)
    (urban,) = honest.classes
    assert (urban.n, urban.in_time.count, urban.in_time.n) == (1, 0, 1)
    assert honest.left_out == {"not-arrived": 1}
    assert better[1].earlier.n == 1  # another squadron was free
    assert better[1].earlier.count == 1


def test_areas_of_too_few_cases_are_not_shown(service: Service) -> None:
    for km in (1.0, 1.1, 13.0):
        report(service, km=km)
    assert late.get_cells(service, None, ALL)["features"] == []
    for km in (1.2, 1.3):
        report(service, km=km)
    found: dict[str, Any] = late.get_cells(service, None, ALL)
    assert [each["properties"]["n"] for each in found["features"]] == [5]
    assert found["features"][0]["properties"]["townships"] == [toy.T1, toy.T3]  # joined: T3 has one case
    with pytest.raises(InvalidInput):
        late.get_cells(service, None, ALL, resolution=10)


@pytest.mark.parametrize("month", ["2026-13", "october", "2026-10-01"])
def test_a_month_is_a_month(month: str) -> None:
    with pytest.raises(InvalidInput):
        month_of(month, "Asia/Shanghai")


def test_a_month_begins_at_midnight_in_the_district(service: Service) -> None:
    code, wanted = wanted_of(service, None, ALL, "2026-12")
    assert code == DISTRICT
    assert wanted.since is not None
    assert wanted.until is not None
    assert wanted.since.isoformat() == "2026-12-01T00:00:00+08:00"
    assert wanted.until.isoformat() == "2027-01-01T00:00:00+08:00"
