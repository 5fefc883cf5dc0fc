//! How fast something grew.

/// The first and the last of the samples in a window, and how much lies between them.
#[derive(Debug, Clone, Copy)]
pub struct Growth {
    /// When the first was, in milliseconds.
    pub first_time: i64,
    /// When the last was.
    pub last_time: i64,
    /// The first.
    pub first: f64,
    /// By how much it grew from the first to the last.
    pub by: f64,
    /// How many samples there are.
    pub count: u64,
}

impl Growth {
    /// By how much it grew in a whole window, which is after one time and up to another, in milliseconds. Where samples
    /// come close to an end of the window, as close as they are to each other, growth is taken to go on up to it; else
    /// the series is taken to begin or end within the window, half a distance away from the samples. A counter is
    /// not taken below zero. Nothing is said of fewer than two samples.
    ///
    /// This is how Prometheus defines `rate`, `increase` and `delta`.
    pub fn in_window(&self, after: i64, to: i64, is_counter: bool) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let sampled = seconds(self.last_time - self.first_time);
        let distance = sampled / (self.count - 1) as f64;
        // A little more than the distance: samples do not come at exact times.
        let threshold = distance * 1.1;
        let mut before = seconds((self.first_time - after).max(0));
        let mut behind = seconds((to - self.last_time).max(0));
        if before >= threshold {
            before = distance / 2.0;
        }
        if is_counter && self.by > 0.0 && self.first >= 0.0 {
            let since_zero = sampled * (self.first / self.by);
            before = before.min(since_zero);
        }
        if behind >= threshold {
            behind = distance / 2.0;
        }
        Some(self.by * ((sampled + before + behind) / sampled))
    }
}

fn seconds(millis: i64) -> f64 {
    millis as f64 / 1000.0
}

/// Where a counter began anew: which sample is below the one before, and that one's value.
pub fn resets(values: &[f64]) -> Vec<(usize, f64)> {
    let pairs = values.windows(2).enumerate();
    pairs.filter(|(_, pair)| pair[1] < pair[0]).map(|(index, pair)| (index + 1, pair[0])).collect()
}
