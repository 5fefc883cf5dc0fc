//! The form that adds or changes a target, and tries it out before.

use leptos::{html, prelude::*};

use super::{Source, labels};
use crate::{
    api::{ApiError, add_target, change_target, try_target},
    browser::dom,
    component::{
        badge::Badge,
        form::{Field, Form, FormEnd, FormProblem, typed},
        icon::IconName,
        number::format_count,
        panel::Panel,
        reactive::{flag, part},
        time::format_duration_ms,
    },
    model::{ScrapeAuth, ScrapeHealth, ScrapeRequest, ScrapeSettings, ScrapeTarget, ScrapeTls, ScrapeTrial},
};

/// Begins the ids of the form's elements.
const ID: &str = "target";
/// What the server's words about what is wrong may be about.
const FIELDS: &[&str] = &[
    "job",
    "url",
    labels::FIELD,
    "settings.interval_seconds",
    "settings.timeout_seconds",
    "settings.auth.username",
    "settings.tls.server_name",
    "secret",
];

/// Where what was typed is read. Copy it freely.
#[derive(Clone, Copy, Default)]
struct Nodes {
    job: NodeRef<html::Input>,
    url: NodeRef<html::Input>,
    labels: NodeRef<html::Input>,
    interval: NodeRef<html::Input>,
    timeout: NodeRef<html::Input>,
    username: NodeRef<html::Input>,
    secret: NodeRef<html::Input>,
    server_name: NodeRef<html::Input>,
    ca_pem: NodeRef<html::Textarea>,
    certificate_pem: NodeRef<html::Textarea>,
    key_pem: NodeRef<html::Textarea>,
    is_enabled: NodeRef<html::Input>,
    honor_labels: NodeRef<html::Input>,
    honor_timestamps: NodeRef<html::Input>,
    skip_verification: NodeRef<html::Input>,
}

/// How Console says who it is, as it is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AuthKind {
    None,
    Basic,
    Bearer,
}

impl AuthKind {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::None, "none", "None"),
        (Self::Basic, "basic", "Name and password"),
        (Self::Bearer, "bearer", "Bearer token"),
    ];

    fn of(auth: &ScrapeAuth) -> Self {
        match auth {
            ScrapeAuth::None => Self::None,
            ScrapeAuth::Basic { .. } => Self::Basic,
            ScrapeAuth::Bearer => Self::Bearer,
        }
    }

    fn from_key(key: &str) -> Self {
        Self::ALL.into_iter().find(|(_, known, _)| *known == key).map_or(Self::None, |(kind, ..)| kind)
    }
}

fn is_checked(input: NodeRef<html::Input>) -> bool {
    input.get_untracked().is_some_and(|input| input.checked())
}

fn written(area: NodeRef<html::Textarea>) -> String {
    area.get_untracked().map(|area| area.value().trim().to_owned()).unwrap_or_default()
}

/// A number of seconds as it was typed; what is none is told by the server's rule about it.
fn seconds(input: NodeRef<html::Input>) -> u32 {
    typed(input).trim().parse().unwrap_or_default()
}

impl Nodes {
    fn request(self, auth: AuthKind) -> Result<ScrapeRequest, ApiError> {
        let given = |text: String| (!text.is_empty()).then_some(text);
        let auth = match auth {
            AuthKind::None => ScrapeAuth::None,
            AuthKind::Basic => ScrapeAuth::Basic { username: typed(self.username) },
            AuthKind::Bearer => ScrapeAuth::Bearer,
        };
        let settings = ScrapeSettings {
            is_enabled: is_checked(self.is_enabled),
            interval_seconds: seconds(self.interval),
            timeout_seconds: seconds(self.timeout),
            labels: labels::read(&typed(self.labels))?,
            honor_labels: is_checked(self.honor_labels),
            honor_timestamps: is_checked(self.honor_timestamps),
            auth,
            tls: ScrapeTls {
                ca_pem: written(self.ca_pem),
                server_name: typed(self.server_name).trim().to_owned(),
                skip_verification: is_checked(self.skip_verification),
                certificate_pem: written(self.certificate_pem),
            },
        };
        Ok(ScrapeRequest {
            job: typed(self.job),
            url: typed(self.url),
            settings,
            secret: given(typed(self.secret)),
            key_pem: given(written(self.key_pem)),
        })
    }
}

