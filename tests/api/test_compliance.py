"""GET /compliance over the demo: the outcomes of the list are those of the figures; what cannot be meant is refused."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from gridsvc.cases.timing import OUTCOMES
from gridsvc.compliance.outcomes import judge_as_recorded
from gridsvc.operations.compliance.read import read_history

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service
    from tests.api.contract import CheckedClient


def test_the_list_and_the_figures_have_the_same_outcome_for_every_case(admin: CheckedClient, service: Service) -> None:
    # An open case may become late between the two: both show it within this transaction's time.
    district = admin.get("/readyz").json()["districts"][0]["code"]
    listed = {each["id"]: each["timing"] for each in admin.get("/incidents", params={"limit": 1000}).json()["items"]}
    history = read_history(service, district)
    codes = judge_as_recorded(history).tolist()
    found = {
        case: None if code < 0 else str(OUTCOMES[code]) for case, code in zip(history.cases.id, codes, strict=True)
    }
    turned = {case for case in found if (listed.get(case), found[case]) == ("open", "late")}
    assert len(found) >= 60
    assert {case: listed[case] for case in found if case not in turned} == {
        case: outcome for case, outcome in found.items() if case not in turned
    }
    assert len(turned) <= 1
    counted = {"met", "late"} & set(found.values())
    assert counted == {"met", "late"}


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
    ],
)
def test_what_cannot_be_meant_is_refused(admin: CheckedClient, asked: dict[str, str], kind: str) -> None:
    refused = admin.get("/compliance", params=asked)
    assert refused.status_code in {404, 422}
    assert refused.json()["type"].endswith(kind)
