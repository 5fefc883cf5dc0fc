-- Samples in compressed blocks, as the model of Prometheus has them. Times are milliseconds here.
--
-- Metrics by name. The series of a metric have numbers from its own times 2^24 on, in the order in which they were seen
-- first: what a query by name asks for lies together.
CREATE TABLE metric_names (
    id          INTEGER PRIMARY KEY,
    tenant      INTEGER NOT NULL REFERENCES tenants (id),
    name        TEXT NOT NULL,
    next_series INTEGER NOT NULL,
    UNIQUE (tenant, name)
);
-- `labels` is a JSON object without the name. `last_day` is the last day with samples, counted from the Unix epoch.
CREATE TABLE metric_series (
    id       INTEGER PRIMARY KEY,
    tenant   INTEGER NOT NULL REFERENCES tenants (id),
    labels   TEXT NOT NULL,
    last_day INTEGER NOT NULL
);
-- What senders say about a metric family: its type, what it is, its unit.
CREATE TABLE metric_metadata (
    tenant INTEGER NOT NULL REFERENCES tenants (id),
    name   TEXT NOT NULL,
    type   TEXT NOT NULL,
    help   TEXT NOT NULL,
    unit   TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
) WITHOUT ROWID;

-- Samples as they were committed: a block a commit and tenant, until they are sorted into the blocks below. Numbers are
-- never given out again: readers remember up to which they have read. `created_at` is when it was written.
CREATE TABLE sample_commits (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     INTEGER NOT NULL REFERENCES tenants (id),
    samples    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    payload    BLOB NOT NULL
);
-- Samples (`resolution` 0) and roll-ups (300 and 3600 seconds) by windows of time, and within a window by series.
-- `window_end` is the end of the window, which belongs to it; its beginning does not.
CREATE TABLE sample_blocks (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       INTEGER NOT NULL REFERENCES tenants (id),
    resolution   INTEGER NOT NULL,
    window_end   INTEGER NOT NULL,
    first_series INTEGER NOT NULL,
    last_series  INTEGER NOT NULL,
    samples      INTEGER NOT NULL,
    min_time     INTEGER NOT NULL,
    max_time     INTEGER NOT NULL,
    is_fresh     BOOLEAN NOT NULL,
    payload      BLOB NOT NULL
);
CREATE INDEX idx_sample_blocks_place
    ON sample_blocks (tenant, resolution, window_end, first_series, last_series, min_time, max_time, id, is_fresh, samples);
-- Windows that have blocks, and how often such were added that have not been merged.
CREATE TABLE sample_windows (
    tenant     INTEGER NOT NULL,
    resolution INTEGER NOT NULL,
    window_end INTEGER NOT NULL,
    fresh_runs INTEGER NOT NULL,
    PRIMARY KEY (tenant, resolution, window_end)
) WITHOUT ROWID;

-- The newest sample of five minutes of what Console collects itself, for people's SQL.
CREATE TABLE metric_rows (
    series_id INTEGER NOT NULL,
    time      INTEGER NOT NULL,
    value     REAL NOT NULL,
    PRIMARY KEY (series_id, time)
) WITHOUT ROWID;
CREATE INDEX idx_metric_rows_time ON metric_rows (time);
DROP VIEW metrics;
CREATE VIEW metrics (id, timestamp, metric_type, metric_name, value, metadata) AS
SELECT s.series_id || '-' || s.time,
       strftime('%Y-%m-%dT%H:%M:%fZ', s.time / 1000.0, 'unixepoch'),
       substr(n.name, 1, instr(n.name || '_', '_') - 1),
       n.name,
       s.value,
       r.labels
FROM metric_rows s
JOIN metric_series r ON r.id = s.series_id
JOIN metric_names n ON n.id = s.series_id / 16777216;

-- What was stored in rows: series are numbered anew here; the server moves the samples.
INSERT INTO metric_names (tenant, name, next_series) SELECT tenant, name, COUNT(*) FROM series GROUP BY tenant, name;
ALTER TABLE series ADD COLUMN number INTEGER;
UPDATE series SET number = numbered.number
FROM (SELECT s.id, m.id * 16777216 + ROW_NUMBER() OVER (PARTITION BY m.id ORDER BY s.id) - 1 AS number
      FROM series s JOIN metric_names m ON m.tenant = s.tenant AND m.name = s.name) AS numbered
WHERE numbered.id = series.id;
INSERT INTO metric_series (id, tenant, labels, last_day) SELECT number, tenant, labels, 0 FROM series;
UPDATE exemplars SET series_id = (SELECT s.number FROM series s WHERE s.id = exemplars.series_id);
DROP TABLE sample_rollups;
ALTER TABLE series RENAME TO old_series;
ALTER TABLE samples RENAME TO old_samples;
