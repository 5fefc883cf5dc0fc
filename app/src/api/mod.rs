//! The port: what pages may ask of Console, and the server functions that carry the questions.
//!
//! A page calls a server function; on the server that takes the [`Console`] and the [`Scope`] of the request from
//! the context and calls the port. The server crate implements the port once, and its REST handlers call the same
//! methods.

mod account;
mod dashboard;
mod error;
mod identity;
mod json;
mod log;
mod map;
mod metric;
mod overview;
mod performance;
mod pipeline;
mod scrape;
mod settings;
mod trace;

use std::sync::Arc;

use async_trait::async_trait;

pub use account::{
    ChangeName, ChangePassword, CloseOtherSessions, CloseSession, LoadAccount, LoadWelcome, change_name,
    change_password, close_other_sessions, close_session, load_account, load_welcome,
};
pub use dashboard::{
    AddDashboard, AddPanel, ChangeDashboard, ListDashboards, LoadDashboard, RemoveDashboard, add_dashboard, add_panel,
    change_dashboard, list_dashboards, load_dashboard, remove_dashboard,
};
pub use error::{ApiError, ErrorCode};
pub use identity::{
    AddKey, AddTenant, AddUser, ListAudit, ListKeys, ListTenants, ListUsers, RemoveUser, ResetUser, RevokeKey,
    SetUserDisabled, SetUserRole, add_key, add_tenant, add_user, list_audit, list_keys, list_tenants, list_users,
    remove_user, reset_user, revoke_key, set_user_disabled, set_user_role,
};
pub use log::{
    FindLogPatterns, ListLogs, LoadLogContext, SummarizeLogs, find_log_patterns, list_logs, load_log_context,
    summarize_logs,
};
pub use map::{LoadMap, load_map};
pub use metric::{
    CheckQuery, FindLabelValues, ListMetrics, LoadMetricLabels, QueryMetrics, check_query, find_label_values,
    list_metrics, load_metric_labels, query_metrics,
};
pub use overview::{LoadOverview, load_overview};
pub use performance::{
    FindCalls, FindHotspots, LoadEndpoint, LoadPerformance, find_calls, find_hotspots, load_endpoint, load_performance,
};
pub use pipeline::{
    CreateDemoPipelines, ListPipelines, LoadPipeline, RemoveDemoPipelines, create_demo_pipelines, list_pipelines,
    load_pipeline, remove_demo_pipelines,
};
pub use scrape::{
    AddTarget, ChangeTarget, ListTargets, RemoveTarget, TryTarget, add_target, change_target, list_targets,
    remove_target, try_target,
};
pub use settings::{
    LoadDocs, LoadRedaction, LoadSettings, TryRedaction, load_docs, load_redaction, load_settings, try_redaction,
};
pub use trace::{
    CompareTraces, ContrastTraces, ListTraces, LoadSpan, LoadTrace, LoadTraceRows, compare_traces, contrast_traces,
    list_traces, load_span, load_trace, load_trace_rows,
};
use uuid::Uuid;

use crate::model::{
    Account, ApiKey, AuditPage, CallQuery, CallSample, ContrastQuery, CreatedKey, Dashboard, DashboardChange,
    DashboardEntry, DashboardList, DashboardQuery, DashboardView, DocGroup, EndpointDetail, EndpointQuery, ErrorQuery,
    Hotspots, Invitation, KeyRequest, LabelValue, LabelValuesQuery, LogContext, LogContextQuery, LogPage, LogPatterns,
    LogQuery, LogSummary, LogViewQuery, MapQuery, MemberPage, MetricAnswers, MetricLabels, MetricLabelsQuery,
    MetricList, MetricListQuery, MetricQuery, Overview, OverviewQuery, Panel, PerformancePage, PerformanceQuery,
    PipelineQuery, QueryProblem, RedactedSample, RedactionRules, Role, ScrapeRequest, ScrapeTarget, ScrapeTargets,
    ScrapeTrial, ServiceMap, SettingSection, SpanDetail, SpanId, TenantId, TenantList, TraceComparison, TraceContrast,
    TraceDetail, TraceId, TraceOutline, TracePage, TraceQuery, Welcome,
    pipeline::{PipelineDetail, PipelineList, PipelinePage, PipelineStats, PipelineTrace},
};

/// On whose behalf a question is asked: made from a session or a key by the guard of its route, and nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// The tenant whose data is asked for.
    pub tenant: TenantId,
    /// What the one who asks may do there.
    pub role: Role,
}

