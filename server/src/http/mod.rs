//! HTTP: the router, what every request passes through, and the handlers.

mod audit;
mod auth;
mod body;
pub mod class;
mod client;
mod cookie;
mod dashboards;
mod docs;
mod error;
mod errors;
mod grpc;
mod guard;
mod log_export;
mod logs;
mod loki;
mod machine_metrics;
mod metrics;
mod observe;
mod otlp;
mod performance;
mod promql;
mod query;
mod refusal;
mod remote_write;
mod rest;
mod scrape;
mod security;
mod site;
mod stream;
mod surface;
mod tls;
mod webhook;

use std::{future::Future, sync::Arc};

use axum::{Router, body::Bytes, middleware, routing::post};
use leptos::config::LeptosOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer};
use utoipa_axum::routes;

use self::{class::Class, surface::Surface};
pub use self::{surface::Declared, tls::Tls};
use crate::service::Services;

/// What every handler can reach.
#[derive(Clone)]
pub struct AppState {
    services: Arc<Services>,
    leptos: LeptosOptions,
    shutdown: CancellationToken,
    /// What is said of the REST interface, as JSON; empty while that is put together.
    document: Bytes,
}

impl AppState {
    fn new(services: Arc<Services>, shutdown: CancellationToken) -> Self {
        let leptos = site::options(&services.config.server);
        Self { services, leptos, shutdown, document: Bytes::new() }
    }
}

impl axum::extract::FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

impl axum::extract::FromRef<AppState> for Arc<Services> {
    fn from_ref(state: &AppState) -> Self {
        state.services.clone()
    }
}

/// The REST interface: its routes, who may use them, and what its document says of them.
fn surface(state: &AppState) -> Surface {
    let own_metrics = if state.services.config.metrics.open { Class::Open } else { Class::Scrape };
    Surface::new(state.clone())
        .add(Class::Hook, routes!(webhook::gitlab))
        .add(Class::Ingest, routes!(otlp::logs))
        .add(Class::Ingest, routes!(otlp::traces))
        .add(Class::Ingest, routes!(otlp::metrics))
        .add(Class::Ingest, routes!(loki::push))
        .add(Class::Ingest, routes!(remote_write::write))
        .add(Class::Ingest, routes!(remote_write::write_at_root))
        .add(Class::Ingest, routes!(errors::take))
        .add(Class::Ingest, routes!(machine_metrics::take))
        .add(Class::READ, routes!(rest::list_traces))
        .add(Class::READ, routes!(rest::trace_stats))
        .add(Class::EDIT, routes!(rest::create_demo))
        .add(Class::EDIT, routes!(rest::create_demo_batch))
        .add(Class::READ, routes!(rest::one_trace))
        .add(Class::READ, routes!(rest::monitoring_summary))
        .add(Class::READ, routes!(performance::endpoints))
        .add(Class::READ, routes!(performance::slow_endpoints))
        .add(Class::READ, routes!(performance::error_hotspots))
        .add(Class::READ, routes!(logs::list))
        .add(Class::READ, routes!(logs::summary))
        .add(Class::READ, routes!(logs::patterns))
        .add(Class::READ, routes!(logs::context))
        .add(Class::READ, routes!(log_export::export))
        .add(Class::READ, routes!(stream::logs))
        .add(Class::READ, routes!(stream::logs_of_the_integrated_page))
        .add(Class::READ, routes!(promql::query))
        .add(Class::READ, routes!(promql::query_form))
        .add(Class::READ, routes!(promql::query_range))
        .add(Class::READ, routes!(promql::query_range_form))
        .add(Class::READ, routes!(promql::series))
        .add(Class::READ, routes!(promql::series_form))
        .add(Class::READ, routes!(promql::labels))
        .add(Class::READ, routes!(promql::labels_form))
        .add(Class::READ, routes!(promql::label_values))
        .add(Class::READ, routes!(promql::metadata))
        .add(Class::READ, routes!(promql::exemplars))
        .add(Class::READ, routes!(promql::exemplars_form))
        .add(Class::READ, routes!(promql::build_info))
        .add(Class::READ, routes!(promql::rules))
        .add(Class::READ, routes!(promql::alerts))
        .add(Class::READ, routes!(scrape::as_prometheus))
        .add(Class::READ, routes!(dashboards::list))
        .add(Class::EDIT, routes!(dashboards::add))
        .add(Class::READ, routes!(dashboards::one))
        .add(Class::READ, routes!(dashboards::export))
        .add(Class::EDIT, routes!(dashboards::change))
        .add(Class::EDIT, routes!(dashboards::remove))
        .add(Class::READ, routes!(scrape::list))
        .add(Class::EDIT, routes!(scrape::add))
        .add(Class::EDIT, routes!(scrape::try_out))
        .add(Class::READ, routes!(scrape::one))
        .add(Class::EDIT, routes!(scrape::change))
        .add(Class::EDIT, routes!(scrape::remove))
        .add(Class::Open, routes!(rest::health))
        .add(Class::Open, routes!(rest::health_of_the_monitoring_server))
        .add(Class::Open, routes!(rest::health_detailed))
        .add(Class::Open, routes!(rest::ready))
        .add(own_metrics, routes!(metrics::own))
        .add(Class::Open, routes!(auth::login))
        .add(Class::Open, routes!(auth::welcome))
        .add(Class::Session, routes!(auth::logout))
        .add(Class::Known, routes!(auth::me))
        .add(Class::ADMIN, routes!(audit::list))
        .add(Class::ADMIN, routes!(audit::export))
        .add(Class::READ, routes!(rest::openapi))
}

