//! Experiments.

use crate::{
    access::Caller,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    experiments::{
        CreateExperiment, CreateExperimentResponse, DeleteExperiment, GetExperiment,
        GetExperimentByName, GetExperimentResponse, RestoreExperiment, SearchExperiments,
        SearchExperimentsResponse, UpdateExperiment,
    },
};
use mlferry_store::Store;

pub(super) async fn create(
    State(store): State<Store>,
    caller: Caller,
    Rpc(request): Rpc<CreateExperiment>,
) -> Reply<CreateExperimentResponse> {
    let experiment_id = store.create_experiment(request).await?;
    caller.claim_experiment(experiment_id).await?;
    Ok(Json(CreateExperimentResponse { experiment_id }))
}

pub(super) async fn get(
    State(store): State<Store>,
    Rpc(request): Rpc<GetExperiment>,
) -> Reply<GetExperimentResponse> {
    let experiment = store.get_experiment(request).await?;
    Ok(Json(GetExperimentResponse { experiment }))
}

pub(super) async fn get_by_name(
    State(store): State<Store>,
    Rpc(request): Rpc<GetExperimentByName>,
) -> Reply<GetExperimentResponse> {
    let experiment = store.get_experiment_by_name(request).await?;
    Ok(Json(GetExperimentResponse { experiment }))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(request): Rpc<SearchExperiments>,
) -> Reply<SearchExperimentsResponse> {
    Ok(Json(store.search_experiments(request).await?))
}

pub(super) async fn update(
    State(store): State<Store>,
    Rpc(request): Rpc<UpdateExperiment>,
) -> Reply<Empty> {
    store.update_experiment(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteExperiment>,
) -> Reply<Empty> {
    store.delete_experiment(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn restore(
    State(store): State<Store>,
    Rpc(request): Rpc<RestoreExperiment>,
) -> Reply<Empty> {
    store.restore_experiment(request).await?;
    Ok(Json(Empty {}))
}
