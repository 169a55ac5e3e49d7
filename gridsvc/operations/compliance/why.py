"""Why cases of a period were late: each with the law, roster, roads and closures that it was decided with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gridsvc.compliance.causes import explain
from gridsvc.compliance.nearest import plan_of
from gridsvc.db.cases.late import count_late, list_late
from gridsvc.db.grids.versions import get_versions
from gridsvc.db.roads.closures import list_closures
from gridsvc.db.session.scope import whole_district
from gridsvc.errors import TooLarge
from gridsvc.operations.evidence.past_views import documents_of, law_from
from gridsvc.operations.roads.mapped import road_network
from gridsvc.operations.roads.team_times import travel_seconds
from gridsvc.operations.runtime.districts import view_at
from gridsvc.teams.model import AVAILABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from gridsvc.cases.model import Case
    from gridsvc.compliance.causes import LateCase, Plan
    from gridsvc.db.cases.late import LateRow
    from gridsvc.operations.law.mapped import Law
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.search.closures import Closure


def explain_late(
    service: Service,
    connection: Connection,
    district: str,
    since: datetime | None,
    until: datetime | None,
    *,
    most: int | None = None,
) -> list[LateCase]:
    """Return the late emergencies of a period, explained, oldest first; of a caller of a grid, those of the grid.

    A case's own clock policy decides that it is late: the one that it was reported under.

    Raises
    ------
    TooLarge
        Where more than `most` cases are late.
    """
    if most is not None and count_late(connection, district, since, until) > most:
        raise TooLarge(
            f"More than {most} cases of the period were late, too many for one answer. Ask for a shorter period, or "
            "use `gridsvc compliance causes`.",
            kind="too-many-cases",
            most=most,
        )
    rows = list_late(connection, district, since, until)
    if not rows:
        return []
    with whole_district(connection):  # the law decides over all teams
        then = _Then(service, connection, view_at(service, connection, get_versions(connection, district)), {}, {})
        plans = [then.plan(row) for row in rows]
    found = [explain(row.case, plan) for row, plan in zip(rows, plans, strict=True)]
    return [each for each in found if each is not None]


@dataclass(frozen=True, slots=True)
class _Then:
    """The district at the decisions of cases; what several cases share is read once."""

    service: Service
    connection: Connection
    view: DistrictView
    laws: dict[tuple[tuple[str, str], ...], Law]
    closures: dict[int, tuple[Closure, ...]]

    def plan(self, row: LateRow) -> Plan:
        """Return what was planned for a case: by its law and roster, on the roads from every station to its place."""
        case = row.case
        law = self._law(case.decision.inputs)
        versions, at = case.decision.versions, case.triggered_at
        digest = versions["network"]
        view = replace(
            self.view,
            versions=replace(self.view.versions, network=digest, closures=versions["closures"], now=at),
            network=None if digest is None else road_network(self.service, self.connection, case.district, digest),
            law=law,
            closures=self._closures(case),
        )
        states = [AVAILABLE] * len(law.prepared.teams)
        travel_s = travel_seconds(self.service, view, law, states, case.place.lon, case.place.lat)
        return plan_of(law.prepared, case, travel_s, row.off_place_m)

    def _law(self, inputs: Mapping[str, Any]) -> Law:
        digests = tuple(sorted(inputs["versions"].items()))
        if digests not in self.laws:
            self.laws[digests] = law_from(documents_of(self.connection, self.view.code, inputs))
        return self.laws[digests]

    def _closures(self, case: Case) -> tuple[Closure, ...]:
        number: int = case.decision.versions["closures"]
        if not number:
            return ()
        if number not in self.closures:
            known = list_closures(self.connection, self.view.code, known_at=case.triggered_at)
            self.closures[number] = tuple(known)
        return self.closures[number]
