"""The demo's past is lived through and written: thousands of cases in one transaction, a batch at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from gridsvc.cases.answer import case_json
from gridsvc.cases.timing import Timeliness, evaluate
from gridsvc.db.cases.bulk import add_past
from gridsvc.db.cases.rows import case_row, engagement_row
from gridsvc.db.grids.about import next_numbers
from gridsvc.db.grids.versions import get_versions
from gridsvc.demo.history import Replay
from gridsvc.demo.world.agreement import Agreement, compare_with_networkx
from gridsvc.demo.world.history import Candidates, candidate_places, plan_history
from gridsvc.law import ResponseClass
from gridsvc.operations.cases import recommend
from gridsvc.operations.runtime.districts import view_at
from gridsvc.roads.search.matrices import matrix
from gridsvc.roads.search.snapping import snap
from gridsvc.teams.model import TeamKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from sqlalchemy import Connection

    from gridsvc.demo.cases import PastCase
    from gridsvc.files.osm.model import DemoPlace
    from gridsvc.operations.runtime.districts import DistrictView
    from gridsvc.operations.runtime.service import Service

_SLACK = 1.15
"""A station counts as near enough where the drive may take so much longer than predicted."""

_BATCH = 1000


@dataclass(slots=True)
class Tally:
    """What is counted of the cases while they are written."""

    incidents: int = 0
    owned: int = 0
    dispatched: int = 0
    responses_s: list[float] = field(default_factory=list)
    met: int = 0

    def add(self, case: PastCase) -> None:
        """Count one case."""
        self.incidents += 1
        self.owned += all(owner is not None for owner in case.case.place.owners)
        self.dispatched += bool(case.case.engagements)
        response_s = case.lead_response_s()
        if response_s is not None:
            self.responses_s.append(response_s)
            self.met += evaluate(case.case).outcome is Timeliness.MET

    def as_json(self) -> dict[str, Any]:
        """Return the counts as `demo --json` names them; shares are of the emergencies whose lead has its stamps."""
        counted = len(self.responses_s)
        return {
            "incidents": self.incidents,
            "owned": self.owned,
            "dispatched": self.dispatched,
            "met_target_share": round(self.met / counted, 4) if counted else None,
            "lead_response_p90_s": round(float(np.quantile(self.responses_s, 0.9)), 1) if counted else None,
        }


@dataclass(frozen=True, slots=True)
class Past:
    """The counts, the proof of the travel times, and the newest emergency that teams were sent to, as answered."""

    tally: Tally
    agreement: Agreement
    first: dict[str, Any] | None


def live_through(service: Service, place: DemoPlace, count: int, seed: int) -> Past:
    """Replay `count` incidents up to now and write them, all or nothing."""

    def work(connection: Connection) -> Past:
        versions = get_versions(connection, place.code, lock="share")
        view = view_at(service, connection, versions)
        spots, far, squadrons = owned_places(view, candidate_places(place, 3 * count + 100, seed + 1))
        planned = plan_history(
            spots, far, recommend.law_of(view).plans, place.time_zone, versions.now, count, seed + 2, squadrons
        )
        numbers = iter(next_numbers(connection, count))
        replay = Replay(service, view, versions.now, seed + 3, lambda: next(numbers))
        tally, newest, batch = Tally(), None, []
        for case in replay.run(planned):
            tally.add(case)
            batch.append(case)
            if _shows(case) and (newest is None or case.case.triggered_at > newest.case.triggered_at):
                newest = case
            if len(batch) == _BATCH:
                _write(connection, batch)
                batch = []
        _write(connection, batch)
        agreement = compare_with_networkx(place.roads, spots.lon, spots.lat)
        return Past(tally, agreement, None if newest is None else case_json(newest.case, versions.now))

    return service.database.run(work)


def _shows(case: PastCase) -> bool:
    return bool(case.urgent and case.case.engagements and case.case.decision.recommendation.lead)


def _write(connection: Connection, cases: Sequence[PastCase]) -> None:
    add_past(
        connection,
        cases=[case_row(case.case) for case in cases],
        personal_rows=[case.personal for case in cases if case.personal],
        engagements=[engagement_row(case.case, each) for case in cases for each in case.case.engagements],
        events=[row for case in cases for row in case.event_rows],
        notes=[row for case in cases for row in case.note_rows],
    )


def owned_places(view: DistrictView, spots: Candidates) -> tuple[Candidates, NDArray[np.bool_], int]:
    """Keep the places with a whole owner chain; say which are too far from every squadron, and how many there are."""
    index, network, law = view.index, view.network, recommend.law_of(view)
    assert index is not None
    assert network is not None
    rows = index.locate_many(spots.lon, spots.lat).rows
    whole = np.asarray((rows >= 0).all(axis=1), dtype=bool)
    spots = Candidates(
        spots.lon[whole], spots.lat[whole], tuple(w for w, kept in zip(spots.words, whole, strict=True) if kept)
    )
    leads = np.array([team.kind is TeamKind.SQUADRON for team in law.prepared.teams])
    stations = snap(network, law.station_lon[leads], law.station_lat[leads])
    drive_s = matrix(network, stations, snap(network, spots.lon, spots.lat)).min(axis=0)
    codes = np.array([_class_code(view, village, township) for _, township, _, village in rows[whole].tolist()])
    urban = np.isin(codes, sorted(law.clocks.response_classes.urban_codes))
    targets = law.plans.strictest_targets()
    target_s = np.where(urban, targets[ResponseClass.URBAN], targets[ResponseClass.RURAL])
    policy = law.clocks.get(law.clocks.default_policy)
    ready_s = policy.handling_s + max(
        team.station_turnout_s for team in law.prepared.teams if team.kind is TeamKind.SQUADRON
    )
    return spots, (drive_s + ready_s) * _SLACK > target_s, int(leads.sum())


def _class_code(view: DistrictView, village: int, township: int) -> str:
    """Return the urban-rural code that decides a place's class: its village's, else its township's seat's."""
    assert view.index is not None
    table = view.index.grids
    return table.urban_rural_codes[village] or view.seat_codes.get(table.codes[township]) or ""
