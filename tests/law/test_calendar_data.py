"""geodata/calendar.csv against the package chinesecalendar, which others derive from the same notices."""

from __future__ import annotations

import chinese_calendar

from gridsvc.files.law.calendar import read_calendar
from tests.conftest import PROJECT


def test_the_calendar_of_the_project_has_the_days_of_the_package_for_every_year_that_both_cover() -> None:
    rest, work = read_calendar(PROJECT / "geodata" / "calendar.csv")
    years = {day.year for day in rest}
    published = {day.year for day in chinese_calendar.holidays}
    assert len(years & published) >= 3
    assert rest == {day for day in chinese_calendar.holidays if day.year in years}
    assert work == {day for day in chinese_calendar.workdays if day.year in years}


def test_the_calendar_of_the_project_has_every_later_year_that_the_package_has() -> None:
    """Fails when a new release of the package covers a year whose notice is not in the project yet."""
    rest, _ = read_calendar(PROJECT / "geodata" / "calendar.csv")
    years = {day.year for day in rest}
    assert {day.year for day in chinese_calendar.holidays if day.year > min(years)} <= years
