"""The report: no figure without n and interval, the same bytes from the same events, both languages, safe text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from shapely.geometry import box

from gridsvc.compliance.history import RecordedPolicy
from gridsvc.compliance.report.contents import Sources, digest_of, report_json, shown_least
from gridsvc.compliance.report.findings import findings
from gridsvc.compliance.report.page import page
from gridsvc.compliance.report.words import LANGUAGES, Words, known_keys
from tests.compliance.worlds import LEAD, Sent, case, history

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
    known = Sources("330703", "金东区", synthetic=True, history=whole, policy=RecordedPolicy(LEAD, "0123456789abcdef"))
    return replace(known, outlines=OUTLINES, **changed)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    value: dict[str, Any] = json.loads(json.dumps(report_json(sources()), allow_nan=False))
    return value


class Cells(HTMLParser):
    """The rows of the tables of a page, and its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self._in_cell = True
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in {"td", "th"}

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self.rows[-1][-1] += data


def read(html: str) -> Cells:
    parser = Cells()
    parser.feed(html)
    return parser


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
        seconds, shares = zip(*curve["points"], strict=True)
        assert list(seconds) == sorted(seconds)
        assert list(shares) == sorted(shares)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_figure_without_n_policy_and_interval(document: dict[str, Any], language: str) -> None:
    html = page(document, language)
    assert html.count(LEAD.id) >= 4  # in the head and at each section by it
    shown = [row for row in read(html).rows if any(re.match(r"\d+\.\d%|\d+/\d+ ", cell) for cell in row)]
    assert len(shown) >= 8
    for row in shown:
        whole = " ".join(row)
        assert "–" in whole, row  # an interval
        assert re.search(r"\d+/\d+|(^|\s)\d+(\s|$)", whole), row  # the cases it is of


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone_and_names_are_text(document: dict[str, Any], language: str) -> None:
    html = page(document, language)
    found = read(html)
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
    assert Words(language)("map_none") in page(empty, language)
    assert Words(language)("causes_none") in page(empty, language)
    assert Words(language)("causes_file") in page(report_json(sources(30)), language)


def test_findings_name_what_is_shown_and_nothing_more(document: dict[str, Any]) -> None:
    said = findings(document, Words("en"))
    assert said[0].startswith("urban: in time")
    assert any("12 closed cases have no arrival time" in each for each in said)
    assert not any("first cause" in each for each in said)  # a file has no causes


def test_every_word_is_in_both_languages_and_takes_the_same_values() -> None:
    zh, en = Words("zh"), Words("en")
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
    assert [shown_least(n) for n in (10, 300, 600, 1200, 10_000)] == [5, 5, 10, 20, 20]
