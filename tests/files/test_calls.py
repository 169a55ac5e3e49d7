"""Exports of dispatch systems: encodings, order, repeated rows, summer time, times that are none, guessing."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from gridsvc.compliance.call_map import CallMap, Condition
from gridsvc.coordinates import Datum, from_wgs84
from gridsvc.errors import InvalidInput, NotFound
from gridsvc.files.calls.guess import guess_map
from gridsvc.files.calls.maps import map_text, read_call_map
from gridsvc.files.calls.stamps import read_stamps
from gridsvc.operations.compliance.exports import compliance_of_export, read_export
from gridsvc.operations.compliance.question import Question
from gridsvc.times import MISSING, from_us

if TYPE_CHECKING:
    from gridsvc.compliance.history import History

NOW = datetime(2027, 1, 1, tzinfo=UTC)
HEADER = "案件编号,Unit ID,Received,Dispatched,Enroute,On Scene,类型"
ROWS = [
    "c1,E1,2026-03-01 08:00:00,2026-03-01 08:00:30,2026-03-01 08:01:30,2026-03-01 08:05:00,火灾",
    "c1,E2,2026-03-01 08:00:00,2026-03-01 08:00:31,2026-03-01 08:01:30,2026-03-01 08:04:00,火灾",
    "c2,E1,2026-03-01 23:59:50,2026-03-02 00:00:20,2026-03-02 00:01:20,,救援",
    "c3,E3,2026-03-01 09:00:00,2026-03-01 09:00:10,2026-03-01 09:04:00,2026-03-01 09:03:00,救援",
]
MAP = CallMap(
    "toy",
    "toy",
    {
        "case": ("案件编号",), "team": ("Unit ID",), "received": ("received",), "dispatched": ("Dispatched",),
        "en_route": ("Enroute",), "on_scene": ("On  Scene",), "type": ("类型",),
    },
    ("iso",),
    "Asia/Shanghai",
)  # fmt: skip


def written(folder: Path, lines: list[str], encoding: str = "utf-8", name: str = "calls.csv") -> Path:
    path = folder / name
    path.write_bytes(("\r\n".join(lines) + "\r\n").encode(encoding))
    return path


def figures(path: Path, of: CallMap = MAP, **asked: Any) -> dict[str, Any]:
    return compliance_of_export(path, of, Question(**asked), now=NOW)


def counts(found: dict[str, Any]) -> dict[str, tuple[int, int, int, float | None]]:
    return {row["interval"]: (row["n"], row["missing"], row["impossible"], row["mean_s"]) for row in found["rows"]}


EXPECTED = {
    "handling": (4, 0, 0, 25.25),
    "turnout": (4, 0, 0, 102.25),
    "travel": (2, 1, 1, 180.0),
    "response_first": (2, 1, 0, 210.0),
    "response_lead": (2, 1, 0, 240.0),
    "response_full": (2, 1, 0, 240.0),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_each_encoding_gives_the_same_figures(tmp_path: Path, encoding: str) -> None:
    found = figures(written(tmp_path, [HEADER, *ROWS], encoding))
    assert counts(found) == EXPECTED
    assert (found["file"]["rows"], found["cases"]["counted"]) == (4, 3)


@pytest.mark.parametrize("seed", [1, 2])
def test_order_repeated_rows_and_repeated_headers_change_nothing(tmp_path: Path, seed: int) -> None:
    lines = [*ROWS, ROWS[2], HEADER, HEADER]
    random.Random(seed).shuffle(lines)
    found = figures(written(tmp_path, [HEADER, *lines]))
    assert counts(found) == EXPECTED
    assert found["file"]["repeated_rows"] == 1
    assert [(each["reason"], each["count"]) for each in found["file"]["skipped"]] == [("repeated-header", 2)]


def test_what_cannot_be_used_is_counted_by_its_reason(tmp_path: Path) -> None:
    bad = ["c9,E1,2026-03-01 08:00:00,x", ",E1,2026-03-01 08:00:00,,,,", "c8,E1,2026-02-30 08:00:00,soon,,,"]
    found = figures(written(tmp_path, [HEADER, *ROWS, *bad]))
    reasons = {each["reason"]: (each["count"], each["example"]) for each in found["file"]["skipped"]}
    assert reasons["other-width"][0] == reasons["no-case"][0] == 1
    assert reasons["unreadable-received"] == (1, "2026-02-30 08:00:00")
    assert reasons["unreadable-dispatched"] == (1, "soon")
    assert found["file"]["rows"] == 7


def test_a_tab_separated_file_with_quotes_and_lines_above_is_read(tmp_path: Path) -> None:
    lines = ["", *(line.replace(",", "\t") for line in (HEADER, *ROWS))]
    lines[2] = lines[2].replace("火灾", '"火\t灾"')
    assert counts(figures(written(tmp_path, lines))) == EXPECTED


def us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def stamps(texts: list[str | None], *formats: str) -> list[datetime | None]:
    return [from_us(at) for at in read_stamps(pa.array(texts, pa.string()), formats)[0].tolist()]


def test_times_in_each_form() -> None:
    at = datetime(2026, 3, 1, 8, 0, 5, tzinfo=UTC)
    for text, form in [
        ("2026-03-01T08:00:05Z", "iso"), ("2026-03-01 16:00:05+08:00", "iso"), ("2026-03-01 08:00:05", "iso"),
        ("03/01/2026 08:00:05 AM", "%m/%d/%Y %I:%M:%S %p"), ("1/3/2026 8:00:05", "%d/%m/%Y %H:%M:%S"),
        ("2026年3月1日 8时0分5秒", "%Y年%m月%d日 %H时%M分%S秒"), ("1772352005", "epoch_s"),
        ("1772352005000", "epoch_ms"),
    ]:  # fmt: skip
        assert stamps([text], form) == [at], text
    assert stamps(["2026-03-01 08:00:05.25"], "iso") == [at.replace(microsecond=250_000)]
    assert stamps(["03/01/2026 08:00:05", "2026-03-01 08:00:05"], "iso", "%m/%d/%Y %H:%M:%S") == [at, at]


@pytest.mark.parametrize("text", ["2026-02-30 08:00:00", "2026-04-31 08:00", "soon", "", None, "0001-01-01 00:00:00"])
def test_what_is_no_time_is_missing(text: str | None) -> None:
    assert stamps([text], "iso") == [None]
    assert read_stamps(pa.array([text], pa.string()), ["iso"])[0][0] == MISSING


def summer(tmp_path: Path, *stamps_: str) -> tuple[History, dict[str, Any]]:
    of = CallMap("toy", "toy", MAP.columns, ("iso",), "America/Los_Angeles")
    return read_export(written(tmp_path, [HEADER, f"c1,E1,{','.join(stamps_)},x"]), of, now=NOW)


def test_the_hour_that_comes_twice_is_found_by_the_steps_round_it(tmp_path: Path) -> None:
    first = datetime(2026, 11, 1, 8, 55, tzinfo=UTC)  # 01:55 for the first time
    history, about = summer(tmp_path, "2026-11-01 01:55:00", "2026-11-01 01:58:00", "2026-11-01 01:01:00", "")
    assert history.cases.received_us[0] == us(first)
    assert history.teams.en_route_us[0] == us(datetime(2026, 11, 1, 9, 1, tzinfo=UTC))
    assert about["in_an_hour_twice"] == 1
    history, _ = summer(tmp_path, "2026-11-01 01:58:00", "", "", "2026-11-01 02:03:00")
    assert history.teams.on_scene_us[0] - history.cases.received_us[0] == 300_000_000


def test_the_hour_that_does_not_come_is_counted(tmp_path: Path) -> None:
    history, about = summer(tmp_path, "2026-03-08 01:59:00", "2026-03-08 02:30:00", "", "2026-03-08 03:01:00")
    assert about["in_an_hour_never"] == 1
    assert history.teams.on_scene_us[0] - history.cases.received_us[0] == 120_000_000


def test_conditions_of_a_map_say_which_team_leads_and_which_case_is_a_drill(tmp_path: Path) -> None:
    of = CallMap("toy", "toy", MAP.columns, ("iso",), "Asia/Shanghai",
                 lead=Condition("Unit ID", ("E2",)), drill=Condition("类型", ("救援",)))  # fmt: skip
    found = figures(written(tmp_path, [HEADER, *ROWS]), of)
    assert counts(found)["response_lead"] == (1, 0, 0, 240.0)
    assert found["cases"]["left_out"]["drill"] == 2


def test_a_map_gives_the_types_of_the_run_cards(tmp_path: Path) -> None:
    of = CallMap("toy", "toy", MAP.columns, ("iso",), "Asia/Shanghai", types={"火灾": "fire", "火警": "fire"})
    path = written(tmp_path, [HEADER, *ROWS, ROWS[3].replace("c3", "c4").replace("救援", "火警")])
    outcomes = figures(path, of, by=("type",))["outcomes"]
    assert {each["group"]["type"]: each["cases"] for each in outcomes} == {"fire": 2, "救援": 2}
    saved = tmp_path / "mine.toml"
    saved.write_text(map_text(MAP) + '[types]\nfire = ["火灾", "火警"]\n', encoding="utf-8")
    assert read_call_map(saved).types == of.types


def test_positions_are_converted_from_the_datum_of_the_map(tmp_path: Path) -> None:
    """A place in GCJ-02 is some 500 m off; the formulas themselves are tested with the coordinates."""
    lon, lat = from_wgs84(119.65, 29.1, Datum.GCJ02)
    lines = ["case,received,lon,lat", f"c1,2026-03-01 08:00:00,{lon!r},{lat!r}", "c2,2026-03-01 09:00:00,,"]
    columns = {name: (name,) for name in ("case", "received", "lon", "lat")}
    of = CallMap("toy", "toy", columns, ("iso",), "Asia/Shanghai", datum="gcj02")
    history, _ = read_export(written(tmp_path, lines), of, now=NOW)
    assert history.cases.lon[0] == pytest.approx(119.65, abs=1e-8)
    assert history.cases.lat[0] == pytest.approx(29.1, abs=1e-8)
    assert math.isnan(history.cases.lon[1])
    with pytest.raises(InvalidInput, match="no datum that gridsvc knows"):
        replace(of, datum="beijing54")


def test_a_guessed_map_reads_the_file_and_is_written_as_one_that_reads_it_again(tmp_path: Path) -> None:
    path = written(tmp_path, [HEADER, *ROWS])
    guessed = guess_map(path)
    assert {name: titles[0] for name, titles in guessed.columns.items()} == {
        "case": "案件编号", "team": "Unit ID", "received": "Received", "dispatched": "Dispatched",
        "en_route": "Enroute", "on_scene": "On Scene",
    }  # fmt: skip
    assert counts(figures(path, guessed)) == EXPECTED
    saved = tmp_path / "mine.toml"
    saved.write_text(map_text(guessed), encoding="utf-8")
    assert read_call_map(saved) == guessed


def test_the_map_of_san_francisco_comes_with_the_program() -> None:
    with pytest.raises(InvalidInput, match=r"no such map.*one of: sffd.*--map guess --save-map"):
        read_call_map(Path("nope"))
    assert read_call_map(Path("sffd")) == read_call_map(Path("geodata/maps/sffd.toml"))


def test_refusals_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no column 'Dispatched'"):
        figures(written(tmp_path, ["案件编号,Received", "1,2026-03-01 08:00:00"]))
    with pytest.raises(InvalidInput, match="no row that can be used"):
        figures(written(tmp_path, [HEADER]))
    with pytest.raises(NotFound, match="does not exist"):
        figures(tmp_path / "none.csv")
    with pytest.raises(InvalidInput, match="no column looks like"):
        guess_map(written(tmp_path, ["a,b", "1,2"]))
    with pytest.raises(InvalidInput, match="no time zone"):
        CallMap("toy", "toy", MAP.columns, ("iso",), "Mars/Base")
    with pytest.raises(InvalidInput, match="Exchange them"):
        figures(written(tmp_path, [HEADER, *ROWS]), since="2026-03-02", until="2026-03-01")


def test_a_period_is_of_the_maps_time_zone(tmp_path: Path) -> None:
    path = written(tmp_path, [HEADER, *ROWS])
    assert figures(path, until="2026-03-02")["cases"]["counted"] == 3  # 23:59:50 in Shanghai is the day before
    assert figures(path, since="2026-03-02")["cases"]["counted"] == 0
    assert figures(path, since="2026-03-01T23:00:00+08:00")["cases"]["counted"] == 1


@pytest.mark.shared
def test_the_export_of_san_francisco_agrees_with_pandas(shared_data: Path) -> None:
    import pandas as pd

    path = shared_data / "sffd" / "calls.csv"
    raw = pd.read_csv(path, dtype=str)
    form = "%m/%d/%Y %I:%M:%S %p"
    scene, received, off = (pd.to_datetime(raw[name], format=form, errors="coerce")
                            for name in ("On Scene DtTm", "Received DtTm", "Response DtTm"))  # fmt: skip
    travel = (scene - off).dt.total_seconds()
    rows = {row["interval"]: row for row in figures(path, read_call_map(Path("sffd")))["rows"]}
    assert (rows["travel"]["n"], rows["travel"]["missing"]) == ((travel >= 0).sum(), travel.isna().sum())
    assert rows["travel"]["mean_s"] == pytest.approx(travel[travel >= 0].mean(), abs=1e-3)
    case = raw["Incident Number"]
    first = (scene.groupby(case).min() - received.groupby(case).min()).dt.total_seconds()
    assert rows["response_first"]["n"] == (first >= 0).sum()
    assert rows["response_first"]["mean_s"] == pytest.approx(first[first >= 0].mean(), abs=1e-3)
