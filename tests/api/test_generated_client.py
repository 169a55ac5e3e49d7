"""A client that openapi-python-client generates from /openapi.json takes a report to the archive."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from fastapi import FastAPI

    from tests.api.contract import CheckedClient

# Without hooks the generator starts no formatter; tiles are bytes.
CONFIGURATION = {
    "post_hooks": [],
    "content_type_overrides": {"application/vnd.mapbox-vector-tile": "application/octet-stream"},
}
PACKAGE = "generated_gridsvc_client"


@pytest.fixture(scope="module")
def generated(app: FastAPI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The package of the generated client; a warning of the generator fails the test."""
    folder = tmp_path_factory.mktemp("client")
    document, configuration = folder / "openapi.json", folder / "configuration.json"
    document.write_text(json.dumps(app.openapi()), encoding="utf-8")
    configuration.write_text(json.dumps(CONFIGURATION), encoding="utf-8")
    program = Path(sys.executable).with_name("openapi-python-client")
    words: list[str | Path] = [
        program,
        "generate",
        "--path",
        document,
        "--meta",
        "none",
        "--output-path",
        folder / PACKAGE,
    ]
    made = subprocess.run(
        [*words, "--config", configuration, "--fail-on-warning"], cwd=folder, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    yield importlib.import_module(PACKAGE)
    sys.path.remove(str(folder))


class Caller:
    """Calls operations of the generated client over `web`; bodies and answers are its own classes."""

    def __init__(self, package: ModuleType, web: CheckedClient) -> None:
        self.models = importlib.import_module(f"{package.__name__}.models")
        self._package = package.__name__
        self._client = package.Client(base_url=str(web.base_url), raise_on_unexpected_status=True)
        self._client.set_httpx_client(web)

    def __call__(self, operation: str, *path: Any, status: int = 200, **named: Any) -> Any:
        """Return the parsed answer of `tag.operation`."""
        module = importlib.import_module(f"{self._package}.api.{operation}")
        answer = module.sync_detailed(*path, client=self._client, **named)
        assert answer.status_code == status, answer.content[:500]
        return answer.parsed


def test_a_generated_client_takes_a_report_to_the_archive(generated: ModuleType, admin: CheckedClient) -> None:
    call = Caller(generated, admin)
    models = call.models
    plans = call("response_plans.get_response_plans").items
    kind = next(plan.type_ for plan in plans if plan.urgency.value == "emergency")
    place = call("incidents.get_incidents", limit=1).items[0].location
    report = models.ReportBody(type_=kind, location=models.LocationBody(lon=place.lon, lat=place.lat))
    case = call("incidents.post_incident", body=report, status=201, idempotency_key="generated-1")
    assert isinstance(case, models.CaseWithPersons)
    assert call("incidents.post_incident", body=report, status=201, idempotency_key="generated-1").id == case.id
    assert case.owners.township.code
    lead = case.recommendation.lead
    assert lead.response_s > lead.travel_s > 0

    def step(word: str, team_id: Any = None) -> Any:
        body = models.StepBody(step=word, team_id=None if team_id is None else str(team_id))
        return call("incidents.post_step", str(case.id), body=body)

    step("accept")
    assert lead.team_id in step("assign").sent
    for word in ("acknowledge", "en_route", "on_scene"):
        step(word, lead.team_id)
    refused = call("incidents.post_step", str(case.id), body=models.StepBody(step="archive"), status=409)
    assert isinstance(refused, models.Problem)
    assert "handle" in refused.parameters["legal"]
    for word in ("handle", "feedback", "archive"):
        step(word)
    kept = call("incidents.get_incident", str(case.id))
    assert isinstance(kept, models.CaseWithTexts)
    assert kept.status is models.Status.ARCHIVED
    assert kept.archived_at > kept.triggered_at
    events = call("incidents.get_incident_events", str(case.id)).items
    assert next(event.kind for event in events) == "report"
