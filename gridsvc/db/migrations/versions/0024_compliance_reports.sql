-- A report is kept as the document that it is made of, by its digest. It is of the whole district.

CREATE TABLE compliance_report (
    district TEXT NOT NULL,
    id UUID NOT NULL,
    since TIMESTAMP WITH TIME ZONE,
    until TIMESTAMP WITH TIME ZONE,
    policy TEXT NOT NULL,
    cases INTEGER NOT NULL,
    digest TEXT NOT NULL,
    content TEXT NOT NULL,
    made_by TEXT NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_compliance_report PRIMARY KEY (district, id),
    CONSTRAINT ck_compliance_report_span CHECK (since < until),
    CONSTRAINT ck_compliance_report_cases CHECK (cases > 0)
);
CREATE UNIQUE INDEX uq_compliance_report_digest ON compliance_report (district, digest);
CREATE INDEX ix_compliance_report_made_at ON compliance_report (district, made_at, id);

GRANT SELECT, INSERT ON compliance_report TO gridsvc_app;

-- A caller of a grid sees no report: each is of the whole district.
SELECT protect_by_district('compliance_report',
    '(select coalesce(current_setting(''gridsvc.grid'', true), '''') = '''')');
