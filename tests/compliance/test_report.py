"""The report: no figure without n and interval, the same bytes from the same events, both languages, safe text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from shapely.geometry import box

from gridsvc.compliance.hindsight import Dispatched, count_better
from gridsvc.compliance.history import RecordedPolicy
from gridsvc.compliance.predictions import Predicted, judge_predictions
from gridsvc.compliance.report.assessment import by_size
from gridsvc.compliance.report.contents import Sources, digest_of, report_json, shown_least
from gridsvc.compliance.report.findings import findings
from gridsvc.compliance.report.page import page
from gridsvc.compliance.report.tables import table_rows
from gridsvc.compliance.report.words import known_keys, words_of
from gridsvc.law.clocks import ResponseClass
from gridsvc.pages.charts import Bar, bars
from gridsvc.pages.svg import width_of, wrapped
from gridsvc.pages.words import LANGUAGES
from tests.compliance.bare_figures import bare_values, bare_words
from tests.compliance.test_causes import case as late_case
from tests.compliance.test_causes import why
from tests.compliance.worlds import LEAD, Sent, case, history
from tests.worlds.pages import read_page

if TYPE_CHECKING:
    from gridsvc.compliance.causes import LateCase
    from gridsvc.compliance.predictions import Honesty

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
OUTLINES = {"T1": box(119.6, 29.0, 119.7, 29.1), "T2": box(119.7, 29.0, 119.8, 29.1)}


def sources(count: int = 120, **changed: Any) -> Sources:
    """Cases of two townships, one an hour; every fourth is late, every tenth has no arrival; T2 is rural."""
    random = np.random.default_rng(1)
    made = []
    for n in range(count):
        rural = n % 3 == 0
        target_s = 900 if rural else 300
        reached = None if n % 10 == 0 else target_s * (1.5 if n % 4 == 0 else 0.7)
        made.append(
            case(
                f"case-{n:03}",
                AT + timedelta(hours=n),
                [Sent("A" if n % 2 else "B", on_scene_s=reached)],
                target_s=target_s,
                response_class="rural" if rural else "urban",
                township="T2" if rural else "T1",
                lon=float((119.7 if rural else 119.6) + random.uniform(0, 0.1)),
                lat=float(29.0 + random.uniform(0, 0.1)),
            )
        )
    whole = replace(history(*made), names={"township": {"T1": "东镇", "T2": "西<乡>"}, "team": {"A": "A队"}})
    known = Sources("330703", "金东区", synthetic=True, history=whole, policy=POLICY)
    return replace(known, outlines=OUTLINES, **changed)


POLICY = RecordedPolicy(LEAD, "0123456789abcdef")


def late_cases() -> list[LateCase]:
    """Thirty urban cases that are late by handling or travel, and a rural one."""
    slow = why(late_case(5.0, acknowledged=5.25, en_route=6.25, on_scene=20.0))
    handled = why(late_case(15.0, en_route=16.0, on_scene=17.0))

    def of(found: LateCase, kind: ResponseClass) -> LateCase:
        return replace(found, case=replace(found.case, place=replace(found.case.place, response_class=kind)))

    return [
        *[of(slow, ResponseClass.URBAN)] * 21,
        *[of(handled, ResponseClass.URBAN)] * 9,
        of(slow, ResponseClass.RURAL),
    ]


def honesty() -> Honesty:
    """A year of predictions of both classes; what was recorded is spread about them."""
    random = np.random.default_rng(3)
    kinds = ["urban" if n % 3 else "rural" for n in range(240)]
    predicted_s = random.uniform(120, 600, 240)
    levels = np.array([0.8, 1.0, 1.2, 1.3])
    recorded_s = predicted_s * random.uniform(0.7, 1.6, 240)
    months = [f"2026-{n // 20 + 1:02}" for n in range(240)]
    target_s = np.where(np.array(kinds) == "urban", 300.0, 900.0)
    known = Predicted(months, kinds, predicted_s, predicted_s[:, None] * levels, recorded_s, target_s)
    return judge_predictions(known, {"not-arrived": 2})


@pytest.fixture(scope="module")
def explained() -> dict[str, Any]:
    """A report with everything that one can have; from the tenth week on more cases are late."""
    random = np.random.default_rng(5)
    made = []
    for n in range(1500):
        urban, weeks = n % 2 == 0, n // 75
        target_s = 300 if urban else 900
        late = random.random() < (0.35 if urban and weeks >= 10 else 0.07)
        reached = None if n % 50 < 2 else target_s * (1.5 if late else 0.7)
        made.append(
            case(
                f"case-{n:04}",
                AT + timedelta(hours=2.2 * n),
                [Sent("A" if n % 3 else "B", on_scene_s=reached)],
                target_s=target_s,
                response_class="urban" if urban else "rural",
                township="T1" if urban else "T2",
                lon=float((119.6 if urban else 119.7) + random.uniform(0, 0.1)),
                lat=float(29.0 + random.uniform(0, 0.1)),
            )
        )
    whole = replace(history(*made), names={"township": {"T1": "东镇", "T2": "西<乡>"}, "team": {"A": "A队"}})
    better = [Dispatched(str(n), 300, 400.0 + n, 250.0 + 4 * n, 390.0, as_recommended=n % 2 == 0) for n in range(80)]
    known = replace(sources(), history=whole, late=late_cases(), honesty=honesty(), hindsight=count_better(better))
    value: dict[str, Any] = json.loads(json.dumps(report_json(known), allow_nan=False))
    return value


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(report_json(sources()), allow_nan=False))
    return value


def test_the_counts_are_those_of_the_cases(document: dict[str, Any]) -> None:
    by_class = {each["group"]["class"]: each for each in document["outcomes_by_class"]}
    missing = {n for n in range(120) if n % 10 == 0}
    late = {n for n in range(120) if n % 4 == 0} - missing
    for kind, of in (("rural", {n for n in range(120) if n % 3 == 0}), ("urban", {n for n in range(120) if n % 3})):
        row = by_class[kind]
        assert (row["cases"], row["missing"], row["late"]) == (len(of), len(of & missing), len(of & late))
        assert row["met"] == len(of - missing - late)
    assert sum(each["n"] for each in document["map"]["townships"]) == 120
    assert sum(each["properties"]["n"] for each in document["map"]["areas"]) == 120


def test_a_curve_ends_below_one_by_what_is_missing(document: dict[str, Any]) -> None:
    for curve in document["curves"]:
        assert curve["points"][-1][1] == pytest.approx(curve["arrived"] / curve["n"], abs=1e-6)
        assert curve["arrived"] < curve["n"]
        seconds, shares, lows, highs = zip(*curve["points"], strict=True)
        assert all(low < share < high for low, share, high in zip(lows, shares, highs, strict=True))
        assert list(seconds) == sorted(seconds)
        assert list(shares) == sorted(shares)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_figure_without_n_policy_and_interval(explained: dict[str, Any], language: str) -> None:
    assert bare_values(explained) == []
    html = page(explained, language)
    assert bare_words(html) == []
    assert html.count(LEAD.id) >= 5  # in the head, at the findings and at each section by it
    assert html.count("<figure") == 11


def test_a_figure_that_lacks_them_is_found(explained: dict[str, Any]) -> None:
    bare = json.loads(json.dumps(explained))
    bare["outcomes_by_class"][0] |= {"met_share_low": None, "met_share_high": None}
    bare["causes"]["by_class"]["urban"]["causes"][0]["main"].pop("n")
    assert bare_values(bare) == [
        ".outcomes_by_class[0].met_share: no interval", ".causes.by_class.urban.causes[0].main.share: no n",
    ]  # fmt: skip
    html = page(explained, "en")
    assert len(bare_words(re.sub(r"(\d+\.\d%), \d+\.\d%[\u2060]*–[\u2060]*\d+\.\d%\)", r"\1)", html))) >= 10
    assert any("no policy" in each for each in bare_words(re.sub("<small>.*?</small>", "", html)))
    assert any(each.startswith("no n") for each in bare_words(html.replace("n=", "of ")))


def test_classes_are_never_pooled_in_what_was_found(explained: dict[str, Any]) -> None:
    said = findings(explained, words_of("en"))
    assert all(re.match("Urban: |Rural: |Lateness is highest in a part of", each) for each in said)
    assert sum("no arrival time" in each for each in said) == 2
    assert sum("late cases, " in each or "too few to name" in each for each in said) == 2
    changed = [each for each in said if "changed from" in each]
    decided = next(row for row in explained["trends"] if row["class"] == "urban")["changes"][0]
    assert len(changed) == 1
    assert re.match(
        r"Urban: the share in time changed from 2026-W(19|20) on: 90\.2% \(332 of 368 cases\) to ", changed[0]
    )
    assert f"by −{-decided['difference'] * 100:.1f} points (95 % interval −" in changed[0]


def test_rows_stand_by_their_size_then_by_name(document: dict[str, Any]) -> None:
    rows = [{"group": {"township": code}, "cases": n} for code, n in (("T2", 3), (None, 9), ("T1", 3), ("T9", 5))]
    ordered = by_size(document, "township", rows, words_of("en"))
    assert [name for name, _ in ordered] == ["T9", "东镇", "西<乡>", "in no township"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_no_name_is_said_and_one_place_alone_is_no_place(document: dict[str, Any], language: str) -> None:
    nobody = history(*(case(f"c{n}", AT, township=None, target_s=300) for n in range(3)))
    html = page(report_json(Sources("330703", "金东区", synthetic=False, history=nobody, policy=POLICY)), language)
    words = words_of(language)
    assert words("none_lead") in html
    assert words("none_township") in html
    assert not re.search(r"\(none\)|（无）|of 0\)|共 0", html + page(document, language))
    assert words("rank", 1) not in page(document, language)


def test_a_report_of_the_first_format_is_still_shown(document: dict[str, Any]) -> None:
    first = json.loads(json.dumps(document)) | {"format": 1, "trend": None}
    for name in ("trends", "first", "last"):
        del first[name]
    for curve in first["curves"]:
        curve["points"] = [point[:2] for point in curve["points"]]
    for row in (*first["outcomes_by_class"], *(r for d in first["by"].values() for rows in d.values() for r in rows)):
        del row["percentile_n"]
    for area in first["map"]["areas"]:
        del area["properties"]["above_district"], area["properties"]["p90_n"]
    assert "东镇" in page(first, "en")
    assert table_rows(first)


def test_an_area_is_named_only_above_what_its_mix_of_classes_has() -> None:
    """Half of the urban cases are late, a tenth of the rural ones; T1 is all urban, T2 all rural, T3 late as a rule."""
    made = []
    for n in range(600):
        town = f"T{n % 3 + 1}"
        urban = town == "T1" or (town == "T3" and n % 2 == 0)
        late = n % 2 < 1 if town == "T1" else n % 30 == 1 if town == "T2" else n % 30 < 24
        sent = [Sent(on_scene_s=2000 if late else 100)]
        kind = "urban" if urban else "rural"
        made.append(case(f"c{n}", AT, sent, response_class=kind, township=town, lon=119.65, lat=29.05))
    areas = report_json(replace(sources(), history=history(*made)))["map"]["areas"]
    assert {each["properties"]["townships"][0]: each["properties"]["above_district"] for each in areas} == {
        "T1": False, "T2": False, "T3": True,
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "浙江省金华市金东区综合行政执法局直属机动特勤应急救援与山地搜救大队第一中队孝顺镇驻点",
        "A very long name of a unit " * 4,
    ],
)
def test_long_names_stay_within_a_chart(name: str) -> None:
    drawn = bars("t", [Bar(name, 0.5, 0.4, 0.6, 20)], too_few="-")
    lines = re.findall(r'<text x="([\d.]+)"[^>]*text-anchor="end"[^>]*>([^<]*)<', drawn)
    labels = [(float(x), words) for x, words in lines if words[:2] in name or words.endswith("…")]
    assert len(labels) == 2
    assert all(x - width_of(words, 11) >= 0 for x, words in labels)
    assert labels[1][1].endswith("…")
    assert wrapped("short", 100, 11) == ["short"]
    assert wrapped("a b c", 14, 11) == ["a", "b…"]


def test_hours_and_months_without_a_case_keep_their_place(document: dict[str, Any]) -> None:
    html = page(document, "en")
    by_hour = html[html.index("Figure 3") :]
    assert re.findall(r">(\d+)</text><text[^>]*>0</text>", by_hour[: by_hour.index("</svg>")])
    made = [case(f"c{n}", AT + timedelta(days=62 * n), [Sent()]) for n in range(2)]
    two = page(report_json(replace(sources(), history=history(*made))), "en")
    assert ">26-04<" in two


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone_and_names_are_text(document: dict[str, Any], language: str) -> None:
    html = page(document, language)
    found = read_page(html)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in found.tags}
    assert not any(name in {"src", "href"} for _, attrs in found.tags for name in attrs)
    assert "西&lt;乡&gt;" in html
    assert "<乡>" not in html
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in html
    assert "@page { size: A4" in html


def test_the_same_cases_in_another_order_give_the_same_bytes() -> None:
    known = sources(60)
    turned = replace(known, history=known.history.reordered(np.arange(60)[::-1]))
    assert json.dumps(report_json(known), sort_keys=True) == json.dumps(report_json(turned), sort_keys=True)
    assert page(report_json(known), "zh") == page(report_json(turned), "zh")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_stored_report_gives_the_same_page(explained: dict[str, Any], language: str) -> None:
    stored = json.loads(json.dumps(explained, sort_keys=True))
    assert page(stored, language) == page(explained, language)


def test_another_stamp_is_another_digest() -> None:
    known = sources(30).history
    on_scene_us = known.teams.on_scene_us.copy()
    on_scene_us[7] += 1_000_000
    changed = replace(known, teams=replace(known.teams, on_scene_us=on_scene_us))
    assert digest_of(known)["sha256"] != digest_of(changed)["sha256"]


def test_small_samples_are_not_ranked(document: dict[str, Any]) -> None:
    for rows in document["by"]["township"].values():
        for row in rows:
            assert (row["rank_from"] is None) == (row["met"] + row["late"] < 36)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_period_and_a_file_without_decisions_are_said(language: str) -> None:
    empty = report_json(sources(0, late=[]))
    assert words_of(language)("map_none") in page(empty, language)
    assert words_of(language)("causes_none") in page(empty, language)
    assert words_of(language)("causes_file") in page(report_json(sources(30)), language)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_page_without_targets_says_what_to_do_and_shows_times_alone(language: str) -> None:
    """Every tenth of 200 urban and of 100 rural cases has no arrival; groups whose times are too few are one row."""
    made = sources(300)
    made.history.cases.target_s[:] = -1
    document = report_json(made)
    rows = document["outcomes_by_class"]
    assert [(row["met"] + row["late"], row["cases"], row["percentile_n"]) for row in rows] == [
        (0, 200, 180), (0, 100, 90),
    ]  # fmt: skip
    words = words_of(language)
    urban, rural = findings(document, words)
    assert all(each in urban for each in ("targets_s", " 180 ", "20 "))
    assert all(each in rural for each in ("targets_s", " 90 ", "10 "))
    few = {"percentile_s": None, "percentile_n": 2, "cases": 3}
    unit = document["by"]["unit"]["urban"][0]
    document["by"]["unit"]["urban"] = [unit, *(unit | few | {"group": {"unit": f"U{n}"}} for n in range(5))]
    shown = page(document, language)
    assert f"<td>{words('others', 5)}</td><td>15</td><td>—</td>" in shown
    assert "U3" not in shown
    assert all(words(each) in shown for each in ("map_no_target", "no_target"))
    assert not any(words(each) in shown for each in ("met_share", "curve_target", "how_open"))


def test_findings_name_what_is_shown_and_nothing_more(document: dict[str, Any]) -> None:
    said = findings(document, words_of("en"))
    assert said[0].startswith("Urban: in time")
    assert [each[:42] for each in said if "no arrival time" in each] == [
        "Urban: 8 of 80 cases have no arrival time ", "Rural: 4 of 40 cases have no arrival time ",
    ]  # fmt: skip
    assert not any("cause" in each for each in said)  # a file has no causes


def test_every_word_is_in_both_languages_and_takes_the_same_values() -> None:
    zh, en = words_of("zh"), words_of("en")
    for key in known_keys():
        one, other = (str(each.raw(key)) for each in (zh, en))
        assert one
        assert other
        assert set(re.findall(r"\{(\w+)\}", one)) == set(re.findall(r"\{(\w+)\}", other)), key


def test_every_cause_remedy_and_reason_has_words() -> None:
    from gridsvc.compliance.causes import Cause
    from gridsvc.compliance.hindsight import Better

    names = {f"cause_{each}" for each in Cause} | {f"advice_{each}" for each in Cause}
    names |= {f"better_{each}" for each in Better}
    names |= {
        f"remedy_{each}"
        for each in (*Cause, "recommended-team", "nearest-team-free", "other-station")
        if each not in {Cause.NO_TEAM_FREE, Cause.FAR_STATION}
    }
    assert names <= known_keys()


def test_an_area_of_a_map_has_more_cases_where_there_are_many() -> None:
    assert [shown_least(n) for n in (10, 60, 120, 360, 10_000)] == [5, 5, 10, 30, 30]
