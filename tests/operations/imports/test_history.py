"""Exports that are loaded as history: where their cases lie, that figures are those of the file, and every refusal."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gridsvc.access.scopes import RIGHTS, Caller, Role, Scope
from gridsvc.db.cases import imported
from gridsvc.db.grids.versions import ensure_district
from gridsvc.errors import Conflict, InvalidInput, NotAllowed, NotFound
from gridsvc.files.calls.maps import read_call_map
from gridsvc.files.calls.rejected import list_rejected, write_rejected
from gridsvc.operations.compliance.exports import read_export
from gridsvc.operations.compliance.figures import get_compliance
from gridsvc.operations.compliance.imported import Imported
from gridsvc.operations.compliance.question import Question, answered, recorded
from gridsvc.operations.compliance.report import report_of_imports
from gridsvc.operations.coverage.demand import IMPORTED, demand_of
from gridsvc.operations.evidence import verify
from gridsvc.operations.grids.districts import remove_district
from gridsvc.operations.imports.history import list_imports, load_history, remove_import
from tests.operations.imports.worlds import MAP, ROWS, load, row, written
from tests.worlds import toy
from tests.worlds.district import DISTRICT, as_superuser, report

if TYPE_CHECKING:
    from gridsvc.compliance.call_map import CallMap
    from gridsvc.operations.runtime.service import Service


NOW = datetime(2027, 1, 1, tzinfo=UTC)


def figures(service: Service, only: str | None = None, **asked: Any) -> dict[str, Any]:
    return get_compliance(service, DISTRICT, Question(**asked), imported=Imported(only))


def of_file(path: Path, of: CallMap, **asked: Any) -> dict[str, Any]:
    """The answer about the file itself, under the clock policies of the district on paper."""
    question = Question(**asked)
    since, until = question.period(of.time_zone)
    history, _ = read_export(path, of, now=NOW, since=since, until=until)
    return answered(history, question, recorded(toy.CLOCKS, None), None, None)


def compared(found: dict[str, Any]) -> dict[str, Any]:
    own = {"district", "imports", "as_of", "source", "names"}
    return {name: each for name, each in found.items() if name not in own}


def test_the_figures_are_those_of_the_file(service: Service, tmp_path: Path) -> None:
    """A place outside keeps the words of the file; by township they are equal where no place is in the district."""
    path = written(tmp_path, ROWS)
    loaded = load(service, path).answer
    assert (loaded["cases"], loaded["teams"], loaded["drills"], loaded["already"]) == (6, 7, 1, False)
    for asked in ({}, {"by": ("class", "type")}, {"by": ("unit", "hour")}, {"by": ("day",)}, {"since": "2026-03-03"},
                  {"until": "2026-03-04", "by": ("team",)}, {"trend": "day"}):  # fmt: skip
        assert compared(figures(service, **asked)) == compared(of_file(path, MAP, **asked)), asked
    outside = written(tmp_path, [row(f"x{n}", "E9", n + 1, 900.0 + n, township=f"T{n % 2}") for n in range(6)], "o.csv")
    only = load(service, outside).answer["digest"]
    by_township = figures(service, only, by=("township",))
    assert compared(by_township) == compared(of_file(outside, MAP, by=("township",)))
    assert {each["group"]["township"] for each in by_township["outcomes"]} == {"T0", "T1"}


def test_a_place_has_its_owners_by_position_else_by_name(service: Service, tmp_path: Path) -> None:
    found = load(service, written(tmp_path, ROWS)).answer
    assert found["places"] == {"located": 3, "named": 1, "outside": 1, "unknown": 1}
    assert (found["outside"]["cases"], found["outside"]["middle_lon"]) == (1, 128.6)
    assert found["outside"]["middle_distance_m"] == pytest.approx(858_000, rel=0.01)  # 8.83 degrees at 29.1 north
    townships = {each["group"]["township"]: each["cases"] for each in figures(service, by=("township",))["outcomes"]}
    assert townships == {toy.T1: 1, toy.T2: 1, toy.T3: 1, "Elsewhere": 1, None: 1}  # the drill at 12 km does not count


def test_live_and_imported_cases_are_never_pooled(service: Service, tmp_path: Path) -> None:
    report(service)
    load(service, written(tmp_path, ROWS))
    live = get_compliance(service, DISTRICT, Question())
    assert (live["source"], live["cases"]["all"], "imports" in live) == ("live", 1, False)
    found = figures(service)
    assert (found["source"], found["cases"]["all"]) == ("imported", 6)
    assert [(each["name"], each["cases"]) for each in found["imports"]] == [("calls.csv", 6)]
    document = report_of_imports(service, DISTRICT, Question(), "2026-03", Imported())
    assert (document["source"], document["cases"]["counted"], document["causes"]) == ("imported", 5, None)
    json.dumps(document, allow_nan=False)


def test_the_same_file_is_loaded_once_and_a_case_once(service: Service, tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    first = load(service, path).answer
    again = load(service, path).answer
    assert (again["already"], again["number"], again["cases"]) == (True, first["number"], first["cases"])
    with pytest.raises(Conflict, match="loaded already as import 1, by the map toy"):
        load(service, path, replace(MAP, targets_s={}))
    longer = load(service, written(tmp_path, [*ROWS, row("c7", "E1", 9)], "longer.csv"))
    assert (longer.answer["cases"], longer.answer["left_out"]) == (1, {"in-another-import": 6})
    assert longer.left_out is not None
    assert set(longer.left_out["in-another-import"]) == {"c1", "c2", "c3", "c4", "c5", "c6"}
    with pytest.raises(InvalidInput, match="no case is left to load"):
        load(service, written(tmp_path, ROWS[:3], "shorter.csv"))
    assert [each["cases"] for each in list_imports(service, DISTRICT)] == [6, 1]


def test_a_file_is_removed_and_its_number_is_not_used_again(service: Service, tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    digest = load(service, path).answer["digest"]
    with pytest.raises(NotFound, match="Give at least 8 characters of one of"):
        remove_import(service, DISTRICT, digest[:4], actor="test")
    gone = remove_import(service, DISTRICT, digest[:12], actor="Lin")
    assert (gone["cases"], gone["removed_by"]) == (6, "Lin")
    assert list_imports(service, DISTRICT) == []
    assert [each["number"] for each in list_imports(service, DISTRICT, removed=True)] == [1]
    with pytest.raises(NotFound, match="No cases of another system"):
        figures(service)
    assert load(service, path).answer["number"] == 2
    assert figures(service)["cases"]["all"] == 6
    assert [each.faults for each in verify.verify(service)] == [()]


def test_the_chain_has_the_digest_and_an_altered_row_is_named(
    service: Service, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imported, "PIECE", 2)
    digest = load(service, written(tmp_path, ROWS)).answer["digest"]
    with as_superuser(url) as connection:
        bodies = [json.loads(body) for (body,) in connection.execute("select body from incident_event").fetchall()]
        (event,) = (each for each in bodies if each["kind"] == "load incidents")
        assert event["data"]["digest"] == digest
        assert (event["data"]["cases"], event["data"]["map"]) == (6, json.loads(json.dumps(MAP.as_json())))
        assert [each.faults for each in verify.verify(service)] == [()]
        connection.execute("update imported_case set received_at = received_at - interval '1 s' where case_id = 'c4'")
        (altered,) = verify.verify(service)
        assert altered.faults == ("imported_case 1 1 differs from its digest",)
        connection.execute("update imported_case set received_at = received_at + interval '1 s' where case_id = 'c4'")
        connection.execute("delete from imported_team where case_row = 5")
        (altered,) = verify.verify(service)
        assert altered.fault_count == 1


def test_a_caller_of_a_grid_sees_the_cases_of_that_grid(service: Service, tmp_path: Path) -> None:
    load(service, written(tmp_path, ROWS))
    scope = Scope(DISTRICT, toy.T1, (toy.T1, "A1", "V1"))
    narrow = service.seen_by(Caller("Wang", Role.SUPERVISOR, scope, RIGHTS[Role.SUPERVISOR]))
    found = get_compliance(narrow, DISTRICT, Question(), imported=Imported())
    assert found["cases"]["all"] == 1
    assert [each["cases"] for each in found["imports"]] == [1]
    assert next(each for each in found["rows"] if each["interval"] == "travel")["n"] == 2


def test_cases_outside_are_left_out_or_refused_where_that_is_asked(service: Service, tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    with pytest.raises(InvalidInput, match="1 of 6 cases lie outside the district, the first is c6"):
        load(service, path, outside="refuse")
    dry = load(service, path, outside="leave-out", dry_run=True)
    assert (dry.answer["cases"], dry.answer["left_out"], dry.left_out) == (5, {"outside": 1}, {"outside": ("c6",)})
    assert list_imports(service, DISTRICT) == []
    with pytest.raises(InvalidInput, match="no case is left"):
        load(service, written(tmp_path, ROWS[-1:], "far.csv"), outside="leave-out")


def test_a_wrong_map_is_named_with_its_line(service: Service, tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    with pytest.raises(InvalidInput, match=r"line 2: '2026-03-01 08:00:00' in received is no time .* `time_format`"):
        load(service, path, replace(MAP, time_formats=("%d.%m.%Y %H:%M",)))
    wrong = replace(MAP, columns={**MAP.columns, "on_scene": ("type",)})
    with pytest.raises(InvalidInput, match=r"line 2: 'gas leak' in type is no time .* 7 of the 7 values"):
        load(service, path, wrong)
    with pytest.raises(InvalidInput, match="no row has a time in township"):
        load(service, written(tmp_path, [row("c1", "E1", 1)], "b.csv"),
             replace(MAP, columns={**MAP.columns, "received": ("township",)}))  # fmt: skip
    assert list_imports(service, DISTRICT) == []


def test_rows_of_which_something_is_not_used_are_listed_with_their_line(service: Service, tmp_path: Path) -> None:
    lines = [
        row("c1", "E1", 1, type='"two\nlines"'),
        "",
        "too,short",
        row("c2", "E1", 2, on_scene="soon", cleared="later"),
        row("", "E1", 4),
        row("c5", "E1", 5),
        row("c6", "E1", 6),
    ]
    loaded = load(service, written(tmp_path, lines))
    assert loaded.export is not None
    found = [(each.line, each.reason) for each in list_rejected(loaded.export.file, loaded.export.skipped)]
    assert found == [(5, "other-width"), (6, "unreadable-on_scene"), (6, "unreadable-cleared"), (7, "no-case")]
    target = tmp_path / "rejected.csv"
    count = write_rejected(target, loaded.export.file, list_rejected(loaded.export.file, loaded.export.skipped))
    with target.open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file))
    assert len(read) == count == len(found)
    assert read[1]["on_scene"] == "soon"
    assert "time_format" in read[1]["cure"]


def test_files_of_two_time_zones_are_asked_for_one_at_a_time(service: Service, tmp_path: Path) -> None:
    first = load(service, written(tmp_path, ROWS)).answer["digest"]
    far = replace(MAP, time_zone="America/Los_Angeles")
    load(service, written(tmp_path, [row("u1", "E1", 1)], "us.csv"), far)
    with pytest.raises(InvalidInput, match="America/Los_Angeles, Asia/Shanghai"):
        figures(service)
    assert figures(service, first[:10])["time_zone"] == "Asia/Shanghai"
    with pytest.raises(NotFound, match="no imported file of the digest"):
        figures(service, "0" * 12)


def test_only_who_may_load_may_load(service: Service, tmp_path: Path) -> None:
    officer = service.seen_by(Caller("Wang", Role.OFFICER, Scope(DISTRICT), RIGHTS[Role.OFFICER]))
    with pytest.raises(NotAllowed):
        load(officer, written(tmp_path, ROWS))
    with pytest.raises(NotAllowed):
        remove_import(officer, DISTRICT, "0" * 12, actor="Wang")


def test_a_district_is_removed_with_what_was_imported(service: Service, url: str, tmp_path: Path) -> None:
    load(service, written(tmp_path, ROWS))
    remove_district(service, DISTRICT)
    with as_superuser(url) as connection:
        for table in ("imported_file", "imported_case", "imported_team"):
            assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)
    assert all(each.holds for each in verify.verify(service))


def test_without_grids_every_place_is_unknown(service: Service, tmp_path: Path) -> None:
    service.database.run(lambda connection: ensure_district(connection, "330702", name="Bare"))
    loaded = load_history(service, "330702", written(tmp_path, ROWS), MAP, actor="test").answer
    assert loaded["generation"] is None
    assert loaded["places"] == {"located": 0, "named": 0, "outside": 0, "unknown": 6}


def test_an_import_is_refused_while_another_one_runs(service: Service, tmp_path: Path) -> None:
    path = written(tmp_path, ROWS)
    with service.database.transaction() as connection:
        assert imported.lock_imports(connection, DISTRICT)
        with pytest.raises(Conflict, match="Another file is being loaded"):
            load(service, path)
    assert load(service, path).answer["cases"] == 6


def test_what_the_database_does_not_keep_is_left_out_of_a_word(service: Service, tmp_path: Path) -> None:
    """A file whose first megabyte is text is text; a NUL may be in its last row."""
    lines = [row("o'c\\2", "E2", 2, type="tab\there"), row("名", "队", 3)]
    load(service, written(tmp_path, [*lines * 4000, row("c\0" + "1", "E\0" + "1", 1)]))
    found = figures(service, by=("type", "team"))
    groups = {(each["group"]["type"], each["group"]["team"]) for each in found["outcomes"]}
    assert groups == {("leak", "E1"), ("tab\there", "E2"), ("leak", "队")}


@pytest.mark.shared
def test_the_export_of_san_francisco_lies_outside_and_gives_the_figures_of_its_file(
    service: Service, tmp_path: Path, shared_data: Path
) -> None:
    path, of = shared_data / "sffd" / "calls.csv", read_call_map(Path("sffd"))
    found = load(service, path, of).answer
    assert found["places"]["outside"] == found["outside"]["cases"] == found["cases"] > 5000
    assert found["outside"]["middle_distance_m"] == pytest.approx(10_150_000, rel=0.01)
    for by in ((), ("township", "unit"), ("hour",)):
        assert compared(figures(service, by=by)) == compared(of_file(path, of, by=by))
    with service.database.transaction() as connection:
        assert demand_of(connection, DISTRICT, source=IMPORTED).imported == 0
