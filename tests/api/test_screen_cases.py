"""The cases of the command screen: in the order of the queue, searched and counted by the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient

from gridsvc.api.app import create_app
from gridsvc.db.cases import queue
from tests.worlds.district import as_superuser, open_toy, report, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from tests.api.contract import CheckedClient


@pytest.fixture(scope="module")
def world(cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CheckedClient]:
    """Three leaks (reported now, 1 h and 2 h ago), a noise, a closed leak, a leak of a drill."""
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path_factory.mktemp("data"))
        ids = {
            name: report(service, kind, drill=name == "drill")
            for name, kind in [
                ("new", "leak"),
                ("hour", "leak"),
                ("two_hours", "leak"),
                ("noise", "noise"),
                ("closed", "leak"),
                ("drill", "leak"),
            ]
        }
        with as_superuser(url) as superuser:
            for name, hours in [("hour", 1), ("two_hours", 2)]:
                superuser.execute(
                    "update incident set reported_at = reported_at - make_interval(hours => %s),"
                    " due_at = due_at - make_interval(hours => %s) where id = %s",
                    (hours, hours, ids[name]),
                )
            superuser.execute(
                "update incident set status = 'cancelled', waiting = false, cancelled_at = triggered_at where id = %s",
                (ids["closed"],),
            )
            superuser.execute(
                "insert into alert (district, incident_id, step, since, rank, limit_at, at, level, owner, timers) "
                "select district, id, 'accept', triggered_at, 1, triggered_at, triggered_at, 'district', district, 'x' "
                "from incident where id = %s",
                (ids["noise"],),
            )
        with TestClient(create_app(service, sign_in=False), base_url="http://localhost") as client:
            client.ids = ids
            yield client
        service.database.close()


def names(client: TestClient, items: list[dict[str, Any]]) -> list[str]:
    known = {str(case): name for name, case in client.ids.items()}
    return [known[item["id"]] for item in items]


def test_the_queue_begins_with_what_is_overdue_the_longest(world: CheckedClient) -> None:
    told = world.get("/screen/cases").json()
    order = names(world, told["items"])
    assert order[:2] == ["two_hours", "hour"]
    assert set(order) == {"two_hours", "hour", "noise", "new", "drill"}
    assert told["counts"] == {"open": 4, "waiting": told["counts"]["waiting"], "late": 3, "drills": 1}


def test_a_routine_case_is_due_at_the_limit_of_its_step(world: CheckedClient) -> None:
    noise = next(item for item in world.get("/screen/cases").json()["items"] if item["id"] == str(world.ids["noise"]))
    [alert] = noise["alerts"]
    assert alert["step"] == "accept"
    assert alert["rank"] == 1
    assert noise["due_at"][:19] == alert["limit_at"][:19]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [("late", {"two_hours", "hour", "noise"}), ("drills", {"drill"}), ("closed", {"closed"}),
     ("open", {"two_hours", "hour", "noise", "new"})],
)  # fmt: skip
def test_a_list_and_its_count_are_the_same_cases(world: CheckedClient, listed: str, expected: set[str]) -> None:
    told = world.get("/screen/search", params={"list": listed}).json()
    assert set(names(world, told["items"])) == expected
    assert told["counts"][listed] == len(expected)


def test_a_case_is_found_by_number_type_and_place(world: CheckedClient) -> None:
    case = world.get(f"/incidents/{world.ids['hour']}").json()

    def search(words: str) -> set[str]:
        return set(names(world, world.get("/screen/search", params={"q": words}).json()["items"]))

    assert search(f"#{case['number']}") == {"hour"}
    assert search(str(case["number"])) == {"hour"}
    assert search("noise") == {"noise"}
    assert search(case["owners"]["township"]["name"]) == {"two_hours", "hour", "noise", "new"}
    assert search(f"noise {case['number']}") == set()
    assert search("%") == set()
    assert search("_") == set()


@pytest.mark.parametrize("listed", ["open", "closed"])
def test_pages_follow_one_another(world: CheckedClient, monkeypatch: pytest.MonkeyPatch, listed: str) -> None:
    whole = world.get("/screen/search", params={"list": listed}).json()
    assert whole["next"] is None
    monkeypatch.setattr(queue, "PAGE", 1)
    found, after, pages = [], None, 0
    while pages == 0 or after is not None:
        page = world.get("/screen/search", params={"list": listed} | ({"after": after} if after else {})).json()
        assert page["counts"] == whole["counts"]
        found += page["items"]
        after, pages = page["next"], pages + 1
    assert found == whole["items"]
    assert pages == len(whole["items"])


@pytest.mark.parametrize(
    "query",
    [
        {"list": "everything"},
        {"after": "x"},
        {"after": "-1"},
        {"after": "x", "list": "closed"},
        {"urgency": "soon"},
        {"q": "x" * 101},
    ],
)
def test_a_search_that_cannot_be_meant_is_refused(world: CheckedClient, query: dict[str, Any]) -> None:
    assert world.get("/screen/search", params=query).status_code == 422


def test_nothing_is_sent_again_while_nothing_changed(world: CheckedClient) -> None:
    first = world.get("/screen/cases")
    assert world.get("/screen/cases", headers={"If-None-Match": first.headers["etag"]}).status_code == 304
