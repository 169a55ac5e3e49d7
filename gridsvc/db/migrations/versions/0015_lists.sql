-- Lists of cases read what they show, however many cases there are: short rows, and an index for each filter.

ALTER TABLE incident
    ADD COLUMN type_name TEXT,
    ADD COLUMN first_on_scene_at TIMESTAMP WITH TIME ZONE;

UPDATE incident AS i SET
    type_name = coalesce(
        (SELECT coalesce(e.body::json #>> '{data,case,type_name}', e.body::json #>> '{data,answer,type_name}')
         FROM incident_event AS e WHERE e.district = i.district AND e.id = i.report_event),
        i.type),
    first_on_scene_at = (
        SELECT min(e.on_scene_at) FROM engagement AS e WHERE e.district = i.district AND e.incident_id = i.id);

ALTER TABLE incident ALTER COLUMN type_name SET NOT NULL;

-- The owners are in most of them, because the policy of the table looks at them: with them the index is enough.
-- An open case changes at every step; the indexes of closed cases get an entry once, when the case is closed.
DROP INDEX ix_incident_triggered_at;
DROP INDEX ix_incident_open;
CREATE INDEX ix_incident_open ON incident (district, triggered_at, id) WHERE status not in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed ON incident
    (district, triggered_at, id, regional, township, area, village)
    WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_status ON incident
    (district, status, triggered_at, id, regional, township, area, village)
    WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_timing ON incident
    (district, timing, triggered_at, id, regional, township, area, village)
    WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_class ON incident
    (district, response_class, triggered_at, id, regional, township, area, village)
    WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_type ON incident
    (district, type, triggered_at, id, regional, township, area, village)
    WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_regional ON incident (district, regional, triggered_at, id)
    WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_township ON incident (district, township, triggered_at, id)
    WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_area ON incident (district, area, triggered_at, id)
    WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_village ON incident (district, village, triggered_at, id)
    WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_number ON incident (district, number) WHERE status in ('archived', 'cancelled');
CREATE INDEX ix_incident_closed_geom ON incident USING gist (geom) WHERE status in ('archived', 'cancelled');

CREATE INDEX ix_engagement_live ON engagement (district, incident_id) WHERE until is null;
CREATE INDEX ix_proposal_proposed_at ON proposal (district, proposed_at, id);
