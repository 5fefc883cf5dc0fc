//! Pipeline traces: what happened between a push and the deployment of an API.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// State of a pipeline trace or of one of its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PipelineStatus {
    /// Known, not begun.
    #[default]
    Pending,
    /// Begun, not ended.
    InProgress,
    /// Ended well.
    Success,
    /// Ended with an error.
    Failed,
    /// Not done, for a reason that the details give.
    Skipped,
}

impl PipelineStatus {
    /// Every status.
    pub const ALL: [Self; 5] = [Self::Pending, Self::InProgress, Self::Success, Self::Failed, Self::Skipped];

    /// The name in JSON, SQL and addresses.
    pub fn key(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InProgress => "in_progress",
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }

    /// What people read.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::InProgress => "Running",
            Self::Success => "Success",
            Self::Failed => "Failed",
            Self::Skipped => "Skipped",
        }
    }

    /// Whether nothing more will happen.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Failed | Self::Skipped)
    }
}

impl fmt::Display for PipelineStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

/// A text that names no status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one of pending, in_progress, success, failed, skipped")]
pub struct ParseStatusError;

impl FromStr for PipelineStatus {
    type Err = ParseStatusError;

    fn from_str(text: &str) -> Result<Self, ParseStatusError> {
        Self::ALL.into_iter().find(|status| status.key() == text).ok_or(ParseStatusError)
    }
}

/// One step of a pipeline trace, drawn as a span.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct Step {
    /// What is done, e.g. `analyze_changes`.
    pub name: String,
    /// How it stands.
    pub status: PipelineStatus,
    /// When it began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// How long it took, in milliseconds with fractions.
    pub duration_ms: Option<f64>,
    /// What it found or did.
    pub details: Option<serde_json::Value>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A pipeline trace with its steps. Its `id` is its trace id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct PipelineTrace {
    /// Also the trace id of everything that was logged on its way.
    pub id: Uuid,
    /// What set it off, e.g. `gitlab-push`.
    pub trigger_type: String,
    /// Where that came from, e.g. `gitlab`; [`PipelineTrace::DEMO_SOURCE`] marks demonstration data.
    pub trigger_source: String,
    /// The commit, in full.
    pub git_commit_sha: Option<String>,
    /// Its message.
    pub git_commit_message: Option<String>,
    /// Branch or tag.
    pub git_branch: Option<String>,
    /// Who wrote the commit.
    pub git_author: Option<String>,
    /// Their address.
    pub git_author_email: Option<String>,
    /// Path of the project, e.g. `group/project`.
    pub git_project: Option<String>,
    /// Changed files.
    pub git_files_changed: Vec<String>,
    /// The tenant that the pipeline delivers to: a label, not the owner of this row.
    pub tenant_id: Option<String>,
    /// The API that it delivers.
    pub api_id: Option<String>,
    /// That API's name.
    pub api_name: Option<String>,
    /// Where to, e.g. `dev`.
    pub environment: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// How long it took, in milliseconds.
    pub total_duration_ms: Option<i64>,
    /// How it stands.
    pub status: PipelineStatus,
    /// Why it failed, in one line.
    pub error_summary: Option<String>,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

impl PipelineTrace {
    /// `trigger_source` of demonstration data.
    pub const DEMO_SOURCE: &str = "demo";

    /// The row of a list.
    pub fn summary(&self) -> PipelineSummary {
        let with = |status| self.steps.iter().filter(|step| step.status == status).count() as u32;
        PipelineSummary {
            id: self.id,
            trigger_type: self.trigger_type.clone(),
            trigger_source: self.trigger_source.clone(),
            git_commit_sha: self.git_commit_sha.as_ref().map(|sha| sha.chars().take(8).collect()),
            git_commit_message: self.git_commit_message.clone(),
            git_branch: self.git_branch.clone(),
            git_author: self.git_author.clone(),
            git_project: self.git_project.clone(),
            tenant_id: self.tenant_id.clone(),
            api_id: self.api_id.clone(),
            api_name: self.api_name.clone(),
            environment: self.environment.clone(),
            created_at: self.created_at,
            completed_at: self.completed_at,
            total_duration_ms: self.total_duration_ms,
            status: self.status,
            error_summary: self.error_summary.clone(),
            steps_count: self.steps.len() as u32,
            steps_completed: with(PipelineStatus::Success),
            steps_failed: with(PipelineStatus::Failed),
            step_statuses: self.steps.iter().map(|step| step.status).collect(),
        }
    }
}

/// A pipeline trace as a row of a list: without steps, with a short commit hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct PipelineSummary {
    /// Trace id.
    pub id: Uuid,
    /// What set it off.
    pub trigger_type: String,
    /// Where that came from.
    pub trigger_source: String,
    /// The first eight digits of the commit.
    pub git_commit_sha: Option<String>,
    /// Its message.
    pub git_commit_message: Option<String>,
    /// Branch or tag.
    pub git_branch: Option<String>,
    /// Who wrote the commit.
    pub git_author: Option<String>,
    /// Path of the project.
    pub git_project: Option<String>,
    /// Target tenant.
    pub tenant_id: Option<String>,
    /// Target API.
    pub api_id: Option<String>,
    /// Target API's name.
    pub api_name: Option<String>,
    /// Target environment.
    pub environment: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// How long it took, in milliseconds.
    pub total_duration_ms: Option<i64>,
    /// How it stands.
    pub status: PipelineStatus,
    /// Why it failed.
    pub error_summary: Option<String>,
    /// How many steps it has.
    pub steps_count: u32,
    /// How many ended well.
    pub steps_completed: u32,
    /// How many failed.
    pub steps_failed: u32,
    /// The status of each step in order: the small squares of a row.
    pub step_statuses: Vec<PipelineStatus>,
}

