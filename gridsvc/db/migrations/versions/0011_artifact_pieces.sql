-- An artifact is a row with its size, and pieces of 8 MiB: one value of a gigabyte cannot be stored, and one of half a
-- gigabyte cannot be dumped.

ALTER TABLE artifact RENAME TO artifact_whole;
ALTER TABLE artifact_whole RENAME CONSTRAINT pk_artifact TO pk_artifact_whole;

CREATE TABLE artifact (
    district TEXT NOT NULL,
    digest TEXT NOT NULL,
    kind TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    pieces INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
    CONSTRAINT pk_artifact PRIMARY KEY (district, digest)
);

CREATE TABLE artifact_piece (
    district TEXT NOT NULL,
    digest TEXT NOT NULL,
    number INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    content BYTEA NOT NULL,
    CONSTRAINT pk_artifact_piece PRIMARY KEY (district, digest, number),
    CONSTRAINT fk_artifact_piece_artifact FOREIGN KEY (district, digest) REFERENCES artifact (district, digest)
        ON DELETE CASCADE
);

-- One value at a time is held in memory. A damaged value becomes pieces whose digests fit, but not the artifact's.
DO $$
DECLARE
    size CONSTANT INTEGER := 8 * 1024 * 1024;
    held RECORD;
BEGIN
    FOR held IN SELECT district, digest FROM artifact_whole LOOP
        INSERT INTO artifact (district, digest, kind, size_bytes, pieces, created_at)
        SELECT district, digest, kind, octet_length(content), (octet_length(content)::bigint + size - 1) / size, created_at
        FROM artifact_whole AS w WHERE w.district = held.district AND w.digest = held.digest;
        INSERT INTO artifact_piece (district, digest, number, sha256, content)
        SELECT held.district, held.digest, n, encode(sha256(part), 'hex'), part
        FROM (SELECT content || ''::bytea AS content FROM artifact_whole AS w
              WHERE w.district = held.district AND w.digest = held.digest OFFSET 0) AS w,
            generate_series(0, (octet_length(w.content) - 1) / size) AS n,
            LATERAL (SELECT substring(w.content FROM n * size + 1 FOR size) AS part OFFSET 0) AS p
        WHERE octet_length(w.content) > 0;
    END LOOP;
END
$$;

DROP TABLE artifact_whole;

SELECT protect_by_district('artifact'), protect_by_district('artifact_piece');
GRANT SELECT, INSERT ON artifact, artifact_piece TO gridsvc_app;

-- The application may not delete pieces: this function does, and only those whose bytes are not what their digest says.
CREATE FUNCTION remove_damaged_pieces(of_district TEXT, of_digest TEXT) RETURNS SETOF INTEGER
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    DELETE FROM artifact_piece AS p
    WHERE p.district = of_district AND p.digest = of_digest AND encode(sha256(p.content), 'hex') <> p.sha256
    RETURNING p.number
$$;
REVOKE ALL ON FUNCTION remove_damaged_pieces(TEXT, TEXT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION remove_damaged_pieces(TEXT, TEXT) TO gridsvc_app;
