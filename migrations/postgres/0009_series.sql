-- Series without samples for days are not kept in memory: they are looked up by their labels when they are heard of again.
-- Their sum, as labels may be longer than a page of an index has room for.
CREATE INDEX idx_metric_series_labels ON metric_series (md5(labels), id);
-- How often that happened to series of a metric: whoever shares the store reads them anew.
ALTER TABLE metric_names ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
