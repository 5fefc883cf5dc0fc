//! The typed vocabulary shared by server and browser: plain serialisable data, no I/O.

#![warn(missing_docs)]

pub mod comparison;
pub mod contrast;
pub mod dashboard;
pub mod docs;
pub mod endpoint;
pub mod health;
pub mod identity;
pub mod ids;
pub mod live;
pub mod log;
pub mod log_pattern;
pub mod log_search;
pub mod log_views;
pub mod metric;
pub mod overview;
pub mod performance;
pub mod pipeline;
pub mod scrape;
pub mod service_map;
pub mod settings;
pub mod span;
pub mod threshold;
pub mod time;

pub use comparison::TraceComparison;
pub use contrast::{ContrastQuery, ContrastValue, TraceContrast};
pub use dashboard::{
    Dashboard, DashboardChange, DashboardEntry, DashboardList, DashboardQuery, DashboardSource, DashboardSummary,
    DashboardView, Filling, Flaw, Limit, Panel, PanelAnswers, PanelQuery, PanelRow, PanelView, RowHeight, Variable,
    VariableSource, VariableState, VariableValue,
};
pub use docs::{DocAnswer, DocGroup, DocOperation, DocParameter};
pub use endpoint::{EndpointSort, EndpointStats};
pub use identity::{
    Account, ApiKey, AuditEntry, AuditPage, CreatedKey, Invitation, KeyRequest, Me, Member, MemberPage, Person, Role,
    SessionInfo, Tenant, TenantList, TenantMembership, Welcome,
};
pub use ids::{LogId, SpanId, TenantId, TraceId};
pub use live::{LiveEvent, LiveQuery, Missed, Tick};
pub use log::{Level, LogFilter, LogPage, LogQuery, LogRecord};
pub use log_search::{AttributeTest, Comparison, LogCondition, LogSearch, LogSearchError, LogTerm};
pub use log_views::{
    AttributeFacet, ExportFormat, LogContext, LogContextQuery, LogPattern, LogPatterns, LogSummary, LogViewQuery,
    ServiceLines, ValueCount,
};
pub use metric::{
    LabelFacet, LabelTest, LabelValue, LabelValuesQuery, MetricAnswer, MetricAnswers, MetricExemplar, MetricForm,
    MetricKind, MetricLabels, MetricLabelsQuery, MetricList, MetricListQuery, MetricQuery, MetricSeries, MetricSummary,
    QueryProblem,
};
pub use overview::{ChartData, Kpi, Overview, OverviewQuery, Severity, StatusLevel};
pub use performance::{
    Call, CallQuery, CallSample, EndpointBefore, EndpointColumn, EndpointDetail, EndpointName, EndpointQuery,
    EndpointRow, EndpointView, ErrorQuery, Hotspot, Hotspots, PerformancePage, PerformanceQuery, TopError,
};
pub use pipeline::{PipelineFilter, PipelinePage, PipelineQuery, PipelineStatus, PipelineSummary, PipelineTrace, Step};
pub use scrape::{
    ScrapeAuth, ScrapeHealth, ScrapeRequest, ScrapeSettings, ScrapeState, ScrapeTarget, ScrapeTargets, ScrapeTls,
    ScrapeTrial,
};
pub use service_map::{CallFigures, MapEdge, MapEndpoint, MapNode, MapQuery, NodeKind, ServiceMap};
pub use settings::{RedactedSample, RedactionRule, RedactionRules, Setting, SettingSection};
pub use span::{
    AttributeFilter, AttributeOp, Span, SpanDetail, SpanEvent, SpanKind, SpanLink, SpanStatus, TraceDetail,
    TraceFilter, TraceOutline, TracePage, TraceQuery, TraceSort, TraceSummary,
};
pub use time::{Compare, RangeSpec, TimeRange, UnixMillis, UnixNanos};
