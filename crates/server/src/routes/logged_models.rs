//! Models that runs log.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    logged_model_search::{SearchLoggedModels, SearchLoggedModelsResponse},
    logged_models::{
        CreateLoggedModel, DeleteLoggedModel, DeleteLoggedModelTag, FinalizeLoggedModel,
        GetLoggedModel, LogLoggedModelParams, LogOutputs, LoggedModelResponse, SetLoggedModelTags,
    },
};
use mlferry_store::Store;

pub(super) async fn create(
    State(store): State<Store>,
    Rpc(request): Rpc<CreateLoggedModel>,
) -> Reply<LoggedModelResponse> {
    Ok(Json(LoggedModelResponse { model: store.create_logged_model(request).await? }))
}

pub(super) async fn get(
    State(store): State<Store>,
    Rpc(request): Rpc<GetLoggedModel>,
) -> Reply<LoggedModelResponse> {
    Ok(Json(LoggedModelResponse { model: store.get_logged_model(request).await? }))
}

pub(super) async fn finalize(
    State(store): State<Store>,
    Rpc(request): Rpc<FinalizeLoggedModel>,
) -> Reply<LoggedModelResponse> {
    Ok(Json(LoggedModelResponse { model: store.finalize_logged_model(request).await? }))
}

pub(super) async fn delete(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteLoggedModel>,
) -> Reply<Empty> {
    store.delete_logged_model(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn log_params(
    State(store): State<Store>,
    Rpc(request): Rpc<LogLoggedModelParams>,
) -> Reply<Empty> {
    store.log_logged_model_params(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(request): Rpc<SearchLoggedModels>,
) -> Reply<SearchLoggedModelsResponse> {
    Ok(Json(store.search_logged_models(request).await?))
}

pub(super) async fn log_outputs(
    State(store): State<Store>,
    Rpc(request): Rpc<LogOutputs>,
) -> Reply<Empty> {
    store.log_outputs(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn set_tags(
    State(store): State<Store>,
    Rpc(request): Rpc<SetLoggedModelTags>,
) -> Reply<Empty> {
    store.set_logged_model_tags(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete_tag(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteLoggedModelTag>,
) -> Reply<Empty> {
    store.delete_logged_model_tag(request).await?;
    Ok(Json(Empty {}))
}
