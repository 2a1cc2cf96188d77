//! Models that runs log.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    logged_models::{LogOutputs, SearchLoggedModels, SearchLoggedModelsResponse},
};
use mlferry_store::Store;

pub(super) async fn log_outputs(
    State(store): State<Store>,
    Rpc(request): Rpc<LogOutputs>,
) -> Reply<Empty> {
    store.log_outputs(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(request): Rpc<SearchLoggedModels>,
) -> Reply<SearchLoggedModelsResponse> {
    Ok(Json(store.search_logged_models(request).await?))
}
