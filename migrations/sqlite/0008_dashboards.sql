-- Dashboards that people make: what lists show in columns, all of it as JSON. `revision` counts changes, so that nobody
-- writes over what they have not seen.
CREATE TABLE dashboards (
    id          BLOB PRIMARY KEY,
    tenant      INTEGER NOT NULL REFERENCES tenants (id),
    title       TEXT NOT NULL,
    description TEXT NOT NULL,
    panels      INTEGER NOT NULL,
    revision    INTEGER NOT NULL,
    changed_at  TEXT NOT NULL,
    changed_by  TEXT NOT NULL,
    body        TEXT NOT NULL
);
CREATE INDEX idx_dashboards_tenant ON dashboards (tenant, title);
