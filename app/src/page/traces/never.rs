//! How the first trace gets here.

use leptos::prelude::*;

use crate::{
    component::{
        me::may,
        reactive::text,
        snippet::{Snippet, use_origin},
    },
    model::Role,
};

/// What a program with an OpenTelemetry SDK has to be told.
fn settings(origin: &str) -> String {
    format!(
        "export OTEL_SERVICE_NAME=orders\n\
         export OTEL_EXPORTER_OTLP_ENDPOINT={origin}\n\
         export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\
         export OTEL_EXPORTER_OTLP_HEADERS=x-api-key=$CONSOLE_API_KEY"
    )
}

/// One span, sent by hand: it takes the time of the machine that it is sent from.
fn command(origin: &str) -> String {
    format!(
        "now=$(date +%s)\n\
         curl {origin}/v1/traces -H 'Content-Type: application/json' -H \"X-API-Key: $CONSOLE_API_KEY\" -d '\n\
         {{\"resourceSpans\": [{{\n  \
           \"resource\": {{\"attributes\": [{{\"key\": \"service.name\", \"value\": {{\"stringValue\": \"orders\"}}}}]}},\n  \
           \"scopeSpans\": [{{\"spans\": [{{\n    \
             \"traceId\": \"'$(openssl rand -hex 16)'\", \"spanId\": \"'$(openssl rand -hex 8)'\",\n    \
             \"name\": \"GET /orders\", \"kind\": 2,\n    \
             \"startTimeUnixNano\": \"'$now'000000000\", \"endTimeUnixNano\": \"'$now'250000000\"\n  \
           }}]}}]\n\
         }}]}}'"
    )
}

/// What to set in a program, and a span to try it with.
#[component]
pub fn HowToSend() -> impl IntoView {
    let origin = use_origin();
    let key = if may(Role::Admin) {
        view! { "An administrator makes one under " <a href="/settings/keys">"Settings, Keys"</a> "." }.into_any()
    } else {
        "An administrator makes one under Settings, Keys.".into_any()
    };
    view! {
        <div class="how-to">
            <p>
                "Any program with an OpenTelemetry SDK or agent sends its traces here when it is started with these settings."
            </p>
            <Snippet what="settings" text=text(move || settings(&origin.get())) />
            <p><code>"CONSOLE_API_KEY"</code> " is a key that may send data. " {key}</p>
            <p>"Or send one span by hand:"</p>
            <Snippet what="command" text=text(move || command(&origin.get())) />
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_carries_a_body_that_is_json() {
        let text = super::command("http://x");
        let body = text.split_once("-d '").unwrap().1.trim_end_matches('\'');
        // What the shell puts in.
        let body = body.replace("'$(openssl rand -hex 16)'", "00").replace("'$(openssl rand -hex 8)'", "00");
        let body: serde_json::Value = serde_json::from_str(&body.replace("'$now'", "1795271900")).unwrap();
        let span = &body["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
        assert_eq!(span["startTimeUnixNano"], "1795271900000000000");
    }

    #[test]
    fn the_settings_name_this_console() {
        assert!(super::settings("https://c.example").contains("OTEL_EXPORTER_OTLP_ENDPOINT=https://c.example\n"));
    }
}
