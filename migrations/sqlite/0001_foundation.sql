-- Every row belongs to a tenant. `default` exists from the first start.
CREATE TABLE tenants (
    id         INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    created_at TEXT NOT NULL
);
INSERT INTO tenants (id, name, created_at) VALUES (1, 'default', '1970-01-01T00:00:00+00:00');

-- Pipeline traces. `tenant` owns the row; `tenant_id` is the pipeline's target, a plain label.
CREATE TABLE pipeline_traces (
    id                 BLOB PRIMARY KEY,
    tenant             INTEGER NOT NULL REFERENCES tenants (id),
    trigger_type       TEXT NOT NULL,
    trigger_source     TEXT NOT NULL,
    git_commit_sha     TEXT,
    git_commit_message TEXT,
    git_branch         TEXT,
    git_author         TEXT,
    git_author_email   TEXT,
    git_project        TEXT,
    git_files_changed  TEXT NOT NULL DEFAULT '[]',
    tenant_id          TEXT,
    api_id             TEXT,
    api_name           TEXT,
    environment        TEXT,
    created_at         TEXT NOT NULL,
    completed_at       TEXT,
    total_duration_ms  INTEGER,
    status             TEXT NOT NULL DEFAULT 'pending',
    error_summary      TEXT,
    steps              TEXT NOT NULL DEFAULT '[]',
    project_url        TEXT
) WITHOUT ROWID;
CREATE INDEX idx_traces_created ON pipeline_traces (tenant, created_at DESC, id DESC);
CREATE INDEX idx_traces_status ON pipeline_traces (tenant, status, created_at DESC);
CREATE INDEX idx_traces_tenant ON pipeline_traces (tenant, tenant_id, created_at DESC);
CREATE INDEX idx_traces_source ON pipeline_traces (tenant, trigger_source);

-- What was delivered already. `state`: processing, done, failed (which may be tried again).
CREATE TABLE webhook_deliveries (
    tenant       INTEGER NOT NULL REFERENCES tenants (id),
    source       TEXT NOT NULL,
    delivery_key TEXT NOT NULL,
    trace_id     BLOB NOT NULL,
    state        TEXT NOT NULL,
    received_at  TEXT NOT NULL,
    PRIMARY KEY (tenant, source, delivery_key)
) WITHOUT ROWID;
CREATE INDEX idx_deliveries_received ON webhook_deliveries (received_at);

-- The next free log id of each tenant. Updating the row orders commits, so ids grow in commit order.
CREATE TABLE log_heads (
    tenant  INTEGER PRIMARY KEY REFERENCES tenants (id),
    next_id INTEGER NOT NULL
);
INSERT INTO log_heads (tenant, next_id) VALUES (1, 1);

-- Log records in compressed column blocks. Times are nanoseconds since the Unix epoch; `levels` has a bit a level;
-- `summary` counts by service and level; `filter` is a Bloom filter over words and trace ids.
CREATE TABLE log_blocks (
    id       INTEGER PRIMARY KEY,
    tenant   INTEGER NOT NULL REFERENCES tenants (id),
    first_id INTEGER NOT NULL,
    last_id  INTEGER NOT NULL,
    records  INTEGER NOT NULL,
    min_time INTEGER NOT NULL,
    max_time INTEGER NOT NULL,
    levels   INTEGER NOT NULL,
    summary  BLOB NOT NULL,
    filter   BLOB NOT NULL,
    payload  BLOB NOT NULL
);
CREATE UNIQUE INDEX idx_log_blocks_first ON log_blocks (tenant, first_id);
CREATE INDEX idx_log_blocks_last ON log_blocks (tenant, last_id);
CREATE INDEX idx_log_blocks_time ON log_blocks (tenant, max_time DESC, min_time);

-- The last commit of each writer process: tells after a lost connection whether a commit took place.
CREATE TABLE ingest_writers (
    id          BLOB PRIMARY KEY,
    last_commit INTEGER NOT NULL,
    receipt     TEXT NOT NULL,
    updated_at  TEXT NOT NULL
) WITHOUT ROWID;

-- Series and samples after the Prometheus data model.
CREATE TABLE series (
    id     INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name   TEXT NOT NULL,
    labels TEXT NOT NULL,
    UNIQUE (tenant, name, labels)
);
CREATE TABLE samples (
    tenant    INTEGER NOT NULL,
    series_id INTEGER NOT NULL,
    time      INTEGER NOT NULL,
    value     REAL NOT NULL,
    PRIMARY KEY (tenant, series_id, time)
) WITHOUT ROWID;

-- Summaries of samples by five minutes and by hour (`resolution`, seconds). `bucket` is the start of the slice in
-- nanoseconds.
CREATE TABLE sample_rollups (
    tenant     INTEGER NOT NULL,
    series_id  INTEGER NOT NULL,
    resolution INTEGER NOT NULL,
    bucket     INTEGER NOT NULL,
    min        REAL NOT NULL,
    max        REAL NOT NULL,
    sum        REAL NOT NULL,
    count      INTEGER NOT NULL,
    last       REAL NOT NULL,
    last_time  INTEGER NOT NULL,
    PRIMARY KEY (tenant, series_id, resolution, bucket)
) WITHOUT ROWID;

-- Samples as people's SQL and Grafana panels know them.
CREATE VIEW metrics (id, timestamp, metric_type, metric_name, value, metadata) AS
SELECT s.series_id || '-' || s.time,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.time / 1000000000.0, 'unixepoch'),
       substr(r.name, 1, instr(r.name || '_', '_') - 1),
       r.name,
       s.value,
       r.labels
FROM samples s
JOIN series r ON r.id = s.series_id;

-- Endpoints and their roll-ups by minute, hour and day. Endpoint 0 is all endpoints of the tenant together.
CREATE TABLE endpoints (
    id      INTEGER PRIMARY KEY,
    tenant  INTEGER NOT NULL REFERENCES tenants (id),
    service TEXT NOT NULL,
    method  TEXT NOT NULL,
    route   TEXT NOT NULL,
    UNIQUE (tenant, service, method, route)
);
CREATE TABLE endpoint_rollups (
    tenant      INTEGER NOT NULL,
    resolution  INTEGER NOT NULL,
    endpoint_id INTEGER NOT NULL,
    bucket      INTEGER NOT NULL,
    requests    INTEGER NOT NULL,
    status_2xx  INTEGER NOT NULL,
    status_3xx  INTEGER NOT NULL,
    status_4xx  INTEGER NOT NULL,
    status_5xx  INTEGER NOT NULL,
    sketch      BLOB NOT NULL,
    PRIMARY KEY (tenant, resolution, endpoint_id, bucket)
) WITHOUT ROWID;
