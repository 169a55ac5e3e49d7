"""The page of a plan: every figure with its n, interval and bound, nothing from elsewhere; and its layers.

The plan is of the district on paper: two squadrons for villages at stones 2, 6.5, 9.5 and 14.
"""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import pyogrio
import pytest

from gridsvc.cli.cover_tables import layers_of
from gridsvc.coverage.report.charts import NOT_REACHED, REACHED, cover_map
from gridsvc.coverage.report.page import page
from gridsvc.coverage.report.words import known_keys, words_of
from gridsvc.files.coverage import write_plan, write_plan_page
from gridsvc.operations.coverage.demand import Inhabited
from gridsvc.operations.coverage.ground import Given
from gridsvc.operations.coverage.report import make_plan_report
from gridsvc.operations.coverage.scenario import Scenario
from gridsvc.operations.coverage.sites import Candidate
from gridsvc.pages.words import LANGUAGES
from tests.operations.imports.worlds import ROWS, load, row, written
from tests.worlds.district import DISTRICT
from tests.worlds.pages import read_page

if TYPE_CHECKING:
    from pathlib import Path

    from gridsvc.operations.runtime.service import Service

PEOPLE = [Inhabited(119.62, 29.1, 300.0), Inhabited(119.74, 29.1, 50.0)]
HERE = [Candidate(f"<stone {each}>", 119.6 + each / 100, 29.1) for each in (4, 8)]


def report(service: Service, value: dict[str, Any], candidates: list[Candidate] | None = None) -> dict[str, Any]:
    return make_plan_report(service, DISTRICT, Scenario.from_json(value), Given(candidates, population=PEOPLE))


def two_posts(service: Service) -> dict[str, Any]:
    return report(service, {"model": "mclp", "p": 2, "demand": "villages"}, HERE)


def test_the_curve_has_the_best_of_each_number_with_its_bound(service: Service) -> None:
    """One post reaches two villages, from stones 4, 8, 9 or 12; two reach all four, from stones 4 and 12."""
    curve = two_posts(service)["curve"]
    assert [(each["p"], each["covered"], each["optimal"]) for each in curve["points"]][:3] == [
        (1, 2.0, True), (2, 4.0, True), (3, 4.0, True),
    ]  # fmt: skip
    assert all(each["bound_share"] == each["share"] for each in curve["points"])
    assert (curve["today"]["p"], curve["today"]["covered"], curve["plan"]["p"]) == (4, 4.0, 2)
    assert curve["reachable"]["covered"] == 4.0


def test_the_map_has_each_place_before_and_after(service: Service) -> None:
    found = report(service, {"model": "what-if", "demand": "villages", "changes": {
        "close": ["sq-a1"], "move": [{"name": "sq-a4", "lon": 119.73, "lat": 29.1}]}})  # fmt: skip
    cells = {each["cell"]: (each["before"], each["after"]) for each in found["map"]["cells"]}
    assert cells == {"V1": (1.0, 0.0), "V2": (1.0, 1.0), "V3": (1.0, 1.0), "V4": (1.0, 1.0)}
    assert {each["state"] for each in found["map"]["posts"]} == {"kept", "new", "closed"}
    assert len(found["map"]["moves"]) == 1
    before, after = (cover_map("m", found["map"], after=when) for when in (False, True))
    assert (before.count(REACHED), before.count(NOT_REACHED)) == (4, 0)
    assert (after.count(REACHED), after.count(NOT_REACHED)) == (3, 1)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_figure_without_n_interval_and_bound(service: Service, tmp_path: Path, language: str) -> None:
    load(service, written(tmp_path, [*ROWS, row("c7", "E1", 7, 1.0, class_="", received="2026-03-07 23:30:00")]))
    document = report(service, {"model": "mclp", "p": 1, "demand": "imported"})
    html = page(document, language)
    found = read_page(html)
    words = words_of(language)
    proof = words("proved")
    sections = re.findall(r"<h2>(.*?)<small>(.*?)</small></h2>", html)
    assert len(sections) == html.count("<h2>") == 8
    assert {shown for _, shown in sections} == {proof}
    shares = [cells for cells in found.rows if any(re.search(r"\d\.\d%", cell) for cell in cells)]
    assert len(shares) >= 6
    for cells in shares:
        whole = " ".join(cells)
        of_people = "350" in cells or "300" in cells or "50" in cells
        assert of_people or "–" in whole, cells
        assert re.search(r"(^|\s)[\d,]+(\s|$)", whole), cells
    figures = re.findall(r"<figure.*?</figure>(?:</div>.*?</p>)?", html, re.DOTALL)
    assert len(figures) >= 4
    hours = [each for each in figures if words("hours") in each]
    assert hours
    assert all("n=" in each for each in hours)
    assert words("map_note", cells=len(document["map"]["cells"]), n="3") in unescape(html)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_stands_alone_and_has_words_for_everything(service: Service, language: str) -> None:
    document = two_posts(service)
    html = page(document, language)
    found = read_page(html)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in found.tags}
    assert not any(name in {"src", "href"} for _, attrs in found.tags for name in attrs)
    assert "&lt;stone 4&gt;" in html
    assert "<stone" not in html
    assert not known_keys() & set(re.findall(r">([a-z_-]+_[a-z_-]+)<", html))
    assert f'<html lang="{"zh-CN" if language == "zh" else "en"}">' in html
    assert ("自由流" if language == "zh" else "free-flow") in html


def test_a_plan_that_is_not_proved_says_so_everywhere(service: Service) -> None:
    document = two_posts(service) | {"optimal": False, "objective": 3.0, "bound": 4.0, "gap": 1 / 3}
    document["curve"]["points"][0] |= {"optimal": False, "bound_share": 0.75, "gap": 0.5}
    html = page(document, "en")
    assert html.count("within 33.33% of the best; not proved") >= 9
    assert "Every point is proved best" not in html
    assert "proved best" not in html


def test_the_layers_of_a_plan_open_in_a_gis(service: Service, tmp_path: Path) -> None:
    document = two_posts(service)
    write_plan(tmp_path / "plan.gpkg", layers_of(document))
    layers = {str(name): str(kind) for name, kind in pyogrio.list_layers(tmp_path / "plan.gpkg")}
    assert layers["cells"] == "MultiPolygon"
    assert layers["posts"] == layers["closed"] == "Point"
    cells = pyogrio.read_dataframe(tmp_path / "plan.gpkg", layer="cells")
    assert cells.crs.to_epsg() == 4326
    after = {each["cell"]: each["after"] for each in document["map"]["cells"]}
    assert dict(zip(cells["cell"], cells["after"], strict=True)) == after
    write_plan(tmp_path / "plan.geojson", layers_of(document))
    assert len(pyogrio.read_dataframe(tmp_path / "plan.geojson")) >= len(cells)
    write_plan_page(tmp_path / "plan.html", document, "zh")
    assert (tmp_path / "plan.html").read_text(encoding="utf-8") == page(document, "zh")
