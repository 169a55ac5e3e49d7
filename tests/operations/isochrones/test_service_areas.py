"""Service areas of the district on paper: by hand, by an independent union, and only what changed.

Squadrons stand at stones 1, 6, 9 and 12 of a road whose stones are a hundredth of a degree apart: 973.4 m, which take
58.4 s at 60 km/h. R9: response = call handling + turnout + travel, so that of 300 s a squadron has 300 - 45 - 60 = 195
to drive, 3.34 stones, and a brigade 300 - 45 - 90 = 165, 2.83 stones. Of 900 s they have 795, 13.61 stones, and 765.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest
import shapely
from sqlalchemy import text

from gridsvc.access.scopes import Scope
from gridsvc.db.access.keys import list_family
from gridsvc.db.jobs import jobs
from gridsvc.db.roads import service_areas as store
from gridsvc.db.session.connection import Database
from gridsvc.db.teams import replace_teams, set_duty
from gridsvc.errors import NotFound
from gridsvc.isochrones import isochrones
from gridsvc.isochrones.budgets import budgets_of
from gridsvc.law import ClockRules, ResponseClass
from gridsvc.operations.isochrones.service_areas import AreaWatch, draw_areas
from gridsvc.operations.jobs import jobs as operations
from gridsvc.operations.law.in_force import put_law
from gridsvc.operations.roads import closures, networks
from gridsvc.operations.roads.closures import NewClosure
from gridsvc.operations.runtime.service import Service
from gridsvc.roads.search.snapping import snap
from tests.conftest import PROJECT
from tests.worlds import toy
from tests.worlds.district import DISTRICT, TEAM_IDS, load_toy, scratch_database, toy_road

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster

ROAD = 29.1
SQUADRONS = {"sq-a1": 1, "sq-a2": 6, "sq-a3": 9, "sq-a4": 12}
NAMES = {number: name for name, number in TEAM_IDS.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Any:
    return tmp_path_factory.mktemp("areas")  # one mesh for all


@pytest.fixture
def url(cluster: EmbeddedCluster) -> Iterator[Any]:
    with scratch_database(cluster) as url:
        yield url


@pytest.fixture
def service(url: str, folder: Path) -> Iterator[Any]:
    service = Service(Database(url), folder)
    load_toy(service)
    yield service
    service.database.close()


def rows(service: Service, columns: str = "id, drawn_at") -> Any:
    """(kind, class, team's name or k) -> what the columns say."""
    with service.database.transaction() as connection:
        found = connection.execute(
            text(
                f"select kind, response_class, team_id, k, {columns} from service_area"
                " join service_area_shape using (district, digest) where district = :d"
            ),
            {"d": DISTRICT},
        )
        return {(row[0], row[1], NAMES[str(row[2])] if row[2] else row[3]): tuple(row[4:]) for row in found}


def shapes(service: Service) -> Any:
    return {key: shapely.from_wkb(bytes(shape)) for key, (shape,) in rows(service, "st_asbinary(geom)").items()}


def reach(shape: Any) -> Any:
    """The stretches of road within a shape, first and last tenth of a stone: 12 is in the middle of 1.2 to 1.3."""
    inside = {n for n in range(-20, 181) if shapely.contains_xy(shape, 119.6 + (n + 0.5) / 1000, ROAD)}
    ends = [n for n in sorted(inside) if n - 1 not in inside], [n for n in sorted(inside) if n + 1 not in inside]
    return list(zip(*ends, strict=True))


def test_minutes_are_net_of_handling_and_turnout() -> None:
    """R9: a 5-minute service area is drawn at 300 s minus handling minus turnout."""
    targets = {ResponseClass.URBAN: 300, ResponseClass.RURAL: 900}
    lead = toy.CLOCKS.policies["lead"]
    told = {(b.team.id, b.response_class): b.driving_s for b in budgets_of(toy.TEAMS, lead, targets)}
    assert told["sq-a1", ResponseClass.URBAN] == 300 - 45 - 60
    assert told["sq-a1", ResponseClass.RURAL] == 900 - 45 - 60
    assert told["emergency-1", ResponseClass.URBAN] == 300 - 45 - 90
    from_order = {(b.team.id, b.response_class): b.driving_s
                  for b in budgets_of(toy.TEAMS, toy.CLOCKS.policies["order"], targets)}  # fmt: skip
    assert from_order["sq-a1", ResponseClass.URBAN] == 300 - 60  # its clock starts at the order
    slow = replace(toy.TEAMS[0], turnout_s=400)
    (urban, rural) = sorted(budgets_of([slow], lead, targets), key=lambda b: b.driving_s)
    assert (urban.driving_s, urban.minutes) == (-145, 0)
    assert rural.driving_s == 455


def test_areas_by_hand(service: Service) -> None:
    told = draw_areas(service, DISTRICT)
    # fifteen teams at fifteen stations, two classes; four squadrons' arrival stops the clock
    assert told.drawn == {"own": 30, "first": 8, "reached_by": 6}
    assert told.rows == {"written": 44, "kept": 0, "removed": 0}
    found = shapes(service)
    # 195 s = 3.34 stones either way; the road begins at -1
    assert reach(found["own", "urban", "sq-a1"]) == [(-10, 42)]
    assert reach(found["own", "urban", "sq-a4"]) == [(87, 152)]
    # 165 s = 2.83 stones
    assert reach(found["own", "urban", "emergency-1"]) == [(2, 57)]
    # 795 s = 13.61 stones
    assert reach(found["own", "rural", "sq-a1"]) == [(-10, 145)]
    # together at 3.5, 7.5 and 10.5
    assert reach(found["first", "urban", "sq-a1"]) == [(-10, 34)]
    assert reach(found["first", "urban", "sq-a2"]) == [(35, 74)]
    assert reach(found["first", "urban", "sq-a3"]) == [(75, 104)]
    assert reach(found["first", "urban", "sq-a4"]) == [(105, 152)]
    assert reach(found["reached_by", "urban", 1]) == [(-10, 152)]
    assert reach(found["reached_by", "urban", 2]) == [(27, 42), (57, 122)]
    assert reach(found["reached_by", "urban", 3]) == [(87, 92)]
    minutes = rows(service, "minutes")
    assert minutes["own", "urban", "sq-a1"] == (3.25,)
    assert minutes["first", "rural", "sq-a1"] == (13.25,)
    assert minutes["reached_by", "urban", 2] == (3.25,)


@pytest.mark.parametrize("response_class", ["urban", "rural"])
def test_first_areas_do_not_overlap_and_are_what_anybody_reaches(service: Service, response_class: Any) -> None:
    """Against areas drawn one by one and joined by GEOS, to 0.5 % of the ground."""
    draw_areas(service, DISTRICT)
    found = shapes(service)
    firsts = [found["first", response_class, name] for name in SQUADRONS]
    whole = found["reached_by", response_class, 1]
    assert sum(a.intersection(b).area for a, b in combinations(firsts, 2)) < 1e-5 * whole.area
    road = toy_road()
    minutes = {"urban": 3.25, "rural": 13.25}[response_class]
    alone = [
        isochrones(road, snap(road, 119.6 + km / 100, ROAD), [minutes], "from", "emergency", certified=False)[0]
        for km in SQUADRONS.values()
    ]
    union = shapely.union_all([area.geometry for area in alone])
    assert whole.symmetric_difference(union).area < 0.005 * union.area
    assert shapely.union_all(firsts).symmetric_difference(union).area < 0.005 * union.area


def test_nothing_is_drawn_twice(service: Service) -> None:
    draw_areas(service, DISTRICT)
    before = rows(service)
    told = draw_areas(service, DISTRICT)
    assert told.drawn == {"own": 0, "first": 0, "reached_by": 0}
    assert told.rows == {"written": 0, "kept": 44, "removed": 0}
    assert rows(service) == before


def test_a_closure_changes_exactly_the_areas_that_it_touches(service: Service) -> None:
    draw_areas(service, DISTRICT)
    before, kept = shapes(service), rows(service)
    stretch = shapely.LineString([(119.6 + 14.05 / 100, ROAD), (119.6 + 14.95 / 100, ROAD)])
    touched = {key for key, shape in before.items() if key[0] == "own" and shape.intersects(stretch)}
    assert 5 <= len(touched) < 30
    closures.add_closure(
        service, NewClosure(shapely.Point(119.6 + 14.5 / 100, ROAD), factor=0.0, reason="flood"), actor="test"
    )
    told = draw_areas(service, DISTRICT)
    after = shapes(service)
    changed = {key for key in before if not before[key].equals(after[key])}
    assert {key for key in changed if key[0] == "own"} == touched
    assert told.drawn["own"] == len(touched)
    assert told.drawn["first"] == 8
    # rows of unchanged shapes are the same rows
    assert {key for key in kept if rows(service)[key] != kept[key]} == changed
    assert ("first", "urban", "sq-a1") not in changed
    # as far as stone 14
    assert reach(after["own", "urban", "sq-a4"]) == [(87, 139)]
    (closure,) = closures.list_closures(service)["items"]
    closures.delete_closure(service, UUID(closure["id"]), actor="test")
    assert draw_areas(service, DISTRICT).drawn["own"] == len(touched)
    again = shapes(service)
    assert all(before[key].equals(again[key]) for key in before)


def test_a_closure_out_of_reach_changes_nothing(service: Service) -> None:
    move(service, {name: km for name, km in toy.KM.items() if km <= 2})
    draw_areas(service, DISTRICT)
    kept = rows(service)
    # 795 s from stone 2 end at 15.61
    closures.add_closure(
        service, NewClosure(shapely.Point(119.6 + 16.5 / 100, ROAD), factor=0.0, reason="flood"), actor="test"
    )
    assert draw_areas(service, DISTRICT).drawn == {"own": 0, "first": 0, "reached_by": 0}
    assert rows(service) == kept


def claim(service: Service, *, at_once: int = 1) -> jobs.Job:
    """Claim the next job; there must be one."""
    job = service.database.run(lambda c: jobs.claim_job(c, "here", at_once=at_once))
    assert job is not None
    return job


def move(service: Service, km: Mapping[str, float], **turnout_s: int) -> None:
    """Put the toy's teams at other stones, some with another turnout; those that are not named go off duty."""
    teams = [
        replace(
            team,
            id=TEAM_IDS[team.id],
            lon=119.6 + km[team.id] / 100,
            turnout_s=turnout_s.get(team.id.replace("-", "_")),
        )
        for team in toy.TEAMS
        if team.id in km
    ]
    service.database.run(lambda c: replace_teams(c, DISTRICT, [], teams, {}))


def test_a_moved_station_draws_its_own_area_and_those_of_all_together(service: Service) -> None:
    draw_areas(service, DISTRICT)
    kept = rows(service)
    move(service, toy.KM | {"sq-a2": 6.5})
    told = draw_areas(service, DISTRICT)
    assert told.drawn == {"own": 2, "first": 8, "reached_by": 6}
    after = rows(service)
    changed = {key for key in kept if after[key] != kept[key]}
    assert {key for key in changed if key[0] == "own"} == {("own", "urban", "sq-a2"), ("own", "rural", "sq-a2")}
    assert ("first", "urban", "sq-a4") not in changed
    assert ("first", "urban", "sq-a1") in changed
    assert reach(shapes(service)["own", "urban", "sq-a2"]) == [(32, 97)]
    # a team that leads nobody's clock
    move(service, toy.KM | {"sq-a2": 6.5, "fire-2": 11})
    assert draw_areas(service, DISTRICT).drawn == {"own": 2, "first": 0, "reached_by": 0}


def test_teams_at_one_station_share_an_area(service: Service) -> None:
    move(service, toy.KM | {"town-t2": 6, "ecology-1": 6})
    told = draw_areas(service, DISTRICT)
    # town-t2 has the squadron's turnout, ecology-1 has not
    assert told.drawn["own"] == 30 - 2
    found = shapes(service)
    assert found["own", "urban", "town-t2"].equals(found["own", "urban", "sq-a2"])
    assert reach(found["own", "urban", "ecology-1"]) == [(32, 87)]


def test_two_squadrons_at_one_station_both_count_and_one_is_first(service: Service) -> None:
    move(service, toy.KM | {"sq-a2": 1})
    draw_areas(service, DISTRICT)
    found = shapes(service)
    first = min(("sq-a1", "sq-a2"), key=TEAM_IDS.__getitem__)
    (other,) = {"sq-a1", "sq-a2"} - {first}
    assert reach(found["first", "urban", first]) == [(-10, 42)]
    assert found["first", "urban", other].is_empty
    assert reach(found["reached_by", "urban", 2])[0] == (-10, 42)


def test_who_goes_off_duty_leaves_the_map(service: Service) -> None:
    draw_areas(service, DISTRICT)
    team = UUID(TEAM_IDS["sq-a2"])
    service.database.run(lambda c: set_duty(c, DISTRICT, team, on_duty=False))
    told = draw_areas(service, DISTRICT)
    assert told.drawn == {"own": 0, "first": 6, "reached_by": 6}
    assert told.rows["removed"] == 4
    assert reach(shapes(service)["first", "urban", "sq-a1"]) == [(-10, 42)]


def test_a_team_without_minutes_is_listed(service: Service) -> None:
    move(service, toy.KM, sq_a1=300)
    told = draw_areas(service, DISTRICT)
    assert [(each["team_id"], each["response_class"], each["short_s"]) for each in told.without_minutes] == [
        (TEAM_IDS["sq-a1"], "urban", 45)
    ]
    assert rows(service, "minutes, st_isempty(geom)")["own", "urban", "sq-a1"] == (0, True)
    assert ("first", "urban", "sq-a1") not in rows(service)
    assert reach(shapes(service)["own", "rural", "sq-a1"]) == [(-10, 104)]  # 900 - 45 - 300 = 555 s, 9.50


def test_another_clock_draws_other_areas(service: Service) -> None:
    draw_areas(service, DISTRICT)
    clocks = ClockRules(toy.CLOCKS.policies, "order", toy.CLOCKS.response_classes)
    service.database.run(lambda c: put_law(c, DISTRICT, catalogue=toy.CATALOGUE, plans=toy.PLANS, clocks=clocks,
                                           source="toy"))  # fmt: skip
    assert draw_areas(service, DISTRICT).drawn["own"] == 30
    assert reach(shapes(service)["own", "urban", "sq-a2"]) == [(19, 100)]  # 240 s, 4.11


def test_the_first_of_all_counts_where_the_policy_says_so(service: Service) -> None:
    first = replace(toy.CLOCKS.policies["lead"], id="first", stop_event="first_on_scene")
    clocks = ClockRules({"first": first} | dict(toy.CLOCKS.policies), "first", toy.CLOCKS.response_classes)
    service.database.run(lambda c: put_law(c, DISTRICT, catalogue=toy.CATALOGUE, plans=toy.PLANS, clocks=clocks,
                                           source="toy"))  # fmt: skip
    move(service, toy.KM, ecology_1=96)
    assert draw_areas(service, DISTRICT).drawn == {"own": 30, "first": 30, "reached_by": 6}
    # with the squadron of stone 6 it arrives together half-way, with ecology-1 of stone 8 at 7.5 + (96 - 60) / 117
    assert reach(shapes(service)["first", "urban", "town-t2"]) == [(65, 77)]


def test_first_is_who_arrives_first_not_who_drives_less(service: Service) -> None:
    move(service, toy.KM, sq_a2=96)
    draw_areas(service, DISTRICT)
    found = shapes(service)
    # 36 s later at the door: together at 3.5 + 36 / 117 = 3.81 and 7.5 - 0.31
    assert reach(found["first", "urban", "sq-a1"]) == [(-10, 37)]
    assert reach(found["first", "urban", "sq-a2"]) == [(38, 71)]
    # 300 - 45 - 96 = 159 s, 2.72 stones
    assert reach(found["own", "urban", "sq-a2"]) == [(33, 86)]


def test_a_district_without_roads_or_law_says_so(url: str, folder: Path) -> None:
    service = Service(Database(url), folder)
    try:
        with pytest.raises(NotFound, match="No district"):
            draw_areas(service, "999999")
        service.database.run(lambda c: c.execute(text("insert into district (code, name) values ('999999', 'x')")))
        service.database.run(lambda c: c.execute(text("insert into district_version (district) values ('999999')")))
        with pytest.raises(NotFound, match="no roads"):
            draw_areas(service, "999999")
    finally:
        service.database.close()


def test_a_township_sees_the_areas_of_the_teams_that_it_sees(service: Service) -> None:
    draw_areas(service, DISTRICT)
    with service.database.transaction() as connection:
        scope = Scope(DISTRICT, toy.T1, tuple(list_family(connection, DISTRICT, toy.T1)))
    seen = Service(service.database.seen_by(scope), service.folder)
    with seen.database.transaction() as connection:
        teams = {NAMES[str(each)] for each in connection.scalars(text("select id from team"))}
    assert {"sq-a1", "fire-1"} < teams
    assert "sq-a2" not in teams
    found = rows(seen)
    assert {name for kind, _, name in found if kind == "own"} == teams
    assert {name for kind, _, name in found if kind == "first"} == {"sq-a1"}
    assert {k for kind, _, k in found if kind == "reached_by"} == {1, 2, 3}


# in the background


def ask(service: Service) -> Any:
    return json.loads(operations.ask(service, "service-areas", asked_by="test").body)["id"]


CHILD = """
import os, signal, sys
sys.path.insert(0, {project!r})
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5
from gridsvc.db.roads import service_areas as store
from gridsvc.db.session.connection import Database
from gridsvc.operations.isochrones import drawing
from gridsvc.operations.jobs.jobs import run_attempt
from gridsvc.operations.runtime.service import Service

def die(*_args, **_more):
    os.kill(os.getpid(), signal.SIGKILL)

if {where!r} == "drawing":
    drawing.station_areas = die
else:
    store.fetch_all = die  # old rows are removed, new shapes are there, new rows are not
run_attempt(Service(Database({url!r}), Path({folder!r})), UUID(sys.argv[1]), int(sys.argv[2]))
"""


@pytest.mark.parametrize("where", ["drawing", "writing"])
def test_a_job_that_is_killed_half_way_leaves_the_old_areas_whole(
    service: Service, url: str, folder: Path, where: Any
) -> None:
    draw_areas(service, DISTRICT)
    kept = rows(service, "id, drawn_at, digest, md5(st_asbinary(geom))")
    closures.add_closure(
        service, NewClosure(shapely.Point(119.6 + 8.5 / 100, ROAD), factor=0.0, reason="flood"), actor="test"
    )
    ask(service)
    job = claim(service)
    code = CHILD.format(project=str(PROJECT), url=url, folder=str(folder), where=where)
    done = subprocess.run([sys.executable, "-c", code, str(job.id), str(job.attempt)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert rows(service, "id, drawn_at, digest, md5(st_asbinary(geom))") == kept
    assert draw_areas(service, DISTRICT).drawn["own"] > 0


def test_who_was_overtaken_writes_nothing_and_draws_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_areas(service, DISTRICT)
    move(service, toy.KM | {"sq-a1": 2})
    put, tries = store.put_areas, []

    def put_late(connection: Any, drawn: Any, areas: Any) -> Any:
        tries.append(drawn.number)
        if len(tries) == 1:  # somebody else has drawn in the meantime
            other = Service(Database(service.database.url), service.folder)
            monkeypatch.setattr(store, "put_areas", put)
            draw_areas(other, DISTRICT)
            monkeypatch.setattr(store, "put_areas", put_late)
            other.database.close()
        return put(connection, drawn, areas)

    monkeypatch.setattr(store, "put_areas", put_late)
    told = draw_areas(service, DISTRICT)
    assert tries == [2, 3]
    assert told.drawn == {"own": 0, "first": 0, "reached_by": 0}


def test_every_district_is_drawn_by_a_job(service: Service) -> None:
    number = ask(service)
    job = claim(service)
    assert str(job.id) == number
    assert operations.run_attempt(service, job.id, job.attempt)
    with service.database.transaction() as connection:
        job = jobs.get_job(connection, job.id)
    assert job.state == "done"
    assert job.result[0]["drawn"] == {"own": 30, "first": 8, "reached_by": 6}
    assert (job.done, job.total) == (17, 17)  # a search serves both classes of a station


def test_a_drawing_lets_other_jobs_pass(service: Service) -> None:
    ask(service)
    service.database.run(lambda c: jobs.add_job(c, "verify", {}, asked_by="test"))
    assert [claim(service, at_once=9).kind for _ in range(2)] == [
        "verify", "service-areas",
    ]  # fmt: skip


def open_jobs(service: Service) -> Any:
    with service.database.transaction() as connection:
        return [job for job in jobs.list_jobs(connection) if not job.finished]


def do(service: Service) -> None:
    job = claim(service)
    operations.run_attempt(service, job.id, job.attempt)


def test_areas_are_asked_for_once_it_is_quiet(service: Service) -> None:
    watch = AreaWatch()
    assert watch.look(service, 100.0) == []
    assert watch.look(service, 101.0) == []
    assert watch.look(service, 102.0) == [DISTRICT]
    assert watch.look(service, 110.0) == []  # one is open
    assert AreaWatch(quiet_s=0).look(service, 0.0) == []  # and another process sees it
    do(service)
    assert watch.look(service, 120.0) == []
    for second in range(14):  # one closure after the other
        closures.add_closure(
            service,
            NewClosure(shapely.Point(119.6 + second / 100, ROAD), factor=0.5, reason="x"),
            actor="test",
        )
        assert watch.look(service, 200.0 + second) == []
    closures.add_closure(
        service, NewClosure(shapely.Point(119.6 + 14 / 100, ROAD), factor=0.5, reason="x"), actor="test"
    )
    assert watch.look(service, 215.0) == [DISTRICT]  # but not for ever
    assert [job.arguments["district"] for job in open_jobs(service)] == [DISTRICT]


@pytest.mark.parametrize("change", ["roads", "team", "duty", "clock", "closure ends"])
def test_what_decides_areas_has_them_drawn_anew(service: Service, change: Any) -> None:
    closures.add_closure(
        service, NewClosure(shapely.Point(119.6 + 8.5 / 100, ROAD), factor=0.0, reason="flood"), actor="test"
    )
    draw_areas(service, DISTRICT)
    watch = AreaWatch(quiet_s=0)
    assert watch.look(service, 0.0) == []
    if change == "roads":
        networks.establish(service, DISTRICT, toy_road(50.0), source="slower")
    elif change == "team":
        move(service, toy.KM | {"sq-a2": 7})
    elif change == "duty":
        service.database.run(lambda c: set_duty(c, DISTRICT, UUID(TEAM_IDS["sq-a2"]), on_duty=False))
    elif change == "clock":
        clocks = ClockRules(toy.CLOCKS.policies, "order", toy.CLOCKS.response_classes)
        service.database.run(lambda c: put_law(c, DISTRICT, catalogue=toy.CATALOGUE, plans=toy.PLANS, clocks=clocks,
                                               source="toy"))  # fmt: skip
    else:  # by itself, without a new version
        service.database.run(lambda c: c.execute(text("update closure set \"from\" = now() - interval '2 hours', "
                                                      "until = now() - interval '1 hour'")))  # fmt: skip
    assert watch.look(service, 1.0) == [DISTRICT]
    do(service)
    assert watch.look(service, 2.0) == []


def test_another_name_is_no_other_area(service: Service) -> None:
    draw_areas(service, DISTRICT)
    teams = [replace(team, id=TEAM_IDS[team.id], name="another") for team in toy.TEAMS]
    service.database.run(lambda c: replace_teams(c, DISTRICT, [], teams, {}))
    assert AreaWatch(quiet_s=0).look(service, 0.0) == []


def test_a_drawing_that_failed_or_was_cancelled_is_not_asked_for_again_and_again(service: Service) -> None:
    watch = AreaWatch(quiet_s=0)
    assert watch.look(service, 0.0) == [DISTRICT]
    (job,) = open_jobs(service)
    operations.cancel(service, job.id)
    assert watch.look(service, 10.0) == []
    move(service, toy.KM | {"sq-a2": 7})
    assert watch.look(service, 20.0) == [DISTRICT]


def test_a_district_that_lacks_something_is_left_alone(url: str, folder: Path) -> None:
    service = Service(Database(url), folder)
    service.database.run(lambda c: c.execute(text("insert into district (code, name) values ('999999', 'x')")))
    service.database.run(lambda c: c.execute(text("insert into district_version (district) values ('999999')")))
    try:
        assert AreaWatch(quiet_s=0).look(service, 0.0) == []
    finally:
        service.database.close()


def test_teams_at_one_station_share_their_shapes_and_no_shape_is_left_behind(service: Service) -> None:
    """R11: what is stored of areas grows with the stations, not with the fleet."""

    def stored() -> tuple[int, int]:
        with service.database.transaction() as connection:
            counts = connection.execute(
                text("select (select count(*) from service_area), (select count(*) from service_area_shape)")
            ).one()
            return counts[0], counts[1]

    draw_areas(service, DISTRICT)
    before = stored()
    twins = [replace(team, id=str(uuid5(NAMESPACE_URL, f"{team.id} {n}"))) for team in toy.TEAMS for n in range(5)]
    named = [replace(team, id=TEAM_IDS[team.id]) for team in toy.TEAMS]
    service.database.run(lambda connection: replace_teams(connection, DISTRICT, [], [*named, *twins], {}))
    draw_areas(service, DISTRICT)
    many = stored()
    assert many[0] > 5 * before[0]
    assert many[1] <= before[1] + 1  # where a twin is never the first, its area is empty
    service.database.run(lambda connection: replace_teams(connection, DISTRICT, [], named, {}))
    draw_areas(service, DISTRICT)
    assert stored() == before
