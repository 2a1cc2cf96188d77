//! Traces, as old clients ask for them.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    traces::GetTraceInfo,
    traces_v2::{
        EndTraceV2, GetTraceInfoV2, SearchTracesV2, SearchTracesV2Response, StartTraceV2,
        TraceInfoV2Response,
    },
};
use mlferry_store::Store;

pub(super) async fn start(
    State(store): State<Store>,
    Rpc(request): Rpc<StartTraceV2>,
) -> Reply<TraceInfoV2Response> {
    Ok(Json(store.start_trace_v2(request).await?.into()))
}

pub(super) async fn end(
    State(store): State<Store>,
    Rpc(request): Rpc<EndTraceV2>,
) -> Reply<TraceInfoV2Response> {
    Ok(Json(store.end_trace_v2(request).await?.into()))
}

pub(super) async fn get_info(
    State(store): State<Store>,
    Rpc(GetTraceInfoV2 { trace_id }): Rpc<GetTraceInfoV2>,
) -> Reply<TraceInfoV2Response> {
    Ok(Json(store.get_trace_info(GetTraceInfo { trace_id }).await?.into()))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(SearchTracesV2(request)): Rpc<SearchTracesV2>,
) -> Reply<SearchTracesV2Response> {
    Ok(Json(store.search_traces(request).await?.into()))
}
