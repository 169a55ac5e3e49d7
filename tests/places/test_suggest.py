"""Suggestions while a name is typed."""

from __future__ import annotations

import pytest

from gridsvc.places.suggest import suggest
from tests.places.jindong import gazetteer


@pytest.mark.parametrize(
    "typed",
    ["孝顺", "孝", "xiaoshun", "xiaosh", "xsz", "xiao shun", "孝s", "xiao顺", "XIAO", "xiaosun", "孝顺镇", "孝順"],
)
def test_a_township_comes_first_however_it_is_typed(typed: str) -> None:
    assert suggest(typed, gazetteer())[0].name == "孝顺镇"


@pytest.mark.parametrize(
    ("typed", "name", "township"),
    [("琐", "琐园村委会", "澧浦镇"), ("suoyuan", "琐园村委会", "澧浦镇"), ("syc", "琐园村委会", "澧浦镇")],
)
def test_villages(typed: str, name: str, township: str) -> None:
    found = {c.name: c.township for c in suggest(typed, gazetteer(), most=40)}
    assert found[name] == township


def test_two_of_one_name_are_both_suggested_with_their_townships() -> None:
    found = [c.township for c in suggest("桥头村", gazetteer()) if c.name == "桥头村委会"]
    assert sorted(filter(None, found)) == ["东孝街道", "岭下镇"]


def test_what_begins_with_it_comes_before_what_holds_it() -> None:
    names = [c.name for c in suggest("桥头", gazetteer())]
    assert names[:3] == ["桥头村委会", "桥头村委会", "桥头陆村委会"]
    assert "杨桥头村委会" in names[3:]


@pytest.mark.parametrize("typed", ["", "  ", "?", "\t", "\n", "佛堂镇", "zzz"])
def test_nothing_is_suggested_for_nothing_and_for_what_lies_elsewhere(typed: str) -> None:
    assert suggest(typed, gazetteer()) == []


def test_a_suggestion_is_never_acted_on_unasked() -> None:
    assert all(c.confirm for typed in ("x", "孝顺镇", "琐园村") for c in suggest(typed, gazetteer(), most=50))
    assert len(suggest("c", gazetteer(), most=3)) == 3
