//! The group commit: what it writes, and the form in which that is written.

use std::{collections::HashSet, sync::Arc};

use app::model::{LogId, SpanId, TenantId, TraceId};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    EndpointDelta, NewMetrics, StoreResult,
    log::{self, NewLogRecord},
    span::{self, NewSpan},
};

/// A block of one commit holds at most so many records or spans.
const MAX_BLOCK_RECORDS: usize = 8192;
/// Smaller batches are packed on the thread that asks for it.
const PACKED_IN_PLACE_BYTES: usize = 32 << 10;

/// Everything that one group commit writes.
#[derive(Debug, Default)]
pub struct CommitBatch {
    /// Which writer process, and its how-manieth commit: a commit is made once, however often it is asked for.
    pub writer: Uuid,
    /// Number of this commit, growing.
    pub sequence: i64,
    /// Log records by tenant, each tenant once.
    pub logs: Vec<(TenantId, Vec<NewLogRecord>)>,
    /// Spans by tenant, each tenant once.
    pub spans: Vec<(TenantId, Vec<NewSpan>)>,
    /// Samples and exemplars.
    pub metrics: NewMetrics,
    /// Endpoint figures.
    pub endpoints: Vec<EndpointDelta>,
}

impl CommitBatch {
    /// Packs records and spans into blocks: most of the work of a commit, and nothing of it asks the store. So one batch
    /// is packed while another is written.
    pub async fn pack(self) -> StoreResult<PackedBatch> {
        // Small batches, by far the most frequent, are packed faster than handed to another thread.
        let logs = self.logs.iter().flat_map(|(_, records)| records).map(NewLogRecord::size);
        let spans = self.spans.iter().flat_map(|(_, spans)| spans).map(NewSpan::size);
        let mut bytes = 0;
        let is_small = logs.chain(spans).all(|size| {
            bytes += size;
            bytes < PACKED_IN_PLACE_BYTES
        });
        if is_small {
            return self.pack_here();
        }
        tokio::task::spawn_blocking(move || self.pack_here()).await?
    }

    fn pack_here(self) -> StoreResult<PackedBatch> {
        let blocks_of = |records: &[NewLogRecord]| records.chunks(MAX_BLOCK_RECORDS).map(log::encode).collect();
        let log_blocks = self.logs.iter().map(|(_, records)| blocks_of(records)).collect::<StoreResult<_>>()?;
        let spans = self.spans.into_iter().map(|(tenant, spans)| PackedSpans::of(tenant, spans));
        Ok(PackedBatch {
            writer: self.writer,
            sequence: self.sequence,
            logs: self.logs,
            log_blocks,
            spans: spans.collect::<StoreResult<_>>()?,
            metrics: self.metrics,
            endpoints: self.endpoints,
        })
    }
}

/// A [`CommitBatch`] in the form in which it is written.
#[derive(Debug)]
pub struct PackedBatch {
    /// Which writer process.
    pub writer: Uuid,
    /// Number of this commit, growing.
    pub sequence: i64,
    /// Log records by tenant, each tenant once.
    pub logs: Vec<(TenantId, Vec<NewLogRecord>)>,
    /// The blocks of each of them.
    pub log_blocks: Vec<Vec<log::Block>>,
    /// Spans by tenant, each tenant once.
    pub spans: Vec<PackedSpans>,
    /// Samples and exemplars.
    pub metrics: NewMetrics,
    /// Endpoint figures.
    pub endpoints: Vec<EndpointDelta>,
}

impl PackedBatch {
    /// About so many bytes a store writes for it: its blocks, and what is kept of traces, services and series besides.
    pub fn bytes(&self) -> usize {
        const BESIDES_A_SPAN: usize = 1000;
        const BESIDES_A_SAMPLE: usize = 16;
        let of_logs = self.log_blocks.iter().flatten().map(|block| block.filter.len() + block.payload.len());
        let blocks = self.spans.iter().flat_map(|spans| &spans.blocks);
        let of_spans = blocks.map(|block| block.filter.len() + block.payload.len() + BESIDES_A_SPAN * block.spans);
        of_logs.chain(of_spans).sum::<usize>() + BESIDES_A_SAMPLE * self.metrics.len()
    }
}

/// Spans of a tenant in blocks, each span once.
#[derive(Debug)]
pub struct PackedSpans {
    /// Whose they are.
    pub tenant: TenantId,
    /// All of them, in the order of the blocks. Shared: other threads may pack them.
    pub spans: Arc<Vec<NewSpan>>,
    /// The blocks that hold them.
    pub blocks: Vec<span::Block>,
}

impl PackedSpans {
    fn of(tenant: TenantId, mut spans: Vec<NewSpan>) -> StoreResult<Self> {
        let mut seen = HashSet::with_capacity(spans.len());
        spans.retain(|span| seen.insert((span.trace_id, span.span_id)));
        let blocks = spans.chunks(MAX_BLOCK_RECORDS).map(span::encode).collect::<StoreResult<_>>()?;
        Ok(Self { tenant, spans: Arc::new(spans), blocks })
    }

    /// The same without the spans that the store has already.
    pub async fn without(&self, known: HashSet<(TraceId, SpanId)>) -> StoreResult<Self> {
        let (tenant, spans) = (self.tenant, Arc::clone(&self.spans));
        let packed = tokio::task::spawn_blocking(move || {
            let is_new = |span: &&NewSpan| !known.contains(&(span.trace_id, span.span_id));
            Self::of(tenant, spans.iter().filter(is_new).cloned().collect())
        });
        packed.await?
    }
}

/// What a commit gave out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CommitReceipt {
    /// The first id of each tenant's log records; the others follow without a gap.
    pub first_log_ids: Vec<(TenantId, LogId)>,
}

/// The group-commit writer's side of the store.
#[async_trait]
pub trait IngestStore: Send + Sync {
    /// Writes the batch in one transaction. Asked again after an error it finds out whether the first time succeeded.
    async fn commit(&self, batch: &PackedBatch, now: DateTime<Utc>) -> StoreResult<CommitReceipt>;
}
