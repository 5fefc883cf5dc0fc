//! The pages: rendered by Leptos, their assets precompressed and cached for ever under hashed names.

use app::{
    App,
    api::{Actor, ApiError, Docs, ErrorCode, Guard, SetStatus},
    shell,
};
use axum::{
    Router,
    http::{HeaderName, HeaderValue, Response, StatusCode, header, request::Parts},
    middleware,
};
use leptos::{
    config::LeptosOptions,
    nonce::use_nonce,
    prelude::{provide_context, use_context},
};
use leptos_axum::{AxumRouteListing, LeptosRoutes, ResponseOptions, generate_route_list};
use std::sync::{Arc, LazyLock};
use tower::ServiceBuilder;
use tower_http::set_header::SetResponseHeaderLayer;

use super::{AppState, class, guard};
use crate::{config::ServerConfig, service::identity::Caller};

/// Content-hashed names never change their content.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// The pages' routes, listed once in a process. While Leptos lists them it keeps every resource of the process from
/// loading, for good: a page that another router renders meanwhile would never be done
/// (<https://github.com/leptos-rs/leptos/issues/4773>).
static PAGES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(App));

/// What Leptos must know of the built site.
pub fn options(config: &ServerConfig) -> LeptosOptions {
    // `cargo leptos watch` says with these variables what it built; a release build hashes its files.
    let is_watched = leptos_env("LEPTOS_WATCH").is_some();
    // Where no release build left its list of hashes, names are without.
    let has_hashes = std::env::current_exe().is_ok_and(|program| program.with_file_name("hash.txt").is_file());
    let hash_files = leptos_env("LEPTOS_HASH_FILES").map_or(!is_watched && has_hashes, |value| value == "true");
    let reload_port = leptos_env("LEPTOS_RELOAD_PORT").and_then(|port| port.parse().ok()).unwrap_or(3001);
    LeptosOptions::builder()
        .output_name("console")
        .site_root(config.site_root.to_string_lossy().into_owned())
        .site_pkg_dir("pkg")
        .site_addr(config.addr)
        .reload_port(reload_port)
        .env(if is_watched { leptos::config::Env::DEV } else { leptos::config::Env::PROD })
        .hash_files(hash_files)
        .build()
}

fn leptos_env(name: &str) -> Option<String> {
    crate::config::tool_env(name)
}

/// Adds pages, server functions and assets to the routes.
pub fn routes(router: Router<AppState>, state: &AppState, docs: Docs) -> Router<AppState> {
    let port = state.services.port(docs);
    let reloads = state.leptos.env == leptos::config::Env::DEV;
    let context = move || {
        provide_context(port.clone());
        provide_caller();
        provide_context(SetStatus(Arc::new(|status| {
            if let (Some(options), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
                options.set_status(status);
            }
        })));
        add_policy(reloads);
    };
    let options = state.leptos.clone();
    let guard = middleware::from_fn_with_state(state.clone(), guard::site);
    let assets = ServiceBuilder::new()
        .layer(SetResponseHeaderLayer::overriding(header::CACHE_CONTROL, kept_for_ever))
        .service(leptos_axum::site_pkg_dir_service(&options));
    let render = {
        let options = options.clone();
        move || shell(options.clone())
    };
    Router::new()
        .leptos_routes_with_context(state, PAGES.clone(), context.clone(), render)
        .fallback(leptos_axum::file_and_error_handler_with_context::<AppState, _>(context, shell))
        .layer(guard)
        .merge(router)
        .route_service("/pkg/{*file}", assets)
}

/// Puts into the context who asks, as the guard found out, and what they may call.
fn provide_caller() {
    let Some(parts) = use_context::<Parts>() else { return };
    let caller = parts.extensions.get::<Arc<Caller>>().cloned();
    if let (Some(caller), Some(actor)) = (&caller, parts.extensions.get::<Actor>()) {
        provide_context(caller.me.clone());
        provide_context(actor.clone());
    }
    provide_context(Guard(Arc::new(move |path| {
        // A function without a class is for nobody; a test sees to it that there is none.
        let class = class::of_site(path).ok_or_else(|| ApiError::new(ErrorCode::Forbidden, "for nobody"))?;
        guard::admit(class, caller.as_deref())
    })));
}

/// A file that is not there may be there after the next release.
fn kept_for_ever<B>(response: &Response<B>) -> Option<HeaderValue> {
    let is_there = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    is_there.then(|| HeaderValue::from_static(FOR_EVER))
}

/// Content security policy of a page, with the nonce that its inline scripts carry. In development the page also
/// listens on the socket that tells it to reload.
fn add_policy(reloads: bool) {
    let (Some(nonce), Some(options)) = (use_nonce(), use_context::<ResponseOptions>()) else {
        return;
    };
    let sockets = if reloads { " ws://127.0.0.1:* ws://localhost:*" } else { "" };
    let policy = format!(
        "default-src 'self'; script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; \
         img-src 'self' data:; connect-src 'self'{sockets}; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        options.insert_header(HeaderName::from_static("content-security-policy"), policy);
    }
    options.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
