"""Which times are accepted, in one place for HTTP, the command line and the core."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gridsvc.times import read_time

NO_YEAR = ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "2200-01-01T00:00:00Z", "1900-12-31T23:59:59Z"]


@pytest.mark.parametrize(
    "text", ["2026-03-01T08:30:00+08:00", "1901-01-01T00:00:00+14:00", "2199-12-31T23:59:59-14:00"]
)
def test_a_time_that_is_accepted_is_a_time_in_utc(text: str) -> None:
    assert read_time(text).astimezone(UTC) == datetime.fromisoformat(text)


@pytest.mark.parametrize("text", NO_YEAR)
def test_a_year_that_some_zone_cannot_show_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is outside the years 1901 to 2199"):
        read_time(text)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("2026-03-01T08:30:00", "has no offset"),
        ("noon", "is no time"),
        ("", "is no time"),
        ("10000-01-01T00:00:00Z", "is no time"),
    ],
)
def test_a_text_that_is_no_time_is_refused_with_an_example(text: str, wrong: str) -> None:
    with pytest.raises(ValueError, match=f"{wrong}; send RFC 3339 with .*2026-03-01T08:30:00"):
        read_time(text)
