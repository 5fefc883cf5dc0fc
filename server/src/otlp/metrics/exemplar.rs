//! Exemplars: measurements that stand for those that a sample counts, most of them with the trace they were taken in.

use opentelemetry_proto::tonic::metrics::v1::{Exemplar as Sent, exemplar::Value};

use super::{
    Part,
    labels::{Labels, point_labels},
    reason::finite,
};
use crate::{
    otlp::attributes::{self, Cut},
    store::Exemplar,
    telemetry::Redactor,
};
use app::model::{SpanId, TraceId, UnixNanos};

/// Largest labels of an exemplar, as JSON, in bytes: eight times what `OpenMetrics` lets one have.
const MAX_LABEL_BYTES: usize = 1024;

/// Reads one; none if it says nothing that can be kept. `time` says which of its times are taken.
pub fn read(
    sent: Sent,
    time: impl Fn(u64) -> Option<UnixNanos>,
    redactor: &Redactor,
    cut: &mut Cut,
) -> Option<Exemplar> {
    let value = match sent.value? {
        Value::AsDouble(value) => finite(value).ok()?,
        Value::AsInt(value) => value as f64,
    };
    let time = time(sent.time_unix_nano)?;
    let mut labels = point_labels(sent.filtered_attributes, &Labels::new(), None, redactor, cut);
    if serde_json::to_string(&labels).is_ok_and(|json| json.len() > MAX_LABEL_BYTES) {
        cut.attributes += labels.len() as u64;
        labels.clear();
    }
    let trace_id = attributes::id(&sent.trace_id).map(TraceId);
    // A span is named inside its trace only.
    let span_id = trace_id.and_then(|_| attributes::id(&sent.span_id)).map(SpanId);
    Some(Exemplar { time, value, trace_id, span_id, labels })
}

/// Which of the parts each exemplar stands for, and the newest that does: of a distribution the bucket in which its value
/// lies, else the one part that there is.
pub fn assign(exemplars: Vec<Exemplar>, parts: &[Part]) -> Vec<Option<Exemplar>> {
    let mut assigned: Vec<Option<Exemplar>> = vec![None; parts.len()];
    if exemplars.is_empty() {
        return assigned;
    }
    // Bounds grow from part to part, and the last is `+Inf`.
    let bounds: Vec<(usize, f64)> = (0..)
        .zip(parts)
        .filter_map(|(at, (_, label, _))| label.as_ref()?.1.parse().ok().map(|bound| (at, bound)))
        .collect();
    for exemplar in exemplars {
        let at = bounds.iter().find(|(_, bound)| exemplar.value <= *bound).map_or(0, |(at, _)| *at);
        let Some(place) = assigned.get_mut(at) else { continue };
        if place.as_ref().is_none_or(|other| other.time <= exemplar.time) {
            *place = Some(exemplar);
        }
    }
    assigned
}
