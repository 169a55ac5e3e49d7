"""The columns of a period: a selection keeps each team with its case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np

from gridsvc.compliance.labels import Labels
from gridsvc.times import MISSING, from_us, to_us
from tests.compliance.worlds import Sent, case, history

AT = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def test_a_time_is_microseconds_in_utc_and_none_is_missing() -> None:
    assert to_us(datetime(1970, 1, 1, 8, 0, 1, 5, tzinfo=timezone(timedelta(hours=8)))) == 1_000_005
    assert from_us(to_us(AT)) == AT
    assert to_us(None) == MISSING
    assert from_us(MISSING) is None
    assert np.isnat(np.array([MISSING]).view("datetime64[us]"))[0]


def test_labels_keep_each_word_once() -> None:
    labels = Labels.of(["a", None, "b", "a"])
    assert labels.words == ("a", "b")
    assert labels.tolist() == ["a", None, "b", "a"]
    assert labels.equals("a").tolist() == [True, False, False, True]
    assert labels.equals("c").tolist() == [False] * 4
    assert labels.take([2, 1]).tolist() == ["b", None]


def test_a_selection_keeps_the_teams_of_its_cases() -> None:
    whole = history(
        case("one", AT, [Sent("A"), Sent("B")]), case("two", AT, [Sent("C")]), case("three", AT, [Sent("D")])
    )
    assert whole.teams.case.tolist() == [0, 0, 1, 2]
    late = whole.select([False, True, True])
    assert late.cases.id.tolist() == ["two", "three"]
    assert late.teams.case.tolist() == [0, 1]
    assert late.teams.team.tolist() == ["C", "D"]
    turned = whole.reordered([2, 0, 1])
    assert turned.cases.id.tolist() == ["three", "one", "two"]
    assert {(turned.cases.id[row], turned.teams.team[n]) for n, row in enumerate(turned.teams.case)} == {
        ("one", "A"), ("one", "B"), ("two", "C"), ("three", "D"),
    }  # fmt: skip
