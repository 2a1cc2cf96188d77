//! Registered models, their tags and aliases.

use crate::{
    access::Caller,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    model_versions::ModelVersionResponse,
    registered_models::{
        CreateRegisteredModel, DeleteRegisteredModel, DeleteRegisteredModelAlias,
        DeleteRegisteredModelTag, GetLatestVersions, GetLatestVersionsResponse,
        GetModelVersionByAlias, GetRegisteredModel, RegisteredModelResponse, RenameRegisteredModel,
        SearchRegisteredModels, SearchRegisteredModelsResponse, SetRegisteredModelAlias,
        SetRegisteredModelTag, UpdateRegisteredModel,
    },
    tags,
};
use mlferry_store::Store;

pub(super) async fn create(
    State(store): State<Store>,
    caller: Caller,
    Rpc(request): Rpc<CreateRegisteredModel>,
) -> Reply<RegisteredModelResponse> {
    let registered_model = store.create_registered_model(request).await?;
    let is_prompt = tags::are_of_prompt(&registered_model.tags);
    caller.claim_name(&registered_model.name, is_prompt).await?;
    Ok(Json(RegisteredModelResponse { registered_model }))
}

pub(super) async fn get(
    State(store): State<Store>,
    Rpc(request): Rpc<GetRegisteredModel>,
) -> Reply<RegisteredModelResponse> {
    let registered_model = store.get_registered_model(request).await?;
    Ok(Json(RegisteredModelResponse { registered_model }))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(request): Rpc<SearchRegisteredModels>,
) -> Reply<SearchRegisteredModelsResponse> {
    Ok(Json(store.search_registered_models(request).await?))
}

pub(super) async fn rename(
    State(store): State<Store>,
    caller: Caller,
    Rpc(request): Rpc<RenameRegisteredModel>,
) -> Reply<RegisteredModelResponse> {
    let name = request.name.clone();
    let registered_model = store.rename_registered_model(request).await?;
    caller.rename(name, &registered_model.name).await?;
    Ok(Json(RegisteredModelResponse { registered_model }))
}

pub(super) async fn update(
    State(store): State<Store>,
    Rpc(request): Rpc<UpdateRegisteredModel>,
) -> Reply<RegisteredModelResponse> {
    let registered_model = store.update_registered_model(request).await?;
    Ok(Json(RegisteredModelResponse { registered_model }))
}

pub(super) async fn delete(
    State(store): State<Store>,
    caller: Caller,
    Rpc(request): Rpc<DeleteRegisteredModel>,
) -> Reply<Empty> {
    let name = request.name.clone();
    store.delete_registered_model(request).await?;
    caller.forget_name(name).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn get_latest_versions(
    State(store): State<Store>,
    Rpc(request): Rpc<GetLatestVersions>,
) -> Reply<GetLatestVersionsResponse> {
    Ok(Json(store.get_latest_versions(request).await?))
}

pub(super) async fn set_tag(
    State(store): State<Store>,
    Rpc(request): Rpc<SetRegisteredModelTag>,
) -> Reply<Empty> {
    store.set_registered_model_tag(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete_tag(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteRegisteredModelTag>,
) -> Reply<Empty> {
    store.delete_registered_model_tag(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn set_alias(
    State(store): State<Store>,
    Rpc(request): Rpc<SetRegisteredModelAlias>,
) -> Reply<Empty> {
    store.set_registered_model_alias(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete_alias(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteRegisteredModelAlias>,
) -> Reply<Empty> {
    store.delete_registered_model_alias(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn by_alias(
    State(store): State<Store>,
    Rpc(request): Rpc<GetModelVersionByAlias>,
) -> Reply<ModelVersionResponse> {
    let model_version = store.get_model_version_by_alias(request).await?;
    Ok(Json(ModelVersionResponse { model_version }))
}
