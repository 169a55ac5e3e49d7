"""Positions that teams report: for how long they are kept, and what is done about a device whose clock is ahead."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

WHOLE_DAYS = 14
"""Every position is kept for so long; of older ones the last of each minute."""

KEPT_DAYS = 90
"""Positions that are older are removed, so that one that arrives later than this is refused."""

AHEAD_ALLOWED = timedelta(seconds=60)
"""How far a device's clock may be ahead of the database's; its times are then kept as they are."""

AHEAD_CORRECTED = timedelta(hours=26)
"""How far ahead a time may be to be corrected: no mistake about time zones is larger. Beyond it a time is refused."""

MOST_AT_ONCE = 5000
"""Positions of one request."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where a team was at a time; lon, lat in degrees WGS-84.

    `device_at` is what the device's clock said, where it was ahead and `at` is another time; else None.
    """

    team_id: UUID
    lon: float
    lat: float
    at: datetime
    accuracy_m: float | None = None
    device_at: datetime | None = None


def oldest_kept(now: datetime) -> datetime:
    """Return the time before which no position is kept."""
    return now - timedelta(days=KEPT_DAYS)


def correct_clocks(positions: Sequence[Position], now: datetime) -> list[Position]:
    """Return the positions with times that are not in the future (R10, R21: both clocks are kept).

    Where the newest time of a team is more than AHEAD_ALLOWED ahead of `now`, its device's clock is wrong by at least
    that difference. All times of the team are then moved back by it: the newest becomes `now`, and their order and
    distances stay.
    """
    ahead = {team: newest - now for team, newest in _newest(positions).items() if newest > now + AHEAD_ALLOWED}
    if not ahead:
        return list(positions)
    return [
        replace(each, at=each.at - ahead[each.team_id], device_at=each.at) if each.team_id in ahead else each
        for each in positions
    ]


def _newest(positions: Iterable[Position]) -> dict[UUID, datetime]:
    newest: dict[UUID, datetime] = {}
    for each in positions:
        if each.team_id not in newest or each.at > newest[each.team_id]:
            newest[each.team_id] = each.at
    return newest
