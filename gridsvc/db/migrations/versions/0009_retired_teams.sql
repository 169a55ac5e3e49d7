-- A retired team leaves the roster in force; its row stays, since engagements and positions name it.

ALTER TABLE team ADD COLUMN retired_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE team ADD CONSTRAINT ck_team_retired CHECK (retired_at is null or not on_duty);
