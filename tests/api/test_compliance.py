"""GET /compliance over the demo: list, case, screen and alerts say the outcomes of the figures; refusals."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from gridsvc.cases.timing import OUTCOMES
from gridsvc.compliance.outcomes import judge_as_recorded
from gridsvc.compliance.report.page import page
from gridsvc.operations.cases import timers
from gridsvc.operations.compliance.question import Question
from gridsvc.operations.compliance.read import read_history
from gridsvc.operations.compliance.report import make_report, wanted_of
from gridsvc.operations.imports.history import remove_import
from gridsvc.pages.words import LANGUAGES
from tests.compliance.bare_figures import bare_values, bare_words
from tests.operations.imports.worlds import ROWS, load, written

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service
    from tests.api.contract import CheckedClient


def recorded(service: Service, district: str) -> dict[str, str | None]:
    """The outcome of every case by the evaluator of compliance, each by the policy that it was reported under."""
    history = read_history(service, district)
    codes = judge_as_recorded(history).tolist()
    return {case: None if code < 0 else str(OUTCOMES[code]) for case, code in zip(history.cases.id, codes, strict=True)}


@pytest.fixture(scope="module")
def outcomes(admin: CheckedClient, service: Service) -> dict[str, str | None]:
    """The outcome of every case of the demo after a look at the timers; an open case has not turned late since."""
    timers.raise_alerts(service)
    return recorded(service, admin.get("/readyz").json()["districts"][0]["code"])


def turned(before: str | None, now: str | None) -> bool:
    """Whether an open case may have become late between two looks."""
    return (before, now) == ("open", "late")


def test_the_list_and_the_case_say_the_outcome_of_the_figures(
    admin: CheckedClient, outcomes: dict[str, str | None]
) -> None:
    listed = {each["id"]: each["timing"] for each in admin.get("/incidents", params={"limit": 1000}).json()["items"]}
    assert len(outcomes) >= 60
    assert {"met", "late"} <= set(outcomes.values())
    for case, outcome in outcomes.items():
        single = admin.get(f"/incidents/{case}").json()["timing"]
        assert listed[case] == outcome or turned(outcome, listed[case])
        assert single == outcome or turned(outcome, single)


def test_the_filter_of_late_cases_has_those_that_are_late_by_the_figures(
    admin: CheckedClient, outcomes: dict[str, str | None]
) -> None:
    """What is missing is neither late nor in time; an open or a routine case is not late."""
    for late, wanted in (("true", {"late"}), ("false", {"met", "open", None})):
        found = {each["id"] for each in admin.get("/incidents", params={"limit": 1000, "late": late}).json()["items"]}
        expected = {case for case, outcome in outcomes.items() if outcome in wanted}
        assert all(outcomes[case] == "open" for case in found ^ expected if case in outcomes)


def test_the_lists_of_the_screen_say_the_outcome_of_the_figures(
    admin: CheckedClient, outcomes: dict[str, str | None]
) -> None:
    whole = admin.get("/screen/cases").json()["items"]
    after: dict[str, str] = {}
    while True:
        page = admin.get("/screen/search", params={"list": "closed", **after}).json()
        whole += page["items"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    shown = {each["id"]: each["timing"] for each in whole}
    assert set(shown) >= set(outcomes)
    for case, outcome in outcomes.items():
        assert shown[case] == outcome or turned(outcome, shown[case])


def test_an_open_case_has_an_overdue_arrival_where_the_figures_say_late(
    admin: CheckedClient, outcomes: dict[str, str | None]
) -> None:
    """Of the alerts of its present step: an escalation if it is late and the arrival is awaited, else none of it."""
    looked_at = 0
    for case in (each["id"] for each in admin.get("/screen/cases").json()["items"]):
        whole = admin.get(f"/incidents/{case}").json()
        if whole["urgency"] != "emergency" or case not in outcomes or whole["arrived_at"] is not None:
            continue
        looked_at += 1
        over = [each for each in whole["alerts"] if each["kind"] == "escalation"]
        if outcomes[case] == "late":
            assert over
            assert min(each["limit_at"] for each in over) <= whole["due_at"]
        elif whole["timing"] == "open":
            assert not any(each["step"] == "on_scene" for each in over)
    assert looked_at or not any(outcome == "open" for outcome in outcomes.values())


def test_the_groups_add_up_to_the_whole(admin: CheckedClient) -> None:
    whole = admin.get("/compliance").json()
    parts = admin.get("/compliance", params={"by": "township,weekday"}).json()
    names = ("cases", "met", "late", "missing", "open", "not_timed")
    total = Counter({name: whole["outcomes"][0][name] for name in names})
    assert sum((Counter({name: each[name] for name in names}) for each in parts["outcomes"]), Counter()) == +total
    assert whole["outcomes"][0]["cases"] == whole["cases"]["counted"]
    assert all(each["p90_s"] is None for each in parts["rows"] if each["n"] < 29)


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        ({"by": "colour"}, "unknown-dimension"),
        ({"by": "hour,hour"}, "too-many-dimensions"),
        ({"since": "yesterday"}, "bad-period"),
        ({"since": "2026-13-01"}, "bad-period"),
        ({"since": "2026-02-01", "until": "2026-01-01"}, "period-reversed"),
        ({"compare": "previous"}, "period-without-ends"),
        ({"compare": "2026-01-01"}, "bad-period"),
        ({"trend": "hour"}, "unknown-trend"),
        ({"policy": "none"}, "invalid-input"),
        ({"district": "330000"}, "no-district"),
        ({"only": "0123456789ab"}, "only-without-imported"),
    ],
)
def test_what_cannot_be_meant_is_refused(admin: CheckedClient, asked: dict[str, str], kind: str) -> None:
    refused = admin.get("/compliance", params=asked)
    assert refused.status_code in {404, 422}
    assert refused.json()["type"].endswith(kind)


def test_imported_cases_are_asked_for_by_name(admin: CheckedClient, service: Service, tmp_path: Path) -> None:
    asked = {"imported": "true", "by": "township"}
    assert admin.get("/compliance", params=asked).json()["type"].endswith("no-import")
    before = admin.get("/compliance").json()["cases"]["all"]
    digest = load(service, written(tmp_path, ROWS)).answer["digest"]
    try:
        found = admin.get("/compliance", params=asked).json()
        assert (found["source"], found["cases"]["all"], found["cases"]["left_out"]["drill"]) == ("imported", 6, 1)
        assert [each["digest"] for each in found["imports"]] == [digest]
        assert admin.get("/compliance", params=asked | {"only": digest[:8]}).json()["cases"] == found["cases"]
        refused = admin.get("/compliance", params=asked | {"only": "0123456789ab"})
        assert refused.json()["parameters"]["known"] == [f"{digest[:12]} (calls.csv)"]
        live = admin.get("/compliance").json()
        assert (live["source"], live["cases"]["all"], live.get("imports")) == ("live", before, None)
    finally:
        remove_import(service, None, digest, actor="test")


def test_the_report_of_the_demo_shows_no_figure_without_n_policy_and_interval(service: Service) -> None:
    district, wanted = wanted_of(service, None, Question(), None)
    document = make_report(service, district, wanted)
    assert document["causes"]["all"]["late"] > 0
    assert bare_values(document) == []
    for language in LANGUAGES:
        assert bare_words(page(document, language)) == []
