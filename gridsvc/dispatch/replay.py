"""Keep what a recommendation was made from, and make it again in any process at any time (R11)."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any

from gridsvc.dispatch.facts import CaseFacts, Recommendation
from gridsvc.dispatch.recommend import recommend_ms
from gridsvc.errors import InvalidInput
from gridsvc.teams.model import AVAILABLE, TeamState, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.dispatch.prepared import Prepared

_STATE_FIELDS = ("incident_id", "staff_present", "lon", "lat", "position_age_s", "on_road")


def inputs_record(
    prepared: Prepared,
    case: CaseFacts,
    states: Sequence[TeamState],
    travel_s: Sequence[float | None],
    coverage_loss: Sequence[float] | None = None,
) -> dict[str, Any]:
    """Return everything `recommend` saw beyond `prepared`, as plain JSON values.

    `versions` names the four documents; `states` holds only teams that are not simply available at their station;
    `travel_ms` is in the order of team ids.
    """
    return {
        "versions": dict(prepared.versions),
        "case": case.as_json(),
        "states": {
            team_id: _state_json(state)
            for team_id, state in zip(prepared.team_ids, states, strict=True)
            if state is not AVAILABLE and state != AVAILABLE
        },
        "travel_ms": [None if t is None or not 0 <= t < inf else round(t * 1000) for t in travel_s],
        "coverage_loss": None if coverage_loss is None else [float(loss) for loss in coverage_loss],
    }


def replay(prepared: Prepared, record: dict[str, Any]) -> Recommendation:
    """Recommend again from a kept record.

    Raises InvalidInput, naming the document, where `prepared` is not of the versions that the record was made from.
    """
    for name, digest in record["versions"].items():
        if prepared.versions.get(name) != digest:
            raise InvalidInput(
                f"The record was made with {name} {digest[:12]}, not {str(prepared.versions.get(name))[:12]}; "
                "prepare from the documents that its versions name.",
                kind="other-version",
                document=name,
            )
    states = states_of(prepared, record)
    return recommend_ms(
        prepared, CaseFacts.from_json(record["case"]), states, record["travel_ms"], record["coverage_loss"]
    )


def states_of(prepared: Prepared, record: dict[str, Any]) -> list[TeamState]:
    """Return the states of the teams as a record has them, in the order of `prepared.teams`."""
    known: dict[str, Any] = record["states"]
    return [_state(known[team_id]) if team_id in known else AVAILABLE for team_id in prepared.team_ids]


def _state_json(state: TeamState) -> dict[str, Any]:
    """Return what differs from a team that stands available at its station."""
    told: dict[str, Any] = {}
    if state.status is not TeamStatus.AVAILABLE:
        told["status"] = str(state.status)
    for name in _STATE_FIELDS:
        if (value := getattr(state, name)) is not None and value is not False:
            told[name] = value
    return told


def _state(value: dict[str, Any]) -> TeamState:
    return TeamState(**{**value, "status": TeamStatus(value.get("status", TeamStatus.AVAILABLE))})
