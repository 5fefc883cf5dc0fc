//! Which page the reader is on, told from the path, so that the header needs no word from the page.

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
    /// Log lines.
    Logs,
    /// No page at all.
    Nowhere,
}

impl Place {
    /// The pages that have a link of their own, in order.
    pub const SECTIONS: [Self; 3] = [Self::Overview, Self::Pipelines, Self::Logs];

    /// The page at this path.
    pub fn of(path: &str) -> Self {
        match path.trim_end_matches('/') {
            "" | "/monitoring" => Self::Overview,
            "/monitoring/pipelines" => Self::Pipelines,
            "/monitoring/logs" => Self::Logs,
            other => match other.strip_prefix("/monitoring/pipelines/") {
                Some(id) if !id.contains('/') => Self::Pipeline(id.parse().ok()),
                _ => Self::Nowhere,
            },
        }
    }

    /// The page whose link is marked as current.
    pub fn section(self) -> Self {
        if matches!(self, Self::Pipeline(_)) { Self::Pipelines } else { self }
    }

    /// The page's address; that of its section for a page below one.
    pub fn path(self) -> &'static str {
        match self {
            Self::Overview | Self::Nowhere => "/monitoring",
            Self::Pipelines | Self::Pipeline(_) => "/monitoring/pipelines",
            Self::Logs => "/monitoring/logs",
        }
    }

    /// What people read in links.
    pub fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Pipelines | Self::Pipeline(_) => "Pipelines",
            Self::Logs => "Logs",
            Self::Nowhere => "Page not found",
        }
    }

    /// What stands before the label.
    pub fn icon(self) -> IconName {
        match self {
            Self::Overview => IconName::Overview,
            Self::Pipelines | Self::Pipeline(_) => IconName::Pipelines,
            Self::Logs => IconName::Logs,
            Self::Nowhere => IconName::Help,
        }
    }

    /// What stands in the browser's tab.
    pub fn document_title(self) -> String {
        match self {
            Self::Pipeline(Some(id)) => format!("Pipeline {}", id.short()),
            Self::Pipeline(None) => "Pipeline".to_owned(),
            other => other.label().to_owned(),
        }
    }

    /// Whether the header offers the time range. The list of pipelines shows all time unless told otherwise, so it
    /// has a choice of its own.
    pub fn has_range(self) -> bool {
        matches!(self, Self::Overview | Self::Logs)
    }

    /// Whether the page compares that range with another.
    pub fn has_compare(self) -> bool {
        self == Self::Overview
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
        assert_eq!(Place::of("/monitoring/pipelines/a/b"), Place::Nowhere);
        assert_eq!(Place::of("/nope"), Place::Nowhere);
    }

    #[test]
    fn every_section_is_found_at_its_own_path() {
        for section in Place::SECTIONS {
            assert_eq!(Place::of(section.path()), section);
        }
    }
}