/// A session of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRef {
    /// The session.
    pub id: Uuid,
    /// The person.
    pub user: Uuid,
}

/// Who acts and where from, for what is changed and recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// What they may do where.
    pub scope: Scope,
    /// Their session; keys have none.
    pub session: Option<SessionRef>,
    /// As the audit record names them: an e-mail address or `key:name`.
    pub name: String,
    /// Where they come from.
    pub address: String,
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
    /// Counts over time, by level, by service and by attribute.
    async fn summary(&self, scope: Scope, query: LogViewQuery) -> Result<LogSummary, ApiError>;
    /// Patterns of messages.
    async fn patterns(&self, scope: Scope, query: LogViewQuery) -> Result<LogPatterns, ApiError>;
    /// One record and what its service wrote before and after it.
    async fn context(&self, scope: Scope, query: LogContextQuery) -> Result<LogContext, ApiError>;
}

/// Traces and their spans.
#[async_trait]
pub trait TracePort: Send + Sync {
    /// A page of traces, with their counts and durations.
    async fn list(&self, scope: Scope, query: TraceQuery) -> Result<TracePage, ApiError>;
    /// What sets the traces of a selection apart from the rest.
    async fn contrast(&self, scope: Scope, query: ContrastQuery) -> Result<TraceContrast, ApiError>;
    /// One trace: its summary, the beginning of its outline, its log lines.
    async fn detail(&self, scope: Scope, id: TraceId) -> Result<TraceDetail, ApiError>;
    /// A window of a trace's outline, [`TraceDetail::WINDOW_ROWS`] rows from `offset` on.
    async fn rows(&self, scope: Scope, id: TraceId, offset: u32) -> Result<TraceOutline, ApiError>;
    /// What a trace can be compared with, and how it compares with another one; not found when one is not there.
    async fn compare(&self, scope: Scope, id: TraceId, other: Option<TraceId>) -> Result<TraceComparison, ApiError>;
    /// One span with how it compares.
    async fn span(&self, scope: Scope, trace: TraceId, span: SpanId) -> Result<SpanDetail, ApiError>;
}

/// The map of services.
#[async_trait]
pub trait MapPort: Send + Sync {
    /// Services and what they call.
    async fn map(&self, scope: Scope, query: MapQuery) -> Result<ServiceMap, ApiError>;
}

/// Endpoints and how fast they answer.
#[async_trait]
pub trait PerformancePort: Send + Sync {
    /// Endpoints in order, with how they did before and when.
    async fn performance(&self, scope: Scope, query: PerformanceQuery) -> Result<PerformancePage, ApiError>;
    /// One endpoint over time.
    async fn endpoint(&self, scope: Scope, query: EndpointQuery) -> Result<EndpointDetail, ApiError>;
    /// Single requests of an endpoint that were traced.
    async fn calls(&self, scope: Scope, query: CallQuery) -> Result<CallSample, ApiError>;
    /// Endpoints that fail, with what goes wrong there.
    async fn hotspots(&self, scope: Scope, query: ErrorQuery) -> Result<Hotspots, ApiError>;
}

/// Metrics: which there are, and what they are asked.
#[async_trait]
pub trait MetricPort: Send + Sync {
    /// Metrics that match words, best first.
    async fn metrics(&self, scope: Scope, query: MetricListQuery) -> Result<MetricList, ApiError>;
    /// The labels of a metric.
    async fn labels(&self, scope: Scope, query: MetricLabelsQuery) -> Result<MetricLabels, ApiError>;
    /// Values of a label, best first, at most [`LabelValuesQuery::MOST`].
    async fn label_values(&self, scope: Scope, query: LabelValuesQuery) -> Result<Vec<LabelValue>, ApiError>;
    /// The answers of queries. What is wrong with one of them is said in its answer.
    async fn answer(&self, scope: Scope, query: MetricQuery) -> Result<MetricAnswers, ApiError>;
    /// What is wrong with the text of a query.
    async fn check(&self, text: String) -> Result<Option<QueryProblem>, ApiError>;
}

/// Figures of the overview page.
#[async_trait]
pub trait OverviewPort: Send + Sync {
    /// Everything that the overview shows, but for the log lines.
    async fn overview(&self, scope: Scope, query: OverviewQuery) -> Result<Overview, ApiError>;
}

/// People, keys, tenants and what was done. Who may call what is decided by the class of the route; what is checked
/// here besides is said.
#[async_trait]
pub trait IdentityPort: Send + Sync {
    /// What a sign-in link is for; not found when it was used or has ended.
    async fn welcome(&self, token: &str) -> Result<Welcome, ApiError>;

