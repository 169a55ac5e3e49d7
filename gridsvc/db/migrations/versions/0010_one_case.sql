-- The row of a case holds what lists and constraints need. What was decided is stored once, in the event of the report.

ALTER TABLE incident
    ADD COLUMN matter TEXT,
    ADD COLUMN lead_wanted BOOLEAN NOT NULL DEFAULT false,
    ADD COLUMN timing TEXT,
    ADD COLUMN due_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN arrived_at TIMESTAMP WITH TIME ZONE,
    ADD COLUMN owners JSONB,
    ADD COLUMN report_event UUID;
ALTER TABLE incident ALTER COLUMN lead_wanted DROP DEFAULT;
ALTER TABLE incident DROP CONSTRAINT ck_incident_waiting;
ALTER TABLE engagement
    ADD COLUMN preempted_from UUID,
    ADD COLUMN preempted_by UUID,
    ADD COLUMN drill BOOLEAN,
    DROP CONSTRAINT ck_engagement_outcome;
ALTER TABLE engagement ADD CONSTRAINT ck_engagement_outcome
    CHECK (outcome in ('cleared', 'declined', 'withdrawn', 'preempted', 'cancelled', 'archived'));
UPDATE engagement AS e SET drill = i.drill
FROM incident AS i WHERE i.district = e.district AND i.id = e.incident_id;
ALTER TABLE engagement ALTER COLUMN drill SET NOT NULL;
ALTER TABLE idempotency ADD COLUMN incident_id UUID, ADD COLUMN event_id UUID;

UPDATE incident AS i SET owners = coalesce(i.details -> 'owners', '{}'), report_event = e.id
FROM incident_event AS e
WHERE e.district = i.district AND e.incident_id = i.id AND e.kind = 'report';

-- A case whose report is gone cannot be read; `gridsvc audit verify` names it.
UPDATE incident SET owners = '{}', report_event = '00000000-0000-0000-0000-000000000000'
WHERE report_event IS NULL;

-- As gridsvc.cases.model: teams were ordered, none leads, and no lead has done the work since the case was last ended.
UPDATE incident AS i SET lead_wanted = true
WHERE i.status IN ('assigned', 'handling')
  AND NOT EXISTS (SELECT FROM engagement AS e
                  WHERE e.district = i.district AND e.incident_id = i.id AND e.lead AND e.until IS NULL)
  AND NOT EXISTS (SELECT FROM engagement AS e
                  WHERE e.district = i.district AND e.incident_id = i.id AND e.lead AND e.outcome = 'cleared'
                    AND e.until > coalesce(greatest(i.feedback_at, i.archived_at, i.cancelled_at), '-infinity'));
UPDATE incident AS i
SET waiting = i.lead_wanted OR (
    i.status IN ('triggered', 'accepted')
    AND NOT EXISTS (SELECT FROM engagement AS e
                    WHERE e.district = i.district AND e.incident_id = i.id AND e.until IS NULL));

-- As gridsvc.cases.timing; the clock policies of this version carry their start and stop in their ids.
UPDATE incident AS i
SET due_at = CASE WHEN i.clock_policy LIKE 'dispatched%' THEN i.assigned_at ELSE i.reported_at END
             + make_interval(secs => i.target_s),
    arrived_at = CASE
        WHEN i.clock_policy LIKE '%-first%' THEN (
            SELECT min(e.on_scene_at) FROM engagement AS e
            WHERE e.district = i.district AND e.incident_id = i.id AND e.engaging)
        WHEN i.clock_policy LIKE '%-full%' THEN (
            SELECT CASE WHEN bool_and(s.at IS NOT NULL) THEN max(s.at) END
            FROM (SELECT f.slot, (SELECT min(e.on_scene_at) FROM engagement AS e
                                  WHERE e.district = i.district AND e.incident_id = i.id AND e.engaging
                                    AND e.slot = f.slot) AS at
                  FROM engagement AS f
                  WHERE f.district = i.district AND f.incident_id = i.id AND f.engaging
                    AND f.since = (SELECT min(g.since) FROM engagement AS g
                                   WHERE g.district = i.district AND g.incident_id = i.id AND g.engaging)) AS s)
        ELSE (
            SELECT min(e.on_scene_at) FROM engagement AS e
            WHERE e.district = i.district AND e.incident_id = i.id AND e.engaging AND e.lead)
    END
WHERE i.target_s IS NOT NULL;
UPDATE incident
SET timing = CASE
    WHEN arrived_at IS NOT NULL AND due_at IS NOT NULL THEN CASE WHEN arrived_at <= due_at THEN 'met' ELSE 'late' END
    WHEN status NOT IN ('archived', 'cancelled') THEN 'open'
    WHEN status = 'archived' THEN 'missing'
END, arrived_at = CASE WHEN due_at IS NOT NULL THEN arrived_at END
WHERE target_s IS NOT NULL;

ALTER TABLE incident
    ALTER COLUMN owners SET NOT NULL,
    ALTER COLUMN report_event SET NOT NULL,
    DROP COLUMN details,
    ADD CONSTRAINT ck_incident_waiting CHECK (not waiting or status in ('triggered', 'accepted') or lead_wanted),
    ADD CONSTRAINT ck_incident_lead_wanted CHECK (not lead_wanted or status in ('assigned', 'handling')),
    ADD CONSTRAINT ck_incident_timing CHECK (timing in ('met', 'late', 'missing', 'open'));