/// The form of a target, or of a new one.
#[component]
pub fn EditTarget(source: Source, target: Option<ScrapeTarget>) -> impl IntoView {
    let form = Form::new(ID, FIELDS);
    let nodes = Nodes::default();
    let id = target.as_ref().map(|target| target.id);
    let (job, url) = target.as_ref().map(|target| (target.job.clone(), target.url.clone())).unwrap_or_default();
    let settings = target.map(|target| target.settings).unwrap_or_default();
    let auth = RwSignal::new(AuthKind::of(&settings.auth));
    let trial = RwSignal::new(None::<ScrapeTrial>);
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let request = nodes.request(auth.get_untracked());
        form.send(async move {
            let request = request?;
            let kept = match id {
                Some(id) => change_target(id, request).await?,
                None => add_target(request).await?,
            };
            source.said.try_set(format!("{} is saved.", kept.url));
            source.resource.refetch();
            source.set_edit.set(None);
            crate::component::form::keep_focus();
            Ok(String::new())
        });
    };
    let try_out = move |_| {
        let request = nodes.request(auth.get_untracked());
        trial.set(None);
        form.send(async move {
            trial.try_set(Some(try_target(id, request?).await?));
            Ok(String::new())
        });
    };
    dom::focus_soon(format!("{ID}-job"));
    let title = if id.is_some() { "Change target" } else { "Add target" };
    let save = if id.is_some() { "Save" } else { "Add" };
    let try_button = view! {
        <button type="button" class="button" on:click=try_out disabled=move || form.busy.get()
            aria-busy=flag(move || form.busy.get())>"Try it"</button>
        <button type="button" class="button" on:click=move |_| source.set_edit.set(None)>"Cancel"</button>
    };
    view! {
        <Panel title class="target-form">
            <form class="form form-wide" method="post" on:submit=submit>
                <div class="form-columns">
                    <Field form name="job" label="Job" input=nodes.job value=job hint="What it belongs to, e.g. node." />
                    <Field form name="url" label="Address" input=nodes.url value=url
                        hint="Where it shows its metrics, e.g. http://10.0.0.5:9100/metrics." />
                    <Field form name="settings.interval_seconds" label="Interval in seconds" input=nodes.interval
                        kind="number" value=settings.interval_seconds.to_string() hint="From one scrape to the next, 1 to 300." />
                    <Field form name="settings.timeout_seconds" label="Timeout in seconds" input=nodes.timeout
                        kind="number" value=settings.timeout_seconds.to_string() hint="No more than the interval." />
                    <Field form name="settings.labels" label="Labels" input=nodes.labels is_optional=true
                        value=labels::written(&settings.labels)
                        hint="All of its series get them, e.g. zone=a, env=prod. instance=… replaces host and port." />
                </div>
                <Credentials form nodes auth username=username_of(&settings.auth) is_known=id.is_some() />
                <Encryption form nodes tls=settings.tls.clone() is_known=id.is_some() />
                <fieldset class="field">
                    <legend>"Options"</legend>
                    <Check node=nodes.is_enabled label="Scrape it" checked=settings.is_enabled />
                    <Check node=nodes.honor_labels label="Honor labels: its own job and instance win"
                        checked=settings.honor_labels />
                    <Check node=nodes.honor_timestamps label="Honor timestamps: it may say when samples were taken"
                        checked=settings.honor_timestamps />
                </fieldset>
                <FormProblem form />
                <div class="form-actions">
                    <FormEnd form label=save />
                    {try_button}
                </div>
                <div role="status">{part(move || trial.get().map(|trial| view! { <Tried trial /> }).into_any())}</div>
            </form>
        </Panel>
    }
    .into_any()
}

fn username_of(auth: &ScrapeAuth) -> String {
    match auth {
        ScrapeAuth::Basic { username } => username.clone(),
        ScrapeAuth::None | ScrapeAuth::Bearer => String::new(),
    }
}

