//! A GitLab delivery becomes a pipeline trace.
//!
//! Nothing is parsed or written before the sender has proved who it is. The trace is stored as `in_progress` together
//! with the claim on the delivery, so that a repeated delivery is recognised even while the first is being processed.

use std::borrow::Cow;

use app::{
    api::Scope,
    model::{PipelineStatus, PipelineTrace, Role, TenantId, TraceId},
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use tracing::Instrument;
use uuid::Uuid;

use super::{Services, pipeline_id, store_failed};
use crate::{
    clock::new_trace_id,
    pipeline::{
        gitlab::{self, DeliveryHeaders, Event, PayloadError, Proof, Refusal},
        steps::{self, NOT_CONFIGURED},
    },
    store::{Claim, DeliveryKey, StoredPipeline},
    telemetry::Redactor,
};

/// Where GitLab's traces come from.
const SOURCE: &str = "gitlab";
/// A delivery whose processing began longer ago than this and never ended may be claimed anew.
const STALE_AFTER: TimeDelta = TimeDelta::seconds(20);
/// Longest name of a delivery, in bytes.
const MAX_KEY_BYTES: usize = 255;
/// Targets that the step's details list.
const MAX_TARGETS: usize = 50;

/// A delivery as it came in.
pub struct WebhookDelivery {
    /// Its headers.
    pub headers: DeliveryHeaders,
    /// Its body, as sent.
    pub body: Vec<u8>,
    /// When the request arrived.
    pub received_at: DateTime<Utc>,
    /// The trace of the request.
    pub trace_id: TraceId,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebhookOutcome {
    /// It was processed.
    Accepted,
    /// It was processed before.
    Duplicate,
    /// Console has no use for such events.
    Ignored,
}

/// The answer to a delivery.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct WebhookAnswer {
    /// What became of it.
    pub status: WebhookOutcome,
    /// Its trace; of a duplicate, the first one's.
    pub trace_id: Uuid,
}

/// Why a delivery was not processed.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The sender did not prove who it is.
    #[error("the delivery is not authenticated")]
    Refused(#[from] Refusal),
    /// The body cannot be processed; the failure is on record under this trace.
    #[error("{error}")]
    Payload {
        /// What is wrong.
        error: PayloadError,
        /// The trace that tells of it.
        trace_id: Uuid,
    },
    /// The store failed.
    #[error("{0}")]
    Api(#[from] app::api::ApiError),
}

impl Services {
    /// Looks at the headers alone: whether the body is worth reading.
    pub fn precheck_gitlab(&self, headers: &DeliveryHeaders) -> Result<(), Refusal> {
        let checked = gitlab::verify_token(self.config.webhooks.gitlab_secret.as_ref(), headers);
        if let Err(refusal) = checked {
            tracing::warn!(reason = %refusal, "a GitLab delivery was refused");
        }
        checked.map(|_| ())
    }

    /// Ends traces whose processing was interrupted, so that nothing stays in progress for ever.
    pub async fn end_interrupted_pipelines(&self) {
        let now = self.clock.now_utc();
        match self.stores.pipelines.end_interrupted(now - STALE_AFTER, now).await {
            Ok(0) => {}
            Ok(traces) => tracing::warn!(traces, "pipeline traces that were interrupted have been ended as failed"),
            Err(error) => tracing::warn!(%error, "interrupted pipeline traces could not be ended; it is tried again"),
        }
    }

    /// Processes a delivery.
    pub async fn receive_gitlab(&self, delivery: WebhookDelivery) -> Result<WebhookAnswer, WebhookError> {
        let verifying_at = self.clock.now_utc();
        let proof = self.verify_gitlab(&delivery).inspect_err(|refusal| {
            tracing::warn!(reason = %refusal, "a GitLab delivery was refused");
        })?;
        let verified_at = self.clock.now_utc();

        let scope = Scope { tenant: TenantId::DEFAULT, role: Role::Viewer };
        let id = self.free_trace_id(scope, delivery.trace_id).await?;
        let mut pipeline = new_pipeline(id, &delivery);
        let all = &mut pipeline.trace.steps;
        let received = json!({ "event": delivery.headers.event, "size_bytes": delivery.body.len() });
        steps::end(&mut all[0], delivery.received_at, verifying_at, Ok(received));
        steps::end(&mut all[1], verifying_at, verified_at, Ok(json!({ "method": proof.key() })));

        let span = tracing::info_span!("pipeline.gitlab.receive", trace_id = %TraceId::from(id));
        self.process_gitlab(scope, delivery, pipeline).instrument(span).await
    }

    fn verify_gitlab(&self, delivery: &WebhookDelivery) -> Result<Proof, Refusal> {
        let secret = self.config.webhooks.gitlab_secret.as_ref();
        if let Some(proof) = gitlab::verify_token(secret, &delivery.headers)? {
            return Ok(proof);
        }
        let secret = secret.ok_or(Refusal::NoSecret)?;
        gitlab::verify_signature(secret, &delivery.headers, &delivery.body, self.clock.now())
    }

    /// The request's own trace id, unless the caller used it for another pipeline before.
    async fn free_trace_id(&self, scope: Scope, wanted: TraceId) -> Result<Uuid, WebhookError> {
        let id = pipeline_id(wanted);
        let taken = self.stores.pipelines.get(scope.tenant, id).await.map_err(store_failed)?;
        Ok(if taken.is_some() { new_trace_id().as_uuid() } else { id })
    }

    async fn process_gitlab(
        &self,
        scope: Scope,
        delivery: WebhookDelivery,
        mut pipeline: StoredPipeline,
    ) -> Result<WebhookAnswer, WebhookError> {
        let key = delivery.headers.delivery_key().map(|key| truncated(key, MAX_KEY_BYTES));
        let key = key.map(|key| DeliveryKey { source: SOURCE, key });
        let stale_before = pipeline.trace.created_at - STALE_AFTER;
        let claim = self.stores.pipelines.begin(scope.tenant, &pipeline, key, stale_before).await;
        if let Claim::Duplicate(first) = claim.map_err(store_failed)? {
            tracing::info!(first = %TraceId::from(first), "GitLab delivered the same event again");
            return Ok(WebhookAnswer { status: WebhookOutcome::Duplicate, trace_id: first });
        }
        let id = pipeline.trace.id;
        let event_name = delivery.headers.event.as_deref().unwrap_or("unknown");
        tracing::info!(event = event_name, size_bytes = delivery.body.len(), "GitLab delivered: {event_name}");
        self.hub.publish_pipeline(scope.tenant, &pipeline.trace.summary());

        let outcome = self.process_event(&delivery, &mut pipeline);
        finish(&mut pipeline.trace, self.clock.now_utc());
        redact(&mut pipeline.trace, self.self_log.redactor());
        let went_well = pipeline.trace.status != PipelineStatus::Failed;
        let saved = self.stores.pipelines.save(scope.tenant, &pipeline, key.map(|key| (key, went_well))).await;
        saved.map_err(store_failed)?;
        let trace = &pipeline.trace;
        let subject = trace.api_name.as_ref().or(trace.git_project.as_ref()).unwrap_or(&trace.trigger_type);
        tracing::info!(
            status = %trace.status,
            duration_ms = trace.total_duration_ms,
            project = trace.git_project,
            "pipeline of {subject}: {}",
            trace.status.label().to_lowercase()
        );
        self.hub.publish_pipeline(scope.tenant, &trace.summary());
        match outcome {
            Ok(status) => Ok(WebhookAnswer { status, trace_id: id }),
            Err(error) => Err(WebhookError::Payload { error, trace_id: id }),
        }
    }

    /// The steps after verification.
    fn process_event(
        &self,
        delivery: &WebhookDelivery,
        pipeline: &mut StoredPipeline,
    ) -> Result<WebhookOutcome, PayloadError> {
        let trace = &mut pipeline.trace;
        let began = self.clock.now_utc();
        let event = Event::parse(delivery.headers.event.as_deref(), &delivery.body);
        let ended = self.clock.now_utc();
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::error!(%error, "the delivery's body cannot be processed");
                steps::end(&mut trace.steps[2], began, ended, Err((error.to_string(), Value::Null)));
                skip_from(trace, 3, "the event could not be processed");
                return Err(error);
            }
        };
        describe(trace, &event, &self.config.webhooks.environment);
        pipeline.project_url.clone_from(&event.project_url);
        if !event.is_known {
            steps::end(&mut trace.steps[2], began, ended, Ok(json!({ "event": event.trigger_type })));
            skip_from(trace, 2, "no use for this kind of event");
            tracing::info!(event = event.trigger_type, "ignored: Console has no use for {}", event.trigger_type);
            return Ok(WebhookOutcome::Ignored);
        }
        let details = json!({
            "commits": event.commits_total, "commits_listed": event.commits_listed, "branch": event.branch,
        });
        steps::end(&mut trace.steps[2], began, ended, Ok(details));
        tracing::info!(
            commits = event.commits_total,
            branch = event.branch,
            author = event.author,
            project = event.project,
            "{}: {} commits on {} by {}",
            event.trigger_type,
            event.commits_total,
            event.branch.as_deref().unwrap_or("no branch"),
            event.author.as_deref().unwrap_or("nobody")
        );
        self.analyze(trace, &event);
        for step in &mut trace.steps[4..] {
            steps::skip(step, NOT_CONFIGURED);
        }
        Ok(WebhookOutcome::Accepted)
    }

    /// Maps changed files to target tenant and API.
    fn analyze(&self, trace: &mut PipelineTrace, event: &Event) {
        if event.is_deletion {
            return steps::skip(&mut trace.steps[3], "the branch or tag was deleted");
        }
        if event.trigger_type == "gitlab-merge-request" {
            return steps::skip(&mut trace.steps[3], "merge request events list no files");
        }
        let began = self.clock.now_utc();
        let targets = self.pattern.targets(event.files.iter().map(String::as_str));
        if let Some(first) = targets.first() {
            trace.tenant_id.clone_from(&first.tenant);
            trace.api_id.clone_from(&first.api);
            trace.api_name.clone_from(&first.api);
        }
        let listed = &targets[..targets.len().min(MAX_TARGETS)];
        let is_partial = event.commits_total > event.commits_listed as u64;
        let details = json!({
            "files_changed": event.files_total, "targets": listed, "targets_total": targets.len(),
            "commits_total": event.commits_total, "commits_listed": event.commits_listed,
            "files_of_unlisted_commits_are_unknown": is_partial,
        });
        tracing::info!(
            files = event.files_total,
            targets = targets.len(),
            tenant = trace.tenant_id,
            api = trace.api_name,
            "changed files: {}, targets touched: {}",
            event.files_total,
            targets.len()
        );
        steps::end(&mut trace.steps[3], began, self.clock.now_utc(), Ok(details));
    }
}

