-- The next free number of each tenant's spans. Spans are numbered in the order of commits; a block covers a stretch of
-- numbers.
CREATE TABLE span_heads (
    tenant   INTEGER PRIMARY KEY REFERENCES tenants (id),
    next_seq INTEGER NOT NULL
);

-- Spans in compressed column blocks. Times are starts, in nanoseconds since the Unix epoch; `summary` counts by service;
-- `filter` is a Bloom filter over traces, spans, operations and attributes.
CREATE TABLE span_blocks (
    id        INTEGER PRIMARY KEY,
    tenant    INTEGER NOT NULL REFERENCES tenants (id),
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    spans     INTEGER NOT NULL,
    min_time  INTEGER NOT NULL,
    max_time  INTEGER NOT NULL,
    summary   BLOB NOT NULL,
    filter    BLOB NOT NULL,
    payload   BLOB NOT NULL
);
CREATE UNIQUE INDEX idx_span_blocks_first ON span_blocks (tenant, first_seq);
CREATE INDEX idx_span_blocks_last ON span_blocks (tenant, last_seq);
CREATE INDEX idx_span_blocks_time ON span_blocks (tenant, max_time DESC, min_time);

-- Services, and the operations of their spans.
CREATE TABLE services (
    id     INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name   TEXT NOT NULL,
    UNIQUE (tenant, name)
);
CREATE TABLE operations (
    id      INTEGER PRIMARY KEY,
    tenant  INTEGER NOT NULL REFERENCES tenants (id),
    service INTEGER NOT NULL REFERENCES services (id),
    name    TEXT NOT NULL,
    UNIQUE (tenant, service, name)
);

-- A row a trace. Its id is in two halves. Blocks whose numbers overlap `first_seq` to `last_seq` may hold its spans.
-- `services` is ` service.spans.errors` for each service.
CREATE TABLE traces (
    id        INTEGER PRIMARY KEY,
    tenant    INTEGER NOT NULL,
    trace_lo  INTEGER NOT NULL,
    trace_hi  INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    start     INTEGER NOT NULL,
    duration  INTEGER NOT NULL,
    operation INTEGER NOT NULL,
    has_root  INTEGER NOT NULL,
    spans     INTEGER NOT NULL,
    errors    INTEGER NOT NULL,
    services  TEXT NOT NULL
);
CREATE UNIQUE INDEX idx_span_traces_id ON traces (tenant, trace_lo, trace_hi);
CREATE INDEX idx_span_traces_start ON traces (tenant, start);

-- Spans of an operation by minute, hour and day (`resolution`, seconds): how many, how many failed, how long they took.
CREATE TABLE operation_rollups (
    tenant     INTEGER NOT NULL,
    resolution INTEGER NOT NULL,
    operation  INTEGER NOT NULL,
    bucket     INTEGER NOT NULL,
    spans      INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    sketch     BLOB NOT NULL,
    PRIMARY KEY (tenant, resolution, operation, bucket)
) WITHOUT ROWID;