/// Forms that work without scripts; what they do is in the REST interface, too.
fn forms(state: &AppState) -> Router<AppState> {
    let session = middleware::from_fn_with_state(state.clone(), guard::form);
    let for_sessions = Router::new()
        .route("/logout", post(auth::logout_form))
        .route("/session/tenant", post(auth::tenant_form))
        .route_layer(session);
    Router::new()
        .route("/login", post(auth::login_form))
        .route("/welcome", post(auth::welcome_form))
        .merge(for_sessions)
}

/// What the REST interface declares, for tests that walk all of it.
pub fn declared(services: Arc<Services>) -> Vec<Declared> {
    surface(&AppState::new(services, CancellationToken::new())).declared
}

/// The whole of Console's HTTP surface.
pub fn router(services: Arc<Services>, shutdown: CancellationToken) -> Router {
    let mut state = AppState::new(services, shutdown);
    let surface = surface(&state);
    let docs = docs::describe(&surface.document);
    state.document = surface.document.to_json().map(Bytes::from).unwrap_or_default();
    let rest = surface.router.merge(forms(&state)).method_not_allowed_fallback(error::method_not_allowed);
    let routes = site::routes(rest, &state, docs)
        // Assets are compressed already and streams are left alone; this is for pages and JSON.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    protected(routes, &state)
}

/// OTLP alone, for an address of its own.
pub fn otlp_router(services: Arc<Services>, shutdown: CancellationToken) -> Router {
    let state = AppState::new(services, shutdown);
    let routes = Surface::new(state.clone())
        .add(Class::Ingest, routes!(otlp::logs))
        .add(Class::Ingest, routes!(otlp::traces))
        .add(Class::Ingest, routes!(otlp::metrics))
        .router
        .fallback(error::no_such_route)
        .method_not_allowed_fallback(error::method_not_allowed);
    protected(routes, &state)
}

/// OTLP over gRPC.
pub fn grpc_router(services: Arc<Services>, shutdown: CancellationToken) -> Router {
    let state = AppState::new(services.clone(), shutdown);
    let config = services.config.clone();
    let routes = grpc::router(&state)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(config.clone(), security::refuse_foreign_hosts))
        .layer(middleware::from_fn_with_state(config, client::know_client));
    observed(routes, services)
}

/// Wraps routes in what protects all of them.
fn protected(routes: Router<AppState>, state: &AppState) -> Router {
    let (services, config) = (state.services.clone(), state.services.config.clone());
    let routes = routes
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(config.clone(), security::refuse_foreign_origins))
        .layer(middleware::from_fn_with_state(config.clone(), security::refuse_foreign_hosts))
        .layer(middleware::from_fn_with_state(config.clone(), client::know_client))
        .layer(middleware::from_fn_with_state(config.clone(), security::add_headers));
    let routes = match security::cross_origin(&config) {
        Some(layer) => routes.layer(layer),
        None => routes,
    };
    observed(routes, services).with_state(state.clone())
}

/// Lets every request of these routes be traced, logged and counted.
pub fn observed<S: Clone + Send + Sync + 'static>(routes: Router<S>, services: Arc<Services>) -> Router<S> {
    routes.layer(middleware::from_fn_with_state(services, observe::observe))
}

/// Serves until `shutdown` resolves; then requests under way are finished.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    let Some(tls) = tls else {
        return axum::serve(listener, service).with_graceful_shutdown(shutdown).await;
    };
    let handle = axum_server::Handle::new();
    tokio::spawn({
        let handle = handle.clone();
        async move {
            shutdown.await;
            handle.graceful_shutdown(None);
        }
    });
    axum_server::from_tcp_rustls(listener.into_std()?, tls.config())?.handle(handle).serve(service).await
}
