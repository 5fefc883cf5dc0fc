-- Measurements that stand for a sample, as senders pick them: at most one a sample, with the trace it was taken in.
-- `labels` is a JSON object of what the sample's series does not say.
CREATE TABLE exemplars (
    tenant    INTEGER NOT NULL,
    series_id INTEGER NOT NULL,
    time      INTEGER NOT NULL,
    value     REAL NOT NULL,
    trace_id  BLOB,
    span_id   BLOB,
    labels    TEXT NOT NULL,
    PRIMARY KEY (tenant, series_id, time)
) WITHOUT ROWID;
CREATE INDEX exemplars_by_age ON exemplars (time);
