//! Metrics of runs.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    metrics::{GetMetricHistory, GetMetricHistoryResponse, LogMetric},
};
use mlferry_store::Store;

pub(super) async fn log(State(store): State<Store>, Rpc(request): Rpc<LogMetric>) -> Reply<Empty> {
    store.log_metric(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn get_history(
    State(store): State<Store>,
    Rpc(request): Rpc<GetMetricHistory>,
) -> Reply<GetMetricHistoryResponse> {
    Ok(Json(store.get_metric_history(request).await?))
}
