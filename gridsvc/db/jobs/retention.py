"""What is removed after its time: answers kept for retries, days of positions, artifacts that nothing names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import text

from gridsvc.db.evidence import row_digests

if TYPE_CHECKING:
    from datetime import date, datetime

    from sqlalchemy import Connection

_districts_with_old_answers = text(
    "select distinct district from idempotency where created_at < clock_timestamp() - make_interval(days => :days)"
)
_answers = text(
    "delete from idempotency where district = :district and (caller, key) in (select caller, key from idempotency "
    "where district = :district and created_at < clock_timestamp() - make_interval(days => :days) limit :batch)"
)


def list_districts_with_old_answers(connection: Connection, after_days: int) -> list[str]:
    """Return the districts of answers that were kept for retries long enough; `*` stands for the whole service."""
    return sorted(connection.scalars(_districts_with_old_answers, {"days": after_days}))


def remove_answers(connection: Connection, district: str, after_days: int, batch: int) -> int:
    """Remove up to `batch` of a district's answers that were kept for retries long enough; return how many."""
    named = {"district": district, "days": after_days, "batch": batch}
    return connection.execute(_answers, named).rowcount


def keep_position_days(connection: Connection, now: datetime, ahead: int, kept: int) -> tuple[int, int]:
    """Have a partition for each day to come and none for days long past; return (made, dropped)."""
    query = text("select made, dropped from keep_position_days(:now, :ahead, :kept)")
    made, dropped = connection.execute(query, {"now": now, "ahead": ahead, "kept": kept}).one()
    return made, dropped


def thin_position_day(connection: Connection, day: date) -> int:
    """Keep the last position of each minute of a team on a day (UTC); return how many were removed."""
    removed: int = connection.execute(text("select thin_position_day(:day)"), {"day": day}).scalar_one()
    return removed


def remove_unnamed_artifacts(connection: Connection, after_days: int) -> list[str]:
    """Remove artifacts that no case, generation, network or version names; return their digests."""
    query = text("select district, digest from remove_unnamed_artifacts(make_interval(days => :days))")
    removed = [(district, digest) for district, digest in connection.execute(query, {"days": after_days})]
    for district, digest in removed:
        row_digests.mark(connection, "artifact", district, digest)
    return [digest for _, digest in removed]
