"""Very many cases of a year in three districts, written by the database itself: what lists meet after years."""

from __future__ import annotations

from typing import TYPE_CHECKING, LiteralString

from tests.worlds.district import DISTRICT, as_superuser, report

if TYPE_CHECKING:
    from gridsvc.operations.runtime.service import Service

DISTRICTS = (DISTRICT, "330704", "330705")
RARE_VILLAGE = "V9"
"""Owns one case in 20,000 of the first district."""
LEFT_OPEN = 90
"""Cases that nobody closed, spread over the year."""

_RARE: LiteralString = """
    insert into grid (district, generation, row, level, code, name, parent, geometry_digest)
    select district, generation, 1000 + row, level, %s, 'V9', parent, geometry_digest from grid where code = 'V1'
"""
# `k` numbers the cases, the newest first; its remainders spread the values over them.
_COPY: LiteralString = """
    with original as (select i.*, row_number() over (order by id) as n, count(*) over () as of from incident as i),
    made as (
        select k, k %% (%(cases)s / %(left_open)s) = 3 as left_open, k %% 50 = 0 as cancelled,
               date_trunc('milliseconds', now()) - interval '1 h' - k * (interval '365 days' / %(cases)s) as at
        from generate_series(1, %(cases)s) as k
    )
    insert into incident (
        district, id, number, type, type_name, urgency, response_class, target_s, clock_policy, status, waiting,
        lead_wanted, timing, due_at, arrived_at, drill, geom, regional, township, area, village, owners, rule,
        generation, versions, report_event, reported_at, triggered_at, accepted_at, archived_at, cancelled_at)
    select d.code,
           -- As a UUID of version 7: the milliseconds first.
           (lpad(to_hex((extract(epoch from m.at) * 1000)::bigint), 12, '0') || '7' || substr(md5(k::text), 1, 3) || '8'
            || substr(md5(k::text), 4, 15))::uuid,
           1000000 + k, o.type, o.type_name, o.urgency, case when k %% 3 = 1 then 'rural' else 'urban' end,
           o.target_s, o.clock_policy,
           case when left_open then 'triggered' when cancelled then 'cancelled' else 'archived' end, left_open, false,
           case when left_open then 'open' when k %% 4000 = 5 then 'missing' when k %% 300 = 7 then 'late'
                when not cancelled then 'met' end,
           m.at, case when not left_open then m.at end, false,
           st_setsrid(st_makepoint(119.6 + k %% 997 / 9970.0, 29.0 + k %% 787 / 3935.0), 4326),
           d.prefix || o.regional, d.prefix || o.township, d.prefix || o.area,
           d.prefix || case when k %% 20000 = 0 then %(rare)s else o.village end,
           case when k %% 20000 = 0 then jsonb_set(o.owners, '{village,name}', to_jsonb(%(rare)s::text))
                else o.owners end,
           o.rule,
           o.generation, o.versions, o.report_event, m.at, m.at, m.at,
           case when not left_open and not cancelled then m.at end, case when not left_open and cancelled then m.at end
    from made as m
    join original as o on o.n = 1 + k %% o.of
    join unnest(%(districts)s::text[], array['', '4', '5']) with ordinality as d (code, prefix, nth)
      on d.nth = 1 + k / 7 %% 3
"""
_ALERTS: LiteralString = """
    insert into alert (district, incident_id, step, since, rank, limit_at, at, level, owner, timers)
    select district, id, 'accept', triggered_at, 1, triggered_at, triggered_at, 'district', district, 'x'
    from incident where waiting or number % 20 = 0
"""


def add_many_cases(service: Service, url: str, cases: int) -> None:
    """Report twelve cases, and write `cases` more of a year into three districts, nearly all of them closed."""
    for n in range(12):
        report(service, ("leak", "noise")[n % 2], km=float(n))
    with as_superuser(url) as superuser:
        for code in DISTRICTS[1:]:
            superuser.execute("insert into district (code, name) values (%s, %s)", (code, code))
        superuser.execute(_RARE, (RARE_VILLAGE,))
        values = {"districts": list(DISTRICTS), "rare": RARE_VILLAGE, "cases": cases, "left_open": LEFT_OPEN}
        superuser.execute(_COPY, values)
        superuser.execute(_ALERTS)
        superuser.execute("vacuum (analyze) incident, alert")
