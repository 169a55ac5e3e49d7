"""Keep what a recommendation was made from, and make it again in any process at any time (R11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gridsvc.dispatch.facts import CaseFacts, Recommendation
from gridsvc.dispatch.recommend import Moment
from gridsvc.errors import InvalidInput
from gridsvc.json_types import JsonObject
from gridsvc.teams.model import AVAILABLE, TeamState, TeamStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gridsvc.dispatch.prepared import Prepared
    from gridsvc.json_types import Json

Record = JsonObject
"""What a recommendation was made from, as plain JSON values."""

_STATE_FIELDS = ("incident_id", "staff_present", "lon", "lat", "position_age_s", "on_road", "on_drill", "suspect_datum")
_NOT_RECORDED = TeamState(status=TeamStatus.OUT_OF_SERVICE)


class Recorded(NamedTuple):
    """A recommendation, its record, and the verdict on each team in the order of `prepared.teams`."""

    recommendation: Recommendation
    record: Record
    verdicts: tuple[str, ...]


def recommend_and_record(
    prepared: Prepared,
    case: CaseFacts,
    states: Sequence[TeamState],
    travel_ms: Sequence[int | None],
    coverage_loss: Sequence[float] | None = None,
) -> Recorded:
    """Recommend, and return with it everything that the decision rests on beyond `prepared`.

    The arguments are those of `recommend`, travel in whole milliseconds. The record holds only the teams that can have
    made a difference (`Moment.relevant`), so that its size does not grow with the fleet: `teams` maps their ids to
    `travel_ms` (None = unreachable), `coverage_loss` where it was given, and what differs from a team that stands
    available at its station. `versions` names the four documents.
    """
    moment = Moment(prepared, case, states, travel_ms, coverage_loss)
    recommendation = moment.recommendation()
    teams: dict[str, dict[str, Json]] = {}
    for number in moment.relevant():
        teams[prepared.team_ids[number]] = {"travel_ms": travel_ms[number]} | _state_json(states[number])
        if coverage_loss is not None:
            teams[prepared.team_ids[number]]["coverage_loss"] = float(coverage_loss[number])
    record = {"versions": dict(prepared.versions), "case": case.as_json(), "teams": teams}
    return Recorded(recommendation, record, tuple(moment.verdicts))


def replay(prepared: Prepared, record: Mapping[str, Json]) -> Recommendation:
    """Recommend again from a stored record.

    All of it is the same but `considered_counts`, which is over the recorded teams. Raises InvalidInput, naming the
    document, where `prepared` is not of the versions that the record was made from.
    """
    for name, digest in record["versions"].items():
        if prepared.versions.get(name) != digest:
            other = str(prepared.versions.get(name))[:12]
            raise InvalidInput(
                f"The record was made with {name} {digest[:12]}, not {other}; "
                "prepare from the documents that its versions name.",
                kind="other-version",
                document=name,
                digest=digest[:12],
                other=other,
            )
    states, travel_ms = states_of(prepared, record), travel_ms_of(prepared, record)
    loss = loss_of(prepared, record)
    return Moment(prepared, CaseFacts.from_json(record["case"]), states, travel_ms, loss).recommendation()


def states_of(prepared: Prepared, record: Mapping[str, Json]) -> list[TeamState]:
    """Return the states of the teams in the order of `prepared.teams`; one that is not recorded cannot be sent."""
    if "teams" not in record:  # version 1: every team, those that are simply available left out
        known: dict[str, Json] = record["states"]
        return [_state(known[team_id]) if team_id in known else AVAILABLE for team_id in prepared.team_ids]
    teams: dict[str, Json] = record["teams"]
    return [_state(teams[team_id]) if team_id in teams else _NOT_RECORDED for team_id in prepared.team_ids]


def travel_ms_of(prepared: Prepared, record: Mapping[str, Json]) -> list[int | None]:
    """Return the recorded travel times, ms, in the order of `prepared.teams`; None = unreachable or not recorded."""
    if "teams" not in record:
        return list(record["travel_ms"])
    teams: dict[str, Json] = record["teams"]
    return [teams[team_id]["travel_ms"] if team_id in teams else None for team_id in prepared.team_ids]


def recorded_numbers(prepared: Prepared, record: Mapping[str, Json]) -> list[int]:
    """Return the numbers, in `prepared.teams`, of the teams in a record."""
    teams = record.get("teams")
    return [number for number, team_id in enumerate(prepared.team_ids) if teams is None or team_id in teams]


def loss_of(prepared: Prepared, record: Mapping[str, Json]) -> list[float] | None:
    """Return the recorded losses of coverage in the order of `prepared.teams`; None where there were none."""
    if "teams" not in record:
        found: list[float] | None = record["coverage_loss"]
        return found
    teams: dict[str, Json] = record["teams"]
    if not any("coverage_loss" in team for team in teams.values()):
        return None
    return [teams.get(team_id, {}).get("coverage_loss", 0.0) for team_id in prepared.team_ids]


def _state_json(state: TeamState) -> dict[str, Json]:
    """Return the differences from a team that is available at its station."""
    value: dict[str, Json] = {}
    if state.status is not TeamStatus.AVAILABLE:
        value["status"] = str(state.status)
    for name in _STATE_FIELDS:
        if (field := getattr(state, name)) is not None and field is not False:
            value[name] = field
    return value


def _state(value: Mapping[str, Json]) -> TeamState:
    fields = {name: value[name] for name in _STATE_FIELDS if name in value}
    return TeamState(status=TeamStatus(value.get("status", TeamStatus.AVAILABLE)), **fields)
