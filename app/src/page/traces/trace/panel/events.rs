//! What happened during a span; exceptions with their stack traces.

use leptos::prelude::*;
use serde_json::{Map, Value};

use super::attributes::{Attributes, text_of};
use crate::{
    component::{
        copy::CopyButton,
        icon::{Icon, IconName},
        time::format_duration_ms,
    },
    model::{UnixNanos, span::SpanEvent},
};

/// Events that are drawn at once.
const MOST: usize = 100;

/// An exception, after the conventions of OpenTelemetry
/// (<https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Exception {
    kind: String,
    message: String,
    stack: String,
}

/// Takes what says what an exception was out of its attributes.
fn exception(attributes: &mut Map<String, Value>) -> Exception {
    let mut take = |name: &str| attributes.remove(name).map(|value| text_of(&value)).unwrap_or_default();
    Exception { kind: take("exception.type"), message: take("exception.message"), stack: take("exception.stacktrace") }
}

/// The events of a span, in order of time.
#[component]
pub fn Events(
    /// The events.
    events: Vec<SpanEvent>,
    /// When the span began.
    start: UnixNanos,
) -> impl IntoView {
    if events.is_empty() {
        return ().into_any();
    }
    let count = events.len();
    let rest = count.saturating_sub(MOST);
    view! {
        <section class="span-section" aria-labelledby="span-events">
            <h3 id="span-events">{format!("Events ({count})")}</h3>
            <ol class="span-events">
                {events.into_iter().take(MOST).map(|event| draw(event, start)).collect_view()}
            </ol>
            {(rest > 0).then(|| view! { <p class="muted span-none">{format!("and {rest} more")}</p> })}
        </section>
    }
    .into_any()
}

fn draw(event: SpanEvent, start: UnixNanos) -> AnyView {
    let SpanEvent { time, name, mut attributes } = event;
    let offset = format!("+{}", format_duration_ms(time.0.saturating_sub(start.0) as f64 / 1e6));
    let is_exception = name == "exception";
    let Exception { kind, message, stack } =
        if is_exception { exception(&mut attributes) } else { Exception::default() };
    let stack = (!stack.is_empty()).then(|| {
        view! {
            <div class="snippet">
                <pre tabindex="0" aria-label="Stack trace"><code>{stack.clone()}</code></pre>
                <CopyButton what="stack trace" text=stack />
            </div>
        }
    });
    let rest = (!attributes.is_empty()).then(|| view! { <Attributes values=attributes none="" /> });
    let shown = if kind.is_empty() { name } else { kind };
    view! {
        <li class="span-event" data-exception=is_exception.then_some("")>
            <p>
                {is_exception.then(|| view! { <Icon name=IconName::Warning /> " " })}
                <b>{shown}</b>
                " "
                <span class="muted">{offset}</span>
            </p>
            {(!message.is_empty()).then(|| view! { <p class="span-event-message">{message}</p> })}
            {stack}
            {rest}
        </li>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_exception_is_told_apart_from_its_other_attributes() {
        let attributes = json!({ "exception.type": "Timeout", "exception.message": "no answer", "retry": 2 });
        let mut attributes = attributes.as_object().cloned().unwrap();
        let expected = Exception { kind: "Timeout".into(), message: "no answer".into(), stack: String::new() };
        assert_eq!(exception(&mut attributes), expected);
        assert_eq!(attributes.len(), 1);
    }
}
