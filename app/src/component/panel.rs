//! A titled section with a border: what pages are made of.

use leptos::prelude::*;

/// A titled section.
#[component]
pub fn Panel(
    /// Its heading; also names the section.
    #[prop(into)]
    title: String,
    /// A few muted words beside the heading.
    #[prop(optional, into)]
    subtitle: Option<Signal<String>>,
    /// What stands at the right end of the heading's line.
    #[prop(optional, into)]
    actions: Option<ViewFn>,
    /// Id of the section, for links that lead to it.
    #[prop(optional, into)]
    id: Option<String>,
    /// A further class of the section.
    #[prop(optional)]
    class: &'static str,
    children: Children,
) -> impl IntoView {
    let heading = heading_id(&title);
    view! {
        <section class=format!("panel {class}") id=id aria-labelledby=heading.clone()>
            <header class="panel-head">
                <h2 id=heading.clone()>{title}</h2>
                {subtitle.map(|subtitle| view! { <span class="panel-sub">{subtitle}</span> })}
                {actions.map(|actions| view! { <div class="panel-actions">{actions.run()}</div> })}
            </header>
            {children()}
        </section>
    }
    .into_any()
}

/// An id made from the title: the same on the server and in the browser.
fn heading_id(title: &str) -> String {
    let mut id = String::from("panel-");
    id.extend(title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }));
    id
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_id_is_made_from_the_title() {
        assert_eq!(super::heading_id("CPU and memory"), "panel-cpu-and-memory");
    }
}
