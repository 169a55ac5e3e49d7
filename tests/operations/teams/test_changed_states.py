"""A decision reads only the teams that are not free at their stations; the others are."""

from __future__ import annotations

import random
from itertools import product
from typing import TYPE_CHECKING

import pytest

from gridsvc.db.grids.versions import get_clock
from gridsvc.db.session.scope import whole_district
from gridsvc.db.teams import list_changed_states, list_states
from gridsvc.teams.model import AVAILABLE, TeamStatus
from tests.worlds.district import DISTRICT, TEAM_IDS, as_superuser, open_toy, report, scratch_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gridsvc.db.cluster.embedded import EmbeddedCluster
    from gridsvc.operations.runtime.service import Service

HOLDS = ("nothing", "a case", "a drill", "a case that is over")


@pytest.fixture
def service(cluster: EmbeddedCluster, tmp_path: Path) -> Iterator[Service]:
    with scratch_database(cluster) as url:
        service = open_toy(url, tmp_path)
        yield service
        service.database.close()


def test_the_states_read_are_those_of_the_whole_fleet(service: Service) -> None:
    live, drill = report(service), report(service, drill=True)
    ways = list(product(HOLDS, (True, False), (True, False)))
    random.Random(7).shuffle(ways)
    with as_superuser(service.database.url) as connection:
        for team_id, (holds, on_duty, moved) in zip(sorted(TEAM_IDS.values()), ways, strict=False):
            connection.execute("update team set on_duty = %s where id = %s", [on_duty, team_id])
            if moved:
                connection.execute(
                    "insert into team_last (district, team_id, geom, at, received_at)"
                    " values (%s, %s, st_setsrid(st_point(119.61, 29.1), 4326), now() - interval '1 min', now())",
                    [DISTRICT, team_id],
                )
            if holds != "nothing":
                connection.execute(
                    "insert into engagement (district, id, incident_id, drill, team_id, slot, lead, engaging, since,"
                    " until, outcome) values (%s, gen_random_uuid(), %s, %s, %s, 'x', false, true, now(), %s, %s)",
                    [
                        DISTRICT,
                        drill if holds == "a drill" else live,
                        holds == "a drill",
                        team_id,
                        *(("infinity", "cleared") if holds == "a case that is over" else (None, None)),
                    ],
                )
    with service.database.transaction() as ours, whole_district(ours):
        now = get_clock(ours)
        every = dict(list_states(ours, DISTRICT, now))
        changed = list_changed_states(ours, DISTRICT, now)
    assert len(every) == len(TEAM_IDS)
    assert {team_id: changed.get(team_id, AVAILABLE) for team_id in every} == every
    assert set(changed) <= set(every)
    assert {state.status for state in every.values()} == {
        TeamStatus.AVAILABLE,
        TeamStatus.ENGAGED,
        TeamStatus.OFF_DUTY,
    }
    assert any(state.on_drill for state in every.values())
    assert len(changed) < len(every)
