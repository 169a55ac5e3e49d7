"""Times as people type them, and as they are shown."""

from __future__ import annotations

from datetime import datetime

import click

from gridsvc.errors import InvalidInput
from gridsvc.times import check_time, read_time


def local_time(moment: str | None) -> str:
    """Return an RFC 3339 time in this machine's time zone, to the second; empty for none."""
    return "" if moment is None else f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def read_moment(text: str | None, option: str) -> datetime | None:
    """Read an RFC 3339 time with its offset."""
    if text is None:
        return None
    try:
        return read_time(text)
    except ValueError as wrong:
        raise InvalidInput(f"{option} {text[:60]!r} {wrong}.", name=option, value=text[:60], wrong=str(wrong)) from None


def read_date(text: str | None, *, end_of_day: bool = False) -> datetime | None:
    """Read a time with its offset, or a date: its start (or end) in this machine's time zone."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"{text[:60]!r} is not a date or time. Write 2026-03-01 or 2026-03-01T08:30:00+08:00."
        ) from None
    if moment.tzinfo is None:
        if len(text) > 10:
            raise click.UsageError(f"{text[:60]!r} has no offset. Write it like 2026-03-01T08:30:00+08:00.")
        moment = moment.replace(hour=23, minute=59, second=59) if end_of_day else moment
        try:
            moment = moment.astimezone()
        except (OverflowError, OSError, ValueError):
            raise click.UsageError(f"{text[:60]!r} is out of range.") from None
    try:
        return check_time(moment)
    except ValueError as wrong:
        raise click.UsageError(f"{text[:60]!r} {wrong}.") from None
