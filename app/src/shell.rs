//! The HTML document and the route table.

use leptos::prelude::*;
use leptos_meta::{HashedStylesheet, Meta, MetaTags, Title, provide_meta_context};
use leptos_router::{
    Lazy, LazyRoute, SsrMode,
    components::{Redirect, Route, Router, Routes},
    hooks::use_location,
    path,
};

use crate::{
    component::{
        frame::{Frame, SettingsHome},
        me, query, time,
    },
    live, page,
};

/// The document that every page is rendered into, on the server.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en">
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="dark light" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                // Before the style sheet and without `defer`: the theme has to be known at the first paint.
                <script src="/theme.js"></script>
                <HashedStylesheet id="style" options=options.clone() />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
                // Shown by the panic hook: then nothing else answers any more.
                <div class="broken" role="alert" hidden>
                    <p>"This page has stopped working, often because Console was updated or could not be reached."</p>
                    <a class="button" href="">"Reload"</a>
                </div>
            </body>
        </html>
    }
}

/// Declares a page whose code the browser loads when it is first visited, in builds that split.
macro_rules! lazy_page {
    ($name:ident = $page:path) => {
        struct $name;

        #[cfg_attr(feature = "split", leptos_router::lazy_route)]
        impl LazyRoute for $name {
            fn data() -> Self {
                Self
            }

            #[cfg(feature = "split")]
            fn view(_this: Self) -> AnyView {
                $page().into_any()
            }

            #[cfg(not(feature = "split"))]
            async fn view(_this: Self) -> AnyView {
                $page().into_any()
            }
        }
    };
}

lazy_page!(Logs = page::logs::LogsPage);
lazy_page!(Pipelines = page::pipelines::PipelinesPage);
lazy_page!(Pipeline = page::pipelines::PipelinePage);
lazy_page!(Traces = page::traces::TracesPage);
lazy_page!(Trace = page::traces::TracePage);
lazy_page!(Map = page::map::MapPage);
lazy_page!(Metrics = page::metrics::MetricsPage);
lazy_page!(Targets = page::targets::TargetsPage);
lazy_page!(Dashboards = page::dashboards::DashboardsPage);
lazy_page!(Dashboard = page::dashboards::DashboardPage);
lazy_page!(Api = page::api::ApiPage);
lazy_page!(Docs = page::docs::DocsPage);
lazy_page!(SignIn = page::sign_in::SignInPage);
lazy_page!(Welcome = page::welcome::WelcomePage);
lazy_page!(Account = page::settings::AccountPage);
lazy_page!(Users = page::settings::UsersPage);
lazy_page!(Keys = page::settings::KeysPage);
lazy_page!(Tenants = page::settings::TenantsPage);
lazy_page!(Audit = page::settings::AuditPage);
lazy_page!(Redaction = page::settings::RedactionPage);
lazy_page!(Configuration = page::settings::ConfigurationPage);

/// Loads the code of the page at this path, where that is in a file of its own: it has to be there before the page is
/// hydrated.
pub async fn load_page(path: &str) {
    match path {
        "/monitoring/logs" => Logs::preload().await,
        "/monitoring/pipelines" => Pipelines::preload().await,
        "/monitoring/traces" => Traces::preload().await,
        "/monitoring/map" => Map::preload().await,
        "/monitoring/metrics" => Metrics::preload().await,
        "/monitoring/targets" => Targets::preload().await,
        "/monitoring/dashboards" => Dashboards::preload().await,
        "/monitoring/api" => Api::preload().await,
        "/docs" => Docs::preload().await,
        "/login" => SignIn::preload().await,
        "/welcome" => Welcome::preload().await,
        "/settings/account" => Account::preload().await,
        "/settings/users" => Users::preload().await,
        "/settings/keys" => Keys::preload().await,
        "/settings/tenants" => Tenants::preload().await,
        "/settings/audit" => Audit::preload().await,
        "/settings/redaction" => Redaction::preload().await,
        "/settings/configuration" => Configuration::preload().await,
        path if path.starts_with("/monitoring/pipelines/") => Pipeline::preload().await,
        path if path.starts_with("/monitoring/traces/") => Trace::preload().await,
        path if path.starts_with("/monitoring/dashboards/") => Dashboard::preload().await,
        _ => {}
    }
}

/// The application: frame, routes and what all pages share.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    me::provide_me();
    query::provide_query();
    time::provide_zone();
    live::provide_live();
    view! {
        <Title formatter=|title: String| format!("{title} · Console") />
        <Meta name="description" content="Console: pipelines, traces, logs and metrics of a platform on one page" />
        <Router>
            <Frame>
                <Routes fallback=page::not_found::NotFoundPage>
                    <Route path=path!("/") view=|| view! { <Moved to="/monitoring" /> } />
                    <Route path=path!("/monitoring") view=page::overview::OverviewPage ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/logs") view={Lazy::<Logs>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/pipelines") view={Lazy::<Pipelines>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/pipelines/:id") view={Lazy::<Pipeline>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/traces") view={Lazy::<Traces>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/traces/:trace_id") view={Lazy::<Trace>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/map") view={Lazy::<Map>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/metrics") view={Lazy::<Metrics>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/targets") view={Lazy::<Targets>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/dashboards") view={Lazy::<Dashboards>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/dashboards/:id") view={Lazy::<Dashboard>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/monitoring/api") view={Lazy::<Api>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/docs") view={Lazy::<Docs>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/login") view={Lazy::<SignIn>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/welcome") view={Lazy::<Welcome>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/settings") view=SettingsHome />
                    <Route path=path!("/settings/account") view={Lazy::<Account>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/settings/users") view={Lazy::<Users>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/settings/keys") view={Lazy::<Keys>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/settings/tenants") view={Lazy::<Tenants>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/settings/audit") view={Lazy::<Audit>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/settings/redaction") view={Lazy::<Redaction>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/settings/configuration") view={Lazy::<Configuration>::new()} ssr=SsrMode::Async />
                    <Route path=path!("/ui/monitoring/advanced") view=|| view! { <Moved to="/monitoring" /> } />
                    <Route path=path!("/ui/monitoring/api") view=|| view! { <Moved to="/monitoring/api" /> } />
                    <Route path=path!("/ui/monitoring/logs") view=|| view! { <Moved to="/monitoring/logs" /> } />
                </Routes>
            </Frame>
        </Router>
    }
    .into_any()
}

/// Leads from an address that has moved to the new one, with the query.
#[component]
fn Moved(to: &'static str) -> impl IntoView {
    let search = use_location().search.get_untracked();
    let path = if search.is_empty() { to.to_owned() } else { format!("{to}?{search}") };
    view! { <Redirect path /> }
}