    /// One's own account.
    async fn account(&self, actor: &Actor) -> Result<Account, ApiError>;
    /// Changes one's own name.
    async fn change_name(&self, actor: &Actor, name: String) -> Result<(), ApiError>;
    /// Changes one's own password, which has to be known, and signs out everywhere else.
    async fn change_password(&self, actor: &Actor, current: String, new: String) -> Result<(), ApiError>;
    /// Signs out one of one's own sessions; or all others.
    async fn close_sessions(&self, actor: &Actor, only: Option<Uuid>) -> Result<u64, ApiError>;

    /// A page of the tenant's members.
    async fn users(&self, actor: &Actor, after: Option<String>) -> Result<MemberPage, ApiError>;
    /// Makes somebody a member; somebody new gets a link to sign in with.
    async fn add_user(&self, actor: &Actor, email: String, name: String, role: Role) -> Result<Invitation, ApiError>;
    /// Changes what a member may do. The last admin stays one.
    async fn set_user_role(&self, actor: &Actor, id: Uuid, role: Role) -> Result<(), ApiError>;
    /// Takes a member out of the tenant. The last admin stays.
    async fn remove_user(&self, actor: &Actor, id: Uuid) -> Result<(), ApiError>;
    /// Keeps somebody out, or lets them in again. Only of somebody whom one administers everywhere.
    async fn set_user_disabled(&self, actor: &Actor, id: Uuid, is_disabled: bool) -> Result<(), ApiError>;
    /// A link with which a member chooses a new password. Only of somebody whom one administers everywhere.
    async fn reset_user(&self, actor: &Actor, id: Uuid) -> Result<Invitation, ApiError>;

    /// The tenant's keys, the newest first, at most 1,000.
    async fn keys(&self, actor: &Actor) -> Result<Vec<ApiKey>, ApiError>;
    /// Makes a key.
    async fn add_key(&self, actor: &Actor, request: KeyRequest) -> Result<CreatedKey, ApiError>;
    /// Ends a key.
    async fn revoke_key(&self, actor: &Actor, id: Uuid) -> Result<(), ApiError>;

    /// Where one is a member.
    async fn tenants(&self, actor: &Actor) -> Result<TenantList, ApiError>;
    /// Makes a tenant with oneself as its admin. Only for admins of the tenant `default`.
    async fn add_tenant(&self, actor: &Actor, name: String) -> Result<(), ApiError>;

    /// What was done in the tenant, the newest first.
    async fn audit(&self, actor: &Actor, before: Option<i64>, limit: u32) -> Result<AuditPage, ApiError>;
}

/// Targets that are scraped.
#[async_trait]
pub trait ScrapePort: Send + Sync {
    /// All of the tenant, with how they fare.
    async fn targets(&self, scope: Scope) -> Result<ScrapeTargets, ApiError>;
    /// One of them.
    async fn target(&self, scope: Scope, id: Uuid) -> Result<ScrapeTarget, ApiError>;
    /// Adds one.
    async fn add_target(&self, actor: &Actor, request: ScrapeRequest) -> Result<ScrapeTarget, ApiError>;
    /// Changes one.
    async fn change_target(&self, actor: &Actor, id: Uuid, request: ScrapeRequest) -> Result<ScrapeTarget, ApiError>;
    /// Removes one; its series end.
    async fn remove_target(&self, actor: &Actor, id: Uuid) -> Result<(), ApiError>;
    /// Asks once, as a target that is changed or as a new one, and stores nothing.
    async fn try_target(&self, scope: Scope, id: Option<Uuid>, request: ScrapeRequest)
    -> Result<ScrapeTrial, ApiError>;
}

/// Dashboards.
#[async_trait]
pub trait DashboardPort: Send + Sync {
    /// Those that the tenant sees.
    async fn dashboards(&self, scope: Scope) -> Result<DashboardList, ApiError>;
    /// One of them.
    async fn dashboard(&self, scope: Scope, id: &str) -> Result<DashboardEntry, ApiError>;
    /// One of them with what its panels ask and are answered.
    async fn view(&self, scope: Scope, query: DashboardQuery) -> Result<DashboardView, ApiError>;
    /// Makes one.
    async fn add_dashboard(&self, actor: &Actor, dashboard: Dashboard) -> Result<DashboardEntry, ApiError>;
    /// Changes one that is as it was seen.
    async fn change_dashboard(
        &self,
        actor: &Actor,
        id: &str,
        change: DashboardChange,
    ) -> Result<DashboardEntry, ApiError>;
    /// Removes one.
    async fn remove_dashboard(&self, actor: &Actor, id: &str) -> Result<(), ApiError>;
    /// Adds a panel at the end of one.
    async fn add_panel(&self, actor: &Actor, id: &str, panel: Panel) -> Result<DashboardEntry, ApiError>;
}

