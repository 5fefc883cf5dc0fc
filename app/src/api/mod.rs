//! The port: what pages may ask of Console, and the server functions that carry the questions.
//!
//! A page calls a server function; on the server that takes the [`Console`] and the [`Scope`] of the request from
//! the context and calls the port. The server crate implements the port once, and its REST handlers call the same
//! methods.

mod error;
mod log;
mod overview;
mod pipeline;

use std::sync::Arc;

use async_trait::async_trait;

pub use error::{ApiError, ErrorCode};
pub use log::ListLogs;
pub use log::list_logs;
pub use overview::{LoadOverview, load_overview};
pub use pipeline::{
    CreateDemoPipelines, ListPipelines, LoadPipeline, RemoveDemoPipelines, create_demo_pipelines, list_pipelines,
    load_pipeline, remove_demo_pipelines,
};
use serde::{Deserialize, Serialize};

use crate::model::{
    LogPage, LogQuery, Overview, OverviewQuery, PipelineQuery, TenantId,
    pipeline::{PipelineDetail, PipelineList, PipelinePage, PipelineStats, PipelineTrace},
};

/// On whose behalf a question is asked. Sign-in adds the person and the roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The tenant whose data is asked for.
    pub tenant: TenantId,
}

/// Pipeline traces.
#[async_trait]
pub trait PipelinePort: Send + Sync {
    /// A page of pipeline traces, newest first.
    async fn list(&self, scope: Scope, query: PipelineQuery) -> Result<PipelinePage, ApiError>;
    /// Counts over the traces that match the query's filter and range.
    async fn stats(&self, scope: Scope, query: PipelineQuery) -> Result<PipelineStats, ApiError>;
    /// One trace.
    async fn get(&self, scope: Scope, id: uuid::Uuid) -> Result<PipelineTrace, ApiError>;
    /// Rows, counts and choices for the list page.
    async fn list_page(&self, scope: Scope, query: PipelineQuery) -> Result<PipelineList, ApiError>;
    /// One trace with its log lines and its neighbours.
    async fn detail(&self, scope: Scope, id: uuid::Uuid) -> Result<PipelineDetail, ApiError>;
    /// Makes demonstration traces, 1 to 50.
    async fn create_demo(&self, scope: Scope, count: u32) -> Result<Vec<PipelineTrace>, ApiError>;
    /// Removes all demonstration traces and says how many there were.
    async fn remove_demo(&self, scope: Scope) -> Result<u64, ApiError>;
}

/// Log records.
#[async_trait]
pub trait LogPort: Send + Sync {
    /// A page of log records, newest first.
    async fn list(&self, scope: Scope, query: LogQuery) -> Result<LogPage, ApiError>;
}

/// Figures of the overview page.
#[async_trait]
pub trait OverviewPort: Send + Sync {
    /// Everything that the overview shows, but for the log lines.
    async fn overview(&self, scope: Scope, query: OverviewQuery) -> Result<Overview, ApiError>;
}

/// All ports of the running server, given to server functions through the context.
#[derive(Clone)]
pub struct Console {
    /// Pipeline traces.
    pub pipelines: Arc<dyn PipelinePort>,
    /// Log records.
    pub logs: Arc<dyn LogPort>,
    /// Overview.
    pub overview: Arc<dyn OverviewPort>,
}

/// Sets the HTTP status of the page that is being rendered. The server puts it into the context; in the browser there
/// is none.
#[derive(Clone)]
pub struct SetStatus(pub Arc<dyn Fn(u16) + Send + Sync>);

/// What a server function finds in the context of its request.
#[cfg(feature = "ssr")]
struct Asked {
    console: Console,
    scope: Scope,
    set_status: Option<SetStatus>,
}

#[cfg(feature = "ssr")]
impl Asked {
    /// Gives the answer the status of its error.
    fn tell<T>(&self, outcome: Result<T, ApiError>) -> Result<T, ApiError> {
        if let (Err(error), Some(SetStatus(set))) = (&outcome, &self.set_status) {
            set(error.code.status());
        }
        outcome
    }
}

#[cfg(feature = "ssr")]
fn asked() -> Result<Asked, ApiError> {
    use leptos::prelude::use_context;

    let context = use_context::<Console>().zip(use_context::<Scope>());
    let missing = || ApiError::new(ErrorCode::Internal, "the request carries no context");
    let (console, scope) = context.ok_or_else(missing)?;
    Ok(Asked { console, scope, set_status: use_context::<SetStatus>() })
}
