-- The next free number of each tenant's spans. Spans are numbered in the order of commits; a block covers a stretch of
-- numbers.
CREATE TABLE span_heads (
    tenant   BIGINT PRIMARY KEY REFERENCES tenants (id),
    next_seq BIGINT NOT NULL
);

-- Spans in compressed column blocks. Times are starts, in nanoseconds since the Unix epoch; `summary` counts by service;
-- `filter` is a Bloom filter over traces, spans, operations and attributes.
CREATE TABLE span_blocks (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant    BIGINT NOT NULL REFERENCES tenants (id),
    first_seq BIGINT NOT NULL,
    last_seq  BIGINT NOT NULL,
    spans     BIGINT NOT NULL,
    min_time  BIGINT NOT NULL,
    max_time  BIGINT NOT NULL,
    summary   BYTEA NOT NULL,
    filter    BYTEA NOT NULL,
    payload   BYTEA NOT NULL
);
CREATE UNIQUE INDEX idx_span_blocks_first ON span_blocks (tenant, first_seq);
CREATE INDEX idx_span_blocks_last ON span_blocks (tenant, last_seq);
CREATE INDEX idx_span_blocks_time ON span_blocks (tenant, max_time DESC, min_time);

-- Services, and the operations of their spans.
CREATE TABLE services (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    name   TEXT NOT NULL,
    UNIQUE (tenant, name)
);
CREATE TABLE operations (
    id      BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant  BIGINT NOT NULL REFERENCES tenants (id),
    service BIGINT NOT NULL REFERENCES services (id),
    name    TEXT NOT NULL,
    UNIQUE (tenant, service, name)
);

-- A row a trace. Its id is in two halves. Blocks whose numbers overlap `first_seq` to `last_seq` may hold its spans.
-- `services` is ` service.spans.errors` for each service.
CREATE TABLE traces (
    id        BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant    BIGINT NOT NULL,
    trace_lo  BIGINT NOT NULL,
    trace_hi  BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq  BIGINT NOT NULL,
    start     BIGINT NOT NULL,
    duration  BIGINT NOT NULL,
    operation BIGINT NOT NULL,
    has_root  BIGINT NOT NULL,
    spans     BIGINT NOT NULL,
    errors    BIGINT NOT NULL,
    services  TEXT NOT NULL
);
CREATE UNIQUE INDEX idx_span_traces_id ON traces (tenant, trace_lo, trace_hi);
CREATE INDEX idx_span_traces_start ON traces (tenant, start);

-- Spans of an operation by minute, hour and day (`resolution`, seconds): how many, how many failed, how long they took.
CREATE TABLE operation_rollups (
    tenant     BIGINT NOT NULL,
    resolution BIGINT NOT NULL,
    operation  BIGINT NOT NULL,
    bucket     BIGINT NOT NULL,
    spans      BIGINT NOT NULL,
    errors     BIGINT NOT NULL,
    sketch     BYTEA NOT NULL,
    PRIMARY KEY (tenant, resolution, operation, bucket)
);
