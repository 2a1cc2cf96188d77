//! Tags of experiments and runs.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    tags::{DeleteExperimentTag, DeleteTag, SetExperimentTag, SetTag},
};
use mlferry_store::Store;

pub(super) async fn set_on_run(
    State(store): State<Store>,
    Rpc(request): Rpc<SetTag>,
) -> Reply<Empty> {
    store.set_tag(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete_from_run(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteTag>,
) -> Reply<Empty> {
    store.delete_tag(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn set_on_experiment(
    State(store): State<Store>,
    Rpc(request): Rpc<SetExperimentTag>,
) -> Reply<Empty> {
    store.set_experiment_tag(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete_from_experiment(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteExperimentTag>,
) -> Reply<Empty> {
    store.delete_experiment_tag(request).await?;
    Ok(Json(Empty {}))
}
