-- Samples in compressed blocks, as the model of Prometheus has them. Times are milliseconds here.
--
-- Metrics by name. The series of a metric have numbers from its own times 2^24 on, in the order in which they were seen
-- first: what a query by name asks for lies together.
CREATE TABLE metric_names (
    id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant      BIGINT NOT NULL REFERENCES tenants (id),
    name        TEXT NOT NULL,
    next_series BIGINT NOT NULL,
    UNIQUE (tenant, name)
);
-- `labels` is a JSON object without the name. `last_day` is the last day with samples, counted from the Unix epoch.
CREATE TABLE metric_series (
    id       BIGINT PRIMARY KEY,
    tenant   BIGINT NOT NULL REFERENCES tenants (id),
    labels   TEXT NOT NULL,
    last_day BIGINT NOT NULL
);
-- What senders say about a metric family: its type, what it is, its unit.
CREATE TABLE metric_metadata (
    tenant BIGINT NOT NULL REFERENCES tenants (id),
    name   TEXT NOT NULL,
    type   TEXT NOT NULL,
    help   TEXT NOT NULL,
    unit   TEXT NOT NULL,
    PRIMARY KEY (tenant, name)
);

-- Samples as they were committed: a block a commit and tenant, until they are sorted into the blocks below. Numbers are
-- never given out again: readers remember up to which they have read. `created_at` is when it was written.
CREATE TABLE sample_commits (
    id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant     BIGINT NOT NULL REFERENCES tenants (id),
    samples    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    payload    BYTEA NOT NULL
);
-- Samples (`resolution` 0) and roll-ups (300 and 3600 seconds) by windows of time, and within a window by series.
-- `window_end` is the end of the window, which belongs to it; its beginning does not.
CREATE TABLE sample_blocks (
    id           BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant       BIGINT NOT NULL REFERENCES tenants (id),
    resolution   BIGINT NOT NULL,
    window_end   BIGINT NOT NULL,
    first_series BIGINT NOT NULL,
    last_series  BIGINT NOT NULL,
    samples      BIGINT NOT NULL,
    min_time     BIGINT NOT NULL,
    max_time     BIGINT NOT NULL,
    is_fresh     BOOLEAN NOT NULL,
    payload      BYTEA NOT NULL
);
-- They are compressed already.
ALTER TABLE sample_commits ALTER COLUMN payload SET STORAGE EXTERNAL;
ALTER TABLE sample_blocks ALTER COLUMN payload SET STORAGE EXTERNAL;
CREATE INDEX idx_sample_blocks_place
    ON sample_blocks (tenant, resolution, window_end, first_series, last_series, min_time, max_time, id, is_fresh, samples);
-- Windows that have blocks, and how often such were added that have not been merged.
CREATE TABLE sample_windows (
    tenant     BIGINT NOT NULL,
    resolution BIGINT NOT NULL,
    window_end BIGINT NOT NULL,
    fresh_runs BIGINT NOT NULL,
    PRIMARY KEY (tenant, resolution, window_end)
);

-- The newest sample of five minutes of what Console collects itself, for people's SQL.
CREATE TABLE metric_rows (
    series_id BIGINT NOT NULL,
    time      BIGINT NOT NULL,
    value     DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (series_id, time)
);
CREATE INDEX idx_metric_rows_time ON metric_rows (time);
DROP VIEW metrics;
CREATE VIEW metrics (id, timestamp, metric_type, metric_name, value, metadata) AS
SELECT s.series_id || '-' || s.time,
       to_timestamp(s.time / 1000.0),
       split_part(n.name, '_', 1),
       n.name,
       s.value,
       r.labels::jsonb
FROM metric_rows s
JOIN metric_series r ON r.id = s.series_id
JOIN metric_names n ON n.id = s.series_id / 16777216;

-- What was stored in rows: series are numbered anew here; the server moves the samples.
INSERT INTO metric_names (tenant, name, next_series) SELECT tenant, name, COUNT(*) FROM series GROUP BY tenant, name;
ALTER TABLE series ADD COLUMN number BIGINT;
UPDATE series SET number = numbered.number
FROM (SELECT s.id, m.id * 16777216 + ROW_NUMBER() OVER (PARTITION BY m.id ORDER BY s.id) - 1 AS number
      FROM series s JOIN metric_names m ON m.tenant = s.tenant AND m.name = s.name) AS numbered
WHERE numbered.id = series.id;
INSERT INTO metric_series (id, tenant, labels, last_day) SELECT number, tenant, labels, 0 FROM series;
UPDATE exemplars SET series_id = (SELECT s.number FROM series s WHERE s.id = exemplars.series_id);
DROP TABLE sample_rollups;
ALTER TABLE series RENAME TO old_series;
ALTER TABLE samples RENAME TO old_samples;
