//! How the first pipeline trace gets here.

use leptos::prelude::*;

use crate::component::snippet::{Snippet, use_origin};

/// A delivery as GitLab makes it, to try things out.
fn snippet(origin: &str) -> String {
    let body = r#"{
  "object_kind": "push",
  "ref": "refs/heads/main",
  "checkout_sha": "6b1f5330d2a04c8e9f3b7a1c5d2e4f60718293a4",
  "user_name": "Ana Example",
  "project": { "path_with_namespace": "team/apis", "web_url": "https://gitlab.example.com/team/apis" },
  "commits": [{
    "id": "6b1f5330d2a04c8e9f3b7a1c5d2e4f60718293a4",
    "message": "Raise the rate limit",
    "author": { "name": "Ana Example", "email": "ana@example.com" },
    "added": [], "modified": ["tenants/acme/apis/orders/openapi.yaml"], "removed": []
  }],
  "total_commits_count": 1
}"#;
    format!(
        "curl -X POST {origin}/webhooks/gitlab \\\n  -H 'Content-Type: application/json' \\\n  \
         -H 'X-Gitlab-Event: Push Hook' \\\n  -H \"X-Gitlab-Token: $CONSOLE_WEBHOOKS__GITLAB_SECRET\" \\\n  \
         -d '{body}'"
    )
}

/// What to configure, in GitLab and here.
#[component]
pub fn HowToSend(
    /// Whether a webhook secret is configured.
    #[prop(into)]
    configured: Signal<bool>,
) -> impl IntoView {
    let origin = use_origin();
    let address = move || format!("{}/webhooks/gitlab", origin.get());
    let command = Signal::derive(move || snippet(&origin.get()));
    view! {
        <div class="how-to">
            {move || (!configured.get()).then(|| view! { <SecretHint /> })}
            <ol>
                <li>
                    "In GitLab, open your project, then Settings, Webhooks, Add new webhook. The URL is "
                    <code>{address}</code>
                    "."
                </li>
                <li>
                    "The secret token is the value of " <code>"CONSOLE_WEBHOOKS__GITLAB_SECRET"</code>
                    "; GitLab sends it as " <code>"X-Gitlab-Token"</code> "."
                </li>
                <li>"Choose push, tag push and merge request events, save, and press Test."</li>
            </ol>
            <p>"Or send a delivery by hand:"</p>
            <Snippet what="command" text=command />
        </div>
    }
}

/// Why every delivery is refused.
#[component]
pub fn SecretHint() -> impl IntoView {
    view! {
        <p class="hint" role="note">
            "No webhook secret is configured, so every delivery is refused. Start Console with "
            <code>"CONSOLE_WEBHOOKS__GITLAB_SECRET"</code> " set, or set " <code>"gitlab_secret"</code> " under "
            <code>"[webhooks]"</code> " in " <code>"Leptos.toml"</code> "."
        </p>
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_snippet_carries_a_body_that_is_json() {
        let text = super::snippet("http://x");
        let body = text.split_once("-d '").unwrap().1.trim_end_matches('\'');
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
        assert!(text.starts_with("curl -X POST http://x/webhooks/gitlab"));
    }
}
