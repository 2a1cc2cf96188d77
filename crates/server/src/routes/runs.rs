//! Runs, and batches of what is logged to them.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    batch::LogBatch,
    model_history::LogModel,
    runs::{
        CreateRun, DeleteRun, GetRun, RestoreRun, RunResponse, SearchRuns, SearchRunsResponse,
        UpdateRun, UpdateRunResponse,
    },
};
use mlferry_store::Store;

pub(super) async fn create(
    State(store): State<Store>,
    Rpc(request): Rpc<CreateRun>,
) -> Reply<RunResponse> {
    let run = store.create_run(request).await?;
    Ok(Json(RunResponse { run }))
}

pub(super) async fn get(
    State(store): State<Store>,
    Rpc(request): Rpc<GetRun>,
) -> Reply<RunResponse> {
    let run = store.get_run(request).await?;
    Ok(Json(RunResponse { run }))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(request): Rpc<SearchRuns>,
) -> Reply<SearchRunsResponse> {
    Ok(Json(store.search_runs(request).await?))
}

pub(super) async fn update(
    State(store): State<Store>,
    Rpc(request): Rpc<UpdateRun>,
) -> Reply<UpdateRunResponse> {
    let run_info = store.update_run(request).await?;
    Ok(Json(UpdateRunResponse { run_info }))
}

pub(super) async fn delete(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteRun>,
) -> Reply<Empty> {
    store.delete_run(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn restore(
    State(store): State<Store>,
    Rpc(request): Rpc<RestoreRun>,
) -> Reply<Empty> {
    store.restore_run(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn log_batch(
    State(store): State<Store>,
    Rpc(request): Rpc<LogBatch>,
) -> Reply<Empty> {
    store.log_batch(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn log_model(
    State(store): State<Store>,
    Rpc(request): Rpc<LogModel>,
) -> Reply<Empty> {
    store.log_model(request).await?;
    Ok(Json(Empty {}))
}