#[component]
fn Check(node: NodeRef<html::Input>, label: &'static str, checked: bool) -> impl IntoView {
    view! { <label class="check"><input type="checkbox" checked=checked node_ref=node />{label}</label> }.into_any()
}

/// How Console says who it is.
#[component]
fn Credentials(form: Form, nodes: Nodes, auth: RwSignal<AuthKind>, username: String, is_known: bool) -> impl IntoView {
    let first = auth.get_untracked();
    let option = |(kind, key, label): (AuthKind, &'static str, &'static str)| {
        view! { <option value=key selected=kind == first>{label}</option> }
    };
    let fields = part(move || {
        let hint = if is_known { "Left empty, it stays as it is." } else { "It is stored, and never shown." };
        let secret = |label: &'static str| {
            view! {
                <Field form name="secret" label input=nodes.secret kind="password" autocomplete="new-password"
                    is_optional=true hint />
            }
        };
        match auth.get() {
            AuthKind::None => ().into_any(),
            AuthKind::Basic => view! {
                <Field form name="settings.auth.username" label="Name" input=nodes.username value=username.clone() />
                {secret("Password")}
            }
            .into_any(),
            AuthKind::Bearer => secret("Token").into_any(),
        }
    });
    view! {
        <div class="form-columns">
            <div class="field">
                <label for="target-auth">"Authentication"</label>
                <select class="input" id="target-auth"
                    on:change:target=move |event| auth.set(AuthKind::from_key(&event.target().value()))>
                    {AuthKind::ALL.into_iter().map(option).collect_view()}
                </select>
            </div>
            {fields}
        </div>
    }
    .into_any()
}

/// How the target proves who it is. Folded away: the machine's certificates are right most of the time.
#[component]
fn Encryption(form: Form, nodes: Nodes, tls: ScrapeTls, is_known: bool) -> impl IntoView {
    let is_open = tls != ScrapeTls::default();
    let ScrapeTls { ca_pem, server_name, skip_verification, certificate_pem } = tls;
    let area = |id: &'static str, label: &'static str, node: NodeRef<html::Textarea>, value: String| {
        view! {
            <div class="field">
                <label for=id>{label}</label>
                <textarea class="input" id=id rows="3" spellcheck="false" autocomplete="off" node_ref=node>{value}</textarea>
            </div>
        }
    };
    let key = if is_known { "Its key in PEM; left empty, it stays as it is" } else { "Its key in PEM" };
    view! {
        <details class="form-more" open=is_open>
            <summary>"Certificates, for https"</summary>
            <div class="form-columns">
                {area("target-ca", "Trusted certificates in PEM, instead of the machine's", nodes.ca_pem, ca_pem)}
                <Field form name="settings.tls.server_name" label="Name in the certificate" input=nodes.server_name
                    is_optional=true value=server_name hint="Where it is another than that of the address." />
                {area("target-certificate", "Console's own certificate in PEM", nodes.certificate_pem, certificate_pem)}
                {area("target-key", key, nodes.key_pem, String::new())}
            </div>
            <Check node=nodes.skip_verification label="Take anybody for the target (insecure)" checked=skip_verification />
        </details>
    }
    .into_any()
}

/// What came of trying.
#[component]
fn Tried(trial: ScrapeTrial) -> impl IntoView {
    let ScrapeTrial { state, metrics, metric_count } = trial;
    let took = format_duration_ms(state.duration_ms);
    if state.health != ScrapeHealth::Up {
        return view! {
            <p class="target-tried">
                <Badge icon=IconName::Close status="failed" label="Down" />
                {format!("after {took}: {}", state.error.unwrap_or_default())}
            </p>
        }
        .into_any();
    }
    let more = metric_count.saturating_sub(metrics.len() as u64);
    let more = if more > 0 { format!(" and {} more", format_count(more)) } else { String::new() };
    view! {
        <p class="target-tried">
            <Badge icon=IconName::Check status="success" label="Up" />
            {format!("{} samples of {} metrics in {took}", format_count(state.samples), format_count(metric_count))}
        </p>
        {state.warning.map(|warning| view! { <p class="target-warning">{warning}</p> })}
        <p class="target-metrics">{metrics.join(", ")} {more}</p>
    }
    .into_any()
}
