//! Traces as they are read with their spans.

use crate::{
    Store, StoreError,
    db::{Transaction, is_one_of_texts},
    python_json,
    reads::Question,
    tables::Spans,
    trace_rows,
    traces::IN_DATABASE,
};
use mlferry_protocol::{
    span_messages::{BatchGetTracesResponse, GetTraceResponse, Trace},
    traces::{
        ARTIFACT_LOCATION_TAG, BatchGetTraceInfosResponse, BatchGetTraces, GetTrace, SIZE_METADATA,
        SPANS_LOCATION_TAG, TraceInfo,
    },
};
use sea_query::{Expr, ExprTrait, Order, Query};
use std::{collections::HashMap, sync::Arc, time::Duration};

/// How long spans are waited for that a client counted, and which have not arrived; the reference waits as
/// long.
const PATIENCE: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

impl Store {
    /// A trace with its spans. Those that are still on their way are waited for, a little.
    pub async fn get_trace(&self, request: GetTrace) -> Result<GetTraceResponse, StoreError> {
        let request = Arc::new(request);
        for patience in PATIENCE {
            match self.ask(Arc::clone(&request)).await {
                Err(StoreError::TraceIncomplete(_)) => tokio::time::sleep(patience).await,
                answer => return answer,
            }
        }
        self.ask(request).await
    }

    /// Those of some traces that are there, with their spans; one that is not complete is left out.
    pub async fn batch_get_traces(
        &self,
        request: BatchGetTraces,
    ) -> Result<BatchGetTracesResponse, StoreError> {
        self.ask(request).await
    }

    /// What is known of those of some traces that are there.
    pub async fn batch_get_trace_infos(
        &self,
        request: BatchGetTraces,
    ) -> Result<BatchGetTraceInfosResponse, StoreError> {
        self.ask(Infos(request)).await
    }

    /// Where the spans of a trace are.
    pub async fn trace_data(&self, trace_id: &str) -> Result<TraceData, StoreError> {
        self.ask(DataOf(trace_id.to_owned())).await
    }

    /// The URI below which a trace's files lie, if it has one.
    pub async fn trace_artifact_uri(&self, trace_id: &str) -> Result<Option<String>, StoreError> {
        self.ask(FilesOf(trace_id.to_owned())).await
    }
}

/// The spans of a trace.
#[derive(Debug)]
pub enum TraceData {
    /// Each as the JSON that is kept.
    Spans(Vec<String>),
    /// In a file below a URI, if the trace has one.
    File(Option<String>),
}

impl Question for Arc<GetTrace> {
    type Answer = GetTraceResponse;

    async fn answer(&self, transaction: &mut Transaction) -> Result<GetTraceResponse, StoreError> {
        let info = trace_rows::find(transaction, &self.trace_id).await?;
        let info = info.ok_or_else(|| StoreError::NoTrace(self.trace_id.clone()))?;
        let mut traces = with_spans(transaction, vec![info]).await?;
        let trace = traces.pop().filter(|trace| self.allow_partial || is_complete(trace));
        let trace = trace.ok_or_else(|| StoreError::TraceIncomplete(self.trace_id.clone()))?;
        Ok(GetTraceResponse { trace })
    }
}

impl Question for BatchGetTraces {
    type Answer = BatchGetTracesResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<BatchGetTracesResponse, StoreError> {
        let infos = infos(transaction, self).await?;
        let mut traces = with_spans(transaction, infos).await?;
        traces.retain(is_complete);
        Ok(BatchGetTracesResponse { traces })
    }
}

struct Infos(BatchGetTraces);

impl Question for Infos {
    type Answer = BatchGetTraceInfosResponse;

    async fn answer(
        &self,
        transaction: &mut Transaction,
    ) -> Result<BatchGetTraceInfosResponse, StoreError> {
        Ok(BatchGetTraceInfosResponse { trace_infos: infos(transaction, &self.0).await? })
    }
}