/// People write secrets into commit messages and branch names, and errors quote them.
fn redact(trace: &mut PipelineTrace, redactor: &Redactor) {
    let texts = [&mut trace.git_commit_message, &mut trace.git_branch, &mut trace.error_summary];
    let errors = trace.steps.iter_mut().map(|step| &mut step.error);
    for text in texts.into_iter().chain(errors).flatten() {
        if let Cow::Owned(clean) = redactor.text(text) {
            *text = clean;
        }
    }
    for details in trace.steps.iter_mut().filter_map(|step| step.details.as_mut()) {
        if let Some(details) = details.as_object_mut() {
            redactor.attributes(details);
        }
    }
}

fn truncated(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    &text[..end]
}

fn new_pipeline(id: Uuid, delivery: &WebhookDelivery) -> StoredPipeline {
    let trace = PipelineTrace {
        id,
        trigger_type: "gitlab-event".to_owned(),
        trigger_source: SOURCE.to_owned(),
        git_commit_sha: None,
        git_commit_message: None,
        git_branch: None,
        git_author: None,
        git_author_email: None,
        git_project: None,
        git_files_changed: Vec::new(),
        tenant_id: None,
        api_id: None,
        api_name: None,
        environment: None,
        created_at: delivery.received_at,
        completed_at: None,
        total_duration_ms: None,
        status: PipelineStatus::InProgress,
        error_summary: None,
        steps: steps::all_pending(),
    };
    StoredPipeline { trace, project_url: None }
}

