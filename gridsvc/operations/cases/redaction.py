"""What is left out of a case for a caller who is limited to a grid.

They see a case in their grid with the teams that go to it and those proposed for it. It was decided over all teams of
the district; the answer must not show where the other teams are, or what they are engaged on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from gridsvc.db import teams
from gridsvc.db.cases import incidents
from gridsvc.db.session.scope import scope_of
from gridsvc.grids.levels import LEVEL_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from gridsvc.access.scopes import Scope
    from gridsvc.json_types import Json
    from gridsvc.teams.model import Team


@dataclass(frozen=True, slots=True)
class Redaction:
    """Keeps what a caller may see. teams None: everything; else the ids of the teams that exist for the caller.

    For use within the transaction of `connection`; None: the database is unavailable, and no other case is shown.
    """

    connection: Connection | None
    teams: frozenset[str] | None
    grid: str | None = None

    def case(self, answer: dict[str, Json]) -> dict[str, Json]:
        """Return a case, or the answer to a report, without the teams and cases that are out of scope."""
        if self.teams is None:
            return answer
        answer = answer | {"recommendation": self._recommendation(answer["recommendation"])}
        if "ownership" in answer:
            answer["ownership"] = self._ownership(answer["ownership"])
        if "before" in answer:  # of a correction
            before = answer["before"]
            answer["before"] = before | {"ownership": self._ownership(before["ownership"])}
        if near := answer.get("possible_duplicates"):
            ids = [UUID(each["id"]) for each in near]
            present = set() if self.connection is None else incidents.list_present(self.connection, ids)
            answer["possible_duplicates"] = [each for each in near if UUID(each["id"]) in present]
        return answer

    def event(self, event: dict[str, Json]) -> dict[str, Json]:
        """Return an event of a case without the input of its decision."""
        if self.teams is None:
            return event
        data = {key: value for key, value in event["data"].items() if key != "inputs"}
        if "answer" in data:  # of the first version
            data["answer"] = self.case(data["answer"])
        if "recommendation" in data:
            data["recommendation"] = self._recommendation(data["recommendation"])
        if isinstance(data.get("decision"), dict):  # of a proposal it is a word
            decision = {key: value for key, value in data["decision"].items() if key != "inputs"}
            data["decision"] = decision | {"recommendation": self._recommendation(decision["recommendation"])}
        data.pop("before", None)  # of a correction: where the case was may be beyond the grid
        if "case" in data:
            data["case"] = {key: value for key, value in data["case"].items() if key != "duplicates"}
            data["case"]["place"] = {
                key: value
                for key, value in data["case"]["place"].items()
                if key not in {"shares", "question", "defect"}
            }
        return event | {"data": data}

    def _ownership(self, value: dict[str, Json]) -> dict[str, Json]:
        """Return how the owners were found: what a radius or an area has of other grids has no names."""
        value = {key: value for key, value in value.items() if key != "defect"}
        if shares := value.get("shares"):
            own = [
                share for share in shares if self.grid in {owner["code"] for owner in share["owners"].values() if owner}
            ]
            rest = [_beyond(shares, own)] if len(own) < len(shares) else []
            value["shares"] = own + rest
            if rest:  # the question names grids beyond
                value.pop("question", None)
        return value

    def _recommendation(self, value: dict[str, Json]) -> dict[str, Json]:
        assert self.teams is not None
        shown = {key: field for key, field in value.items() if key != "coverage_loss"}
        if "considered" in shown:
            shown["considered"] = [each for each in shown["considered"] if each["team_id"] in self.teams]
        return shown | {"coverage_loss": None, "considered_counts": {}}


def _beyond(shares: list[dict[str, Any]], own: list[dict[str, Any]]) -> dict[str, Json]:
    """Return what other grids have of a place as one share."""
    rest: dict[str, Json] = {"owners": dict.fromkeys(LEVEL_KEYS)}
    for name in ("share", "demand_share"):
        if name in shares[0]:
            rest[name] = round(sum(each[name] for each in shares) - sum(each[name] for each in own), 4)
    return rest


def redaction(connection: Connection) -> Redaction:
    """Return what the caller of a transaction may see; no query where they see the whole district."""
    grid = scope_of(connection).grid
    return Redaction(connection, None if grid is None else frozenset(teams.list_ids(connection)), grid)


def redaction_from_memory(scope: Scope, roster: Iterable[Team]) -> Redaction:
    """Return what a caller may see while the database is unavailable.

    As `scope_has_team` of the database, without the teams that are on a case of the grid: these are unknown now.
    """
    if scope.grid is None:
        return Redaction(None, None)
    own = frozenset(scope.grids)
    seen = frozenset(
        team.id
        for team in roster
        if own.intersection((team.township, team.region, *team.areas))
        or (team.township is None and team.region is None and not team.areas)
    )
    return Redaction(None, seen, scope.grid)
