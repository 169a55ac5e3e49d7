"""Cases as the list and the map of the command screen need them: few columns, one query, searched and counted here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, RowMapping

OPEN_SHOWN = 2000
PAGE = 100

_OPEN = "i.status not in ('archived', 'cancelled')"

# `i` a case, `e` the teams on it, `a` the alerts of the step that it waits for, as the timers have it.
_CASES = f"""
    incident i
    left join lateral (
        select min(e.on_scene_at) as arrived_at, min(e.en_route_at) as moving_at,
               array_agg(e.team_id order by e.lead desc, e.since) filter (where e.until is null) as teams
        from engagement e where e.district = i.district and e.incident_id = i.id) as e on true
    left join lateral (
        select min(a.limit_at) as limit_at,
               jsonb_agg(jsonb_build_object('step', a.step, 'rank', a.rank, 'since', a.since, 'limit_at', a.limit_at,
                         'at', a.at, 'level', a.level, 'owner', a.owner,
                         'owner_name', i.owners -> a.level ->> 'name') order by a.since, a.rank) as alerts
        from alert a
        where {_OPEN} and a.district = i.district and a.incident_id = i.id and a.step = case i.status
            when 'triggered' then 'accept' when 'accepted' then 'assign' when 'handling' then 'feedback'
            when 'feedback' then 'archive' else
            case when i.urgency = 'emergency' and e.arrived_at is null then 'on_scene' else 'handle' end end) as a
        on true
"""
# As `cases.timing`: the outcome at the last event; an open response is late once it is due.
_LATE = "(i.timing = 'late' or (i.timing = 'open' and i.due_at < clock_timestamp()))"
# While the response is open its target counts; afterwards, and without a target, the limit of the present step.
_DUE_AT = "case when i.timing = 'open' then i.due_at else a.limit_at end"

# One condition a list: its rows and its count are the same cases. Open drills are in a list of their own (R16).
LISTS = {
    "open": f"{_OPEN} and not i.drill",
    "waiting": f"{_OPEN} and not i.drill and i.waiting",
    "late": f"{_OPEN} and not i.drill and ({_LATE} or {_DUE_AT} < clock_timestamp())",
    "drills": f"{_OPEN} and i.drill",
    "closed": f"not ({_OPEN})",
}
OPEN_LISTS = tuple(name for name in LISTS if name != "closed")

_ROWS = f"""
    select i.id, i.number, i.type, i.urgency, i.response_class, i.status, i.waiting, i.drill,
           ST_X(i.geom) as lon, ST_Y(i.geom) as lat, i.reported_at, i.target_s,
           greatest(i.archived_at, i.cancelled_at) as closed_at,
           i.owners -> 'township' ->> 'name' as township,
           i.owners -> 'village' ->> 'name' as village,
           i.rule, i.lead_wanted, case when {_LATE} then 'late' else i.timing end as timing,
           i.arrived_at, e.moving_at, e.teams, a.alerts, case when {_OPEN} then {_DUE_AT} end as due_at
    from {_CASES} where """
_QUEUE = " order by due_at, i.triggered_at desc, i.id desc limit :limit offset :skip"  # the longest overdue first
_NEWEST = " order by i.triggered_at desc, i.id desc limit :limit offset :skip"


@dataclass(frozen=True, slots=True)
class Search:
    """What a list is narrowed to: words (each with the types that it names) and an urgency; empty = everything."""

    words: Sequence[tuple[str, Sequence[str]]] = ()
    urgency: str | None = None

    def condition(self) -> tuple[str, dict[str, Any]]:
        """Return SQL, beginning with `and` where there is any, and its values."""
        clauses: list[str] = []
        values: dict[str, Any] = {}
        for n, (word, types) in enumerate(self.words):
            clauses.append(
                f"(i.number::text = :number_{n} or i.type = any(:types_{n})"
                f" or i.owners -> 'township' ->> 'name' ilike :like_{n}"
                f" or i.owners -> 'village' ->> 'name' ilike :like_{n})"
            )
            like = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            values |= {f"number_{n}": word.removeprefix("#"), f"types_{n}": list(types), f"like_{n}": f"%{like}%"}
        if self.urgency is not None:
            clauses.append("i.urgency = :urgency")
            values["urgency"] = self.urgency
        return "".join(f" and {clause}" for clause in clauses), values


def list_open_cases(connection: Connection) -> list[dict[str, Any]]:
    """Return the open cases, drills included, as JSON values: the longest overdue first, at most OPEN_SHOWN.

    `teams` are those that are on the case now, the lead first; `alerts` those of the step that it waits for.
    """
    rows = connection.execute(text(_ROWS + _OPEN + _QUEUE), {"limit": OPEN_SHOWN, "skip": 0}).mappings()
    return [_as_json(row) for row in rows]


def find_cases(connection: Connection, name: str, search: Search, *, skip: int = 0) -> list[dict[str, Any]]:
    """Return a page of the list `name`: open cases in the order of the queue, closed ones the newest first."""
    condition, values = search.condition()
    query = text(_ROWS + LISTS[name] + condition + (_NEWEST if name == "closed" else _QUEUE))
    rows = connection.execute(query, values | {"limit": PAGE, "skip": skip}).mappings()
    return [_as_json(row) for row in rows]


def count_open_cases(connection: Connection, search: Search) -> dict[str, int]:
    """Return how many cases each of OPEN_LISTS holds."""
    condition, values = search.condition()
    counts = ", ".join(f"count(*) filter (where {LISTS[name]}) as {name}" for name in OPEN_LISTS)
    query = text(f"select {counts} from {_CASES} where {_OPEN}{condition}")
    return dict(connection.execute(query, values).mappings().one())


def count_closed_cases(connection: Connection, search: Search) -> int:
    """Return how many closed cases there are."""
    condition, values = search.condition()
    query = text(f"select count(*) from incident i where {LISTS['closed']}{condition}")
    return int(connection.scalar(query, values))


def _as_json(row: RowMapping) -> dict[str, Any]:
    value = dict(row) | {
        "id": str(row["id"]),
        "lon": round(row["lon"], 6),
        "lat": round(row["lat"], 6),
        "teams": [str(team) for team in row["teams"] or ()],
        "alerts": row["alerts"] or [],
    }
    return {
        key: field.isoformat() if field is not None and key.endswith("_at") else field for key, field in value.items()
    }
