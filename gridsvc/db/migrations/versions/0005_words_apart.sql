-- Free words that lay beside what they are about, where erasing did not reach them.

CREATE TABLE closure_personal (
    district TEXT NOT NULL,
    closure_id UUID NOT NULL,
    reason TEXT NOT NULL,
    salt BYTEA NOT NULL,
    CONSTRAINT pk_closure_personal PRIMARY KEY (district, closure_id),
    CONSTRAINT fk_closure_personal_closure FOREIGN KEY(district, closure_id) REFERENCES closure (district, id)
);
INSERT INTO closure_personal (district, closure_id, reason, salt)
SELECT district, id, reason, uuid_send(gen_random_uuid()) FROM closure WHERE reason <> '';
ALTER TABLE closure DROP COLUMN reason;
GRANT SELECT, INSERT, UPDATE, DELETE ON closure_personal TO gridsvc_app;
SELECT protect_by_district('closure_personal');

-- The reason of a decision is the note of its event already; the proposal only names the event.
ALTER TABLE proposal ADD COLUMN decided_event UUID;
UPDATE proposal AS p SET decided_event = e.id
FROM incident_event AS e
WHERE e.district = p.district AND e.incident_id = p.incident_id AND e.kind = 'decide' AND p.decision IS NOT NULL
  AND e.body::jsonb -> 'data' ->> 'proposal_id' = p.id::text;
INSERT INTO event_personal (district, event_id, incident_id, note, salt)
SELECT district, decided_event, incident_id, reason, uuid_send(gen_random_uuid())
FROM proposal WHERE decided_event IS NOT NULL AND reason <> ''
ON CONFLICT (district, event_id) DO NOTHING;
ALTER TABLE proposal DROP COLUMN reason;

-- A team's reason is the note of its step; nothing was ever written here.
ALTER TABLE engagement DROP COLUMN reason;
