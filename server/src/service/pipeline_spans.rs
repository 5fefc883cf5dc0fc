//! A pipeline trace as spans, so that it can be looked at as any other trace, together with the spans that carry its id.
//!
//! Attributes follow the semantic conventions for CI/CD and version control
//! (<https://opentelemetry.io/docs/specs/semconv/cicd/>).

use app::model::{
    PipelineStatus, PipelineTrace, Span, SpanEvent, SpanId, SpanKind, SpanStatus, Step, TraceId, TraceSummary,
    UnixNanos, span::ServiceShare,
};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value, json};
use xxhash_rust::xxh3::xxh3_64;

/// Number of the pipeline's own span; its steps are counted from one.
const ROOT: u64 = 0;

/// The pipeline and those of its steps that have begun. What still runs lasts until now.
pub fn spans(pipeline: &PipelineTrace, now: DateTime<Utc>) -> Vec<Span> {
    let trace_id = TraceId(*pipeline.id.as_bytes());
    let service = pipeline.git_project.clone().unwrap_or_else(|| pipeline.trigger_source.clone());
    let steps: Vec<(u64, &Step, DateTime<Utc>)> =
        (1..).zip(&pipeline.steps).filter_map(|(number, step)| Some((number, step, step.started_at?))).collect();
    let end = |step: &Step, from: DateTime<Utc>| step.completed_at.unwrap_or(now).max(from);
    let begun = steps.iter().map(|(.., from)| *from).chain([pipeline.created_at]).min().unwrap_or(pipeline.created_at);
    let latest = steps.iter().map(|(_, step, from)| end(step, *from)).max().unwrap_or(begun);
    let ended = pipeline.completed_at.unwrap_or(now).max(latest).max(begun);
    let span = |number: u64, name: &str, (from, to): (DateTime<Utc>, DateTime<Utc>), status, error: Option<&String>| {
        let start = UnixNanos::from(from);
        let message = error.cloned().unwrap_or_default();
        let event = (status == PipelineStatus::Failed && !message.is_empty()).then(|| SpanEvent {
            time: UnixNanos::from(to),
            name: "exception".to_owned(),
            attributes: Map::from_iter([("exception.message".to_owned(), Value::String(message.clone()))]),
        });
        Span {
            trace_id,
            span_id: span_id(trace_id, number),
            parent_span_id: (number != ROOT).then(|| span_id(trace_id, ROOT)),
            name: name.to_owned(),
            kind: SpanKind::Internal,
            service: service.clone(),
            start,
            duration_ns: UnixNanos::from(to).0.saturating_sub(start.0).max(0),
            status: match status {
                PipelineStatus::Failed => SpanStatus::Error,
                PipelineStatus::Success => SpanStatus::Ok,
                PipelineStatus::Pending | PipelineStatus::InProgress | PipelineStatus::Skipped => SpanStatus::Unset,
            },
            status_message: message,
            attributes: Map::from_iter([("cicd.pipeline.task.run.result".to_owned(), json!(status.key()))]),
            resource: Map::new(),
            scope: "console.pipelines".to_owned(),
            events: event.into_iter().collect(),
            links: Vec::new(),
        }
    };
    let mut root = span(ROOT, &pipeline.trigger_type, (begun, ended), pipeline.status, pipeline.error_summary.as_ref());
    root.attributes = root_attributes(pipeline);
    let mut spans = vec![root];
    for (number, step, from) in steps {
        let mut one = span(number, &step.name, (from, end(step, from)), step.status, step.error.as_ref());
        match step.details.clone() {
            Some(Value::Object(details)) => one.attributes.extend(details),
            Some(other) => {
                one.attributes.insert("details".to_owned(), other);
            }
            None => {}
        }
        spans.push(one);
    }
    spans
}

fn root_attributes(pipeline: &PipelineTrace) -> Map<String, Value> {
    let fields = [
        ("cicd.pipeline.run.id", Some(pipeline.id.to_string())),
        ("cicd.pipeline.result", Some(pipeline.status.key().to_owned())),
        ("vcs.ref.head.revision", pipeline.git_commit_sha.clone()),
        ("vcs.ref.head.name", pipeline.git_branch.clone()),
        ("vcs.repository.name", pipeline.git_project.clone()),
        ("vcs.change.title", pipeline.git_commit_message.clone()),
        ("enduser.id", pipeline.git_author.clone()),
        ("deployment.environment.name", pipeline.environment.clone()),
    ];
    fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?)))).collect()
}

