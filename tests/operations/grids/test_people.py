"""Posts of the grids: loaded, read for any day, named with cases and alerts, erased; in a real PostGIS."""

from __future__ import annotations

import json
from datetime import date
from typing import TYPE_CHECKING
from uuid import UUID

import pytest
from sqlalchemy import text

from gridsvc.access.scopes import Caller, Role, Scope
from gridsvc.cases.decide import Report
from gridsvc.db.cases import alerts
from gridsvc.db.cases.filters import Search
from gridsvc.db.cases.queue import list_queue
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.grids.versions import get_clock
from gridsvc.db.session.idempotency import RequestKey
from gridsvc.errors import InvalidInput, NotAllowed, NotFound
from gridsvc.operations.cases import read
from gridsvc.operations.cases.persons import name_alerted
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.cases.steps import Step, step_incident
from gridsvc.operations.evidence.erasure import erase
from gridsvc.operations.evidence.verify import verify
from gridsvc.operations.grids import checks
from gridsvc.operations.grids.districts import remove_district
from gridsvc.operations.grids.people import load_posts, people_of
from tests.worlds.district import DISTRICT, as_superuser, load_toy, open_toy, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Service]:
    made = open_toy(url, tmp_path)
    yield made
    made.database.close()


def load(service: Service, folder: Path, *lines: str, district: str = DISTRICT) -> int:
    file = folder / "posts.csv"
    file.write_text("\n".join(("grid,post,name,phone,from,until", *lines)) + "\n", encoding="utf-8")
    return load_posts(service, district, file, actor="test")


def chain_of(service: Service) -> dict[str, str]:
    """The codes of the owners of the place of a toy case, by level."""
    owners = read.get_case(service, UUID(report(service)))["owners"]
    return {level: owner["code"] for level, owner in owners.items() if owner}


def who(service: Service, code: str, on: str) -> tuple[str, str] | None:
    found = people_of(service, DISTRICT, code, on=date.fromisoformat(on))["responsible"]
    return None if found is None else (found["name"], found["grid"])


def test_posts_have_dates_and_a_leader_follows_another(service: Service, tmp_path: Path) -> None:
    code = chain_of(service)["village"]
    assert (
        load(service, tmp_path, f"{code},网格长,王一,13812345678,2026-01-01,", f"{code},officer,李二,,2026-01-01,") == 2
    )
    load(service, tmp_path, f"{code},leader,陈三,13900001111,2026-03-01,2026-06-01")
    assert who(service, code, "2025-12-31") is None
    assert who(service, code, "2026-02-28") == ("王一", code)
    assert who(service, code, "2026-03-01") == ("陈三", code)
    assert who(service, code, "2026-06-01") == ("李二", code)  # until is the first day without
    found = people_of(service, DISTRICT, code, on=date(2026, 2, 1))
    assert [(p["post"], p["name"], p["phone"], p["until"]) for p in found["people"]] == [
        ("leader", "王一", "138****5678", "2026-03-01"), ("officer", "李二", None, None),
    ]  # fmt: skip
    load(service, tmp_path, f"{code},leader,陈三,13900001111,2026-03-01,")  # corrected, not added
    assert who(service, code, "2026-06-01") == ("陈三", code)


def test_a_grid_without_a_person_falls_to_the_next_wider(service: Service, tmp_path: Path) -> None:
    chain = chain_of(service)
    village, above = chain["village"], chain.get("area") or chain["township"]
    faults = [f for f in checks.check(service, DISTRICT).faults if f.kind == "no-officer"]
    assert village in {code for fault in faults for code in fault.codes}
    load(service, tmp_path, f"{above},leader,王一,,2020-01-01,")
    assert who(service, village, "2026-01-01") == ("王一", above)
    load(service, tmp_path, f"{village},officer,李二,,2020-01-01,")
    assert who(service, village, "2026-01-01") == ("李二", village)
    faults = [f for f in checks.check(service, DISTRICT).faults if f.kind == "no-officer"]
    assert village not in {code for fault in faults for code in fault.codes}
    assert all("answers for it" in fault.words for fault in faults)


def test_a_case_and_its_alerts_name_who_answers(service: Service, tmp_path: Path) -> None:
    chain = chain_of(service)
    village, township = chain["village"], chain["township"]
    load(service, tmp_path, f"{village},officer,李二,,2020-01-01,", f"{township},leader,王一,,2020-01-01,")
    case = UUID(report(service))

    def sound(connection: object) -> None:
        now = get_clock(connection)  # type: ignore[arg-type]
        for rank, (level, owner) in enumerate((("village", village), ("township", township), ("district", DISTRICT))):
            row = {"district": DISTRICT, "incident_id": case, "step": "accept", "since": now, "rank": rank,
                   "limit_at": now, "at": now, "level": level, "owner": owner, "timers": "x"}  # fmt: skip
            assert alerts.add_alert(connection, row)  # type: ignore[arg-type]

    service.database.run(sound)
    answer = read.get_case(service, case)
    assert answer["responsible"]["village"] == {"grid": village, "post": "officer", "name": "李二"}
    assert answer["responsible"]["township"]["name"] == "王一"
    # The area has nobody, so the leader of the township answers for it.
    assert answer["responsible"]["area"] == {"grid": township, "post": "leader", "name": "王一"}
    assert answer["posts"]["area"] == []
    assert answer["posts"]["village"] == [{"grid": village, "post": "officer", "name": "李二"}]
    assert [each["person"] for each in answer["alerts"]] == ["李二", "王一", None]
    with service.database.transaction() as connection:
        items, _ = list_queue(connection, Search().condition(connection), limit=10)
        name_alerted(connection, items)
    queued = next(item for item in items if item["id"] == str(case))
    assert [(each["person"], each["post"]) for each in queued["alerts"]] == [
        ("李二", "officer"), ("王一", "leader"), (None, None),
    ]  # fmt: skip
    load(service, tmp_path, f"{township},leader,新人,,2021-01-01,")
    assert read.get_case(service, case)["alerts"][1]["person"] == "新人"  # a post that was recorded late


