"""Store the positions of teams, one or thousands: those that are usable, and why the others are not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np

from gridsvc.access.scopes import Right
from gridsvc.coordinates import Datum, check_lonlat, to_wgs84
from gridsvc.db import team_positions as store
from gridsvc.errors import InvalidInput, NotAllowed, NotFound, Refusal
from gridsvc.teams.positions import AHEAD_CORRECTED, KEPT_DAYS, Position, correct_clocks, oldest_kept
from gridsvc.times import in_future

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.access.scopes import Caller
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class SentPosition:
    """A position as it was sent; `at` None = now."""

    team_id: str
    lon: float
    lat: float
    at: datetime | None = None
    datum: str = "WGS-84"
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True)
class StoredPositions:
    """What became of positions, by their index in the request.

    `taken` are the usable ones as they are stored; `new` of them were not stored before.
    """

    new: int = 0
    taken: Mapping[int, Position] = field(default_factory=dict)
    rejected: Mapping[int, Refusal] = field(default_factory=dict)

    @property
    def repeated(self) -> int:
        """Return how many were stored already."""
        return len(self.taken) - self.new

    @property
    def corrected(self) -> int:
        """Return how many have another time than the device gave, since its clock is ahead."""
        return sum(each.device_at is not None for each in self.taken.values())


def put_positions(service: Service, sent: Sequence[SentPosition]) -> StoredPositions:
    """Store positions; those of which one value is not usable are rejected, the others are kept.

    A device reports the position of its own team only. Where a person decided that the positions of a team arrive in
    another datum (`datums.decide`), those that say WGS-84 or nothing are converted from it, also where they say
    CGCS2000, which is the same; one that says GCJ-02 or BD-09 is taken at its word.

    Raises
    ------
    NotAllowed
        For a caller without the right, and for a device that was paired without a team.
    """
    service.caller.need(Right.POSITION)
    _need_team(service.caller)
    rejected: dict[int, Refusal] = {}
    places: dict[int, tuple[UUID, Datum]] = {}
    for index, each in enumerate(sent):
        try:
            places[index] = (_team_of(service.caller, each.team_id), _check_place(each))
        except Refusal as refusal:
            rejected[index] = refusal
    if not places:
        return StoredPositions(rejected=rejected)

    def work(connection: Connection) -> StoredPositions:
        senders = store.read_senders(connection, {team_id for team_id, _ in places.values()})
        now = store.begin_positions(connection)
        usable: dict[int, Position] = {}
        refused = dict(rejected)
        for index, (team_id, datum) in places.items():
            try:
                if team_id not in senders:
                    raise no_team(str(team_id))
                at = _time(sent[index].at, now)
            except Refusal as refusal:
                refused[index] = refusal
            else:
                usable[index] = Position(team_id, sent[index].lon, sent[index].lat, at, sent[index].accuracy_m)
                decided = senders[team_id].datum
                if decided is not None and datum in {Datum.WGS84, Datum.CGCS2000}:
                    places[index] = (team_id, Datum(decided))
        usable = _in_wgs84(usable, {index: places[index][1] for index in usable})
        taken = dict(zip(usable, correct_clocks(list(usable.values()), now), strict=True))
        new = store.put_positions(connection, list(taken.values()), senders, now) if taken else 0
        return StoredPositions(new, taken, dict(sorted(refused.items())))

    return service.database.run(work)


def put_position(service: Service, sent: SentPosition) -> Position:
    """Store one position and return it as it is stored; raises what `put_positions` rejects it with."""
    stored = put_positions(service, [sent])
    for refusal in stored.rejected.values():
        raise refusal
    return stored.taken[0]


def no_team(team_id: str) -> NotFound:
    """Return the refusal of a team that does not exist, or is outside the caller's scope."""
    return NotFound(f"There is no team {team_id[:60]}. See GET /teams.", kind="no-team", team_id=team_id[:60])


def _need_team(caller: Caller) -> None:
    if caller.is_device and caller.team_id is None:
        raise NotAllowed(
            "This device was paired without a team, so it reports no positions. Pair it again, with its team.",
            kind="device-without-team",
        )


def _team_of(caller: Caller, team_id: str) -> UUID:
    try:
        found = UUID(team_id)
    except ValueError:
        raise no_team(team_id) from None
    if caller.is_device and caller.team_id != found:
        raise NotAllowed(
            f"This device reports the position of the team {caller.team_id} only, not that of {found}. "
            "Pair it again, with the other team.",
            kind="other-team",
            team_id=str(found),
            own_team_id=str(caller.team_id),
        )
    return found


def _in_wgs84(positions: Mapping[int, Position], datums: Mapping[int, Datum]) -> dict[int, Position]:
    """Return positions in WGS-84, each of its datum; those of one datum are converted together."""
    found = dict(positions)
    for datum in {*datums.values()} & {Datum.GCJ02, Datum.BD09}:
        own = [index for index in positions if datums[index] is datum]
        lon, lat = to_wgs84(
            np.array([positions[index].lon for index in own]), np.array([positions[index].lat for index in own]), datum
        )
        for index, x, y in zip(own, lon.tolist(), lat.tolist(), strict=True):
            found[index] = replace(positions[index], lon=x, lat=y)
    return found


def _check_place(sent: SentPosition) -> Datum:
    """Return the datum that a position says; refuse a place that cannot be meant."""
    datum = Datum.from_name(sent.datum)
    check_lonlat(sent.lon, sent.lat)
    accuracy_m = sent.accuracy_m
    if accuracy_m is not None and not 0 <= accuracy_m <= 1e6:
        raise InvalidInput(f"`accuracy_m` is {accuracy_m}; give metres from 0.", accuracy_m=accuracy_m)
    return datum


def _time(at: datetime | None, now: datetime) -> datetime:
    if at is None:
        return now
    if at > now + AHEAD_CORRECTED:
        raise in_future("at", at, now)
    not_before = oldest_kept(now)
    if at < not_before:
        raise InvalidInput(
            f"`at` {at.isoformat()} is before {not_before.isoformat()}: positions are kept for {KEPT_DAYS} days. "
            "Correct the device's clock, or leave the position out.",
            kind="position-too-old",
            at=at.isoformat(),
            not_before=not_before.isoformat(),
            days=KEPT_DAYS,
        )
    return at
