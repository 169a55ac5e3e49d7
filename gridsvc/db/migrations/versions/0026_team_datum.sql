-- The datum that the positions of a team arrive in, where a person has decided it; null: WGS-84.
ALTER TABLE team ADD COLUMN datum TEXT;
ALTER TABLE team ADD COLUMN datum_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE team ADD CONSTRAINT ck_team_datum CHECK (datum in ('WGS-84', 'GCJ-02', 'BD-09'));
ALTER TABLE team ADD CONSTRAINT ck_team_datum_at CHECK ((datum is null) = (datum_at is null));

-- How the positions of a team fit the roads, where they are on roads in another datum only; null: nothing speaks for it.
ALTER TABLE team_last ADD COLUMN datum_fit JSONB;
