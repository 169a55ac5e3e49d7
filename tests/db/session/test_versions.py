"""Grids, roads and closures change under load: every case is wholly of the old or wholly of the new (DESIGN 4)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from shapely.geometry import LineString, mapping
from sqlalchemy import text

from gridsvc.cases.decide import Report
from gridsvc.db.grids import generations as store
from gridsvc.db.session.connection import Database
from gridsvc.errors import Conflict
from gridsvc.grids.levels import Level
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.cases.report import report_incident
from gridsvc.operations.evidence import verify
from gridsvc.operations.evidence.replay import replay
from gridsvc.operations.grids import generations, imports
from gridsvc.operations.places.extents import read_extent
from gridsvc.operations.roads import closures, networks
from gridsvc.operations.roads.closures import NewClosure
from gridsvc.operations.runtime.service import Service
from tests.conftest import PROJECT
from tests.worlds import toy
from tests.worlds.district import DISTRICT, as_superuser, toy_grids, toy_road

if TYPE_CHECKING:
    from pathlib import Path


def renamed(word: Any) -> Any:
    """The same grids with other names: who sees a name knows the generation."""
    return [replace(grid, name=f"{grid.code} {word}") for grid in toy_grids()]


def close_road(service: Service, km: float, factor: Any = 0.5) -> Any:
    line = LineString([(119.6 + km / 100, 29.09), (119.6 + km / 100, 29.11)])
    return json.loads(closures.add_closure(service, NewClosure(line, factor=factor, reason="flood"), actor="test").body)


def a_report(km: float = 1.0) -> Any:
    return Report(type="leak", lon=119.6 + km / 100, lat=29.1001)


def test_every_case_under_load_is_wholly_of_one_version(service: Service, url: str, tmp_path: Path) -> None:
    processes = [Service(Database(url), tmp_path / f"p{n}") for n in range(3)]
    stop, cases, failures = threading.Event(), [], []

    def keep_reporting(one: Any) -> None:
        while not stop.is_set():
            try:
                cases.append(json.loads(report_incident(one, a_report(6.5), actor="test").body))
            except Exception as error:  # noqa: BLE001
                failures.append(error)

    threads = [threading.Thread(target=keep_reporting, args=(one,)) for one in processes for _ in range(2)]
    for thread in threads:
        thread.start()
    speeds, stalls = {}, []
    try:
        for n in range(4):
            known = len(cases)
            while len(cases) < known + 8:
                time.sleep(0.01)
            generation = generations.establish(service, DISTRICT, renamed(f"v{n}"), source={"n": n})
            digest = networks.establish(service, DISTRICT, toy_road(60.0 + 10 * n), source=f"n{n}")
            speeds[digest] = 60.0 + 10 * n
            began = time.monotonic()
            close_road(service, 2 + n)
            stalls.append(time.monotonic() - began)
            assert generation == n + 2
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures
    assert len({case["versions"]["generation"] for case in cases}) > 2
    for case in cases:
        versions = case["versions"]
        n = versions["generation"]
        names = {owner["name"] for owner in case["owners"].values()}
        assert case["ownership"]["generation"] == n
        if n >= 2:
            assert all(name.endswith(f" v{n - 2}") for name in names), (n, names)
        # sq-a2 stands at km 6, the case at km 6.5, no closure between them: the seconds tell the network.
        lead = next(c for c in case["recommendation"]["considered"] if c["verdict"] == "chosen-lead")
        if versions["network"] in speeds:
            expected = 0.5 * 0.9733 * 3600 / speeds[versions["network"]]
            assert lead["travel_s"] == pytest.approx(expected, abs=9)
    for one in processes:
        one.database.close()
    # In the order in which they took the versions, no case is older than one before it.
    cases.sort(key=lambda case: datetime.fromisoformat(case["triggered_at"]))
    for case in cases[:: max(1, len(cases) // 12)]:
        assert replay(service, UUID(case["id"])).same
    assert [r.wrong for r in verify.verify(service) if r.wrong and "waits" not in r.wrong] == []


CHILD = """
import json, sys
from pathlib import Path
sys.path.insert(0, {project!r})
from gridsvc.db.session.connection import Database
from gridsvc.operations.cases.preview import recommend
from gridsvc.operations.runtime.service import Service
from tests.db.session.test_versions import a_report
service = Service(Database({url!r}), Path({folder!r}))
for line in sys.stdin:
    print(json.dumps(recommend(service, a_report(float(line)))), flush=True)
