//! Which page the reader is on, told from the path, so that the header needs no word from the page.

use super::settings::SettingsPage;
use crate::{component::icon::IconName, model::TraceId};

/// A page of Console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The overview.
    Overview,
    /// The list of pipeline traces.
    Pipelines,
    /// One pipeline trace.
    Pipeline(Option<TraceId>),
    /// The list of distributed traces.
    Traces,
    /// One distributed trace.
    Trace(Option<TraceId>),
    /// Services and what they call.
    Map,
    /// Endpoints and how they do.
    Api,
    /// Series and what they are asked.
    Metrics,
    /// The list of dashboards.
    Dashboards,
    /// One dashboard.
    Dashboard,
    /// Log lines.
    Logs,
    /// What is scraped.
    Targets,
    /// A page of the settings.
    Settings(SettingsPage),
    /// The description of the REST interface.
    Docs,
    /// Where one signs in.
    SignIn,
    /// Where a sign-in link leads.
    Welcome,
    /// No page at all.
    Nowhere,
}

impl Place {
    /// The pages that have a link of their own, in order; after them come the settings.
    pub const SECTIONS: [Self; 9] = [
        Self::Overview,
        Self::Pipelines,
        Self::Traces,
        Self::Map,
        Self::Api,
        Self::Metrics,
        Self::Dashboards,
        Self::Logs,
        Self::Targets,
    ];

    /// The page at this path.
    pub fn of(path: &str) -> Self {
        match path.trim_end_matches('/') {
            "" | "/monitoring" => Self::Overview,
            "/monitoring/pipelines" => Self::Pipelines,
            "/monitoring/traces" => Self::Traces,
            "/monitoring/map" => Self::Map,
            "/monitoring/api" => Self::Api,
            "/monitoring/metrics" => Self::Metrics,
            "/monitoring/dashboards" => Self::Dashboards,
            "/monitoring/logs" => Self::Logs,
            "/monitoring/targets" => Self::Targets,
            "/docs" => Self::Docs,
            "/login" => Self::SignIn,
            "/welcome" => Self::Welcome,
            "/settings" => Self::Settings(SettingsPage::Account),
            other => {
                let id_below = |list: &str| other.strip_prefix(list).filter(|id| !id.contains('/'));
                if let Some(id) = id_below("/monitoring/pipelines/") {
                    return Self::Pipeline(id.parse().ok());
                }
                if let Some(id) = id_below("/monitoring/traces/") {
                    return Self::Trace(id.parse().ok());
                }
                if id_below("/monitoring/dashboards/").is_some() {
                    return Self::Dashboard;
                }
                let page = SettingsPage::ALL.into_iter().find(|page| page.path() == other);
                page.map_or(Self::Nowhere, Self::Settings)
            }
        }
    }

    /// The page whose link is marked as current.
    pub fn section(self) -> Self {
        match self {
            Self::Pipeline(_) => Self::Pipelines,
            Self::Trace(_) => Self::Traces,
            Self::Dashboard => Self::Dashboards,
            Self::Settings(_) => Self::Settings(SettingsPage::Account),
            other => other,
        }
    }

