"""Every word of the screen exists in both languages, also for every slug that the service may send."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import gridsvc.api
from gridsvc.cases.model import Status
from gridsvc.cases.steps import STEPS, TEAM_STEPS
from gridsvc.dispatch import RANGE_REASONS, REASONS, VERDICTS
from gridsvc.grids.levels import LEVEL_KEYS
from gridsvc.grids.ownership import RULE_KEYS
from gridsvc.law import ResponseClass, Urgency
from gridsvc.roads.calibration.model import LEVELS
from gridsvc.roads.network.speeds import LEVELS as ROAD_LEVELS
from gridsvc.teams.model import TeamStatus

SCREEN = Path(gridsvc.api.__file__).parent / "screen"
_ENTRY = re.compile(r'^  "?([\w.\-]+)"?: "(.+)",$', re.MULTILINE)


SUBJECTS = ("page", "case", "map", "place", "review", "slugs")


def words_about(subject: str, language: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = _ENTRY.findall(
        (SCREEN / "js" / f"words_{subject}_{language}.js").read_text(encoding="utf-8")
    )
    return found


def words(language: str) -> dict[str, str]:
    found = [pair for subject in SUBJECTS for pair in words_about(subject, language)]
    assert len(found) == len(dict(found)), "a word is defined twice"
    return dict(found)


ZH, EN = words("zh"), words("en")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in sorted((SCREEN / "js").glob("*.js")))
PAGE = (SCREEN / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("subject", SUBJECTS)
def test_both_languages_have_the_same_words_in_the_same_order(subject: str) -> None:
    zh, en = ([key for key, _ in words_about(subject, language)] for language in ("zh", "en"))
    assert len(zh) > 50
    assert zh == en


def test_every_file_of_words_is_of_one_subject_and_is_loaded() -> None:
    files = {path.name for path in (SCREEN / "js").glob("words_*.js")}
    assert files == {f"words_{subject}_{language}.js" for subject in SUBJECTS for language in ("zh", "en")}
    loaded = (SCREEN / "js" / "words.js").read_text(encoding="utf-8")
    assert {name for name in files if f'from "./{name}"' in loaded} == files


def test_every_word_that_is_used_is_defined() -> None:
    used = set(re.findall(r'\bt\("([\w.]+)"', SOURCES)) | set(re.findall(r'data-word="(\w+)"', PAGE))
    assert len(used) > 60
    assert used <= set(ZH)


def test_the_same_values_are_filled_in() -> None:
    def holes(text: str) -> set[str]:
        return set(re.findall(r"\{(\w+)\}", text))

    assert {key: holes(text) for key, text in ZH.items()} == {key: holes(text) for key, text in EN.items()}


@pytest.mark.parametrize(
    ("group", "slugs"),
    [
        ("reason", REASONS),
        ("verdict", VERDICTS),
        ("range_reason", RANGE_REASONS),
        ("range_basis", LEVELS),
        ("status", [str(status) for status in Status]),
        ("step", [*STEPS, *TEAM_STEPS]),
        ("event", ["report", *STEPS, *TEAM_STEPS]),
        ("level", LEVEL_KEYS),
        ("road_level", ROAD_LEVELS),
        ("rule", RULE_KEYS),
        ("urgency", [str(urgency) for urgency in Urgency]),
        ("class", [str(each) for each in ResponseClass]),
        ("team_status", [str(status) for status in TeamStatus]),
    ],
)
def test_every_slug_of_the_service_has_words(group: str, slugs: list[str]) -> None:
    assert {f"{group}.{slug}" for slug in slugs} <= set(ZH)


def test_the_page_has_no_inline_script_or_style() -> None:
    assert not re.search(r"<script(?![^>]*\bsrc=)", PAGE)
    assert not re.search(r"\sstyle=|<style|\son\w+=", PAGE)
    assert "http://" not in PAGE
    assert "https://" not in PAGE
