"""The gauges of /metrics, read with one query: queues, waiting cases, ages of positions and of the backup."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class Gauges:
    """Numbers of now. Ages in seconds, None where there is nothing to be old."""

    unsealed: int
    sealer_lag_s: float
    sealed_lag_p99_s: float | None
    sealed_positions: int
    waiting_emergencies: int
    waiting_routine: int
    open_cases: int
    engaged_teams: int
    teams_with_position: int
    oldest_position_s: float | None
    median_position_s: float | None
    jobs_waiting: int
    jobs_running: int
    due_late_s: float
    open_proposals: int
    backup_age_s: float | None
    database_bytes: int
    sessions: int
    services: int
    archive_failing: int | None
    base_backup_age_s: float | None


_gauges = text(
    """
    select
        (select count(*) from event_unsealed),
        (select coalesce(max(extract(epoch from clock_timestamp() - e.at)), 0)
         from event_unsealed u join incident_event e on e.district = u.district and e.id = u.event_id),
        (select percentile_cont(0.99) within group (order by extract(epoch from s.sealed_at - e.at))
         from event_seal s join incident_event e on e.district = s.district and e.id = s.event_id
         join (select district, max(position) as last from event_seal group by district) m
           on m.district = s.district and s.position > m.last - 500
         where s.sealed_at > clock_timestamp() - interval '60 s' and e.at > clock_timestamp() - interval '10 min'),
        (select coalesce(sum(last), 0) from (select max(position) as last from event_seal group by district) p),
        (select count(*) from incident where waiting and status not in ('archived', 'cancelled')
           and urgency = 'emergency'),
        (select count(*) from incident where waiting and status not in ('archived', 'cancelled')
           and urgency = 'routine'),
        (select count(*) from incident where status not in ('archived', 'cancelled')),
        (select count(*) from engagement where until is null and engaging),
        (select count(*) from team_last),
        (select extract(epoch from clock_timestamp() - min(at)) from team_last),
        (select percentile_cont(0.5) within group (order by extract(epoch from clock_timestamp() - at)) from team_last),
        (select count(*) from job where state = 'waiting'),
        (select count(*) from job where state = 'running'),
        (select coalesce(greatest(extract(epoch from clock_timestamp() - min(at)), 0), 0) from due
         where state = 'waiting'),
        (select count(*) from proposal where decision is null),
        (select extract(epoch from clock_timestamp() - max(at)) from service_mark where name = 'backup'),
        pg_database_size(current_database()),
        (select count(*) from pg_stat_activity where datname = current_database()),
        (select count(distinct application_name) from pg_stat_activity
         where datname = current_database() and starts_with(application_name, 'gridsvc serve ')),
        (select case when current_setting('archive_mode') <> 'off' then
           (coalesce(last_failed_time > coalesce(last_archived_time, '-infinity'), false))::int end
         from pg_stat_archiver),
        (select extract(epoch from clock_timestamp() - max(at)) from service_mark where name = 'base-backup')
    """
)


def read_gauges(connection: Connection) -> Gauges:
    """Read all gauges."""
    row = connection.execute(_gauges).one()
    values: list[Any] = [float(value) if isinstance(value, Decimal) else value for value in row]
    return Gauges(*values)