/// How this Console is set up.
#[async_trait]
pub trait SettingsPort: Send + Sync {
    /// The running configuration.
    async fn settings(&self) -> Vec<SettingSection>;
    /// What is taken out of records.
    async fn redaction(&self) -> RedactionRules;
    /// What would be stored of a sample.
    async fn try_redaction(&self, sample: &str) -> Result<RedactedSample, ApiError>;
}

/// The REST interface, described.
#[derive(Clone, Default)]
pub struct Docs(pub Arc<Vec<DocGroup>>);

/// All ports of the running server, given to server functions through the context.
#[derive(Clone)]
pub struct Console {
    /// Pipeline traces.
    pub pipelines: Arc<dyn PipelinePort>,
    /// Log records.
    pub logs: Arc<dyn LogPort>,
    /// Traces.
    pub traces: Arc<dyn TracePort>,
    /// The map of services.
    pub map: Arc<dyn MapPort>,
    /// Metrics.
    pub metrics: Arc<dyn MetricPort>,
    /// Overview.
    pub overview: Arc<dyn OverviewPort>,
    /// Endpoints.
    pub performance: Arc<dyn PerformancePort>,
    /// People, keys, tenants.
    pub identity: Arc<dyn IdentityPort>,
    /// Targets that are scraped.
    pub scrapes: Arc<dyn ScrapePort>,
    /// Dashboards.
    pub dashboards: Arc<dyn DashboardPort>,
    /// How it is set up.
    pub settings: Arc<dyn SettingsPort>,
    /// The REST interface.
    pub docs: Docs,
}

/// Sets the HTTP status of the page that is being rendered. The server puts it into the context; in the browser there
/// is none.
#[derive(Clone)]
pub struct SetStatus(pub Arc<dyn Fn(u16) + Send + Sync>);

/// Says whether whoever made the request may call the server function at this path. The server puts it into the context.
#[derive(Clone)]
pub struct Guard(pub Arc<GuardFn>);

/// From the path of a server function to the reason why not.
pub type GuardFn = dyn Fn(&str) -> Result<(), ApiError> + Send + Sync;

/// What a server function finds in the context of its request.
#[cfg(feature = "ssr")]
struct Asked {
    console: Console,
    actor: Actor,
    set_status: Option<SetStatus>,
}

#[cfg(feature = "ssr")]
impl Asked {
    /// Gives the answer the status of its error.
    fn tell<T>(&self, outcome: Result<T, ApiError>) -> Result<T, ApiError> {
        tell(self.set_status.as_ref(), outcome)
    }
}

#[cfg(feature = "ssr")]
fn tell<T>(set_status: Option<&SetStatus>, outcome: Result<T, ApiError>) -> Result<T, ApiError> {
    if let (Err(error), Some(SetStatus(set))) = (&outcome, set_status) {
        set(error.code.status());
    }
    outcome
}

/// For a function that anybody may call.
#[cfg(feature = "ssr")]
fn visited() -> Result<(Console, Option<SetStatus>), ApiError> {
    use leptos::prelude::use_context;

    let missing = || ApiError::new(ErrorCode::Internal, "the request carries no context");
    Ok((use_context::<Console>().ok_or_else(missing)?, use_context::<SetStatus>()))
}

/// For a function whose class lets only some through. A page that is rendered on the server calls its functions without a
/// request, so the class is asked here and not only on their way in.
#[cfg(feature = "ssr")]
fn asked<F: leptos::server_fn::ServerFn>() -> Result<Asked, ApiError> {
    use leptos::prelude::use_context;

    let (console, set_status) = visited()?;
    let allowed = use_context::<Guard>().map(|Guard(check)| check(F::PATH));
    let unknown = || ApiError::new(ErrorCode::Unauthorized, "sign in first");
    let actor = match allowed {
        Some(Ok(())) => use_context::<Actor>().ok_or_else(unknown),
        Some(Err(error)) => Err(error),
        None => Err(unknown()),
    };
    let actor = tell(set_status.as_ref(), actor)?;
    Ok(Asked { console, actor, set_status })
}
