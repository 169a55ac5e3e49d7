"""The lawful joint team, its reasons, its shortfalls, its price in coverage.

prepared = Prepared.of(teams, catalogue, plan_book, clock_rules)  # once per version vector
answer = recommend(prepared, case, states, travel_s)         # states, travel_s: in the order of prepared.teams
answer.as_json()                                             # `recommendation` of the HTTP interface
record = inputs_record(prepared, case, states, travel_s)     # to keep with the case
replay(prepared, record) == answer                           # in any process, at any time
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gridsvc.dispatch.facts import CaseFacts, ChosenTeam, Handler, Recommendation, Substitute, Unfilled

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gridsvc.catalogue import Catalogue
    from gridsvc.response_plans import ClockRules, PlanBook
    from gridsvc.teams import Team, TeamState

__all__ = ["CaseFacts", "ChosenTeam", "Handler", "Prepared", "Recommendation", "Substitute", "Unfilled",
           "inputs_record", "recommend", "replay"]  # fmt: skip


class Prepared:
    """Teams, catalogue and plans of one version vector, arranged for fast answers; share it between requests.

    `teams` is sorted by id; `index` maps a team id to its place there. `version` is a digest of all three.
    """

    teams: tuple[Team, ...]
    index: dict[str, int]
    version: str

    @classmethod
    def of(cls, teams: Iterable[Team], catalogue: Catalogue, plans: PlanBook, clocks: ClockRules) -> Prepared:
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        """All that a replay in a fresh process needs, plain JSON values; keep it once per `version`."""
        raise NotImplementedError

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Prepared:
        raise NotImplementedError


def recommend(
    prepared: Prepared,
    case: CaseFacts,
    states: Sequence[TeamState],
    travel_s: Sequence[float | None],
    coverage_loss: Sequence[float] | None = None,
) -> Recommendation:
    """Recommend the lawful joint team for a case.

    states, travel_s, coverage_loss are in the order of `prepared.teams`. travel_s: seconds by road from each team to
    the place, None or inf = unreachable (all None where no road is near). coverage_loss: the price of sending each.
    """
    raise NotImplementedError


def inputs_record(
    prepared: Prepared,
    case: CaseFacts,
    states: Sequence[TeamState],
    travel_s: Sequence[float | None],
    coverage_loss: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Everything `recommend` saw beyond `prepared`, as plain JSON values."""
    raise NotImplementedError


def replay(prepared: Prepared, record: dict[str, Any]) -> Recommendation:
    """Recommend again from a stored record; raises InvalidInput where it was made from another version."""
    raise NotImplementedError
