//! Traces.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    span_messages::{BatchGetTracesResponse, GetTraceResponse},
    trace_changes::{
        DeleteTraceTag, DeleteTraces, DeleteTracesResponse, LinkPromptsToTrace, LinkTracesToRun,
        SetTraceTag,
    },
    trace_correlations::{CorrelateTraceFilters, TraceFilterCorrelation},
    trace_metrics::{QueryTraceMetrics, QueryTraceMetricsResponse},
    traces::{
        BatchGetTraceInfosResponse, BatchGetTraces, GetTrace, GetTraceInfo, SearchTraces,
        SearchTracesResponse, StartTrace, TraceInfoResponse,
    },
};
use mlferry_store::Store;

pub(super) async fn start(
    State(store): State<Store>,
    Rpc(request): Rpc<StartTrace>,
) -> Reply<TraceInfoResponse> {
    Ok(Json(store.start_trace(request).await?.into()))
}

pub(super) async fn get_info(
    State(store): State<Store>,
    Rpc(request): Rpc<GetTraceInfo>,
) -> Reply<TraceInfoResponse> {
    Ok(Json(store.get_trace_info(request).await?.into()))
}

pub(super) async fn get(
    State(store): State<Store>,
    Rpc(request): Rpc<GetTrace>,
) -> Reply<GetTraceResponse> {
    Ok(Json(store.get_trace(request).await?))
}

pub(super) async fn batch_get(
    State(store): State<Store>,
    Rpc(request): Rpc<BatchGetTraces>,
) -> Reply<BatchGetTracesResponse> {
    Ok(Json(store.batch_get_traces(request).await?))
}

pub(super) async fn batch_get_infos(
    State(store): State<Store>,
    Rpc(request): Rpc<BatchGetTraces>,
) -> Reply<BatchGetTraceInfosResponse> {
    Ok(Json(store.batch_get_trace_infos(request).await?))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(request): Rpc<SearchTraces>,
) -> Reply<SearchTracesResponse> {
    Ok(Json(store.search_traces(request).await?))
}

pub(super) async fn query_metrics(
    State(store): State<Store>,
    Rpc(request): Rpc<QueryTraceMetrics>,
) -> Reply<QueryTraceMetricsResponse> {
    Ok(Json(store.query_trace_metrics(request).await?))
}

pub(super) async fn correlate_filters(
    State(store): State<Store>,
    Rpc(request): Rpc<CorrelateTraceFilters>,
) -> Reply<TraceFilterCorrelation> {
    Ok(Json(store.correlate_trace_filters(request).await?))
}

pub(super) async fn set_tag(
    State(store): State<Store>,
    Rpc(request): Rpc<SetTraceTag>,
) -> Reply<Empty> {
    store.set_trace_tag(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete_tag(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteTraceTag>,
) -> Reply<Empty> {
    store.delete_trace_tag(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteTraces>,
) -> Reply<DeleteTracesResponse> {
    Ok(Json(store.delete_traces(request).await?))
}

pub(super) async fn link_to_run(
    State(store): State<Store>,
    Rpc(request): Rpc<LinkTracesToRun>,
) -> Reply<Empty> {
    store.link_traces_to_run(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn link_prompts(
    State(store): State<Store>,
    Rpc(request): Rpc<LinkPromptsToTrace>,
) -> Reply<Empty> {
    store.link_prompts_to_trace(request).await?;
    Ok(Json(Empty {}))
}
