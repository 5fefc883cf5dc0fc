-- Who calls whom, as spans tell: a service (`caller`) and what it calls, which is another service (`kind` 0) or something
-- that sends no spans itself (1 database, 2 cache, 3 queue, 4 external).
CREATE TABLE service_edges (
    id     INTEGER PRIMARY KEY,
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    caller TEXT NOT NULL,
    callee TEXT NOT NULL,
    kind   INTEGER NOT NULL,
    UNIQUE (tenant, caller, callee, kind)
);

-- Calls by minute, hour and day (`resolution`, seconds): how many, how many failed, how long they took for the caller.
CREATE TABLE edge_rollups (
    tenant     INTEGER NOT NULL,
    resolution INTEGER NOT NULL,
    edge       INTEGER NOT NULL,
    bucket     INTEGER NOT NULL,
    spans      INTEGER NOT NULL,
    errors     INTEGER NOT NULL,
    sketch     BLOB NOT NULL,
    PRIMARY KEY (tenant, resolution, edge, bucket)
) WITHOUT ROWID;
