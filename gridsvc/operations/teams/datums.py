"""The datum that the positions of teams arrive in: looked at against the roads, decided by a person (R20).

A device that says nothing is taken as WGS-84, and many in China send GCJ-02, some 500 m off. A job compares the
positions of each team on the move with the roads. A team whose positions are on roads in another datum only is marked;
its positions go on being used, since one 500 m off is better than none. A person decides, and from then on what arrives
is converted. The past is not written again.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from gridsvc.coordinates import Datum
from gridsvc.db import team_datums as store
from gridsvc.db.cases.personal import append_noted
from gridsvc.db.evidence.events import append_event
from gridsvc.db.grids.versions import get_versions, list_versions
from gridsvc.operations.roads.mapped import road_network
from gridsvc.operations.runtime.idempotency import answer_once
from gridsvc.operations.teams.fleet import district_of_team, team_retired
from gridsvc.roads.datum_fit import fit_places
from gridsvc.roads.movement import find_moving

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from gridsvc.db.session.idempotency import KeptAnswer, RequestKey
    from gridsvc.db.team_datums import TeamDatum
    from gridsvc.json_types import Json
    from gridsvc.operations.jobs.jobs import Run
    from gridsvc.operations.runtime.service import Service
    from gridsvc.roads.datum_fit import RoadFit
    from gridsvc.roads.network.network import RoadNetwork

ACTOR = "gridsvc"
HOURS = 48
"""Positions that are older say nothing about the device of today."""
MOST_POSITIONS = 6_000


def run_check(run: Run) -> Json:
    """Look at the positions of every team; see `check_district`."""
    found: Counter[str] = Counter()
    with run.service.database.transaction() as connection:
        districts = [versions.district for versions in list_versions(connection) if versions.network is not None]
    for number, code in enumerate(districts):
        found.update(check_district(run.service, code))
        run.progress(number + 1, len(districts), "districts")
    return dict(found)


def check_district(service: Service, district: str) -> dict[str, int]:
    """Compare the positions of each team on the move with the roads; return how many are fitting, shifted, unclear.

    What is unclear leaves a team as it is, so that a team which now stands still stays marked.
    """
    with service.database.transaction() as connection:
        versions = get_versions(connection, district)
        if versions.network is None:
            return {}
        network = road_network(service, connection, district, versions.network)
        teams = store.list_datums(connection, district)
    found: Counter[str] = Counter()
    for team in teams:
        fit = service.database.run(partial(_fit, district, team, network))
        if fit is None or not fit.is_clear:
            found["unclear"] += 1
            continue
        found["shifted" if fit.is_shifted else "fitting"] += 1
        service.database.run(partial(_note, district, team, _as_json(fit) if fit.is_shifted else None))
    return dict(found)


def _fit(district: str, team: TeamDatum, network: RoadNetwork, connection: Connection) -> RoadFit | None:
    track = store.read_track(connection, district, team.team_id, hours=HOURS, since=team.since, most=MOST_POSITIONS)
    moving = find_moving(track.at_s, track.lon, track.lat, track.accuracy_m)
    return fit_places(network, track.lon[moving], track.lat[moving], team.datum)


def _as_json(fit: RoadFit) -> dict[str, Any]:
    return {
        "declared": fit.declared.value,
        "likely": fit.datum.value,
        **{
            name: value
            for name, value in asdict(fit).items()
            if name not in {"declared", "datum", "others_m", "near_m"}
        },
    }


def _note(district: str, looked_at: TeamDatum, fit: dict[str, Any] | None, connection: Connection) -> None:
    """Write what the roads say, with an event where it is something else than before."""
    now_is = store.lock_datum(connection, district, looked_at.team_id)
    if now_is is None or now_is.since != looked_at.since:
        return  # retired, or decided meanwhile: the positions that were compared are not those of now
    before = now_is.fit
    store.put_fit(connection, district, looked_at.team_id, fit)
    if (before or {}).get("likely") == (fit or {}).get("likely"):
        return
    at = get_versions(connection, district, lock="share").now
    data = {"team_id": str(looked_at.team_id), "fit": fit}
    append_event(connection, district, "datum-suspected" if fit else "datum-fits", actor=ACTOR, at=at, data=data)


def decide(
    service: Service,
    team_id: UUID,
    datum: str,
    *,
    reason: str | None = None,
    actor: str,
    request: RequestKey | None = None,
) -> KeptAnswer:
    """Have the positions of a team that arrive from now on converted from a datum, with the event of the decision.

    Raises
    ------
    InvalidInput
        For a name that is no datum.
    NotFound
        For an unknown team.
    Conflict
        For a retired team.
    """
    named = Datum.from_name(datum)
    chosen = Datum.WGS84 if named is Datum.CGCS2000 else named

    def work(connection: Connection) -> KeptAnswer:
        district = district_of_team(connection, team_id)

        def change() -> dict[str, Any]:
            now = get_versions(connection, district, lock="share").now
            before = store.lock_datum(connection, district, team_id)
            if before is None:
                raise team_retired(team_id)
            since = store.set_datum(connection, district, team_id, chosen)
            data = {"team_id": str(team_id), "datum": chosen.value, "before": before.datum.value, "fit": before.fit}
            append_noted(connection, district, "team-datum", note=reason, actor=actor, at=now, data=data)
            return {"team_id": str(team_id), "datum": chosen.value, "since": since.isoformat()}

        return answer_once(connection, district, request, 200, change)

    return service.database.run(work)
