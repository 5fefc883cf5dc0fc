//! The words of PromQL that have a meaning of their own.

/// A function or an aggregation, and what it does.
pub type Known = (&'static str, &'static str);

/// What puts series together.
pub const AGGREGATIONS: [Known; 12] = [
    ("avg", "mean of the series"),
    ("bottomk", "the k smallest series"),
    ("count", "how many series"),
    ("count_values", "how many series have each value"),
    ("group", "1 for each group"),
    ("max", "greatest of the series"),
    ("min", "smallest of the series"),
    ("quantile", "quantile over the series"),
    ("stddev", "standard deviation over the series"),
    ("stdvar", "variance over the series"),
    ("sum", "sum of the series"),
    ("topk", "the k greatest series"),
];

/// Functions.
pub const FUNCTIONS: [Known; 60] = [
    ("abs", "absolute value"),
    ("absent", "1 where there is nothing"),
    ("absent_over_time", "1 where there was nothing over a range"),
    ("avg_over_time", "mean over a range"),
    ("ceil", "rounded up"),
    ("changes", "how often the value changed over a range"),
    ("clamp", "held between two numbers"),
    ("clamp_max", "at most a number"),
    ("clamp_min", "at least a number"),
    ("count_over_time", "how many samples over a range"),
    ("day_of_month", "1 to 31, in UTC"),
    ("day_of_week", "0 is Sunday, in UTC"),
    ("day_of_year", "1 to 366, in UTC"),
    ("days_in_month", "28 to 31"),
    ("delta", "how much a gauge changed over a range"),
    ("deriv", "change of a gauge a second, by regression"),
    ("exp", "e to the power of the value"),
    ("floor", "rounded down"),
    ("histogram_quantile", "quantile of a histogram's buckets"),
    ("hour", "0 to 23, in UTC"),
    ("idelta", "difference of the last two samples"),
    ("increase", "how much a counter grew over a range"),
    ("irate", "growth of a counter a second, of the last two samples"),
    ("label_join", "a label made of others"),
    ("label_replace", "a label made by an expression"),
    ("last_over_time", "newest sample of a range"),
    ("ln", "natural logarithm"),
    ("log10", "decimal logarithm"),
    ("log2", "binary logarithm"),
    ("max_over_time", "greatest sample of a range"),
    ("min_over_time", "smallest sample of a range"),
    ("minute", "0 to 59, in UTC"),
    ("month", "1 to 12, in UTC"),
    ("pi", "3.14159…"),
    ("predict_linear", "value in so many seconds, if it goes on like this"),
    ("present_over_time", "1 where there was a sample over a range"),
    ("quantile_over_time", "quantile of the samples of a range"),
    ("rate", "growth of a counter a second, over a range"),
    ("resets", "how often a counter began anew over a range"),
    ("round", "rounded to the nearest multiple"),
    ("scalar", "the only series as a number"),
    ("sgn", "−1, 0 or 1"),
    ("sort", "smallest first"),
    ("sort_desc", "greatest first"),
    ("sqrt", "square root"),
    ("stddev_over_time", "standard deviation over a range"),
    ("stdvar_over_time", "variance over a range"),
    ("sum_over_time", "sum of the samples of a range"),
    ("time", "seconds since 1970"),
    ("timestamp", "when the sample was"),
    ("vector", "a number as a series"),
    ("year", "in UTC"),
    ("acos", "arc cosine"),
    ("asin", "arc sine"),
    ("atan", "arc tangent"),
    ("cos", "cosine"),
    ("deg", "degrees of radians"),
    ("rad", "radians of degrees"),
    ("sin", "sine"),
    ("tan", "tangent"),
];

/// What stands after a value.
pub const AFTER_VALUE: [Known; 9] = [
    ("and", "series that the right side has too"),
    ("or", "series of either side"),
    ("unless", "series that the right side does not have"),
    ("offset", "so much earlier"),
    ("on", "match by these labels"),
    ("ignoring", "match by all labels but these"),
    ("group_left", "many series on the left match one"),
    ("group_right", "many series on the right match one"),
    ("bool", "0 or 1 instead of leaving series out"),
];

/// What stands after an aggregation.
pub const AFTER_AGGREGATION: [Known; 2] = [("by", "one group for these labels"), ("without", "leave these labels out")];

/// Words before the labels of a group.
pub const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// Lengths of time that are often wanted.
pub const DURATIONS: [Known; 9] = [
    ("1m", "1 minute"),
    ("5m", "5 minutes"),
    ("10m", "10 minutes"),
    ("15m", "15 minutes"),
    ("30m", "30 minutes"),
    ("1h", "1 hour"),
    ("6h", "6 hours"),
    ("1d", "1 day"),
    ("7d", "7 days"),
];

/// Whether a word is among these.
pub fn is_among(known: &[Known], word: &str) -> bool {
    known.iter().any(|(name, _)| *name == word)
}

/// Whether a word of an expression names a metric, as far as can be told.
pub fn is_metric(word: &str) -> bool {
    let is_number = ["inf", "nan", "Inf", "NaN", "start", "end"].contains(&word);
    !is_number
        && ![&AGGREGATIONS[..], &FUNCTIONS, &AFTER_VALUE, &AFTER_AGGREGATION].iter().any(|known| is_among(known, word))
}