/// What is known of traces, in the order in which they are asked for.
async fn infos(
    transaction: &mut Transaction,
    request: &BatchGetTraces,
) -> Result<Vec<TraceInfo>, StoreError> {
    let ids: Vec<&str> = request.trace_ids.iter().map(String::as_str).collect();
    let places: HashMap<&str, usize> = ids.iter().copied().zip(0..).collect();
    let mut infos = trace_rows::of_ids(transaction, &ids).await?;
    if let Some(experiments) = &request.experiment_ids {
        infos.retain(|info| experiments.contains(&info.experiment_id));
    }
    infos.sort_by_key(|info| places.get(info.trace_id.as_str()).copied());
    Ok(infos)
}

struct DataOf(String);

impl Question for DataOf {
    type Answer = TraceData;

    async fn answer(&self, transaction: &mut Transaction) -> Result<TraceData, StoreError> {
        let info = trace_rows::find(transaction, &self.0).await?;
        let info = info.ok_or_else(|| StoreError::NoTrace(self.0.clone()))?;
        match info.tags.get(SPANS_LOCATION_TAG).map(String::as_str) {
            Some(IN_DATABASE) => {
                let spans = spans_of(transaction, &[&self.0]).await?.remove(&self.0);
                Ok(TraceData::Spans(spans.unwrap_or_default()))
            }
            _ => Ok(TraceData::File(info.tags.get(ARTIFACT_LOCATION_TAG).cloned())),
        }
    }
}

struct FilesOf(String);

impl Question for FilesOf {
    type Answer = Option<String>;

    async fn answer(&self, transaction: &mut Transaction) -> Result<Option<String>, StoreError> {
        let info = trace_rows::there(transaction, &self.0).await?;
        Ok(info.tags.get(ARTIFACT_LOCATION_TAG).cloned())
    }
}

/// Adds the spans of traces, which must be in the database.
async fn with_spans(
    transaction: &mut Transaction,
    infos: Vec<TraceInfo>,
) -> Result<Vec<Trace>, StoreError> {
    let is_here = |info: &TraceInfo| {
        info.tags.get(SPANS_LOCATION_TAG).is_some_and(|location| location == IN_DATABASE)
    };
    if !infos.iter().all(is_here) {
        return Err(StoreError::SpansElsewhere);
    }
    let ids: Vec<&str> = infos.iter().map(|info| info.trace_id.as_str()).collect();
    let mut spans = spans_of(transaction, &ids).await?;
    let trace = |trace_info: TraceInfo| {
        let spans = spans.remove(&trace_info.trace_id).unwrap_or_default();
        Trace { trace_info, spans }
    };
    Ok(infos.into_iter().map(trace).collect())
}

/// Whether all spans that the client counted are there, and one at least.
fn is_complete(trace: &Trace) -> bool {
    let sizes = trace.trace_info.metadata.get(SIZE_METADATA);
    let count = sizes.and_then(|sizes| python_json::parse(sizes)?.get("num_spans")?.token_count());
    let there = i64::try_from(trace.spans.len()).unwrap_or(i64::MAX);
    there > 0 && there >= count.unwrap_or_default()
}

/// What is kept of the spans of traces: the roots first, and then by their start.
async fn spans_of(
    transaction: &mut Transaction,
    ids: &[&str],
) -> Result<HashMap<String, Vec<String>>, StoreError> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    let is_part = Expr::col(Spans::ParentSpanId).is_not_null();
    let select = Query::select()
        .columns([Spans::TraceId, Spans::Content])
        .from(Spans::Table)
        .and_where(is_one_of_texts(transaction.dialect(), Expr::col(Spans::TraceId), ids))
        // Emptied when the trace was archived.
        .and_where(Expr::col(Spans::Content).ne(""))
        .order_by_expr(is_part, Order::Asc)
        .order_by(Spans::StartTimeUnixNano, Order::Asc)
        .order_by(Spans::SpanId, Order::Asc)
        .take();
    for row in transaction.fetch_all(&select).await? {
        found.entry(row.get(Spans::TraceId)?).or_default().push(row.get(Spans::Content)?);
    }
    Ok(found)
}
