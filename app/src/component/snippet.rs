//! Text to take elsewhere: a command, a link, a secret.

use leptos::prelude::*;

use super::copy::CopyButton;
use crate::browser::dom;

/// Until the page is mounted and knows its own address.
const ASSUMED_ORIGIN: &str = "http://127.0.0.1:3000";

/// Scheme, host and port of this Console, as the reader reaches it.
pub fn use_origin() -> Signal<String> {
    let origin = RwSignal::new(ASSUMED_ORIGIN.to_owned());
    Effect::new(move |_| {
        if let Some(known) = dom::origin() {
            origin.set(known);
        }
    });
    origin.into()
}

/// Text with a button that copies it.
#[component]
pub fn Snippet(
    /// What it is, e.g. `command`; names the button.
    what: &'static str,
    /// The text.
    #[prop(into)]
    text: Signal<String>,
) -> impl IntoView {
    view! {
        <div class="snippet">
            <pre tabindex="0"><code>{text}</code></pre>
            <CopyButton what text />
        </div>
    }
    .into_any()
}
