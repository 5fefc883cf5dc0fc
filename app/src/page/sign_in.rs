//! Where one signs in. The form works before the page is hydrated, and without that.

use leptos::{html, prelude::*};
use leptos_router::hooks::use_location;

use crate::{
    api::{ApiError, ErrorCode},
    browser::{dom, http, location},
    component::{
        form::{Field, Form, FormEnd, FormProblem, clear, typed},
        query,
    },
    live::use_live,
};

const WRONG: &str = "That e-mail address and password do not go together.";
const LIMITED: &str = "Too many tries. Wait a minute, then try again.";
const UNAVAILABLE: &str = "Console cannot reach its store right now. Try again in a few seconds.";
const ENDED: &str = "You were signed out. Sign in again.";

/// What the address says went wrong.
fn problem_named(name: &str) -> Option<&'static str> {
    match name {
        "wrong" => Some(WRONG),
        "limited" => Some(LIMITED),
        "unavailable" => Some(UNAVAILABLE),
        "ended" => Some(ENDED),
        _ => None,
    }
}

/// What an answer says went wrong.
fn problem_of(reply: &http::Reply) -> String {
    match reply.status {
        401 => WRONG.to_owned(),
        429 => LIMITED.to_owned(),
        503 => UNAVAILABLE.to_owned(),
        _ => reply.error().message,
    }
}

/// Where to go after signing in: only to a page of this Console. Browsers read `/\` as `//`, and leave out tabs and line
/// ends before they do.
fn safe_next(next: Option<&str>) -> &str {
    let is_ours = |path: &&str| {
        path.starts_with('/')
            && !path.starts_with("//")
            && !path.starts_with("/\\")
            && !path.contains(|c: char| c.is_ascii_control())
    };
    next.filter(is_ours).unwrap_or("/monitoring")
}

/// The page where one signs in.
#[component]
pub fn SignInPage() -> impl IntoView {
    let search = use_location().search.get_untracked();
    let next = query::get(&search, "next");
    let form = Form::new("sign-in", &[]);
    let problem = query::get(&search, "problem").and_then(|name| problem_named(&name));
    form.problem.set(problem.map(|message| ApiError::new(ErrorCode::BadRequest, message)));
    let (email, password) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let target = StoredValue::new(safe_next(next.as_deref()).to_owned());
    let live = use_live();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        live.close();
        let body = serde_json::json!({ "email": typed(email), "password": typed(password) }).to_string();
        form.send(async move {
            let reply = http::post_json("/api/v1/auth/login", body).await;
            if reply.is_success() {
                target.with_value(|target| location::go(target));
                return Ok(String::new());
            }
            clear(password);
            dom::focus_soon("sign-in-password".to_owned());
            Err(ApiError::new(ErrorCode::BadRequest, problem_of(&reply)))
        });
    };
    view! {
        <section class="panel bare-panel" aria-labelledby="sign-in-title">
            <h1 id="sign-in-title">"Sign in"</h1>
            <form class="form" method="post" action="/login" on:submit=submit>
                <FormProblem form />
                <Field form name="email" label="E-mail" kind="email" autocomplete="username" input=email />
                <Field form name="password" label="Password" kind="password" autocomplete="current-password"
                    input=password />
                <input type="hidden" name="next" value=next />
                <FormEnd form label="Sign in" is_plain=true />
            </form>
            <p class="muted">"No password? Ask an administrator for a sign-in link."</p>
        </section>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_only_to_pages_of_this_console() {
        assert_eq!(safe_next(Some("/monitoring/logs?search=a%26b")), "/monitoring/logs?search=a%26b");
        for next in [None, Some("//evil.example"), Some("/\\evil.example"), Some("/\t/evil.example")] {
            assert_eq!(safe_next(next), "/monitoring");
        }
        assert_eq!(safe_next(Some("https://evil.example")), "/monitoring");
        assert_eq!(safe_next(Some("javascript:alert(1)")), "/monitoring");
    }

    #[test]
    fn a_refusal_is_told_in_the_same_words_with_and_without_javascript() {
        let of = |status| problem_of(&http::Reply { status, body: String::new() });
        assert_eq!(Some(of(401).as_str()), problem_named("wrong"));
        assert_eq!(Some(of(429).as_str()), problem_named("limited"));
        assert_eq!(Some(of(503).as_str()), problem_named("unavailable"));
        assert_eq!(problem_named("<b>"), None);
    }
}
