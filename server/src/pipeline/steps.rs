//! Records the steps of a pipeline trace with their real times.

use app::model::{PipelineStatus, Step};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

/// Every step of a delivered event, in order.
pub const STEP_NAMES: [&str; 6] =
    ["webhook_received", "token_verification", "event_processing", "analyze_changes", "kafka_publish", "awx_trigger"];

/// Why the last two steps are skipped until they are built.
pub const NOT_CONFIGURED: &str = "not configured";

/// A step that has not begun.
pub fn pending(name: &str) -> Step {
    Step {
        name: name.to_owned(),
        status: PipelineStatus::Pending,
        started_at: None,
        completed_at: None,
        duration_ms: None,
        details: None,
        error: None,
    }
}

/// All steps, none begun.
pub fn all_pending() -> Vec<Step> {
    STEP_NAMES.iter().map(|name| pending(name)).collect()
}

/// Milliseconds between two instants, with fractions; never negative, even when the clock went back.
pub fn duration_ms(from: DateTime<Utc>, to: DateTime<Utc>) -> f64 {
    (to - from).num_microseconds().map_or(0.0, |micros| micros as f64 / 1000.0).max(0.0)
}

/// Ends a step that began at `started_at`.
pub fn end(step: &mut Step, started_at: DateTime<Utc>, now: DateTime<Utc>, outcome: Result<Value, (String, Value)>) {
    step.started_at = Some(started_at);
    step.completed_at = Some(now.max(started_at));
    step.duration_ms = Some(duration_ms(started_at, now));
    match outcome {
        Ok(details) => {
            step.status = PipelineStatus::Success;
            step.details = Some(details);
        }
        Err((error, details)) => {
            step.status = PipelineStatus::Failed;
            step.error = Some(error);
            step.details = Some(details).filter(|details| !details.is_null());
        }
    }
}

/// Marks a step as not done, with the reason.
pub fn skip(step: &mut Step, reason: &str) {
    step.status = PipelineStatus::Skipped;
    step.details = Some(json!({ "reason": reason }));
}