fn describe(trace: &mut PipelineTrace, event: &Event, environment: &str) {
    trace.trigger_type.clone_from(&event.trigger_type);
    trace.git_commit_sha.clone_from(&event.sha);
    trace.git_commit_message.clone_from(&event.message);
    trace.git_branch.clone_from(&event.branch);
    trace.git_author.clone_from(&event.author);
    trace.git_author_email.clone_from(&event.author_email);
    trace.git_project.clone_from(&event.project);
    trace.git_files_changed.clone_from(&event.files);
    trace.environment = event.is_known.then(|| environment.to_owned());
}

fn skip_from(trace: &mut PipelineTrace, first: usize, reason: &str) {
    for step in trace.steps.iter_mut().skip(first) {
        steps::skip(step, reason);
    }
}

/// Ends the trace: failed if a step failed, skipped if there was nothing to do, else a success.
fn finish(trace: &mut PipelineTrace, now: DateTime<Utc>) {
    let now = now.max(trace.created_at);
    trace.completed_at = Some(now);
    trace.total_duration_ms = Some((now - trace.created_at).num_milliseconds());
    let failed = trace.steps.iter().find(|step| step.status == PipelineStatus::Failed);
    if let Some(step) = failed {
        let error = step.error.as_deref().unwrap_or("failed");
        trace.error_summary = Some(format!("{}: {error}", step.name));
        trace.status = PipelineStatus::Failed;
        return;
    }
    let event_was_used = trace.steps[2].status == PipelineStatus::Success;
    trace.status = if event_was_used { PipelineStatus::Success } else { PipelineStatus::Skipped };
}
