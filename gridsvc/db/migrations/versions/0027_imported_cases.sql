-- Cases of other dispatch systems, loaded from a file as history. They are no cases of this service: no step is taken of
-- them, and no event is theirs. The digest of the file and of each piece of its rows is in the sealed chain.

CREATE TABLE imported_file (
    district TEXT NOT NULL,
    number INTEGER NOT NULL,
    digest TEXT NOT NULL,
    name TEXT NOT NULL,
    map JSONB NOT NULL,
    time_zone TEXT NOT NULL,
    generation INTEGER,
    cases INTEGER NOT NULL,
    teams INTEGER NOT NULL,
    about JSONB NOT NULL,
    loaded_by TEXT NOT NULL,
    loaded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    removed_by TEXT,
    removed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_imported_file PRIMARY KEY (district, number),
    CONSTRAINT fk_imported_file_district FOREIGN KEY (district) REFERENCES district (code) ON DELETE CASCADE
);
CREATE UNIQUE INDEX uq_imported_file_digest ON imported_file (district, digest) WHERE removed_at IS NULL;

-- regional to village are the owners of the place in `generation` of the file, said_... what the file says of it.
CREATE TABLE imported_case (
    district TEXT NOT NULL,
    file INTEGER NOT NULL,
    "row" INTEGER NOT NULL,
    piece INTEGER NOT NULL,
    case_id TEXT NOT NULL,
    received_at TIMESTAMP WITH TIME ZONE,
    assigned_at TIMESTAMP WITH TIME ZONE,
    cancelled BOOLEAN NOT NULL,
    drill BOOLEAN NOT NULL,
    emergency BOOLEAN NOT NULL,
    target_s INTEGER,
    type TEXT,
    response_class TEXT,
    place_class TEXT,
    lon DOUBLE PRECISION,
    lat DOUBLE PRECISION,
    place TEXT NOT NULL,
    regional TEXT,
    township TEXT,
    area TEXT,
    village TEXT,
    said_regional TEXT,
    said_township TEXT,
    said_area TEXT,
    said_village TEXT,
    CONSTRAINT pk_imported_case PRIMARY KEY (district, file, "row"),
    CONSTRAINT ck_imported_case_place CHECK (place in ('located', 'named', 'outside', 'unknown')),
    CONSTRAINT ck_imported_case_position CHECK ((lon is null) = (lat is null)),
    CONSTRAINT fk_imported_case_imported_file FOREIGN KEY (district, file)
        REFERENCES imported_file (district, number) ON DELETE CASCADE
);
CREATE INDEX ix_imported_case_received_at ON imported_case (district, received_at);

CREATE TABLE imported_team (
    district TEXT NOT NULL,
    file INTEGER NOT NULL,
    case_row INTEGER NOT NULL,
    n INTEGER NOT NULL,
    piece INTEGER NOT NULL,
    team TEXT,
    unit TEXT,
    lead BOOLEAN NOT NULL,
    since TIMESTAMP WITH TIME ZONE,
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    en_route_at TIMESTAMP WITH TIME ZONE,
    on_scene_at TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_imported_team PRIMARY KEY (district, file, case_row, n),
    CONSTRAINT fk_imported_team_imported_case FOREIGN KEY (district, file, case_row)
        REFERENCES imported_case (district, file, "row") ON DELETE CASCADE
);

GRANT SELECT, INSERT ON imported_file TO gridsvc_app;
GRANT UPDATE (removed_by, removed_at) ON imported_file TO gridsvc_app;
GRANT SELECT, INSERT, DELETE ON imported_case, imported_team TO gridsvc_app;

-- The policies of `imported_case` say whether a case is there for the caller of a grid.
CREATE FUNCTION scope_has_imported(case_district TEXT, case_file INTEGER, case_row INTEGER)
RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM public.imported_case AS i
                   WHERE i.district = case_district AND i.file = case_file AND i."row" = case_row);
END
$$;
SELECT protect_by_district('imported_file');
SELECT protect_by_district('imported_case',
    '(select coalesce(current_setting(''gridsvc.grid'', true), '''') = '''')
     or (select current_setting(''gridsvc.grid'', true)) = any (array[regional, township, area, village])');
SELECT protect_by_district('imported_team',
    '(select coalesce(current_setting(''gridsvc.grid'', true), '''') = '''')
     or scope_has_imported(district, file, case_row)');
