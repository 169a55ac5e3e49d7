"""The lawful joint team, its reasons, its shortfalls, its price in coverage.

::

    prepared = Prepared.of(teams, catalogue, plan_book, clock_rules)  # once per version vector
    answer = recommend(prepared, case, states, travel_s)  # states, travel_s: in the order of prepared.teams
    answer.as_json()  # `recommendation` of the HTTP interface
    answer, record, _ = recommend_and_record(prepared, case, states, travel_ms)  # the record is kept with the case
    replay(prepared, record) == answer  # in any process, at any time, but for the counts of teams not recorded
"""

from __future__ import annotations

from gridsvc.dispatch.assignment import assign
from gridsvc.dispatch.facts import (
    CONSIDERED_SHOWN,
    LEAD_SLOT,
    RANGE_REASONS,
    REASONS,
    RULES,
    VERDICTS,
    CaseFacts,
    ChosenTeam,
    Considered,
    Handler,
    Recommendation,
    ResponseRange,
    Substitute,
    Unfilled,
)
from gridsvc.dispatch.prepared import MATTER_TYPE, Prepared
from gridsvc.dispatch.recommend import list_considered, milliseconds, recommend
from gridsvc.dispatch.replay import recommend_and_record, replay

__all__ = [
    "CONSIDERED_SHOWN",
    "LEAD_SLOT",
    "MATTER_TYPE",
    "RANGE_REASONS",
    "REASONS",
    "RULES",
    "VERDICTS",
    "CaseFacts",
    "ChosenTeam",
    "Considered",
    "Handler",
    "Prepared",
    "Recommendation",
    "ResponseRange",
    "Substitute",
    "Unfilled",
    "assign",
    "list_considered",
    "milliseconds",
    "recommend",
    "recommend_and_record",
    "replay",
]
