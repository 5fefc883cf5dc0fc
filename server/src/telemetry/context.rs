//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): the `traceparent` header.

use app::model::{SpanId, TraceId};

use crate::clock::{new_span_id, new_trace_id};

/// Trace and span of the request being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace, continued or begun.
    pub trace_id: TraceId,
    /// This request's own span.
    pub span_id: SpanId,
    /// The caller's span.
    pub parent: Option<SpanId>,
}

impl TraceContext {
    /// Continues a valid `traceparent`, else begins a trace.
    pub fn from_traceparent(header: Option<&str>) -> Self {
        let continued = header.and_then(parse);
        Self {
            trace_id: continued.map_or_else(new_trace_id, |(trace, _)| trace),
            span_id: new_span_id(),
            parent: continued.map(|(_, parent)| parent),
        }
    }
}

/// `version-trace_id-parent_id-flags`; later versions may append fields.
fn parse(header: &str) -> Option<(TraceId, SpanId)> {
    let mut parts = header.trim().split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if !is_hex(version) || !is_hex(flags) || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    if header.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    Some((trace.parse().ok()?, parent.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    #[test]
    fn a_valid_parent_is_continued() {
        let context = TraceContext::from_traceparent(Some(&format!("00-{TRACE}-00f067aa0ba902b7-01")));
        assert_eq!(context.trace_id.to_string(), TRACE);
        assert_eq!(context.parent.unwrap().to_string(), "00f067aa0ba902b7");
        assert_ne!(Some(context.span_id), context.parent);
        assert!(parse(&format!("01-{TRACE}-00f067aa0ba902b7-01-later")).is_some());
    }

    #[test]
    fn an_invalid_parent_begins_a_trace() {
        let zeros = "0".repeat(32);
        for header in [
            String::new(),
            "00".into(),
            format!("ff-{TRACE}-00f067aa0ba902b7-01"),
            format!("00-{zeros}-00f067aa0ba902b7-01"),
            format!("00-{TRACE}-0000000000000000-01"),
            format!("00-{TRACE}-00f067aa0ba902b7-01-extra"),
            format!("00-{}-00f067aa0ba902b7-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-00f067aa0ba902b7-xx"),
        ] {
            assert_eq!(parse(&header), None, "{header}");
            assert!(TraceContext::from_traceparent(Some(&header)).parent.is_none());
        }
    }
}
