"""The rules of timers and the working time that they count (R14, R15)."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gridsvc.errors import InvalidInput
from gridsvc.files.law.calendar import read_calendar
from gridsvc.law import ResponseClass, Urgency
from gridsvc.law.timers import TimerRule, TimerRules, default_timers, working_s

CHINA = ZoneInfo("Asia/Shanghai")
ARRANGED = Path(__file__).parents[2] / "geodata" / "calendar.csv"


def test_the_most_particular_rule_counts() -> None:
    def limit_s(step: str, response_class: str, priority: int) -> float:
        rule = default_timers().find(step, "emergency", response_class, priority)
        assert rule is not None
        return rule.limit_s

    assert limit_s("accept", "urban", 1) == 30
    assert limit_s("accept", "urban", 2) == 60
    assert limit_s("on_scene", "rural", 1) == 900
    assert default_timers().find("on_scene", "routine", "rural", 1) is None


def test_rules_come_back_from_their_document_with_their_version() -> None:
    again = TimerRules.from_document(default_timers().document())
    assert again.version == default_timers().version
    assert again == default_timers()


@pytest.mark.parametrize(
    "bad",
    [
        {"step": "fly"}, {"urgency": "soon"}, {"warn_s": 0}, {"warn_s": 61}, {"again_s": -1}, {"cards_s": [1]},
        {"cards_s": [3, 2, 1]}, {"limit_s": float("nan")}, {"response_class": "sea"},
    ],
    ids=str,
)  # fmt: skip
def test_rules_that_cannot_be_meant_are_refused(bad: Any) -> None:
    good = {"step": "accept", "urgency": "emergency", "warn_s": 30, "limit_s": 60, "again_s": 60}
    with pytest.raises(InvalidInput):
        TimerRules.from_json({"rules": [good | bad]})


def test_a_rule_twice_is_refused() -> None:
    rule = TimerRule("accept", Urgency.EMERGENCY, 1, 2, 3, response_class=ResponseClass.URBAN)
    with pytest.raises(InvalidInput, match="Two timers"):
        TimerRules((rule, rule))


@pytest.mark.parametrize(
    ("since", "now", "hours"),
    [
        ("2026-03-04T10:00", "2026-03-04T12:30", 2.5),  # a Wednesday
        ("2026-03-04T08:00", "2026-03-04T20:00", 8),
        ("2026-03-04T16:00", "2026-03-05T10:00", 2),
        ("2026-03-06T16:00", "2026-03-09T10:00", 2),  # over a weekend
        ("2026-03-07T10:00", "2026-03-08T10:00", 0),
        ("2026-03-02T09:00", "2026-03-16T09:00", 80),
        ("2026-03-05T10:00", "2026-03-04T10:00", 0),
    ],
)
def test_working_time_by_hand(since: Any, now: Any, hours: Any) -> None:
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=CHINA) for each in (since, now))
    assert working_s(begin, end) == hours * 3600


def test_working_time_counts_no_holiday() -> None:
    begin, end = datetime(2026, 9, 30, 9, tzinfo=CHINA), datetime(2026, 10, 9, 9, tzinfo=CHINA)
    free = frozenset(date(2026, 10, day) for day in range(1, 8))
    assert working_s(begin, end, free) == 2 * 8 * 3600


def test_working_time_by_counting_minutes() -> None:
    holidays, make_up_days = read_calendar(ARRANGED)
    dice = random.Random(5)
    for _ in range(20):
        begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=dice.randrange(60 * 24 * 60))
        end = begin + timedelta(minutes=dice.randrange(60 * 24 * 20))
        counted, at = 0, begin
        while at < end:
            here = at.astimezone(CHINA)
            works = (here.weekday() < 5 and here.date() not in holidays) or here.date() in make_up_days
            counted += works and 9 <= here.hour < 17
            at += timedelta(minutes=1)
        told = working_s(begin.astimezone(CHINA), end.astimezone(CHINA), holidays, make_up_days)
        assert told == counted * 60


@pytest.mark.parametrize(("year", "statutory"), [(2024, 11), (2025, 13), (2026, 13)])
def test_the_arranged_years_have_as_many_working_days_as_the_law_says(year: Any, statutory: Any) -> None:
    """An arrangement moves days, it gives none: the year less its weekends and its statutory holidays."""
    holidays, make_up_days = read_calendar(ARRANGED)
    first, next_year = datetime(year, 1, 1, tzinfo=CHINA), datetime(year + 1, 1, 1, tzinfo=CHINA)
    days = [first + timedelta(days=number) for number in range((next_year - first).days)]
    plain = sum(day.weekday() < 5 for day in days)
    told = working_s(first, next_year, holidays, make_up_days)
    # A statutory day on a weekend is given back, so that it counts as one of the week.
    assert told == (plain - statutory) * 8 * 3600


@pytest.mark.parametrize(
    ("since", "now", "hours"),
    [
        ("2026-02-13T16:00", "2026-02-14T10:00", 2),  # the Saturday before the Spring Festival is worked
        ("2026-02-14T16:00", "2026-02-24T10:00", 2),  # nine days off
        ("2026-01-03T09:00", "2026-01-04T17:00", 8),  # a Saturday off, a Sunday worked
        ("2026-10-10T09:00", "2026-10-10T12:00", 3),
    ],
)
def test_the_arranged_days_by_hand(since: Any, now: Any, hours: Any) -> None:
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=CHINA) for each in (since, now))
    assert working_s(begin, end, *read_calendar(ARRANGED)) == hours * 3600


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("2031-10-01,rest\n2031-10-01,rest", "line 3: 2031-10-01 is there twice"),
        ("2031/10/1,rest", "Write it as 2026-10-01"),
        ("2031-10-01,off", "`rest` or `work`"),
        ("2031-10-01,work", "Wednesday, 2031-10-01 is worked anyway"),
        ("", "holds no days"),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused_with_its_line(tmp_path: Path, lines: Any, words: Any) -> None:
    file = tmp_path / "days.csv"
    file.write_text("date,kind\n" + lines, encoding="utf-8")
    with pytest.raises(InvalidInput, match=words):
        read_calendar(file)


def test_a_day_is_one_thing() -> None:
    saturday, monday = date(2031, 10, 11), date(2031, 10, 13)
    with pytest.raises(InvalidInput, match="both a holiday and worked"):
        TimerRules((), frozenset({saturday}), frozenset({saturday}))
    with pytest.raises(InvalidInput, match="worked anyway"):
        TimerRules((), frozenset(), frozenset({monday}))


def test_a_version_from_before_there_were_make_up_days_keeps_its_digest() -> None:
    assert "make_up_days" not in default_timers().document()
    with_days = default_timers().with_years(frozenset(), frozenset({date(2031, 10, 11)}))
    assert TimerRules.from_document(with_days.document()) == with_days
    assert with_days.version != default_timers().version
