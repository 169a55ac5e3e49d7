"""Lists of cases among very many: each is what a plain query finds, and touches few buffers however many there are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from sqlalchemy import event, text

from gridsvc.access.scopes import EVERYTHING, Caller, Role, Scope
from gridsvc.db.cases import pages, queue
from gridsvc.db.cases.filters import CaseFilter, Search
from tests.worlds import toy
from tests.worlds.district import DISTRICT, as_superuser, open_toy, scratch_database
from tests.worlds.many_cases import RARE_VILLAGE, add_many_cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from sqlalchemy import Connection

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service

MOST_BUFFERS = 300
MORE_BUFFERS = {"wide place": 2500, "cancelled, urban, since a month": 1000}
"""A third of all cases is in the wide place: PostgreSQL sorts them, or looks at each in the order of time. Of two
filters an index answers one."""
BUFFERS_A_CASE = {"everywhere": 5, "district": 5, "township": 10}
"""Of an open case in the queue: its row, its teams, its alerts; for a grid's caller the policies look at it again."""
LIMIT = 101  # a page of 100, and one to know that there are more

CALLERS = {
    "everywhere": EVERYTHING,
    "district": Scope(DISTRICT),
    "township": Scope(DISTRICT, toy.T1, (toy.T1, "R1", "A1", "V1", RARE_VILLAGE)),
}
SINCE = datetime.now(UTC) - timedelta(days=30)
FILTERS = {
    "nothing": CaseFilter(),
    "archived": CaseFilter(statuses=("archived",)),
    "cancelled": CaseFilter(statuses=("cancelled",)),
    "closed": CaseFilter(statuses=("archived", "cancelled")),
    "waiting for a step": CaseFilter(statuses=("triggered",)),
    "two statuses": CaseFilter(statuses=("triggered", "cancelled")),
    "late": CaseFilter(late=True),
    "in time": CaseFilter(late=False),
    "urban": CaseFilter(response_class="urban"),
    "a class that no case has": CaseFilter(response_class="island"),
    "waiting": CaseFilter(waiting=True),
    "not waiting": CaseFilter(waiting=False),
    "regional grid": CaseFilter(owner="R1"),
    "township": CaseFilter(owner=toy.T1),
    "village": CaseFilter(owner="V1"),
    "rare village": CaseFilter(owner=RARE_VILLAGE),
    "no grid": CaseFilter(owner="V77"),
    "since a month": CaseFilter(since=SINCE),
    "number": CaseFilter(number=1_000_300),
    "place": CaseFilter(bbox=(119.61, 29.05, 119.6102, 29.0502)),
    "wide place": CaseFilter(bbox=(119.6, 29.0, 119.66, 29.1)),
    "no place": CaseFilter(bbox=(121.0, 30.0, 121.1, 30.1)),
    "late in a township": CaseFilter(owner=toy.T1, late=True),
    "cancelled, urban, since a month": CaseFilter(statuses=("cancelled",), response_class="urban", since=SINCE),
    "of one district": CaseFilter(district=DISTRICT, late=True),
}

# What the interface promises of each filter, without any thought of indexes.
_PLAIN = """
    select id from incident where (%(district)s::text is null or district = %(district)s)
        and (%(statuses)s::text[] is null or status = any(%(statuses)s))
        and (%(owner)s::text is null or %(owner)s in (regional, township, area, village))
        and (%(grid)s::text is null or %(grid)s in (regional, township, area, village))
        and (%(response_class)s::text is null or response_class = %(response_class)s)
        and (%(since)s::timestamptz is null or triggered_at >= %(since)s)
        and (%(number)s::bigint is null or number = %(number)s)
        and (%(waiting)s::boolean is null or waiting = %(waiting)s)
        and (%(late)s::boolean is null
             or case when %(late)s then timing = 'late' or (timing = 'open' and due_at < now())
                     else timing is null or timing = 'met'
                          or (timing = 'open' and not coalesce(due_at < now(), false)) end)
        and (%(bbox)s::float8[] is null
             or st_x(geom) between (%(bbox)s)[1] and (%(bbox)s)[3]
                and st_y(geom) between (%(bbox)s)[2] and (%(bbox)s)[4])
"""


class World:
    """The service, and the buffers that its statements touch, as PostgreSQL counts them."""

    def __init__(self, service: Service, url: str) -> None:
        self.service, self.url = service, url
        self.plans: list[dict[str, Any]] = []
        event.listen(service.database.engine, "connect", self._listen)

    def _listen(self, connection: Any, _record: object) -> None:
        connection.add_notice_handler(self._note)

    def _note(self, notice: Any) -> None:
        if "plan:" in notice.message_primary:
            self.plans.append(json.loads(notice.message_primary.split("plan:", 1)[1]))

    def measure(self, caller: str, work: Callable[[Connection], Any]) -> tuple[Any, int]:
        """Return what `work` returns for a caller, and the buffers that its statements touched."""
        seen = self.service.seen_by(Caller.of("somebody", Role.SUPERVISOR, CALLERS[caller]))
        with seen.database.transaction() as connection:
            self.plans.clear()
            found = work(connection)
            connection.execute(text("select 1"))  # what is noticed comes before the next answer
        touched = [each["Plan"]["Shared Hit Blocks"] + each["Plan"]["Shared Read Blocks"] for each in self.plans]
        assert touched, "no statement was explained"
        return found, sum(touched)

    def plain(self, caller: str, wanted: CaseFilter) -> list[Any]:
        """Return the ids that a plain query finds for a caller, the newest first."""
        scope = CALLERS[caller]
        values = {name: getattr(wanted, name) for name in CaseFilter.__slots__}
        values |= {"grid": scope.grid, "district": wanted.district or scope.district}
        values["statuses"] = None if wanted.statuses is None else list(wanted.statuses)
        values["bbox"] = None if wanted.bbox is None else list(wanted.bbox)
        with as_superuser(self.url) as superuser:
            query = _PLAIN + " order by triggered_at desc, id desc limit 1000"
            return [row[0] for row in superuser.execute(query, values)]


