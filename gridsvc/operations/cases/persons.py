"""The persons of a case in its answers: who holds the posts of its owners, and who was alerted.

They are read for each answer and stored with none, so that a person who is erased is erased everywhere: neither events
nor kept answers have a name.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from gridsvc.db.grids.posts import posts_of_grids
from gridsvc.grids.levels import Level
from gridsvc.grids.posts import holders, responsible_of_chain

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

    from gridsvc.grids.posts import Held

    Answer = dict[str, Any]

_FINEST_FIRST = [level.key for level in reversed(Level)]


@dataclass(frozen=True, slots=True)
class Persons:
    """Every post of some grids, whenever it was held; days are those of the district's time zone."""

    zone: str
    held: Sequence[Held]

    def in_answer(self, answer: Answer, at: datetime) -> Answer:
        """Return a case's answer with `posts`, `responsible`, and the persons of its alerts.

        The persons of an open case are those at `at`, those of a closed one those of the day on which it was closed.
        """
        closed = answer["archived_at"] or answer["cancelled_at"]
        day = self.day(datetime.fromisoformat(closed) if closed else at)
        owners = {level: None if owner is None else owner["code"] for level, owner in answer["owners"].items()}
        chain = [owners.get(level) for level in _FINEST_FIRST]
        found = dict(zip(_FINEST_FIRST, responsible_of_chain(chain, self.held, day), strict=True))
        return answer | {
            "posts": {level: [_post(each) for each in holders(owners.get(level), self.held, day)] for level in found},
            "responsible": {level: None if each is None else _post(each) for level, each in found.items()},
            "alerts": [self.in_alert(alert, owners) for alert in answer["alerts"]],
        }

    def in_alert(self, alert: Answer, owners: Mapping[str, str | None]) -> Answer:
        """Return an alert with who answered for its grid when it was raised; `owners`: of the case, code by level.

        Where its grid has nobody, it is who answers for the next wider one.
        """
        level, owner = alert["level"], alert["owner"]
        chain = [owner]
        if level in owners and owners[level] == owner:
            chain = [owners.get(each) for each in _FINEST_FIRST[_FINEST_FIRST.index(level) :]]
        who = responsible_of_chain(chain, self.held, self.day(datetime.fromisoformat(alert["at"])))[0]
        if who is None:
            return alert | {"person": None, "post": None, "person_grid": None}
        return alert | {"person": who.name, "post": str(who.post), "person_grid": who.grid}

    def day(self, at: datetime) -> date:
        """Return the day of a time in the district."""
        return at.astimezone(ZoneInfo(self.zone)).date()


def _post(held: Held) -> Answer:
    return {"grid": held.grid, "post": str(held.post), "name": held.name}


def persons_of(
    connection: Connection,
    district: str,
    owners: Iterable[str | None],
    alerts: Iterable[str | None] = (),
) -> Persons:
    """Return the persons of grids that own a case, and of those to which its alerts went, as far as the caller sees."""
    grids = sorted({code for code in (*owners, *alerts) if code is not None})
    return Persons(*posts_of_grids(connection, district, grids))


def persons_of_answer(connection: Connection, answer: Answer) -> Persons:
    """Return the persons of a case's answer."""
    owners = [owner and owner["code"] for owner in answer["owners"].values()]
    return persons_of(connection, answer["district"], owners, [alert["owner"] for alert in answer["alerts"]])


def name_alerted(connection: Connection, items: Sequence[Answer]) -> None:
    """Put the persons into the alerts of the queue's cases (`db.cases.queue.list_queue`)."""
    by_district: dict[str, list[Answer]] = {}
    for item in items:
        for alert in item["alerts"]:
            by_district.setdefault(alert.pop("district"), []).append(alert)
    for district, alerts in by_district.items():
        owners = [alert.pop("owners") or {} for alert in alerts]
        wider = {code for each in owners for code in each.values()}
        persons = persons_of(connection, district, wider, [alert["owner"] for alert in alerts])
        for alert, chain in zip(alerts, owners, strict=True):
            alert.update(persons.in_alert(alert, chain))
