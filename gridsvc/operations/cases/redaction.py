"""What is shown of a case to a caller who is limited to a grid.

A case in his grid is his to see, with the teams that go to it and those proposed for it. That it was decided over all
teams of the district must not show him the others: where they stand, or what they are engaged on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.db import teams
from gridsvc.db.cases import incidents
from gridsvc.db.session.connection import scope_of
from gridsvc.grids.levels import LEVEL_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from gridsvc.access.scopes import Scope
    from gridsvc.teams.model import Team


@dataclass(frozen=True, slots=True)
class Sieve:
    """Lets pass what a caller may see. teams None: everything; else the ids of the teams that are there for him.

    To be used within the transaction of `connection`; None: the database is away, and no case is known to be his.
    """

    connection: Connection | None
    teams: frozenset[str] | None
    grid: str | None = None

    def case(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return a case, or the answer to a report, without the teams and cases that are out of scope."""
        if self.teams is None:
            return told
        told = told | {"recommendation": self._recommendation(told["recommendation"])}
        if "ownership" in told:
            told["ownership"] = self._ownership(told["ownership"])
        if near := told.get("possible_duplicates"):
            ids = [UUID(each["id"]) for each in near]
            there = set() if self.connection is None else incidents.list_present(self.connection, ids)
            told["possible_duplicates"] = [each for each in near if UUID(each["id"]) in there]
        return told

    def event(self, event: dict[str, Any]) -> dict[str, Any]:
        """Return an event of a case without what it was decided from."""
        if self.teams is None:
            return event
        data = {key: value for key, value in event["data"].items() if key != "inputs"}
        if "answer" in data:
            data["answer"] = self.case(data["answer"])
        if "recommendation" in data:
            data["recommendation"] = self._recommendation(data["recommendation"])
        return event | {"data": data}

    def _ownership(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return how the owners were found: what a radius or an area has of other grids has no names."""
        told = {key: value for key, value in told.items() if key != "defect"}
        if shares := told.get("shares"):
            own = [
                share for share in shares if self.grid in {owner["code"] for owner in share["owners"].values() if owner}
            ]
            beyond = sum(share["share"] for share in shares) - sum(share["share"] for share in own)
            rest = [{"owners": dict.fromkeys(LEVEL_KEYS), "share": round(beyond, 4)}] if len(own) < len(shares) else []
            told["shares"] = own + rest
        return told

    def _recommendation(self, told: dict[str, Any]) -> dict[str, Any]:
        assert self.teams is not None
        shown = {key: value for key, value in told.items() if key != "coverage_loss"}
        if "considered" in shown:
            shown["considered"] = [each for each in shown["considered"] if each["team_id"] in self.teams]
        return shown


def sieve(connection: Connection) -> Sieve:
    """Return what the caller of a transaction may see; nothing is asked where he sees the whole district."""
    grid = scope_of(connection).grid
    return Sieve(connection, None if grid is None else frozenset(teams.list_ids(connection)), grid)


def sieve_from_memory(scope: Scope, roster: Iterable[Team]) -> Sieve:
    """Return what a caller may see with the database away.

    As `scope_has_team` of the database, less the teams that are on a case of his grid: who they are cannot be asked.
    """
    if scope.grid is None:
        return Sieve(None, None)
    own = frozenset(scope.grids)
    seen = frozenset(
        team.id for team in roster if own.intersection((team.township, team.region, *team.areas))
        or (team.township is None and team.region is None and not team.areas)
    )  # fmt: skip
    return Sieve(None, seen, scope.grid)
