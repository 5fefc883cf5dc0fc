//! Who may use which route. Every route is declared with its class, so that none can be left open by oversight: those of
//! the REST interface where they are made ([`super::surface::Surface`]), pages and server functions in the tables here.

use app::model::Role;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Everybody.
    Open,
    /// Who proves to be a configured code forge; the handler checks that.
    Hook,
    /// Who has at least this role in the tenant, or a key that may read where reading is enough.
    User(Role),
    /// Who runs this Console: an administrator of the tenant `default`.
    Operator,
    /// A person with a session, whatever the role; no key.
    Session,
    /// Whoever is known: a person or a key of any kind.
    Known,
    /// A key that may send.
    Ingest,
    /// Who watches this Console: a key of the tenant `default` that may read, or who runs it.
    Scrape,
}

impl Class {
    /// Who looks.
    pub const READ: Self = Self::User(Role::Viewer);
    /// Who changes what is watched.
    pub const EDIT: Self = Self::User(Role::Editor);
    /// Who decides about others.
    pub const ADMIN: Self = Self::User(Role::Admin);
}

/// The pages, as their routes are written.
pub const PAGES: &[(&str, Class)] = &[
    ("/", Class::READ),
    ("/login", Class::Open),
    ("/welcome", Class::Open),
    ("/docs", Class::READ),
    ("/monitoring", Class::READ),
    ("/monitoring/api", Class::READ),
    ("/monitoring/dashboards", Class::READ),
    ("/monitoring/dashboards/{id}", Class::READ),
    ("/monitoring/logs", Class::READ),
    ("/monitoring/map", Class::READ),
    ("/monitoring/metrics", Class::READ),
    ("/monitoring/pipelines", Class::READ),
    ("/monitoring/pipelines/{id}", Class::READ),
    ("/monitoring/traces", Class::READ),
    ("/monitoring/traces/{trace_id}", Class::READ),
    ("/monitoring/targets", Class::READ),
    ("/settings", Class::READ),
    ("/settings/account", Class::READ),
    ("/settings/users", Class::ADMIN),
    ("/settings/keys", Class::ADMIN),
    ("/settings/tenants", Class::READ),
    ("/settings/audit", Class::ADMIN),
    ("/settings/redaction", Class::READ),
    ("/settings/configuration", Class::Operator),
    ("/ui/monitoring/advanced", Class::READ),
    ("/ui/monitoring/api", Class::READ),
    ("/ui/monitoring/logs", Class::READ),
];

/// The server functions, by their paths.
pub const FUNCTIONS: &[(&str, Class)] = &[
    ("/fn/overview", Class::READ),
    ("/fn/performance", Class::READ),
    ("/fn/performance/endpoint", Class::READ),
    ("/fn/performance/calls", Class::READ),
    ("/fn/performance/errors", Class::READ),
    ("/fn/logs", Class::READ),
    ("/fn/logs/summary", Class::READ),
    ("/fn/logs/patterns", Class::READ),
    ("/fn/logs/context", Class::READ),
    ("/fn/pipelines", Class::READ),
    ("/fn/pipeline", Class::READ),
    ("/fn/pipelines/demo", Class::EDIT),
    ("/fn/pipelines/demo/remove", Class::EDIT),
    ("/fn/map", Class::READ),
    ("/fn/metrics", Class::READ),
    ("/fn/metrics/labels", Class::READ),
    ("/fn/metrics/values", Class::READ),
    ("/fn/metrics/query", Class::READ),
    ("/fn/metrics/check", Class::READ),
    ("/fn/traces", Class::READ),
    ("/fn/traces/contrast", Class::READ),
    ("/fn/trace", Class::READ),
    ("/fn/trace/rows", Class::READ),
    ("/fn/trace/span", Class::READ),
    ("/fn/trace/compare", Class::READ),
    ("/fn/welcome", Class::Open),
    ("/fn/account", Class::Session),
    ("/fn/account/name", Class::Session),
    ("/fn/account/password", Class::Session),
    ("/fn/account/sessions/close", Class::Session),
    ("/fn/account/sessions/close-others", Class::Session),
    ("/fn/users", Class::ADMIN),
    ("/fn/users/add", Class::ADMIN),
    ("/fn/users/role", Class::ADMIN),
    ("/fn/users/remove", Class::ADMIN),
    ("/fn/users/disable", Class::ADMIN),
    ("/fn/users/reset", Class::ADMIN),
    ("/fn/keys", Class::ADMIN),
    ("/fn/keys/add", Class::ADMIN),
    ("/fn/keys/revoke", Class::ADMIN),
    ("/fn/dashboards", Class::READ),
    ("/fn/dashboards/view", Class::READ),
    ("/fn/dashboards/add", Class::EDIT),
    ("/fn/dashboards/change", Class::EDIT),
    ("/fn/dashboards/remove", Class::EDIT),
    ("/fn/dashboards/panels/add", Class::EDIT),
    ("/fn/targets", Class::READ),
    ("/fn/targets/add", Class::EDIT),
    ("/fn/targets/change", Class::EDIT),
    ("/fn/targets/remove", Class::EDIT),
    ("/fn/targets/try", Class::EDIT),
    ("/fn/tenants", Class::READ),
    ("/fn/tenants/add", Class::ADMIN),
    ("/fn/audit", Class::ADMIN),
    ("/fn/settings", Class::Operator),
    ("/fn/redaction", Class::READ),
    ("/fn/redaction/try", Class::READ),
    ("/fn/docs", Class::READ),
];

/// The class of a page or a server function; none for what is neither.
pub fn of_site(path: &str) -> Option<Class> {
    PAGES.iter().chain(FUNCTIONS).find(|(known, _)| *known == path).map(|(_, class)| *class)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use leptos::server_fn;

    use super::*;

    #[test]
    fn every_page_and_function_has_a_class_and_every_class_a_page_or_function() {
        let declared: BTreeSet<String> = PAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
        let pages = leptos_axum::generate_route_list(app::App);
        let pages: BTreeSet<String> = pages.iter().map(|page| page.path().to_owned()).collect();
        assert_eq!(declared, pages);
        let declared: BTreeSet<String> = FUNCTIONS.iter().map(|(path, _)| (*path).to_owned()).collect();
        let functions = server_fn::axum::server_fn_paths();
        let functions: BTreeSet<String> = functions.map(|(path, _)| path.to_owned()).collect();
        assert_eq!(declared, functions);
    }
}
