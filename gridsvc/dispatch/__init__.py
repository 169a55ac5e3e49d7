"""The lawful joint team, its reasons, its shortfalls, its price in coverage.

::

    prepared = Prepared.of(teams, catalogue, plan_book, clock_rules)  # once per version vector
    answer = recommend(prepared, case, states, travel_s)  # states, travel_s: in the order of prepared.teams
    answer.as_json()  # `recommendation` of the HTTP interface
    record = inputs_record(prepared, case, states, travel_s)  # to keep with the case
    replay(prepared, record) == answer  # in any process, at any time
"""

from __future__ import annotations

from gridsvc.dispatch.assignment import assign
from gridsvc.dispatch.facts import (
    LEAD_SLOT,
    RANGE_REASONS,
    REASONS,
    VERDICTS,
    CaseFacts,
    ChosenTeam,
    Handler,
    Recommendation,
    ResponseRange,
    Substitute,
    Unfilled,
)
from gridsvc.dispatch.prepared import Prepared
from gridsvc.dispatch.recommend import recommend
from gridsvc.dispatch.replay import inputs_record, replay

__all__ = [
    "LEAD_SLOT",
    "RANGE_REASONS",
    "REASONS",
    "VERDICTS",
    "CaseFacts",
    "ChosenTeam",
    "Handler",
    "Prepared",
    "Recommendation",
    "ResponseRange",
    "Substitute",
    "Unfilled",
    "assign",
    "inputs_record",
    "recommend",
    "replay",
]