/// The same for the same step, whenever it is asked for.
fn span_id(trace: TraceId, number: u64) -> SpanId {
    let mut key = [0; 24];
    key[..16].copy_from_slice(&trace.0);
    key[16..].copy_from_slice(&number.to_be_bytes());
    SpanId(xxh3_64(&key).max(1).to_be_bytes())
}

/// Adds the pipeline's spans to what is known of the trace with its id.
pub fn join(known: Option<(TraceSummary, Vec<Span>)>, added: Vec<Span>) -> Option<(TraceSummary, Vec<Span>)> {
    let Some(root) = added.first().cloned() else { return known };
    let errors = added.iter().filter(|span| span.status == SpanStatus::Error).count() as u32;
    let share = ServiceShare { service: root.service.clone(), spans: added.len() as u32, errors };
    let Some((mut summary, mut spans)) = known else {
        let summary = TraceSummary {
            trace_id: root.trace_id,
            start: root.start,
            duration_ns: root.duration_ns,
            service: root.service,
            operation: root.name,
            has_root: true,
            spans: share.spans,
            errors,
            services: vec![share],
        };
        return Some((summary, added));
    };
    let end = summary.start.0.saturating_add(summary.duration_ns).max(root.end().0);
    summary.start = summary.start.min(root.start);
    summary.duration_ns = end.saturating_sub(summary.start.0);
    summary.spans += share.spans;
    summary.errors += errors;
    (summary.service, summary.operation, summary.has_root) = (root.service, root.name, true);
    summary.services.insert(0, share);
    spans.extend(added);
    spans.sort_by_key(|span| (span.start, span.span_id));
    Some((summary, spans))
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use rand::{SeedableRng, rngs::SmallRng};

    use super::*;
    use crate::pipeline::demo;

    fn pipeline() -> PipelineTrace {
        let start = DateTime::from_timestamp_secs(1_790_000_000).unwrap();
        demo::trace(&mut SmallRng::seed_from_u64(7), uuid::Uuid::from_u128(7), start).trace
    }

    #[test]
    fn steps_are_children_of_the_pipeline_and_lie_inside_it() {
        let pipeline = pipeline();
        let now = pipeline.created_at + TimeDelta::days(1);
        let spans = spans(&pipeline, now);
        let begun = pipeline.steps.iter().filter(|step| step.started_at.is_some()).count();
        assert_eq!(spans.len(), begun + 1);
        for step in &spans[1..] {
            assert_eq!(step.parent_span_id, Some(spans[0].span_id));
            assert!(step.start >= spans[0].start && step.end() <= spans[0].end(), "{step:?}");
        }
        assert_eq!(spans, super::spans(&pipeline, now));
    }

    #[test]
    fn what_runs_lasts_until_now() {
        let mut pipeline = pipeline();
        pipeline.completed_at = None;
        pipeline.status = PipelineStatus::InProgress;
        pipeline.steps.truncate(1);
        pipeline.steps[0].completed_at = None;
        let now = pipeline.created_at + TimeDelta::seconds(90);
        assert!(spans(&pipeline, now).iter().all(|span| span.end() == UnixNanos::from(now)));
    }

    #[test]
    fn spans_with_the_same_trace_id_join_the_pipeline() {
        let pipeline = pipeline();
        let added = spans(&pipeline, pipeline.created_at);
        let alone = join(None, added.clone()).unwrap();
        assert_eq!((alone.0.spans as usize, alone.0.has_root), (added.len(), true));
        let own = Span { service: "builder".to_owned(), ..added[1].clone() };
        let known = TraceSummary { spans: 1, services: Vec::new(), ..alone.0.clone() };
        let (summary, all) = join(Some((known, vec![own])), added.clone()).unwrap();
        assert_eq!((summary.spans as usize, all.len()), (added.len() + 1, added.len() + 1));
        assert_eq!(join(None, Vec::new()), None);
    }
}
