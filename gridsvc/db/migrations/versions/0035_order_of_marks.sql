-- Where the write-ahead log of the server was when an event was written: the order of events that no clock tells.
ALTER TABLE event_unsealed ADD COLUMN written BIGINT NOT NULL DEFAULT (pg_current_wal_insert_lsn() - '0/0')::bigint;