    /// The page's address; that of its section for a page below one.
    pub fn path(self) -> &'static str {
        match self {
            Self::Overview | Self::Nowhere => "/monitoring",
            Self::Pipelines | Self::Pipeline(_) => "/monitoring/pipelines",
            Self::Traces | Self::Trace(_) => "/monitoring/traces",
            Self::Map => "/monitoring/map",
            Self::Api => "/monitoring/api",
            Self::Metrics => "/monitoring/metrics",
            Self::Dashboards | Self::Dashboard => "/monitoring/dashboards",
            Self::Logs => "/monitoring/logs",
            Self::Targets => "/monitoring/targets",
            Self::Settings(page) => page.path(),
            Self::Docs => "/docs",
            Self::SignIn => "/login",
            Self::Welcome => "/welcome",
        }
    }

    /// What people read in links.
    pub fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Pipelines | Self::Pipeline(_) => "Pipelines",
            Self::Traces | Self::Trace(_) => "Traces",
            Self::Map => "Services",
            Self::Api => "API",
            Self::Metrics => "Metrics",
            Self::Dashboards | Self::Dashboard => "Dashboards",
            Self::Logs => "Logs",
            Self::Targets => "Targets",
            Self::Settings(page) => page.label(),
            Self::Docs => "REST interface",
            Self::SignIn => "Sign in",
            Self::Welcome => "Welcome",
            Self::Nowhere => "Page not found",
        }
    }

    /// What stands before the label.
    pub fn icon(self) -> IconName {
        match self {
            Self::Overview => IconName::Overview,
            Self::Pipelines | Self::Pipeline(_) => IconName::Pipelines,
            Self::Traces | Self::Trace(_) => IconName::Traces,
            Self::Map => IconName::Map,
            Self::Api => IconName::Endpoints,
            Self::Metrics => IconName::Metrics,
            Self::Dashboards | Self::Dashboard => IconName::Dashboard,
            Self::Logs => IconName::Logs,
            Self::Targets => IconName::Target,
            Self::Settings(_) => IconName::Settings,
            Self::SignIn | Self::Welcome => IconName::Person,
            Self::Docs | Self::Nowhere => IconName::Help,
        }
    }

    /// What stands in the browser's tab.
    pub fn document_title(self) -> String {
        match self {
            Self::Pipeline(Some(id)) => format!("Pipeline {}", id.short()),
            Self::Pipeline(None) => "Pipeline".to_owned(),
            Self::Trace(Some(id)) => format!("Trace {}", id.short()),
            Self::Trace(None) => "Trace".to_owned(),
            Self::Dashboard => "Dashboard".to_owned(),
            Self::Settings(page) => format!("{} · Settings", page.label()),
            other => other.label().to_owned(),
        }
    }

    /// Whether the header offers the time range. The list of pipelines shows all time unless told otherwise, so it
    /// has a choice of its own.
    pub fn has_range(self) -> bool {
        matches!(
            self,
            Self::Overview | Self::Traces | Self::Map | Self::Api | Self::Metrics | Self::Dashboard | Self::Logs
        )
    }

    /// Whether the page compares that range with another.
    pub fn has_compare(self) -> bool {
        matches!(self, Self::Overview | Self::Api)
    }

    /// Whether the page is for those who are not signed in: alone, with a heading of its own.
    pub fn is_bare(self) -> bool {
        matches!(self, Self::SignIn | Self::Welcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_has_its_place() {
        assert_eq!(Place::of("/monitoring"), Place::Overview);
        assert_eq!(Place::of("/monitoring/"), Place::Overview);
        assert_eq!(Place::of("/monitoring/logs"), Place::Logs);
        assert_eq!(Place::of("/monitoring/pipelines"), Place::Pipelines);
        let pipeline = Place::of("/monitoring/pipelines/4bf92f35-77b3-4da6-a3ce-929d0e0e4736");
        assert_eq!(pipeline.section(), Place::Pipelines);
        assert_eq!(pipeline.document_title(), "Pipeline 4bf92f35");
        assert_eq!(Place::of("/monitoring/traces/"), Place::Traces);
        let trace = Place::of("/monitoring/traces/4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((trace.section(), trace.document_title().as_str()), (Place::Traces, "Trace 4bf92f35"));
        assert_eq!(Place::of("/monitoring/traces/nope"), Place::Trace(None));
        assert_eq!(Place::of("/monitoring/dashboards/hosts").section(), Place::Dashboards);
        assert_eq!(Place::of("/settings/users").document_title(), "Users · Settings");
        assert!(Place::of("/login").is_bare() && Place::of("/welcome").is_bare());
        assert_eq!(Place::of("/monitoring/pipelines/a/b"), Place::Nowhere);
        assert_eq!(Place::of("/settings/nope"), Place::Nowhere);
        assert_eq!(Place::of("/nope"), Place::Nowhere);
    }

    #[test]
    fn every_section_is_found_at_its_own_path() {
        for section in Place::SECTIONS {
            assert_eq!(Place::of(section.path()), section);
        }
        for page in SettingsPage::ALL {
            assert_eq!(Place::of(page.path()), Place::Settings(page));
            assert_eq!(Place::Settings(page).section(), Place::of("/settings"));
        }
    }
}