def test_a_report_and_its_retry_name_the_persons_of_that_day_and_no_erased_one(
    service: Service, tmp_path: Path
) -> None:
    chain = chain_of(service)
    village, area = chain["village"], chain["area"]
    load(service, tmp_path, f"{area},leader,王一,,2020-01-01,", f"{area},deputy,陈三,,2020-01-01,")
    given = Report(type="leak", lon=119.61, lat=29.1)
    own = service.seen_by(Caller.of("x", Role.DISPATCHER, Scope(DISTRICT, village, tuple(chain.values()))))
    for caller in (service, own):
        key = RequestKey("test", str(caller is own), b"x")
        first = report_incident(caller, given, actor="test", request=key)
        answer = json.loads(first.body)
        assert answer["posts"]["area"] == [
            {"grid": area, "post": "leader", "name": "王一"}, {"grid": area, "post": "deputy", "name": "陈三"},
        ]  # fmt: skip
        assert answer["responsible"]["village"] == {"grid": area, "post": "leader", "name": "王一"}
        assert report_incident(caller, given, actor="test", request=key).body == first.body
    with service.database.transaction() as connection:
        kept = connection.scalars(text("select convert_from(body, 'UTF8') from idempotency")).all()
    assert any(kept)  # of the caller of one grid
    assert not any("王一" in body for body in kept if body)
    erase(service, "王一")
    again = json.loads(report_incident(own, given, actor="test", request=RequestKey("test", "True", b"x")).body)
    assert again["responsible"]["village"] == {"grid": area, "post": "leader", "name": None}


def test_a_closed_case_names_the_persons_of_the_day_it_was_closed(service: Service, tmp_path: Path, url: str) -> None:
    village = chain_of(service)["village"]
    case = UUID(report(service))
    step_incident(service, case, Step("cancel"), actor="test")
    with as_superuser(url) as connection:  # 20:00 UTC is the next day in the district
        connection.execute("update incident set cancelled_at = '2026-03-01T20:00:00Z' where id = %s", (case,))
    load(
        service,
        tmp_path,
        f"{village},officer,李二,,2026-03-01,2026-03-02",
        f"{village},officer,陈三,,2026-03-02,2026-03-03",
        f"{village},officer,王一,,2026-03-03,",
    )
    assert read.get_case(service, case)["responsible"]["village"]["name"] == "陈三"


def test_a_person_is_erased_and_the_post_stays(service: Service, tmp_path: Path) -> None:
    code = chain_of(service)["village"]
    load(service, tmp_path, f"{code},officer,李二,13812345678,2020-01-01,")
    assert erase(service, "+86 138 1234 5678", dry_run=True)["rows"] == 1
    done = erase(service, "李二")
    assert (len(done["persons"]), done["rows"]) == (1, 1)
    (held,) = people_of(service, DISTRICT, code)["people"]
    assert (held["post"], held["name"], held["phone"]) == ("officer", None, None)
    with pytest.raises(NotFound):
        erase(service, "李二")
    with service.database.transaction() as connection:
        bodies = connection.scalars(text("select body from incident_event")).all()
    assert not any("李二" in body or "13812345678" in body for body in bodies)
    seal_all(service.database)
    assert all(each.holds for each in verify(service))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nowhere,officer,李二,,2020-01-01,", "line 2: no grid in force"),
        ("{code},boss,李二,,2020-01-01,", "line 2: post 'boss'"),
        ("{code},officer,,,2020-01-01,", "line 2: `name` is empty"),
        ("{code},officer,李二,,2020-13-01,", "line 2: `from` is '2020-13-01'"),
        ("{code},officer,李二,,2020-01-02,2020-01-02", "line 2: `until`"),
        ("{code},officer,李二,,2020-01-01,,", "line 2: more or fewer cells"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_written(service: Service, tmp_path: Path, line: str, words: str) -> None:
    code = chain_of(service)["village"]
    with pytest.raises(InvalidInput, match=words):
        load(service, tmp_path, line.format(code=code))
    assert people_of(service, DISTRICT, code)["people"] == []


def test_only_who_may_load_and_only_what_is_in_scope(service: Service, tmp_path: Path) -> None:
    chain = chain_of(service)
    load(
        service,
        tmp_path,
        f"{chain['village']},officer,李二,,2020-01-01,",
        f"{chain['township']},leader,王一,,2020-01-01,",
    )
    with pytest.raises(NotAllowed):
        load(service.seen_by(Caller.of("d", Role.DISPATCHER)), tmp_path, f"{chain['village']},leader,a,,2020-01-01,")
    other = service.seen_by(Caller.of("x", Role.DISPATCHER, Scope("999999")))
    with pytest.raises(NotFound):
        people_of(other, DISTRICT, chain["village"])
    with other.database.transaction() as connection:
        assert connection.scalars(text("select name from person")).all() == []


def test_the_posts_of_a_removed_district_are_gone(service: Service, tmp_path: Path) -> None:
    load_toy(service, "330730", 0.4)
    with service.database.transaction() as connection:
        code = connection.scalar(text("select code from grid where district = '330730' limit 1"))
    load(service, tmp_path, f"{code},leader,王一,,2020-01-01,", district="330730")
    remove_district(service, "330730")
    with service.database.transaction() as connection:
        assert connection.scalar(text("select count(*) from person")) == 0
        assert connection.scalar(text("select count(*) from post_held")) == 0
