//! Datasets and models that runs use.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    datasets::{LogInputs, SearchDatasets, SearchDatasetsResponse},
};
use mlferry_store::Store;

pub(super) async fn log_inputs(
    State(store): State<Store>,
    Rpc(request): Rpc<LogInputs>,
) -> Reply<Empty> {
    store.log_inputs(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(request): Rpc<SearchDatasets>,
) -> Reply<SearchDatasetsResponse> {
    Ok(Json(store.search_datasets(request).await?))
}
