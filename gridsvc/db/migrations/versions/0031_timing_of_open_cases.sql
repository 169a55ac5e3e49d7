-- `timing` of the table is the outcome at the last event of a case. While nobody arrives there is no event, and an open
-- response turns late by the clock alone.
CREATE OR REPLACE VIEW incident_open AS
SELECT i.id::text AS id, i.district, i.number, i.type, i.type_name, i.urgency, i.status, i.response_class, i.waiting,
       i.lead_wanted, i.drill, i.regional, i.township, i.area, i.village, i.rule, i.handler, i.radius_m,
       CASE WHEN i.timing = 'open' AND i.due_at < now() THEN 'late' ELSE i.timing END AS timing,
       i.target_s, i.reported_at, i.triggered_at, i.assigned_at, i.due_at, i.first_on_scene_at, i.arrived_at, i.geom
FROM incident AS i
WHERE i.status NOT IN ('archived', 'cancelled');

-- A view that is replaced loses its options, not its grants.
DO $$
BEGIN
    IF current_setting('server_version_num')::int >= 150000 THEN
        ALTER VIEW incident_open SET (security_invoker = true);
    END IF;
END
$$;
