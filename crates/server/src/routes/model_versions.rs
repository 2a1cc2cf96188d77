//! Versions of registered models, and their tags.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    model_versions::{
        CreateModelVersion, DeleteModelVersion, DeleteModelVersionTag, GetModelVersion,
        GetModelVersionDownloadUri, GetModelVersionDownloadUriResponse, ModelVersionResponse,
        SearchModelVersions, SearchModelVersionsResponse, SetModelVersionTag,
        TransitionModelVersionStage, UpdateModelVersion,
    },
};
use mlferry_store::Store;

pub(super) async fn create(
    State(store): State<Store>,
    Rpc(request): Rpc<CreateModelVersion>,
) -> Reply<ModelVersionResponse> {
    let model_version = store.create_model_version(request).await?;
    Ok(Json(ModelVersionResponse { model_version }))
}

pub(super) async fn get(
    State(store): State<Store>,
    Rpc(request): Rpc<GetModelVersion>,
) -> Reply<ModelVersionResponse> {
    let model_version = store.get_model_version(request).await?;
    Ok(Json(ModelVersionResponse { model_version }))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(request): Rpc<SearchModelVersions>,
) -> Reply<SearchModelVersionsResponse> {
    Ok(Json(store.search_model_versions(request).await?))
}

pub(super) async fn update(
    State(store): State<Store>,
    Rpc(request): Rpc<UpdateModelVersion>,
) -> Reply<ModelVersionResponse> {
    let model_version = store.update_model_version(request).await?;
    Ok(Json(ModelVersionResponse { model_version }))
}

pub(super) async fn transition_stage(
    State(store): State<Store>,
    Rpc(request): Rpc<TransitionModelVersionStage>,
) -> Reply<ModelVersionResponse> {
    let model_version = store.transition_model_version_stage(request).await?;
    Ok(Json(ModelVersionResponse { model_version }))
}

pub(super) async fn delete(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteModelVersion>,
) -> Reply<Empty> {
    store.delete_model_version(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn get_download_uri(
    State(store): State<Store>,
    Rpc(request): Rpc<GetModelVersionDownloadUri>,
) -> Reply<GetModelVersionDownloadUriResponse> {
    let artifact_uri = store.get_model_version_download_uri(request).await?;
    Ok(Json(GetModelVersionDownloadUriResponse { artifact_uri }))
}

pub(super) async fn set_tag(
    State(store): State<Store>,
    Rpc(request): Rpc<SetModelVersionTag>,
) -> Reply<Empty> {
    store.set_model_version_tag(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete_tag(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteModelVersionTag>,
) -> Reply<Empty> {
    store.delete_model_version_tag(request).await?;
    Ok(Json(Empty {}))
}
