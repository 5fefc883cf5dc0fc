-- Who calls whom, as spans tell: a service (`caller`) and what it calls, which is another service (`kind` 0) or something
-- that sends no spans itself (1 database, 2 cache, 3 queue, 4 external).
CREATE TABLE service_edges (
    id     BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    caller TEXT NOT NULL,
    callee TEXT NOT NULL,
    kind   BIGINT NOT NULL,
    UNIQUE (tenant, caller, callee, kind)
);

-- Calls by minute, hour and day (`resolution`, seconds): how many, how many failed, how long they took for the caller.
CREATE TABLE edge_rollups (
    tenant     BIGINT NOT NULL,
    resolution BIGINT NOT NULL,
    edge       BIGINT NOT NULL,
    bucket     BIGINT NOT NULL,
    spans      BIGINT NOT NULL,
    errors     BIGINT NOT NULL,
    sketch     BYTEA NOT NULL,
    PRIMARY KEY (tenant, resolution, edge, bucket)
);
