//! Metrics of runs.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    metric_histories::{
        GetMetricHistoryBulk, GetMetricHistoryBulkInterval, GetMetricHistoryBulkIntervalResponse,
        GetMetricHistoryBulkResponse,
    },
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

pub(super) async fn get_history_bulk(
    State(store): State<Store>,
    Rpc(request): Rpc<GetMetricHistoryBulk>,
) -> Reply<GetMetricHistoryBulkResponse> {
    Ok(Json(store.get_metric_history_bulk(request).await?))
}

pub(super) async fn get_history_bulk_interval(
    State(store): State<Store>,
    Rpc(request): Rpc<GetMetricHistoryBulkInterval>,
) -> Reply<GetMetricHistoryBulkIntervalResponse> {
    Ok(Json(store.get_metric_history_bulk_interval(request).await?))
}
