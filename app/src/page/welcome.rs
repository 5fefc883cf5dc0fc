//! Where a sign-in link leads: one chooses a name and a password. The form works before the page is hydrated, and
//! without that.

use leptos::{html, prelude::*};
use leptos_router::hooks::use_location;

use crate::{
    api::{ApiError, ErrorCode, load_welcome},
    browser::{http, location},
    component::{
        age::Moment,
        error_panel::ErrorPanel,
        form::{Field, Form, FormEnd, FormProblem, PASSWORD_HINT, typed},
        query,
        reactive::part,
        skeleton::{Loading, SkeletonLines},
    },
    live::use_live,
    model::Welcome,
};

/// The page of a sign-in link.
#[component]
pub fn WelcomePage() -> impl IntoView {
    let search = use_location().search.get_untracked();
    let token = query::get(&search, "token").unwrap_or_default();
    let problem = query::get(&search, "problem");
    let link = Resource::new(
        {
            let token = token.clone();
            move || token.clone()
        },
        load_welcome,
    );
    let body = part(move || {
        let loaded = link.get().map(|loaded| match loaded {
            Ok(welcome) => view! { <WelcomeForm welcome token=token.clone() problem=problem.clone() /> }.into_any(),
            Err(error) if error.code == ErrorCode::NotFound => view! { <Ended /> }.into_any(),
            Err(error) => {
                view! { <ErrorPanel what="this sign-in link" error retry=move |()| link.refetch() /> }.into_any()
            }
        });
        loaded.into_any()
    });
    view! {
        <section class="panel bare-panel">
            <Transition fallback=|| view! { <Loading what="the sign-in link" /> <SkeletonLines lines=6 /> }>{body}</Transition>
        </section>
    }
    .into_any()
}

/// The link has ended or was used.
#[component]
fn Ended() -> impl IntoView {
    view! {
        <h1>"This link no longer works"</h1>
        <p>"It works once and only for a while: it was used already, or its time is over."</p>
        <p>
            "If you are setting up Console for the first time, restart it: it then shows a new link. Otherwise ask an "
            "administrator for a new one."
        </p>
        <p><a class="button" rel="external" href="/login">"Go to sign-in"</a></p>
    }
    .into_any()
}

#[component]
fn WelcomeForm(welcome: Welcome, token: String, problem: Option<String>) -> impl IntoView {
    let Welcome { is_first, email: known_email, name: known_name, expires_at } = welcome;
    let form = Form::new("welcome", &["email", "name", "password"]);
    form.problem.set(problem.map(|message| ApiError::new(ErrorCode::BadRequest, message)));
    let (email, name) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let password = NodeRef::<html::Input>::new();
    let sent = StoredValue::new((token.clone(), known_email.clone()));
    let live = use_live();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        live.close();
        let (token, known_email) = sent.get_value();
        let email = if is_first { Some(typed(email)) } else { known_email };
        let (name, password) = (typed(name), typed(password));
        let body = serde_json::json!({ "token": token, "email": email, "name": name, "password": password });
        form.send(async move {
            let reply = http::post_json("/api/v1/auth/welcome", body.to_string()).await;
            if reply.is_success() {
                location::go("/monitoring");
                return Ok(String::new());
            }
            Err(told(reply.error()))
        });
    };
    let (title, action) = if is_first {
        ("Set up Console", "Create the first administrator")
    } else {
        ("Welcome to Console", "Set password and sign in")
    };
    let email_field = if is_first {
        view! { <Field form name="email" label="E-mail" kind="email" autocomplete="username" input=email /> }.into_any()
    } else {
        let address = known_email.unwrap_or_default();
        view! {
            <p>"You will sign in as " <strong class="mono">{address.clone()}</strong> "."</p>
            // For password managers, which would take the name for the address.
            <input type="text" autocomplete="username" value=address readonly hidden />
        }
        .into_any()
    };
    view! {
        <h1>{title}</h1>
        {is_first.then(|| view! { <p class="muted">"You become the first administrator."</p> })}
        <form class="form" method="post" action="/welcome" on:submit=submit>
            <FormProblem form />
            <input type="hidden" name="token" value=token />
            {email_field}
            <Field form name="name" label="Name" autocomplete="name" input=name value=known_name.unwrap_or_default() />
            <Field form name="password" label="Password" kind="password" autocomplete="new-password" input=password
                hint=PASSWORD_HINT />
            <FormEnd form label=action is_plain=true />
        </form>
        <p class="muted">"This link works once, until " <Moment at=expires_at /> "."</p>
    }
    .into_any()
}

/// The link's end is told by the server as what it is; a session that does not exist yet cannot have ended.
fn told(error: ApiError) -> ApiError {
    match error.code {
        ErrorCode::Unauthorized => ApiError { code: ErrorCode::BadRequest, ..error },
        _ => error,
    }
}
