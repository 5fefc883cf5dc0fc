//! What arrives over OTLP, by HTTP or gRPC: read, submitted, answered.

use app::model::TenantId;
use opentelemetry_proto::tonic::collector::{
    logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse},
    metrics::v1::{ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse},
    trace::v1::{ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse},
};
use tokio::sync::mpsc;

use super::Services;
use crate::{
    ingest::{IngestError, Submission},
    otlp::{self, MetricTerms, Stopped, attributes::Cut},
};

/// Requests with fewer records than this are read where they are: handing them to another thread costs more.
const READ_HERE: usize = 64;
/// Samples of one request that are stored at once, in bytes; less where the queue is small.
const PORTION_BYTES: usize = 4 * 1024 * 1024;

impl Services {
    /// Stores log records; they are on disk when this answers with `Ok`.
    pub async fn take_logs(
        &self,
        tenant: TenantId,
        request: ExportLogsServiceRequest,
    ) -> Result<ExportLogsServiceResponse, IngestError> {
        let (arrived, redactor) = (self.clock.now(), self.self_log.redactor().clone());
        let max_bytes = self.config.ingest.otlp_unpacked_bytes;
        let count = request.resource_logs.iter().flat_map(|of| &of.scope_logs).map(|of| of.log_records.len()).sum();
        let read = here_or_there(count, move || otlp::read_logs(request, arrived, &redactor, max_bytes)).await?;
        let read = read.map_err(|_| IngestError::TooLarge)?;
        let logs = read.records.into_iter().map(|record| (tenant, record)).collect();
        self.ingest.submit(Submission { logs, ..Submission::default() }).await?;
        let partial_success = message_of(0, read.cut)
            .map(|error_message| ExportLogsPartialSuccess { rejected_log_records: 0, error_message });
        Ok(ExportLogsServiceResponse { partial_success })
    }

    /// Stores spans; they are on disk when this answers with `Ok`.
    pub async fn take_spans(
        &self,
        tenant: TenantId,
        request: ExportTraceServiceRequest,
    ) -> Result<ExportTraceServiceResponse, IngestError> {
        let (arrived, redactor) = (self.clock.now(), self.self_log.redactor().clone());
        let max_bytes = self.config.ingest.otlp_unpacked_bytes;
        let count = request.resource_spans.iter().flat_map(|of| &of.scope_spans).map(|of| of.spans.len()).sum();
        let read = here_or_there(count, move || otlp::read_spans(request, arrived, &redactor, max_bytes)).await?;
        let read = read.map_err(|_| IngestError::TooLarge)?;
        let spans = read.spans.into_iter().map(|span| (tenant, span)).collect();
        self.ingest.submit(Submission { spans, ..Submission::default() }).await?;
        self.count_invalid(read.rejected);
        let partial_success = message_of(read.rejected, read.cut).map(|error_message| ExportTracePartialSuccess {
            rejected_spans: i64::try_from(read.rejected).unwrap_or(i64::MAX),
            error_message,
        });
        Ok(ExportTraceServiceResponse { partial_success })
    }

    /// Stores metrics; they are on disk when this answers with `Ok`. Samples are stored while more are read: what a
    /// request unfolds to is never in memory as a whole. After an error some may be stored; storing them again does no
    /// harm.
    pub async fn take_metrics(
        &self,
        tenant: TenantId,
        request: ExportMetricsServiceRequest,
    ) -> Result<ExportMetricsServiceResponse, IngestError> {
        let arrived = self.clock.now();
        let terms = MetricTerms {
            tenant,
            arrived,
            oldest: self.oldest_sample(arrived),
            redactor: self.self_log.redactor().clone(),
            deltas: self.deltas.clone(),
            portion_bytes: PORTION_BYTES.min(self.config.ingest.queue_bytes / 4),
        };
        let (sender, mut portions) = mpsc::channel(1);
        let reading = tokio::task::spawn_blocking(move || {
            otlp::read_metrics(request, &terms, &mut |metrics| sender.blocking_send(metrics).map_err(|_| Stopped))
        });
        let mut no_room = (0, None);
        while let Some(metrics) = portions.recv().await {
            if let Some(refused) = self.store_metrics(tenant, metrics).await? {
                no_room.0 += refused.samples;
                no_room.1 = Some(refused.message);
            }
        }
        let mut read = reading.await.map_err(|_| IngestError::Unavailable)?.map_err(|_| IngestError::Unavailable)?;
        self.describe_metrics(tenant, std::mem::take(&mut read.metadata)).await;
        self.count_invalid(read.rejected());
        let rejected = read.rejected().saturating_add(no_room.0);
        let parts: Vec<String> = read.message().into_iter().chain(no_room.1).collect();
        let partial_success = (!parts.is_empty()).then(|| ExportMetricsPartialSuccess {
            rejected_data_points: i64::try_from(rejected).unwrap_or(i64::MAX),
            error_message: parts.join(". "),
        });
        Ok(ExportMetricsServiceResponse { partial_success })
    }
}

/// What the sender should know: nothing when all was taken as it was.
fn message_of(rejected: u64, cut: Cut) -> Option<String> {
    let rejected = (rejected > 0).then(|| format!("{rejected} spans have no valid trace id and span id"));
    let parts: Vec<String> = rejected.into_iter().chain(cut.warning()).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// Runs work here when it is little, on a thread for such work when it is much.
async fn here_or_there<T: Send + 'static>(
    records: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, IngestError> {
    if records < READ_HERE {
        return Ok(work());
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| IngestError::Unavailable)
}
