-- Dashboards that people make: what lists show in columns, all of it as JSON. `revision` counts changes, so that nobody
-- writes over what they have not seen.
CREATE TABLE dashboards (
    id          UUID PRIMARY KEY,
    tenant      BIGINT NOT NULL REFERENCES tenants (id),
    title       TEXT NOT NULL,
    description TEXT NOT NULL,
    panels      BIGINT NOT NULL,
    revision    BIGINT NOT NULL,
    changed_at  TIMESTAMPTZ NOT NULL,
    changed_by  TEXT NOT NULL,
    body        JSONB NOT NULL
);
CREATE INDEX idx_dashboards_tenant ON dashboards (tenant, title);
