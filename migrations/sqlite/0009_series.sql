-- Series without samples for days are not kept in memory: they are looked up by their labels when they are heard of again.
CREATE INDEX idx_metric_series_labels ON metric_series (labels);
-- How often that happened to series of a metric: whoever shares the store reads them anew.
ALTER TABLE metric_names ADD COLUMN revision INTEGER NOT NULL DEFAULT 0;
