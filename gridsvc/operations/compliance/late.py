"""The late cases of a period with their causes, and the areas where responses are late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import shapely

from gridsvc.compliance.cells import FINEST, late_areas
from gridsvc.compliance.lateness import AS_REPORTED, by_class, count_causes
from gridsvc.compliance.outcomes import judge
from gridsvc.compliance.report.contents import p90_of, placed_cases, shown_least, township_rows
from gridsvc.db.cases.columns import list_team_units
from gridsvc.db.grids import generations
from gridsvc.db.grids.versions import get_versions, list_districts
from gridsvc.grids.levels import Level
from gridsvc.operations.cases.redaction import redaction
from gridsvc.operations.compliance.figures import clock_rules
from gridsvc.operations.compliance.question import recorded
from gridsvc.operations.compliance.read import history_of
from gridsvc.operations.compliance.why import explain_late
from gridsvc.operations.law.imports import only_district

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.compliance.causes import LateCase
    from gridsvc.json_types import Json
    from gridsvc.operations.compliance.question import Question
    from gridsvc.operations.runtime.service import Service


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which late cases are listed.

    cause: only those whose main cause it is. limit: how many at most. most: late cases of the period at most.
    """

    cause: str | None = None
    limit: int = 1000
    most: int | None = None


def get_causes(
    service: Service, district: str | None, question: Question, *, most: int | None = None
) -> dict[str, Json]:
    """Return why cases of a period were late, counted: of all, by class, and what would have met the target.

    Raises
    ------
    TooLarge
        Where more than `most` cases were late.
    """
    with service.database.snapshot() as connection:
        code, since, until = _period(connection, district, question)
        late = explain_late(service, connection, code, since, until, most=most)
    return _about(code, since, until) | {
        **count_causes(late).as_json(),
        "by_class": {kind: each.as_json() for kind, each in by_class(late).items()},
    }


def list_late_cases(
    service: Service, district: str | None, question: Question, wanted: Chosen = Chosen()
) -> dict[str, Json]:
    """Return {items, total}: the late cases of a period, the latest by most seconds first, each with its causes.

    Of a caller who is limited to a grid: without the teams out of it. Raises TooLarge as `get_causes` does.
    """
    with service.database.snapshot() as connection:
        code, since, until = _period(connection, district, question)
        late = explain_late(service, connection, code, since, until, most=wanted.most)
        seen = redaction(connection).teams
        teams = {team: name for team, _, name in list_team_units(connection, code)}
    chosen = [each for each in late if wanted.cause is None or each.main == wanted.cause]
    chosen.sort(key=lambda each: (-each.overrun_s, str(each.case.id)))
    return _about(code, since, until) | {
        "total": len(chosen),
        "items": [_late_json(each, seen, teams) for each in chosen[: wanted.limit]],
    }


def get_cells(
    service: Service,
    district: str | None,
    question: Question,
    *,
    resolution: int | None = None,
    most: int | None = None,
) -> dict[str, Json]:
    """Return the areas of a period as GeoJSON, and beside them the same by township.

    Every area has at least five cases, and each is within one township, or within several that are joined.

    Raises
    ------
    InvalidInput
        For a resolution that could locate a reporter.
    TooLarge
        Where a period has more cases than `most`.
    """
    with service.database.snapshot() as connection:
        code, since, until = _period(connection, district, question)
        policy = recorded(clock_rules(connection, code), question.policy)
        history = history_of(connection, code, since=since, until=until, most=most)
        number = get_versions(connection, code).generation
        townships = [] if number is None else generations.list_grids(connection, code, number, level=Level.TOWNSHIP)
    placed = placed_cases(history, judge(history, policy.policy))
    finest, least = FINEST if resolution is None else resolution, shown_least(len(placed.owners))
    outlines = {each.code: each.geometry for each in townships}
    areas = late_areas(placed, outlines, p90_of, finest=finest, least=least)
    names = history.names["township"]
    about = _about(code, since, until) | {
        "policy": policy.policy.id,
        "policy_version": policy.version,
        "resolution": finest,
        "least": least,
    }
    return {
        "type": "FeatureCollection",
        **about,
        "features": [
            {
                "type": "Feature",
                "id": each.id,
                "geometry": shapely.geometry.mapping(each.shape),
                "properties": each.properties()
                | {"township_names": _named(each.townships, names), "policy": policy.policy.id},
            }
            for each in areas
        ],
        "townships": [each | {"township_names": _named(each["townships"], names)} for each in township_rows(placed)],
    }


def _named(codes: Iterable[str], names: Mapping[str, str]) -> list[Json]:
    return [names.get(each, each) for each in codes]


def _period(
    connection: Connection, district: str | None, question: Question
) -> tuple[str, datetime | None, datetime | None]:
    code = only_district(connection, district)
    get_versions(connection, code)  # NotFound for one that is not loaded
    time_zone = next(each.time_zone for each in list_districts(connection) if each.code == code)
    return code, *question.period(time_zone)


def _about(code: str, since: datetime | None, until: datetime | None) -> dict[str, Any]:
    return {
        "district": code,
        "policy": AS_REPORTED,
        "since": None if since is None else since.isoformat(),
        "until": None if until is None else until.isoformat(),
    }


def _late_json(late: LateCase, seen: frozenset[str] | None, teams: Mapping[str, str]) -> dict[str, Json]:
    case = late.case
    township = case.place.owners[1]
    remedies = []
    for each in late.remedies:
        value = each.as_json() | {"team": None if each.team_id is None else teams.get(each.team_id)}
        if seen is not None and each.team_id is not None and each.team_id not in seen:
            value |= {"team_id": None, "team": None, "station": None}
        remedies.append(value)
    return {
        "incident_id": str(case.id),
        "number": case.number,
        "type": case.type,
        "type_name": case.type_name,
        "response_class": str(case.place.response_class),
        "township": None if township is None else {"code": township.code, "name": township.name},
        "clock_policy": case.clock.policy,
        "reported_at": case.reported_at.isoformat(),
        "target_s": case.target_s,
        "response_s": late.response_s,
        "overrun_s": late.overrun_s,
        "cause": str(late.main),
        "parts_s": {str(cause): part for cause, part in late.parts_s.items()},
        "uncertain": late.uncertain,
        "remedies": remedies,
    }
