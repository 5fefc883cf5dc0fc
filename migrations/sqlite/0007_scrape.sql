-- Targets that are scraped, as people added them. What is asked how is JSON; what a target is shown is beside it, and
-- never leaves the server.
CREATE TABLE scrape_targets (
    id         BLOB PRIMARY KEY,
    tenant     INTEGER NOT NULL REFERENCES tenants (id),
    job        TEXT NOT NULL,
    url        TEXT NOT NULL,
    settings   TEXT NOT NULL,
    secret     TEXT,
    key_pem    TEXT,
    created_at TEXT NOT NULL,
    UNIQUE (tenant, job, url)
);
-- What came of asking, also of those of the configuration. `noted_at` is in milliseconds since the Unix epoch.
CREATE TABLE scrape_states (
    target   BLOB PRIMARY KEY,
    tenant   INTEGER NOT NULL REFERENCES tenants (id),
    noted_at INTEGER NOT NULL,
    state    TEXT NOT NULL
);
CREATE INDEX idx_scrape_states_tenant ON scrape_states (tenant);

-- What only one Console of those that share a store does, who does it, and until when that is so unless they say so again,
-- in seconds since the Unix epoch.
CREATE TABLE duties (
    name    TEXT PRIMARY KEY,
    holder  BLOB NOT NULL,
    held_to INTEGER NOT NULL
);

-- Metrics of machines that were taken, by the id that their sender gave them: sent again they are not counted twice.
-- Times are in milliseconds since the Unix epoch.
CREATE TABLE ingest_receipts (
    tenant    INTEGER NOT NULL REFERENCES tenants (id),
    id        BLOB NOT NULL,
    taken_at  INTEGER NOT NULL,
    is_stored BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, id)
) WITHOUT ROWID;
CREATE INDEX idx_ingest_receipts_time ON ingest_receipts (taken_at);
