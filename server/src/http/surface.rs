//! The REST interface as it is declared: each route with who may use it and what its document says. A route cannot be
//! added without either.

use axum::{Router, middleware};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, RefOr, ResponseBuilder,
        path::{Operation, PathItem},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};
use utoipa_axum::router::UtoipaMethodRouter;

use super::{AppState, class::Class, error::ErrorBody, guard};

/// A route that was declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// In upper case.
    pub method: String,
    /// With its parameters in braces.
    pub path: String,
    /// Who may use it.
    pub class: Class,
}

/// Routes, guards and their document.
pub struct Surface {
    state: AppState,
    /// The routes, guarded.
    pub router: Router<AppState>,
    /// What is said of them.
    pub document: OpenApi,
    /// The table of them.
    pub declared: Vec<Declared>,
}

/// Names of the ways to say who one is, in the document.
const SESSION: &str = "session";
const KEY: &str = "key";
const BEARER: &str = "bearer";
const HOOK: &str = "hook";

impl Surface {
    /// Nothing yet.
    pub fn new(state: AppState) -> Self {
        let info = InfoBuilder::new().title("Console").version(env!("CARGO_PKG_VERSION"));
        let info = info.description(Some(
            "Console's REST interface. Programs send an API key as `X-API-Key` or `Authorization: Bearer`; the pages \
             send the cookie of their session. Every answer carries `X-Trace-ID`; a valid `traceparent` is continued. \
             Errors are `{\"error\":{\"code\",\"message\",\"details\"}}`.",
        ));
        let license = LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build();
        let document = OpenApiBuilder::new().info(info.license(Some(license)).build()).components(Some(components()));
        Self { state, router: Router::new(), document: document.build(), declared: Vec::new() }
    }

    /// Adds a route, for this class.
    #[must_use]
    pub fn add(mut self, class: Class, route: UtoipaMethodRouter<AppState>) -> Self {
        let (schemas, mut paths, methods) = route;
        for (path, item) in &mut paths.paths {
            for (method, operation) in operations(item) {
                describe(class, operation);
                self.declared.push(Declared { method: method.to_owned(), path: path.clone(), class });
            }
        }
        let guarded = middleware::from_fn_with_state((self.state.clone(), class), guard::rest);
        for path in paths.paths.keys() {
            self.router = self.router.route(path, methods.clone().route_layer(guarded.clone()));
        }
        for (path, item) in paths.paths {
            // A path may have been declared before, with another method.
            self.document.paths.paths.entry(path).or_default().merge_operations(item);
        }
        if let Some(components) = &mut self.document.components {
            components.schemas.extend(schemas);
        }
        self
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ]
    .into_iter()
    .filter_map(|(method, operation)| operation.as_mut().map(|operation| (method, operation)))
}

/// Adds to a route's document what its class says, and what any route may answer.
fn describe(class: Class, operation: &mut Operation) {
    let requirement = |name: &str| SecurityRequirement::new(name, Vec::<String>::new());
    let (ways, refusals): (&[&str], &[(&str, &str)]) = match class {
        Class::Open => (&[], &[]),
        Class::Hook => (&[HOOK], &[("401", "The delivery's token or signature is missing or wrong.")]),
        Class::Session => (&[SESSION], &[("401", "Nobody is signed in."), ("403", "Not for keys.")]),
        Class::User(role) if Class::User(role) == Class::READ => {
            (&[SESSION, KEY, BEARER], &[("401", "No valid session or key."), ("403", "The key may not read.")])
        }
        Class::User(_) | Class::Operator => {
            (&[SESSION], &[("401", "Nobody is signed in."), ("403", "The role is not enough.")])
        }
        Class::Scrape => (
            &[SESSION, KEY, BEARER],
            &[
                ("401", "No valid session or key, unless none is needed (`metrics.open`)."),
                ("403", "The key is of another tenant or may not read, or the role is not enough."),
            ],
        ),
        Class::Known => (&[SESSION, KEY, BEARER], &[("401", "No valid session or key.")]),
        Class::Ingest => (&[KEY, BEARER], &[("401", "No valid key."), ("403", "The key may not send.")]),
    };
    operation.security = Some(ways.iter().map(|name| requirement(name)).collect());
    let mut answers: Vec<(&str, &str)> = refusals.to_vec();
    if ways.contains(&KEY) {
        answers.push(("429", "The key asks too often; `Retry-After` says when to ask again."));
    }
    answers.push(("500", "Something failed inside Console; its log has the details."));
    answers.push(("503", "The store cannot be reached right now; `Retry-After` says when to ask again."));
    // Of two that are said of one status the first stays.
    answers.push(("403", "A request from another site's page, or to a name that is not Console's."));
    for (status, description) in answers {
        let answer = || RefOr::T(error_answer(description));
        operation.responses.responses.entry(status.to_owned()).or_insert_with(answer);
    }
}

fn error_answer(description: &str) -> utoipa::openapi::Response {
    let schema = RefOr::Ref(utoipa::openapi::Ref::from_schema_name("ErrorBody"));
    let content = utoipa::openapi::ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}

fn components() -> Components {
    let mut components = Components::new();
    let schemes = [
        (
            SESSION,
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(
                "console_session",
                "The cookie of a session; over TLS its name is `__Host-console_session`.",
            ))),
        ),
        (KEY, SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description("X-API-Key", "An API key.")))),
        (
            BEARER,
            SecurityScheme::Http(
                HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("An API key.")).build(),
            ),
        ),
        (
            HOOK,
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(
                "X-Gitlab-Token",
                "The secret token of the webhook; or a signature in `webhook-signature`.",
            ))),
        ),
    ];
    for (name, scheme) in schemes {
        components.security_schemes.insert(name.to_owned(), RefOr::T(scheme));
    }
    let mut schemas = Vec::new();
    ErrorBody::schemas(&mut schemas);
    components.schemas.extend(schemas);
    components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    components
}
