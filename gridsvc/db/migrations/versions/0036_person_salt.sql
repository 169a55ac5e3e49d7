-- A digest of names and numbers is in the chain. The salt goes with the row, so that nobody can guess an erased one.
ALTER TABLE person ADD COLUMN salt BYTEA NOT NULL DEFAULT uuid_send(gen_random_uuid());
ALTER TABLE person ALTER COLUMN salt DROP DEFAULT;
