"""Times that are accepted: RFC 3339 with an offset, in years that every time zone can show.

Near the years 1 and 9999 an offset moves a time out of what Python can represent: 9999-12-31T23:59:59-14:00 is in the
year 10000 in UTC. Every place that takes a time from outside refuses such years here.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gridsvc.errors import InvalidInput

YEARS = range(1901, 2200)

MISSING = -(2**63)
"""A time that was never stamped, in a column of microseconds since 1970 in UTC; the NaT of NumPy has these bytes."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime | None) -> int:
    """Return a time as microseconds since 1970 in UTC; None = MISSING."""
    return MISSING if at is None else (at - _EPOCH) // _MICROSECOND


def from_us(at_us: int) -> datetime | None:
    """Return the time of a number of microseconds, in UTC; MISSING = None."""
    return None if at_us == MISSING else _EPOCH + timedelta(microseconds=int(at_us))


def read_time(text: str) -> datetime:
    """Read a time in RFC 3339; raises ValueError, with words that follow the name of the value."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("is no time; send RFC 3339 with offset, such as 2026-03-01T08:30:00+08:00") from None
    return check_time(moment)


def check_time(moment: datetime) -> datetime:
    """Return a time that is accepted; raises ValueError, with words that follow the name of the value."""
    if moment.tzinfo is None:
        raise ValueError("has no offset; send RFC 3339 with one, such as 2026-03-01T08:30:00+08:00")
    if moment.year not in YEARS:
        raise ValueError(f"is outside the years {YEARS[0]} to {YEARS[-1]}; correct the year, or leave the time out")
    return moment


def in_future(field: str, at: datetime, now: datetime) -> InvalidInput:
    """Return the refusal of a time that a device gave and that has not come yet by the database's clock, `now`."""
    return InvalidInput(
        f"`{field}` {at.isoformat()} is in the future (the service's clock says {now.isoformat()}). "
        f"Set the device's clock, or leave `{field}` out.",
        kind="time-in-future",
        field=field,
        at=at.isoformat(),
        now=now.isoformat(),
    )
