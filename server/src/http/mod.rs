//! HTTP: the router, what every request passes through, and the handlers.

mod error;
mod observe;
mod query;
mod rest;
mod security;
mod site;
mod stream;
mod webhook;

use std::{future::Future, sync::Arc};

use app::{api::Scope, model::TenantId};
use axum::{Router, extract::FromRequestParts, http::request::Parts, middleware, routing::get, routing::post};
use leptos::config::LeptosOptions;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower_http::{CompressionLevel, catch_panic::CatchPanicLayer, compression::CompressionLayer};

use self::error::Failure;
use crate::service::Services;

/// What every handler can reach.
#[derive(Clone)]
pub struct AppState {
    services: Arc<Services>,
    leptos: LeptosOptions,
    shutdown: CancellationToken,
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

/// On whose behalf a request is made. Until sign-in exists everybody on loopback is the default tenant; then this is
/// the one place that asks the session or the key.
pub struct Caller(pub Scope);

impl FromRequestParts<AppState> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(_parts: &mut Parts, _state: &AppState) -> Result<Self, Failure> {
        Ok(Self(Scope { tenant: TenantId::DEFAULT }))
    }
}

/// The whole of Console's HTTP surface.
pub fn router(services: Arc<Services>, shutdown: CancellationToken) -> Router {
    let leptos = site::options(&services.config.server);
    let state = AppState { services: services.clone(), leptos, shutdown };
    let rest = Router::new()
        .route("/webhooks/gitlab", post(webhook::gitlab))
        .route("/v1/traces", get(rest::list_traces))
        .route("/v1/traces/stats", get(rest::trace_stats))
        .route("/v1/traces/demo", post(rest::create_demo))
        .route("/v1/traces/demo/batch", post(rest::create_demo_batch))
        .route("/v1/traces/{id}", get(rest::one_trace))
        .route("/api/monitoring/advanced/summary", get(rest::monitoring_summary))
        .route("/api/monitoring/logs", get(rest::list_logs))
        .route("/api/monitoring/logs/stream", get(stream::logs))
        .route("/api/monitoring/advanced/logs/stream", get(stream::logs))
        .route("/health", get(rest::health))
        .route("/api/v1/health", get(rest::health))
        .route("/health/detailed", get(rest::health_detailed))
        .route("/ready", get(rest::ready))
        .route("/openapi.json", get(rest::openapi))
        .method_not_allowed_fallback(error::method_not_allowed);
    let routes = site::routes(rest, &state)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn(security::refuse_foreign_origins))
        .layer(middleware::from_fn_with_state(services.config.clone(), security::refuse_foreign_hosts))
        .layer(middleware::from_fn(security::add_headers))
        // Assets are compressed already and streams are left alone; this is for pages and JSON.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    observed(routes, services).with_state(state)
}

/// Lets every request of these routes be traced, logged and counted.
pub fn observed<S: Clone + Send + Sync + 'static>(routes: Router<S>, services: Arc<Services>) -> Router<S> {
    routes.layer(middleware::from_fn_with_state(services, observe::observe))
}

/// Serves until `shutdown` resolves; then requests under way are finished.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await
}