@pytest.fixture(
    scope="module", params=[20_000, pytest.param(1_000_000, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]
)
def world(
    request: pytest.FixtureRequest, cluster: EmbeddedCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path_factory.mktemp("data"))
        add_many_cases(service, url, request.param)
        settings = {
            "session_preload_libraries": "auto_explain",
            "auto_explain.log_min_duration": "0",
            "auto_explain.log_analyze": "on",
            "auto_explain.log_buffers": "on",
            "auto_explain.log_timing": "off",
            "auto_explain.log_format": "json",
            "client_min_messages": "log",
        }
        with as_superuser(url) as superuser:
            for name, value in settings.items():
                superuser.execute(f"alter database {superuser.info.dbname} set {name} = '{value}'")
        service.database.close()
        yield World(service, url)
        service.database.close()


def page(wanted: CaseFilter, after: tuple[Any, Any] | None = None) -> Callable[[Connection], Any]:
    def read(connection: Connection) -> list[dict[str, Any]]:
        return pages.newest(connection, wanted.condition(connection), limit=LIMIT, after=after)

    return read


def cursor(rows: Sequence[dict[str, Any]]) -> tuple[Any, Any]:
    return rows[-1]["triggered_at"], rows[-1]["id"]


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("name", FILTERS)
def test_a_page_is_what_a_plain_query_finds_and_touches_few_buffers(world: World, name: str, caller: str) -> None:
    wanted = FILTERS[name]
    expected = world.plain(caller, wanted)
    rows, touched = world.measure(caller, page(wanted))
    assert [row["id"] for row in rows] == expected[:LIMIT]
    most = MORE_BUFFERS.get(name, MOST_BUFFERS)
    assert touched <= most
    if len(rows) == LIMIT:
        following, touched = world.measure(caller, page(wanted, cursor(rows)))
        assert [row["id"] for row in following] == expected[LIMIT : 2 * LIMIT]
        assert touched <= most


@pytest.mark.parametrize("caller", CALLERS)
def test_a_page_in_the_depth_costs_what_the_first_costs(world: World, caller: str) -> None:
    middle = datetime.now(UTC) - timedelta(days=180)
    rows, touched = world.measure(caller, page(CaseFilter(), (middle, UUID(int=0))))
    assert len(rows) == LIMIT
    assert all(row["triggered_at"] < middle for row in rows)
    assert touched <= MOST_BUFFERS


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize("listed", [queue.ALL, *queue.LISTS.values()])
def test_the_queue_holds_every_open_case_and_touches_few_buffers(world: World, caller: str, listed: str) -> None:
    def read(connection: Connection) -> Any:
        return queue.list_queue(connection, Search().condition(connection), listed, limit=queue.OPEN_SHOWN)

    (items, counts), touched = world.measure(caller, read)
    everything = CaseFilter(statuses=("triggered", "accepted", "assigned", "handling", "feedback"))
    present = {str(case) for case in world.plain(caller, everything)}
    assert {item["id"] for item in items} <= present
    assert counts["open"] == len(present)
    if listed == queue.ALL:
        assert {item["id"] for item in items} == present
    elif listed == queue.LISTS["late"]:
        assert len(items) == counts["late"] > 10
    assert touched <= BUFFERS_A_CASE[caller] * len(present) + 30


@pytest.mark.parametrize("caller", CALLERS)
@pytest.mark.parametrize(
    ("words", "column", "value"),
    [((), "true", None), ((("leak", ("leak",)),), "type = %s", "leak"), ((("v9", ()),), "village = %s", "V9"),
     ((("#1000303", ()),), "number = %s", 1_000_303), ((("nowhere", ()),), "false", None)],
)  # fmt: skip
def test_closed_cases_are_found_by_words_and_counted_up_to_a_number(
    world: World, caller: str, words: tuple[tuple[str, tuple[str, ...]], ...], column: str, value: object
) -> None:
    def read(connection: Connection) -> Any:
        closed = replace(Search(words).condition(connection), open=None)
        items, behind = queue.list_closed(connection, closed, after=None)
        return items, behind, pages.count_up_to(connection, closed, queue.CLOSED_COUNTED)

    scope = CALLERS[caller]
    with as_superuser(world.url) as superuser:
        expected = superuser.execute(
            "select id, count(*) over () from incident where status in ('archived', 'cancelled')"
            " and (%s::text is null or district = %s) and (%s::text is null or township = %s)"
            f" and {column} order by triggered_at desc, id desc limit {queue.PAGE}",
            (scope.district, scope.district, scope.grid, scope.grid, *(() if value is None else (value,))),
        ).fetchall()
    (items, behind, count), _ = world.measure(caller, read)
    assert [item["id"] for item in items] == [str(case) for case, _ in expected]
    there = expected[0][1] if expected else 0
    assert count == min(there, queue.CLOSED_COUNTED)
    assert (behind is not None) == (there > queue.PAGE)
