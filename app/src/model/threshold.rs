//! Where green ends: one rule for the banner, the cards and the rows.

use super::{Severity, overview::Unit};

/// Above the first: worth a look. Above the second: act now.
#[derive(Debug, Clone, Copy)]
pub struct Thresholds(pub f64, pub f64);

/// 95th percentile of durations, in milliseconds.
pub const P95_MS: Thresholds = Thresholds(500.0, 1000.0);
/// How long a request may take before the rest of it counts as lost, in milliseconds.
pub const TARGET_MS: u32 = 500;
/// Share of answers with status 5xx, in percent.
pub const ERROR_PERCENT: Thresholds = Thresholds(1.0, 5.0);
/// Use of processor, memory and disks, in percent.
pub const USE_PERCENT: Thresholds = Thresholds(80.0, 95.0);

impl Thresholds {
    /// How bad a value is.
    pub fn judge(self, value: Option<f64>) -> Severity {
        match value {
            Some(value) if value > self.1 => Severity::Critical,
            Some(value) if value > self.0 => Severity::Warning,
            _ => Severity::Ok,
        }
    }

    /// Which limit a value of this severity has passed, in words.
    pub fn passed(self, severity: Severity, unit: Unit) -> String {
        let limit = if severity == Severity::Critical { self.1 } else { self.0 };
        let unit = if unit == Unit::Percent { "%" } else { "ms" };
        format!("threshold {limit:.0} {unit}, last 5 minutes")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_itself_is_still_fine() {
        assert_eq!(P95_MS.judge(None), Severity::Ok);
        assert_eq!(P95_MS.judge(Some(500.0)), Severity::Ok);
        assert_eq!(P95_MS.judge(Some(500.1)), Severity::Warning);
        assert_eq!(P95_MS.judge(Some(1000.1)), Severity::Critical);
        assert_eq!(P95_MS.passed(Severity::Critical, Unit::Milliseconds), "threshold 1000 ms, last 5 minutes");
    }
}
