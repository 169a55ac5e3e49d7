"""Lists of cases, filtered: what is late, and what is not, is all there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gridsvc.api.app import create_app
from tests.api.contract import CheckedClient
from tests.worlds.district import as_superuser, open_toy, report, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster


@pytest.fixture
def client(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[tuple[CheckedClient, list[str]]]:
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path)
        cases = [report(service, kind) for kind in ("leak", "leak", "noise")]
        with as_superuser(url) as superuser:
            superuser.execute("update incident set due_at = due_at - interval '1 h' where id = %s", cases[:1])
        with CheckedClient(create_app(service, sign_in=False), base_url="http://localhost") as client:
            yield client, cases
        service.database.close()


@pytest.mark.parametrize(("late", "expected"), [("true", [0]), ("false", [1, 2]), (None, [0, 1, 2])])
def test_late_and_not_late_cases(
    client: tuple[CheckedClient, list[str]], late: str | None, expected: list[int]
) -> None:
    web, cases = client
    got = web.get("/incidents", params={} if late is None else {"late": late})
    assert got.status_code == 200
    assert {item["id"] for item in got.json()["items"]} == {cases[n] for n in expected}


def test_a_row_says_what_the_case_says(client: tuple[CheckedClient, list[str]]) -> None:
    """Of an emergency with its team, of a routine case on a team's work list, of one whose team has left."""
    web, (_, first, routine) = client
    body = {"type": "leak", "location": {"lon": 119.69, "lat": 29.1001}}
    second = web.post("/incidents", json=body).json()["id"]
    for case in (first, routine, second):
        assert web.post(f"/incidents/{case}/steps", json={"step": "assign"}).json()["sent"]
    assert web.post(f"/incidents/{second}/steps", json={"step": "cancel", "note": "x"}).status_code == 200
    rows = {row["id"]: row for row in web.get("/incidents").json()["items"]}
    engaged = 0
    for case in (first, second, routine):
        whole, row = web.get(f"/incidents/{case}").json(), rows[case]
        assert whole["location"].pop("road")["level"] == "surface"  # rows are short: without the road
        assert {name: row[name] for name in row.keys() - {"assignments", "ownership"}} == {
            name: whole[name] for name in row.keys() - {"assignments", "ownership"}
        }
        assert row["ownership"] == {name: whole["ownership"][name] for name in ("rule", "generation")}
        live = [each for each in whole["assignments"] if each["until"] is None]
        names = ("team_id", "slot", "lead", "since", "until")
        assert row["assignments"] == [{name: each[name] for name in names} for each in live]
        engaged += len(live)
    assert engaged > 0
    assert web.get(f"/incidents/{routine}").json()["work_list"]
    assert rows[routine]["assignments"] == []
