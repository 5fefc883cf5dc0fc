-- Measurements that stand for a sample, as senders pick them: at most one a sample, with the trace it was taken in.
-- `labels` is a JSON object of what the sample's series does not say.
CREATE TABLE exemplars (
    tenant    BIGINT NOT NULL,
    series_id BIGINT NOT NULL,
    time      BIGINT NOT NULL,
    value     DOUBLE PRECISION NOT NULL,
    trace_id  BYTEA,
    span_id   BYTEA,
    labels    TEXT NOT NULL,
    PRIMARY KEY (tenant, series_id, time)
);
CREATE INDEX exemplars_by_age ON exemplars (time);
