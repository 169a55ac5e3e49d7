"""A district that was made by mistake is removed, and nothing else changes."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

import psycopg
import pytest
from click.testing import CliRunner

from gridsvc.access.scopes import Caller, Role, Scope
from gridsvc.cli import districts as command
from gridsvc.db.evidence.sealing import seal_all
from gridsvc.db.grids import districts
from gridsvc.db.grids.generations import open_draft
from gridsvc.db.grids.versions import ensure_district, get_versions
from gridsvc.db.session.connection import Database
from gridsvc.errors import Conflict, NotAllowed, NotFound
from gridsvc.operations.access.keys import add_key
from gridsvc.operations.evidence.verify import verify
from gridsvc.operations.grids.districts import list_districts, remove_district
from gridsvc.operations.places import owners
from gridsvc.operations.places.in_force import list_indexes
from gridsvc.operations.runtime.districts import list_views
from gridsvc.operations.runtime.layout import Districts
from gridsvc.operations.runtime.service import Service
from tests.worlds.district import DISTRICT, as_superuser, load_toy, open_toy, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.operations.runtime.districts import DistrictView

MISTYPED = "330730"


@pytest.fixture
def service(url: str, tmp_path: Path) -> Iterator[Service]:
    made = open_toy(url, tmp_path)
    load_toy(made, MISTYPED)
    yield made
    made.database.close()


def rows_of(url: str, district: str) -> dict[str, int]:
    """The number of rows that each table has of a district."""
    with as_superuser(url) as superuser:
        tables = superuser.execute(
            "select c.relname from pg_class as c join pg_attribute as a on a.attrelid = c.oid"
            " where a.attname = 'district' and c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')"
            " and not c.relispartition"
        ).fetchall()
        found = {}
        for (table,) in tables:
            row = superuser.execute(f'select count(*) from "{table}" where district = %s', [district]).fetchone()
            assert row is not None
            found[table] = row[0]
    return {table: count for table, count in found.items() if count}


def test_a_mistyped_district_is_removed_and_the_other_stays_as_it_was(service: Service, url: str) -> None:
    seal_all(service.database)
    before = rows_of(url, DISTRICT)
    place = owners.locate(list_indexes(service), 119.61, 29.1001).as_json()

    held = remove_district(service, MISTYPED)

    assert (held["grids"], held["teams"] > 0, held["arcs"] > 0) == (13, True, True)
    assert [each["code"] for each in list_districts(service)] == [DISTRICT]
    assert set(rows_of(url, MISTYPED)) <= {"incident_event", "event_seal", "event_unsealed"}
    assert {k: v for k, v in rows_of(url, DISTRICT).items() if "event" not in k} == {
        k: v for k, v in before.items() if "event" not in k
    }
    assert owners.locate(list_indexes(service), 119.61, 29.1001).as_json() == place
    seal_all(service.database)
    told = {each.district: each for each in verify(service)}
    assert {code: each.faults for code, each in told.items()} == {DISTRICT: (), MISTYPED: ()}
    assert told[MISTYPED].rows == 0


def test_a_report_goes_on_and_the_code_can_be_loaded_again(service: Service) -> None:
    report(service)
    remove_district(service, MISTYPED)
    report(service)
    load_toy(service, MISTYPED)
    report(service)
    seal_all(service.database)
    assert all(each.holds for each in verify(service))
    assert [each["code"] for each in list_districts(service)] == [DISTRICT, MISTYPED]


def test_a_process_that_knew_the_places_of_districts_learns_of_the_change(service: Service) -> None:
    """One district fewer and one more: the number of districts is the same, their places are not."""
    report(service)  # this process knows where the districts are
    remove_district(service, MISTYPED)
    load_toy(service, "330731")
    with service.database.transaction() as connection:
        codes = [view.code for view in Districts.now(service, connection).view_all()]
    assert codes == [DISTRICT, "330731"]


def test_what_happened_in_a_district_keeps_it(service: Service) -> None:
    report(service)
    with pytest.raises(Conflict) as refused:
        remove_district(service, DISTRICT)
    assert refused.value.kind == "district-in-use"
    assert "cases" in str(refused.value)
    with pytest.raises(NotFound):
        remove_district(service, "999999")


def test_only_who_may_load_removes_and_only_in_their_scope(service: Service, url: str) -> None:
    with pytest.raises(NotAllowed):
        remove_district(service.seen_by(Caller.of("d", Role.DISPATCHER)), MISTYPED)
    engineer = Caller.of("e", Role.ENGINEER, Scope(DISTRICT))
    with pytest.raises(NotFound):
        remove_district(service.seen_by(engineer), MISTYPED)
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        connection.execute("select set_config('gridsvc.district', %s, false)", [DISTRICT])
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select remove_district(%s)", [MISTYPED])


def test_the_command_asks_first(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "opened_service", lambda: service)
    run = CliRunner().invoke
    refused = run(command.districts, ["remove", MISTYPED], input="n\n")
    assert refused.exit_code == 1
    assert "13 grids" in refused.output
    assert MISTYPED in run(command.districts, ["list"]).output
    done = run(command.districts, ["remove", MISTYPED], input="y\n")
    assert done.exit_code == 0, done.output
    assert MISTYPED not in run(command.districts, ["list"]).output


def test_a_process_never_answers_from_a_district_that_was_removed(service: Service, url: str) -> None:
    """Its code is loaded again with other grids, teams and name; another process saw nothing in between."""
    other = Service(Database(url, pool=2), service.folder)

    def view() -> DistrictView:
        with other.database.transaction() as connection:
            return next(each for each in list_views(other, connection) if each.code == MISTYPED)

    before = view()
    remove_district(service, MISTYPED)
    load_toy(service, MISTYPED, east_deg=0.5)
    service.database.run(lambda connection: ensure_district(connection, MISTYPED, time_zone="Asia/Urumqi"))
    after = view()
    other.database.close()
    assert before.index is not None
    assert after.index is not None
    assert before.law is not None
    assert after.law is not None
    assert after.index.bounds[0] == pytest.approx(before.index.bounds[0] + 0.5)
    assert after.law.station_lon.tolist() == pytest.approx((before.law.station_lon + 0.5).tolist())
    assert after.district.time_zone == "Asia/Urumqi"


def test_the_only_district_may_get_another_code(url: str, tmp_path: Path) -> None:
    """No district is left in between that could count the change of the layout."""
    service = open_toy(url, tmp_path)
    other = Service(Database(url, pool=2), tmp_path)

    def codes() -> list[str]:
        with other.database.transaction() as connection:
            return [view.code for view in Districts.now(other, connection).view_all()]

    assert codes() == [DISTRICT]
    remove_district(service, DISTRICT)
    load_toy(service, MISTYPED)
    after = codes()
    other.database.close()
    service.database.close()
    assert after == [MISTYPED]


def test_a_removal_waits_for_an_import_and_leaves_nothing_of_it(service: Service, url: str) -> None:
    remover = Thread(target=remove_district, args=(service, MISTYPED))
    with service.database.transaction() as connection:
        ensure_district(connection, MISTYPED)
        remover.start()
        remover.join(0.5)
        open_draft(connection, MISTYPED, of=None, source={})
    remover.join()
    assert set(rows_of(url, MISTYPED)) <= {"incident_event", "event_seal", "event_unsealed"}


def test_an_import_that_waited_for_a_removal_makes_the_district_again(service: Service) -> None:
    def load() -> None:
        service.database.run(lambda connection: ensure_district(connection, MISTYPED, name="Again"))

    loader = Thread(target=load)
    with service.database.transaction() as connection:
        get_versions(connection, MISTYPED, lock="update")
        loader.start()
        loader.join(0.5)
        districts.remove(connection, MISTYPED)
    loader.join()
    assert [each["name"] for each in list_districts(service)] == ["Toy", "Again"]


def test_no_key_is_made_for_a_district_that_is_being_removed(service: Service, url: str) -> None:
    """It would open the district that is loaded under the code some day."""
    refused: list[NotFound] = []

    def make() -> None:
        try:
            add_key(service, "late", Role.DISPATCHER, district=MISTYPED)
        except NotFound as error:
            refused.append(error)

    maker = Thread(target=make)
    with service.database.transaction() as connection:
        get_versions(connection, MISTYPED, lock="update")
        maker.start()
        maker.join(0.5)
        districts.remove(connection, MISTYPED)
    maker.join()
    assert "access_key" not in rows_of(url, MISTYPED)
    assert [error.kind for error in refused] == ["no-district"]
