"""What lists of cases are narrowed to: filters of the interface, and the words of a search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gridsvc.cases.model import CLOSED, Status
from gridsvc.db.cases.pages import IN_TIME, LATE, Condition, owned_by
from gridsvc.db.session.fast_statements import fetch_all
from gridsvc.db.session.scope import scope_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy import Connection


_HAVING_GRID = """
    select d.code from district as d where exists (select from grid as g where g.district = d.code and g.code = %s)
"""


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """What a list of cases is asked for; None = everything."""

    district: str | None = None
    statuses: tuple[str, ...] | None = None
    owner: str | None = None
    response_class: str | None = None
    since: datetime | None = None
    bbox: tuple[float, float, float, float] | None = None
    late: bool | None = None
    waiting: bool | None = None
    number: int | None = None

    def condition(self, connection: Connection) -> Condition:
        """Return the cases that are asked for; of a caller who is limited to a grid, by the index of its owners."""
        scope = scope_of(connection)
        both: list[str] = []
        values: dict[str, Any] = {}
        for name, column in (("number", "number"), ("response_class", "response_class"), ("waiting", "waiting")):
            if (value := getattr(self, name)) is not None:
                both.append(f"i.{column} = %({name})s")
                values[name] = value
        if self.since is not None:
            both.append("i.triggered_at >= %(since)s")
            values["since"] = self.since
        if self.bbox is not None:
            box = "st_makeenvelope(%(west)s, %(south)s, %(east)s, %(north)s, 4326)"
            # Behind row level security only && may use the index; the other decides to the last digit.
            both += [f"i.geom && {box}", f"st_intersects(i.geom, {box})"]
            values |= dict(zip(("west", "south", "east", "north"), self.bbox, strict=True))
        opened, closed = self._open(), self._closed()
        district = self.district or scope.district
        owner = self.owner or scope.grid
        narrow: tuple[str, ...] = ()
        if owner is not None:
            narrow = owned_by("owner")
            values["owner"] = owner
            if district is None:
                having = [row[0] for row in fetch_all(connection, _HAVING_GRID, (owner,))]
                district = having[0] if len(having) == 1 else None
                opened, closed = (opened, closed) if having else (None, None)
        return Condition(tuple(both), opened, closed, narrow, district, values)

    def _open(self) -> tuple[str, ...] | None:
        late = () if self.late is None else (LATE if self.late else IN_TIME,)
        if self.statuses is None:
            return late
        wanted = [status for status in self.statuses if status not in CLOSED]
        return (_has_status(wanted), *late) if wanted else None

    def _closed(self) -> tuple[str, ...] | None:
        """Return the conditions of closed cases: none of them waits, and the response of none is open."""
        if self.waiting:
            return None
        late = (
            ()
            if self.late is None
            else ("i.timing = 'late'" if self.late else "(i.timing is null or i.timing = 'met')",)
        )
        if self.statuses is None:
            return late
        wanted = [status for status in self.statuses if status in CLOSED]
        if set(wanted) == CLOSED:
            return late
        return (_has_status(wanted), *late) if wanted else None


def _has_status(wanted: Sequence[str]) -> str:
    """Return a condition in fixed words: by them the planner sees which index holds these cases."""
    return f"i.status in ({', '.join(repr(str(Status(word))) for word in wanted)})"


_NUMBER_DIGITS = 18  # what a bigint holds
_NARROWED = 24
"""The most branches of a page: a word that names more grids does not narrow it."""

# Of every generation: a case keeps the names that its grids had at its report.
_NAMED = """
    select array_agg(distinct g.code) filter (where g.level = 2), array_agg(distinct g.code) filter (where g.level = 4)
    from grid as g where g.level in (2, 4) and g.name ilike %s and (%s::text is null or g.district = %s)
"""


@dataclass(frozen=True, slots=True)
class Search:
    """What a list of the screen is narrowed to: words, each with the types that it names; and an urgency.

    Empty = everything.
    """

    words: Sequence[tuple[str, Sequence[str]]] = ()
    urgency: str | None = None

    def condition(self, connection: Connection) -> Condition:
        """Return the cases of which every word is the number, the type, the township or the village."""
        both: list[str] = []
        values: dict[str, Any] = {}
        if self.urgency is not None:
            both.append("i.urgency = %(urgency)s")
            values["urgency"] = self.urgency
        words = [self._alternatives(connection, n, values) for n in range(len(self.words))]
        exact = [word for word in words if word and not any(" any(" in each for each in word)]
        narrow = min(exact, key=len, default=())
        both += [f"({' or '.join(word)})" if word else "false" for word in words if word is not narrow]
        return Condition(tuple(both), narrow=tuple(narrow), district=scope_of(connection).district, values=values)

    def _alternatives(self, connection: Connection, n: int, values: dict[str, Any]) -> list[str]:
        """Return the conditions of which a case meets one if the word is about it; their values go into `values`."""
        word, types = self.words[n]
        like = "%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        district = scope_of(connection).district
        [(townships, villages)] = fetch_all(connection, _NAMED, (like, district, district))
        named = {"type": list(types), "township": townships or [], "village": villages or []}
        number = word.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) <= _NUMBER_DIGITS:
            named["number"] = [int(number)]
        values[f"word_{n}"] = like
        found: list[tuple[str, str, Any]] = []
        if sum(map(len, named.values())) <= _NARROWED:
            found = [(column, "= %s", value) for column, of_column in named.items() for value in of_column]
        else:  # a value for each could be more than a statement may have
            found = [(column, "= any(%s)", of_column) for column, of_column in named.items() if of_column]
        values |= {f"word_{n}_{i}": value for i, (_, _, value) in enumerate(found)}
        return [_met(column, compared % f"%(word_{n}_{i})s", n) for i, (column, compared, _) in enumerate(found)]


def _met(column: str, compared: str, n: int) -> str:
    """Return the condition that a case has one of the values in a column, and of a grid also the name.

    Its code finds the cases by an index; the same code may be that of another grid in another district or generation.
    """
    if column in {"township", "village"}:
        return f"(i.{column} {compared} and i.owners -> '{column}' ->> 'name' ilike %(word_{n})s)"
    return f"i.{column} {compared}"
