//! How the first samples get here.

use leptos::prelude::*;

use crate::{
    component::{
        me::may,
        reactive::text,
        snippet::{Snippet, use_origin},
    },
    model::Role,
};

/// For Prometheus and all that write as it does.
fn remote_write(origin: &str) -> String {
    format!(
        "remote_write:\n  - url: {origin}/prometheus/api/v1/write\n    authorization:\n      credentials: $CONSOLE_API_KEY"
    )
}

/// For a program with an OpenTelemetry SDK.
fn otlp(origin: &str) -> String {
    format!(
        "export OTEL_SERVICE_NAME=orders\n\
         export OTEL_METRICS_EXPORTER=otlp\n\
         export OTEL_EXPORTER_OTLP_ENDPOINT={origin}\n\
         export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf\n\
         export OTEL_EXPORTER_OTLP_HEADERS=x-api-key=$CONSOLE_API_KEY"
    )
}

/// The three ways.
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
            <p>"Programs that show their metrics to whoever asks are scraped: add them under " <a href="/monitoring/targets?edit=new">"Targets"</a> "."</p>
            <p>"A Prometheus that runs already writes them here too:"</p>
            <Snippet what="configuration" text=text(move || remote_write(&origin.get())) />
            <p>"Any program with an OpenTelemetry SDK or agent sends its metrics when it is started with these settings:"</p>
            <Snippet what="settings" text=text(move || otlp(&origin.get())) />
            <p><code>"CONSOLE_API_KEY"</code> " is a key that may send data. " {key}</p>
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_snippets_name_this_console() {
        assert!(super::remote_write("https://c.example").contains("url: https://c.example/prometheus/api/v1/write\n"));
        assert!(super::otlp("https://c.example").contains("OTEL_EXPORTER_OTLP_ENDPOINT=https://c.example\n"));
    }
}