"""


def test_a_process_that_was_stopped_answers_with_the_new_at_its_first_request(
    service: Service, url: str, tmp_path: Path
) -> None:
    code = CHILD.format(project=str(PROJECT), url=url, folder=str(tmp_path / "child"))
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          text=True) as child:  # fmt: skip
        asking, answers = child.stdin, child.stdout
        assert asking is not None
        assert answers is not None

        def ask() -> Any:
            asking.write("6.5\n")
            asking.flush()
            return json.loads(answers.readline())

        before = ask()
        os.kill(child.pid, signal.SIGSTOP)
        generations.establish(service, DISTRICT, renamed("new"), source={})
        digest = networks.establish(service, DISTRICT, toy_road(120.0), source="fast")
        told = close_road(service, 3)
        os.kill(child.pid, signal.SIGCONT)
        after = ask()
        asking.close()
    assert before["versions"]["generation"] == 1
    assert after["versions"] | {"generation": 2, "network": digest, "closures": told["version"]} == after["versions"]
    assert after["owners"]["village"]["name"] == "V2 new"
    was, now = (a["recommendation"]["lead"]["travel_s"] for a in (before, after))
    assert now < 0.7 * was


def test_a_closure_acts_on_the_next_question_of_another_process(service: Service, url: str, tmp_path: Path) -> None:
    other = Service(Database(url), tmp_path / "other")
    before = recommend(other, a_report(16.5))["recommendation"]
    told = close_road(service, 14.5, factor=0.0)
    after = recommend(other, a_report(16.5))["recommendation"]
    travel = [{c["team_id"]: c["travel_s"] for c in r["considered"]} for r in (before, after)]
    cut = [team for team in travel[0] if travel[0][team] is not None and travel[1][team] is None]
    assert len(cut) > 5
    closures.delete_closure(service, UUID(told["id"]), actor="test")
    again = recommend(other, a_report(16.5))["recommendation"]
    assert again == before
    other.database.close()


def test_a_replay_sees_the_closures_of_its_moment(service: Service) -> None:
    told = close_road(service, 3, factor=0.1)
    case = UUID(json.loads(report_incident(service, a_report(1), actor="test").body)["id"])
    closures.delete_closure(service, UUID(told["id"]), actor="test")
    close_road(service, 5, factor=0.0)
    generations.establish(service, DISTRICT, renamed("later"), source={})
    networks.establish(service, DISTRICT, toy_road(20.0), source="slow")
    fresh = Service(service.database, service.folder / "fresh")
    outcome = replay(fresh, case)
    assert outcome.same, outcome


def test_a_stored_closure_that_ends_in_the_year_10000_has_no_end(service: Service, url: str) -> None:
    """Versions before accepted any time; the district of such a closure could not be read any more."""
    made = [UUID(close_road(service, km, factor=0.1)["id"]) for km in (3, 5)]
    with as_superuser(url) as connection:
        connection.execute("update closure set until = '9999-12-31T23:59:59-14:00' where id = %s", [made[0]])
        connection.execute("update closure set \"from\" = '0001-01-01T00:00:00+14:00' where id = %s", [made[1]])
    items = {UUID(each["id"]): each for each in closures.list_closures(service)["items"]}
    assert (items[made[0]]["until"], items[made[1]]["until"]) == (None, None)
    assert all(items[each]["acts"] for each in made)
    report_incident(service, a_report(1), actor="test")


def test_a_network_that_was_tampered_with_is_named_by_the_replay(service: Service, url: str) -> None:
    case = UUID(json.loads(report_incident(service, a_report(1), actor="test").body)["id"])
    with service.database.transaction() as connection:
        body = connection.scalar(text("select body from incident_event where kind = 'report'"))
    teams = json.loads(body)["data"]["decision"]["inputs"]["teams"].values()
    recorded = [each["travel_ms"] for each in teams]
    first = next(ms for ms in recorded if ms)
    with as_superuser(url) as superuser:
        superuser.execute(
            "update incident_event set body = replace(body, %s, %s)",
            [f'"travel_ms":{first}}}', f'"travel_ms":{first + 1000}}}'],
        )
    outcome = replay(service, case)
    assert "travel times" in outcome.tampered


@pytest.mark.parametrize(("first", "differs"), [(True, False), (False, True)])
def test_a_line_across_regions_that_the_first_version_called_a_gap_replays_as_one(
    service: Service, url: str, *, first: bool, differs: bool
) -> None:
    """The first version had no rule `district`, and its inputs name every team in a list, not those that matter."""
    line = read_extent({"type": "LineString", "coordinates": [[119.70, 29.1], [119.72, 29.1]]})
    made = json.loads(report_incident(service, Report(type="leak", extent=line), actor="test").body)
    assert made["ownership"]["rule"] == "district"
    with service.database.transaction() as connection:
        body = json.loads(connection.scalar(text("select body from incident_event where kind = 'report'")))
    body["data"]["case"]["place"]["rule"] = "gap"
    if first:
        inputs = body["data"]["decision"]["inputs"]
        inputs.pop("teams")
        inputs |= {"states": {}, "travel_ms": [None] * len(toy.TEAMS), "coverage_loss": None}
    with as_superuser(url) as superuser:
        superuser.execute("update incident_event set body = %s where kind = 'report'", [json.dumps(body)])
        superuser.execute("update incident set rule = 'gap'")
    assert ("ownership" in replay(service, UUID(made["id"])).differs) is differs


def load_a_level(service: Service, folder: Path) -> Any:
    file = folder / "villages.geojson"
    features = [
        {"type": "Feature", "properties": {"code": grid.code, "name": f"{grid.code} loaded"},
         "geometry": mapping(grid.geometry)}
        for grid in toy_grids() if grid.level is Level.VILLAGE
    ]  # fmt: skip
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return imports.load_grids(service, file, Level.VILLAGE, district=DISTRICT, crs="EPSG:4326",
                                 columns=imports.Columns("code", "name", None, None, None))  # fmt: skip


def load_all_levels(service: Service, _folder: Any) -> Any:
    return generations.establish(service, DISTRICT, renamed("x"), source={})


def load_roads(service: Service, _folder: Any) -> Any:
    return networks.establish(service, DISTRICT, toy_road(90.0), source="")


@pytest.mark.parametrize(
    ("slow", "load"),
    [
        ("gridsvc.db.grids.generations.write_grids", load_a_level),
        ("gridsvc.db.grids.generations.write_grids", load_all_levels),
        ("gridsvc.db.roads.networks.add_network", load_roads),
    ],
)
def test_a_report_does_not_wait_while_something_large_is_written(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: Any, load: Any
) -> None:
    module, _, name = slow.rpartition(".")
    original = getattr(sys.modules[module], name)
    taken = []

    def half_way(*given: Any, **named: Any) -> None:
        original(*given, **named)
        reporting = threading.Thread(target=lambda: taken.append(report_incident(service, a_report(), actor="test")))
        reporting.start()
        reporting.join(20)
        assert taken, "a report waits until the load is written"

    monkeypatch.setattr(slow, half_way)
    load(service, tmp_path)
    assert taken[0].status == 201


def test_a_level_that_is_being_loaded_is_not_activated_half(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The activation waits for the load, sees that the draft is another, and says so."""
    number = load_a_level(service, tmp_path).generation
    original = store.note_load
    outcome: list[object] = []

    def activate() -> None:
        try:
            outcome.append(generations.activate(service, DISTRICT, number))
        except Conflict as refused:
            outcome.append(refused.kind)

    activating = threading.Thread(target=activate)

    def half_way(*given: Any, **named: Any) -> None:
        original(*given, **named)
        activating.start()
        activating.join(2)  # long enough to be at the lock; nothing is wrong where it is not
        assert not outcome

    monkeypatch.setattr(store, "note_load", half_way)
    load_a_level(service, tmp_path)
    activating.join(60)
    assert outcome == ["raced"]
