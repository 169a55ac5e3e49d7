"""Lists while the world changes: what the words of a search name, and cases that leave a list while it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.access.scopes import EVERYTHING, Caller, Role, Scope
from gridsvc.db.cases import pages, queue
from gridsvc.db.cases.filters import CaseFilter, Search
from gridsvc.db.session import fast_statements
from tests.worlds.district import DISTRICT, as_superuser, load_toy, open_toy, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service

OTHER = "330704"
MANY = 70_000  # more than a statement may have values
_VILLAGES = """
    insert into grid (district, generation, row, code, name, level, geometry_digest)
    select district, generation, 1000 + n, 'M' || n, 'Many' || n, level, geometry_digest
    from grid, generate_series(1, %s) as n where district = %s and code = 'V1'
"""


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Service]:
    made = open_toy(url, tmp_path)
    yield made
    made.database.close()


def found(service: Service, word: str, scope: Scope = EVERYTHING) -> tuple[set[str], int, int]:
    """Return the ids of the open cases that a word finds, and how many open and closed cases there are."""
    seen = service.seen_by(Caller.of("somebody", Role.SUPERVISOR, scope))
    with seen.database.transaction() as connection:
        condition = Search([(word, ())]).condition(connection)
        items, counts = queue.list_queue(connection, condition, queue.LISTS["open"], limit=queue.PAGE)
        rows = pages.newest(connection, condition, limit=queue.PAGE)
        assert {str(row["id"]) for row in rows} == {item["id"] for item in items}
        return {item["id"] for item in items}, counts["open"], pages.count_up_to(connection, condition, 1000)


@pytest.mark.parametrize("scope", [EVERYTHING, Scope(DISTRICT)])
def test_a_word_may_name_more_villages_than_a_statement_has_values(service: Service, url: str, scope: Scope) -> None:
    case = report(service)
    with as_superuser(url) as superuser:
        superuser.execute(_VILLAGES, (MANY, DISTRICT))
        superuser.execute(
            "update incident set village = 'M69999',"
            ' owners = jsonb_set(owners, \'{village}\', \'{"code": "M69999", "name": "Many69999"}\')'
        )
    report(service)
    assert found(service, "many", scope) == ({case}, 1, 1)


def test_a_code_of_two_districts_finds_the_cases_of_the_village_that_is_named(service: Service, url: str) -> None:
    load_toy(service, OTHER, east_deg=0.5)
    here, there = report(service), report(service, km=51.0)
    with as_superuser(url) as superuser:
        superuser.execute("update grid set name = 'Lower Bridge' where district = %s and code = 'V1'", (DISTRICT,))
        superuser.execute(
            "update incident set owners = jsonb_set(owners, '{village,name}', '\"Lower Bridge\"') where district = %s",
            (DISTRICT,),
        )
    assert found(service, "bridge") == ({here}, 1, 1)
    assert found(service, "v1") == ({there}, 1, 1)


def test_a_case_is_found_by_the_name_that_it_shows_after_its_village_was_renamed(service: Service, url: str) -> None:
    before = report(service)
    with as_superuser(url) as superuser:
        superuser.execute(
            "insert into grid_generation (district, number, state, source, activated_at)"
            " select district, 2, state, source, activated_at from grid_generation where district = %s and number = 1",
            (DISTRICT,),
        )
        superuser.execute(
            "insert into grid (district, generation, row, code, name, level, geometry_digest)"
            " select district, 2, row, code, 'New Name', level, geometry_digest from grid"
            " where district = %s and code = 'V1'",
            (DISTRICT,),
        )
        superuser.execute("update district_version set generation = 2 where district = %s", (DISTRICT,))
    assert found(service, "v1") == ({before}, 1, 1)
    assert found(service, "new") == (set(), 0, 0)


def test_a_page_is_full_though_a_case_leaves_the_list_while_it_is_read(
    service: Service, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short page would say that no more follow."""
    ids = [report(service) for _ in range(4)]
    asked: list[object] = []

    def fetch(*args: Any, **more: Any) -> list[tuple[Any, ...]]:
        rows = fast_statements.fetch_all(*args, **more)
        if not asked:
            with as_superuser(url) as superuser:
                superuser.execute(
                    "update incident set status = 'cancelled', waiting = false, cancelled_at = triggered_at"
                    " where id = %s",
                    (ids[3],),
                )
        asked.append(rows)
        return rows

    monkeypatch.setattr(pages, "fetch_all", fetch)
    with service.database.transaction() as connection:
        condition = CaseFilter(statuses=("triggered",)).condition(connection)
        rows = pages.newest(connection, condition, limit=3)
    assert [str(row["id"]) for row in rows] == ids[2::-1]
