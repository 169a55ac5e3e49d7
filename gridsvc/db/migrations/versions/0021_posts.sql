ALTER TABLE in_force ADD COLUMN approved_by TEXT;

-- Names and numbers of persons can be erased; the posts stay, held by somebody whose name is gone. So no foreign key.
CREATE TABLE person (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    name TEXT NOT NULL,
    phone TEXT,
    CONSTRAINT pk_person PRIMARY KEY (district, id),
    CONSTRAINT fk_person_district FOREIGN KEY (district) REFERENCES district (code) ON DELETE CASCADE
);

-- until is the first day on which the post is not held any more.
CREATE TABLE post_held (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    grid TEXT NOT NULL,
    post TEXT NOT NULL,
    person_id UUID NOT NULL,
    since DATE NOT NULL,
    until DATE,
    CONSTRAINT pk_post_held PRIMARY KEY (district, id),
    CONSTRAINT ck_post_held_post CHECK (post in ('leader', 'deputy', 'officer')),
    CONSTRAINT ck_post_held_until CHECK (until > since),
    CONSTRAINT fk_post_held_district FOREIGN KEY (district) REFERENCES district (code) ON DELETE CASCADE
);
CREATE INDEX ix_post_held_grid ON post_held (district, grid, post);
CREATE INDEX ix_post_held_person ON post_held (district, person_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON person, post_held TO gridsvc_app;

-- A person is seen by all who see a post that they hold.
CREATE FUNCTION scope_has_person(person_district TEXT, person UUID) RETURNS BOOLEAN LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.post_held AS p WHERE p.district = person_district AND p.person_id = person);
END
$$;
SELECT protect_by_district('post_held',
    '(select coalesce(current_setting(''gridsvc.grid'', true), '''') = '''') or scope_has_grid(grid)');
SELECT protect_by_district('person',
    '(select coalesce(current_setting(''gridsvc.grid'', true), '''') = '''') or scope_has_person(district, id)');
