-- Targets that are scraped, as people added them. What is asked how is JSON; what a target is shown is beside it, and
-- never leaves the server.
CREATE TABLE scrape_targets (
    id         UUID PRIMARY KEY,
    tenant     BIGINT NOT NULL REFERENCES tenants (id),
    job        TEXT NOT NULL,
    url        TEXT NOT NULL,
    settings   JSONB NOT NULL,
    secret     TEXT,
    key_pem    TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    UNIQUE (tenant, job, url)
);
-- What came of asking, also of those of the configuration. `noted_at` is in milliseconds since the Unix epoch.
CREATE TABLE scrape_states (
    target   UUID PRIMARY KEY,
    tenant   BIGINT NOT NULL REFERENCES tenants (id),
    noted_at BIGINT NOT NULL,
    state    JSONB NOT NULL
);
CREATE INDEX idx_scrape_states_tenant ON scrape_states (tenant);

-- What only one Console of those that share a store does, who does it, and until when that is so unless they say so again,
-- in seconds since the Unix epoch.
CREATE TABLE duties (
    name    TEXT PRIMARY KEY,
    holder  UUID NOT NULL,
    held_to BIGINT NOT NULL
);

-- Metrics of machines that were taken, by the id that their sender gave them: sent again they are not counted twice.
-- Times are in milliseconds since the Unix epoch.
CREATE TABLE ingest_receipts (
    tenant    BIGINT NOT NULL REFERENCES tenants (id),
    id        UUID NOT NULL,
    taken_at  BIGINT NOT NULL,
    is_stored BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX idx_ingest_receipts_time ON ingest_receipts (taken_at);
