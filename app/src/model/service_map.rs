//! Services and what they call.

use serde::{Deserialize, Serialize};

use super::RangeSpec;

/// What a node of the map is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeKind {
    /// It sends spans itself.
    Service,
    /// A database that services call.
    Database,
    /// A cache that services call.
    Cache,
    /// A queue or topic that services send to, without a consumer that is seen.
    Queue,
    /// Anything else that is called and sends no spans.
    External,
}

impl NodeKind {
    /// All of them; the place of each is its stored number.
    pub const ALL: [Self; 5] = [Self::Service, Self::Database, Self::Cache, Self::Queue, Self::External];

    /// Its name as people read it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Database => "database",
            Self::Cache => "cache",
            Self::Queue => "queue",
            Self::External => "external",
        }
    }
}

/// What is asked of the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MapQuery {
    /// Calls that began in this range.
    pub range: RangeSpec,
}

/// How often something was called, and how that went.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CallFigures {
    /// Calls.
    pub calls: u64,
    /// Those that failed.
    pub errors: u64,
    /// Half took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 95 of 100 took no longer, in milliseconds.
    pub p95_ms: f64,
}

impl CallFigures {
    /// The share that failed, 0 to 1.
    pub fn error_share(&self) -> f64 {
        if self.calls == 0 { 0.0 } else { self.errors as f64 / self.calls as f64 }
    }
}

/// A service, or something that services call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapNode {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// The requests that it answered; of what is no service, the calls to it.
    pub figures: CallFigures,
}

/// Calls from one node to another, by their places in the list of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct MapEdge {
    /// Who calls.
    pub from: u32,
    /// Who is called.
    pub to: u32,
    /// How it went.
    pub figures: CallFigures,
}

/// An endpoint of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapEndpoint {
    /// Its service, by its place in the list of nodes.
    pub node: u32,
    /// Method and route.
    pub name: String,
    /// How requests to it went.
    pub figures: CallFigures,
}

/// The map.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ServiceMap {
    /// Services and what they call, by name.
    pub nodes: Vec<MapNode>,
    /// Calls between them.
    pub edges: Vec<MapEdge>,
    /// The busiest endpoints of the services.
    pub endpoints: Vec<MapEndpoint>,
    /// Length of the range in seconds, to tell rates.
    pub seconds: f64,
    /// There are more nodes than are told: those with the fewest calls are left out.
    pub is_partial: bool,
    /// Whether the tenant ever had a call between services.
    pub any_stored: bool,
}

impl ServiceMap {
    /// Nodes that are told at most.
    pub const MAX_NODES: usize = 200;
    /// Endpoints of a service that are told at most.
    pub const MAX_ENDPOINTS: usize = 20;
}