impl PipelineSummary {
    /// Whether this is demonstration data.
    pub fn is_demo(&self) -> bool {
        self.trigger_source == PipelineTrace::DEMO_SOURCE
    }
}

/// Which pipeline traces are wanted. Empty means all.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PipelineFilter {
    /// In this state.
    pub status: Option<PipelineStatus>,
    /// To this environment.
    pub environment: Option<String>,
    /// For this target tenant.
    pub tenant_id: Option<String>,
    /// Set off by this.
    pub trigger_type: Option<String>,
    /// This text in message, author, branch, project, API, commit or id, in any case.
    pub search: Option<String>,
}

impl PipelineFilter {
    /// Whether every trace passes.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A page of pipeline traces, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PipelineQuery {
    /// Which traces.
    pub filter: PipelineFilter,
    /// In which range; none means all time.
    pub range: Option<super::RangeSpec>,
    /// How many at most, 1 to [`PipelineQuery::MAX_LIMIT`]; 0 means [`PipelineQuery::DEFAULT_LIMIT`].
    pub limit: u32,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

impl PipelineQuery {
    /// Rows in a page when nothing is said.
    pub const DEFAULT_LIMIT: u32 = 50;
    /// The most rows in a page.
    pub const MAX_LIMIT: u32 = 500;
}

/// A page of pipeline traces, newest first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct PipelinePage {
    /// The rows.
    pub traces: Vec<PipelineSummary>,
    /// How many match in all.
    pub total: u64,
    /// Give it back as `cursor` for the page after; absent on the last page.
    pub next_cursor: Option<String>,
}

/// Counts over the matching pipeline traces.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "ssr", derive(utoipa::ToSchema))]
pub struct PipelineStats {
    /// How many there are.
    pub total: u64,
    /// How many in each status; every status is present.
    pub by_status: std::collections::BTreeMap<String, u64>,
    /// Mean duration of the ended ones, in milliseconds.
    pub avg_duration_ms: Option<f64>,
    /// Successes among successes and failures, in percent.
    pub success_rate: Option<f64>,
}

/// What the pipelines page needs beside the rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PipelineList {
    /// The rows.
    pub page: PipelinePage,
    /// Counts over the same filter and range.
    pub stats: PipelineStats,
    /// Values to choose from in the filters, sorted.
    pub environments: Vec<String>,
    /// Target tenants to choose from.
    pub tenants: Vec<String>,
    /// Trigger types to choose from.
    pub trigger_types: Vec<String>,
    /// Whether any pipeline trace is stored at all.
    pub any_stored: bool,
    /// How many stored traces are demonstration data.
    pub demo_count: u64,
    /// Whether demonstration traces may be made.
    pub demo_enabled: bool,
    /// Whether a webhook secret is configured: without one every delivery is refused.
    pub webhook_configured: bool,
}

/// What the page of one pipeline trace needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PipelineDetail {
    /// The trace with its steps.
    pub trace: PipelineTrace,
    /// Its log lines, oldest first, at most [`PipelineDetail::MAX_LOGS`].
    pub logs: Vec<super::LogRecord>,
    /// The newest position of the log when those were read.
    pub last_log_id: super::LogId,
    /// The next newer trace.
    pub newer: Option<Uuid>,
    /// The next older trace.
    pub older: Option<Uuid>,
    /// Where the project lives on the web, when the trigger said so.
    pub project_url: Option<String>,
}

impl PipelineDetail {
    /// The most log lines on a pipeline trace's page; the logs page shows them all.
    pub const MAX_LOGS: u32 = 500;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_survive_their_text_form() {
        for status in PipelineStatus::ALL {
            assert_eq!(status.key().parse(), Ok(status));
            assert_eq!(serde_json::to_string(&status).unwrap(), format!("\"{status}\""));
        }
    }
}
