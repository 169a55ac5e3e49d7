"""Positions in batches: the newest wins, repetitions are one, wrong clocks are corrected, old days are thinned."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest
from psycopg import sql

from gridsvc.access.scopes import Caller, Role, Scope
from gridsvc.db.grids.versions import get_clock
from gridsvc.errors import NotAllowed
from gridsvc.operations.jobs.retention import keep_positions
from gridsvc.operations.teams.fleet import list_fleet
from gridsvc.operations.teams.positions import SentPosition, StoredPositions, put_position, put_positions
from tests.worlds.district import DISTRICT, TEAM_IDS, as_superuser, scalar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gridsvc.operations.runtime.service import Service

ONE, TWO, THREE = sorted(TEAM_IDS.values())[:3]


def sent(team: str, at: datetime | None, lon: float = 119.61, **more: Any) -> SentPosition:
    return SentPosition(team, lon, 29.1, at, **more)


def clock(service: Service) -> datetime:
    return service.database.run(get_clock)


def history(service: Service, team: str) -> list[tuple[Any, ...]]:
    with as_superuser(service.database.url) as connection:
        query = "select at, st_x(geom), device_at from team_position where team_id = %s order by at"
        return connection.execute(query, [team]).fetchall()


def current_lon(service: Service, team: str) -> float | None:
    with as_superuser(service.database.url) as connection:
        found = connection.execute("select st_x(geom) from team_last where team_id = %s", [team]).fetchone()
    return None if found is None else float(found[0])


def kinds(stored: StoredPositions) -> dict[int, str]:
    return {index: refusal.kind for index, refusal in stored.rejected.items()}


def test_a_batch_moves_each_team_to_its_newest_position(service: Service) -> None:
    now = clock(service)
    stored = put_positions(
        service,
        [
            sent(ONE, now - timedelta(seconds=20), 119.62),
            sent(TWO, now - timedelta(seconds=5), 119.70),
            sent(ONE, now - timedelta(seconds=10), 119.63),
            sent(ONE, now - timedelta(seconds=30), 119.61),
        ],
    )
    assert (stored.new, stored.repeated, stored.corrected, kinds(stored)) == (4, 0, 0, {})
    assert [lon for _, lon, _ in history(service, ONE)] == [119.61, 119.62, 119.63]
    shown = {team["id"]: team for team in list_fleet(service)["items"]}
    assert shown[ONE]["position"]["lon"] == 119.63
    assert shown[ONE]["age_s"] >= 10
    assert shown[TWO]["position"]["lon"] == 119.70


def test_a_buffer_that_arrives_late_is_history_and_moves_nobody_back(service: Service) -> None:
    now = clock(service)
    put_position(service, sent(ONE, now - timedelta(seconds=5), 119.65))
    valley = [sent(ONE, now - timedelta(minutes=30, seconds=-n), 119.6 + n / 1000) for n in range(20)]
    assert put_positions(service, valley).new == 20
    assert current_lon(service, ONE) == 119.65
    assert len(history(service, ONE)) == 21


def test_the_same_batch_again_changes_nothing(service: Service) -> None:
    now = clock(service)
    batch = [sent(ONE, now - timedelta(seconds=n), 119.6 + n / 1000) for n in range(10)]
    assert put_positions(service, batch).new == 10
    before = history(service, ONE)
    moved = [replace(each, lon=each.lon + 1) for each in batch]  # the first answer to a team and a time stays
    again = put_positions(service, [*moved, *batch])
    assert (again.new, again.repeated) == (0, 20)
    assert history(service, ONE) == before
    assert current_lon(service, ONE) == 119.6


def test_a_clock_that_is_ahead_is_corrected_and_both_times_are_kept(service: Service) -> None:
    """R10, R21: as with a device that sends its local time of UTC+8 as UTC."""
    ahead = timedelta(hours=8)
    now = clock(service)
    batch = [sent(ONE, now + ahead - timedelta(seconds=10 * n), 119.65 - n / 100) for n in range(3)]
    stored = put_positions(service, [*batch, sent(TWO, now - timedelta(seconds=9))])
    assert (stored.new, stored.corrected) == (4, 3)
    kept = history(service, ONE)
    assert [device_at for _, _, device_at in kept] == sorted(each.at for each in batch if each.at)
    assert [later[0] - sooner[0] for sooner, later in pairwise(kept)] == [timedelta(seconds=10)] * 2
    assert now <= kept[-1][0] <= clock(service)
    assert history(service, TWO)[0][2] is None
    assert current_lon(service, ONE) == 119.65


def test_one_wild_time_does_not_move_the_others(service: Service) -> None:
    now = clock(service)
    stored = put_positions(service, [sent(ONE, now + timedelta(days=4000)), sent(ONE, now - timedelta(seconds=5))])
    assert kinds(stored) == {0: "time-in-future"}
    assert [at for at, _, _ in history(service, ONE)] == [now - timedelta(seconds=5)]


def test_a_corrected_position_that_is_sent_again_is_known(service: Service) -> None:
    now = clock(service) + timedelta(hours=1)
    first = [sent(ONE, now, 119.61)]
    put_positions(service, first)
    put_positions(service, [sent(ONE, now + timedelta(seconds=10), 119.62)])
    again = put_positions(service, first)  # its answer was lost
    assert (again.new, again.repeated) == (0, 1)
    assert current_lon(service, ONE) == 119.62
    assert len(history(service, ONE)) == 2


def test_a_clock_that_is_slightly_ahead_is_taken_as_it_is(service: Service) -> None:
    at = clock(service) + timedelta(seconds=30)
    batch = [sent(ONE, at), sent(ONE, at)]
    assert put_positions(service, batch).new == 1
    assert history(service, ONE)[0][::2] == (at, None)
    assert next(t for t in list_fleet(service)["items"] if t["id"] == ONE)["age_s"] == 0


def test_what_is_not_usable_is_rejected_and_the_rest_is_kept(service: Service) -> None:
    now = clock(service)
    stored = put_positions(
        service,
        [
            sent(ONE, now),
            sent(ONE, now - timedelta(days=91)),
            SentPosition(ONE, 29.1, 119.61, now - timedelta(seconds=1)),
            sent(str(uuid4()), now),
            sent("nobody", now),
            sent(ONE, now - timedelta(seconds=2), accuracy_m=-1),
            sent(ONE, now - timedelta(seconds=3), datum="Mars"),
            sent(TWO, now),
        ],
    )
    assert kinds(stored) == {
        1: "position-too-old", 2: "swapped", 3: "no-team", 4: "no-team", 5: "invalid-input", 6: "unknown-datum",
    }  # fmt: skip
    assert stored.new == 2
    assert sorted(stored.taken) == [0, 7]


def test_a_device_reports_its_own_team_only(service: Service) -> None:
    now = clock(service)
    officer = Caller.of("officer", Role.OFFICER, Scope(DISTRICT))
    device = service.seen_by(replace(officer, session="s", is_device=True, team_id=UUID(ONE)))
    stored = put_positions(device, [sent(ONE, now), sent(TWO, now)])
    assert kinds(stored) == {1: "other-team"}
    with pytest.raises(NotAllowed, match="without a team"):
        put_positions(service.seen_by(replace(officer, session="s", is_device=True)), [sent(ONE, now)])
    with pytest.raises(NotAllowed, match="may not"):
        put_positions(service.seen_by(Caller.of("planner", Role.PLANNER, Scope(DISTRICT))), [sent(ONE, now)])
    assert len(history(service, TWO)) == 0


def test_batches_that_cross_never_deadlock(service: Service) -> None:
    """Two that hold the same teams and times in opposite orders; each is stored once, the newest is current."""
    now = clock(service)
    rows = [sent(team, now - timedelta(seconds=n), 119.7 - n / 1000) for n in range(200) for team in (ONE, TWO, THREE)]

    def put(order: Sequence[SentPosition]) -> int:
        return put_positions(service, order).new

    with ThreadPoolExecutor(4) as crowd:
        new = list(crowd.map(put, [rows, rows[::-1], rows, rows[::-1]]))
    assert sum(new) == len(rows)
    assert [current_lon(service, team) for team in (ONE, TWO, THREE)] == [119.7] * 3


def test_a_batch_that_is_interrupted_leaves_nothing(service: Service) -> None:
    now = clock(service)
    with as_superuser(service.database.url) as blocker:
        blocker.execute("begin")
        blocker.execute("lock table team_last in access exclusive mode")
        with ThreadPoolExecutor(1) as other:
            waiting = other.submit(put_positions, service, [sent(ONE, now), sent(TWO, now)])
            killed = 0
            with as_superuser(service.database.url) as killer:
                while not killed:
                    killed = scalar(
                        killer,
                        "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                        " where datname = current_database() and query like '%%insert into team_position%%'"
                        " and wait_event_type = 'Lock' and pid <> pg_backend_pid()",
                    )
            blocker.execute("rollback")
            with pytest.raises(Exception, match="cannot be reached"):
                waiting.result()
    assert history(service, ONE) == history(service, TWO) == []
    assert put_positions(service, [sent(ONE, now), sent(TWO, now)]).new == 2


def test_old_days_are_thinned_to_the_last_position_of_each_minute_and_then_dropped(service: Service) -> None:
    now = clock(service)
    keep_positions(service.database, now)  # partitions from today on
    start = now.astimezone(UTC).replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=1)
    rows = [(ONE, start + timedelta(seconds=10 * n), n) for n in range(60)]  # ten minutes, six each
    with as_superuser(service.database.url) as connection:
        for team, at, n in rows:
            connection.execute(
                "insert into team_position (district, team_id, at, geom) values (%s, %s, %s, st_point(%s, 29, 4326))",
                [DISTRICT, team, at, 119 + n / 100],
            )
    day = timedelta(days=1)
    assert keep_positions(service.database, start + 14 * day)["positions_thinned"] == 0
    assert len(history(service, ONE)) == 60
    assert keep_positions(service.database, start + 15 * day)["positions_thinned"] == 50
    left = history(service, ONE)
    assert [lon for _, lon, _ in left] == [119 + n / 100 for n in range(5, 60, 6)]
    assert keep_positions(service.database, start + 16 * day)["positions_thinned"] == 0
    assert history(service, ONE) == left
    assert keep_positions(service.database, start + 90 * day)["position_days"]["dropped"] > 0
    assert history(service, ONE) == left
    keep_positions(service.database, start + 91 * day)
    assert history(service, ONE) == []


def test_positions_of_days_before_the_first_start_are_thinned_too(service: Service) -> None:
    now = clock(service)
    at = (now - timedelta(days=20)).replace(second=0, microsecond=0)
    put_positions(service, [sent(ONE, at + timedelta(seconds=n), 119.6 + n / 1000) for n in (0, 20, 40, 60)])
    keep_positions(service.database, now)
    assert [when for when, _, _ in history(service, ONE)] == [at + timedelta(seconds=n) for n in (40, 60)]


def test_a_day_that_is_being_written_is_thinned_by_the_next_run(service: Service) -> None:
    now = clock(service)
    keep_positions(service.database, now)
    at = now.replace(second=0, microsecond=0)  # of today, which has its partition
    put_positions(service, [sent(ONE, at), sent(ONE, at + timedelta(seconds=30))])
    later = now + timedelta(days=16)
    with as_superuser(service.database.url) as writer:
        writer.execute("begin")
        day = sql.Identifier(f"team_position_{at.astimezone(UTC):%Y%m%d}")
        writer.execute(sql.SQL("update {} set accuracy_m = 9").format(day))
        assert keep_positions(service.database, later)["positions_thinned"] == 0
        writer.execute("rollback")
    assert keep_positions(service.database, later)["positions_thinned"] == 1
