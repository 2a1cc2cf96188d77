//! Evaluation datasets.

use crate::rpc::{Reply, Rpc};
use axum::{Json, extract::State};
use mlferry_protocol::{
    Empty,
    evaluation_datasets::{
        AddDatasetToExperiments, CreateDataset, DatasetExperimentIdsResponse, DatasetResponse,
        DeleteDataset, DeleteDatasetRecords, DeleteDatasetRecordsResponse, DeleteDatasetTag,
        GetDataset, GetDatasetExperimentIds, GetDatasetRecords, GetDatasetRecordsResponse,
        RemoveDatasetFromExperiments, SearchEvaluationDatasets, SearchEvaluationDatasetsResponse,
        SetDatasetTags, UpsertDatasetRecords, UpsertDatasetRecordsResponse,
    },
};
use mlferry_store::Store;

pub(super) async fn create(
    State(store): State<Store>,
    Rpc(request): Rpc<CreateDataset>,
) -> Reply<DatasetResponse> {
    let dataset = store.create_evaluation_dataset(request).await?;
    Ok(Json(DatasetResponse { dataset }))
}

pub(super) async fn get(
    State(store): State<Store>,
    Rpc(request): Rpc<GetDataset>,
) -> Reply<DatasetResponse> {
    let dataset = store.get_evaluation_dataset(request).await?;
    Ok(Json(DatasetResponse { dataset }))
}

pub(super) async fn search(
    State(store): State<Store>,
    Rpc(request): Rpc<SearchEvaluationDatasets>,
) -> Reply<SearchEvaluationDatasetsResponse> {
    Ok(Json(store.search_evaluation_datasets(request).await?))
}

pub(super) async fn delete(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteDataset>,
) -> Reply<Empty> {
    store.delete_evaluation_dataset(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn set_tags(
    State(store): State<Store>,
    Rpc(request): Rpc<SetDatasetTags>,
) -> Reply<Empty> {
    store.set_evaluation_dataset_tags(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete_tag(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteDatasetTag>,
) -> Reply<Empty> {
    store.delete_evaluation_dataset_tag(request).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn upsert_records(
    State(store): State<Store>,
    Rpc(request): Rpc<UpsertDatasetRecords>,
) -> Reply<UpsertDatasetRecordsResponse> {
    Ok(Json(store.upsert_dataset_records(request).await?))
}

pub(super) async fn get_records(
    State(store): State<Store>,
    Rpc(request): Rpc<GetDatasetRecords>,
) -> Reply<GetDatasetRecordsResponse> {
    Ok(Json(store.dataset_records(request).await?))
}

pub(super) async fn delete_records(
    State(store): State<Store>,
    Rpc(request): Rpc<DeleteDatasetRecords>,
) -> Reply<DeleteDatasetRecordsResponse> {
    let deleted_count = store.delete_dataset_records(request).await?;
    Ok(Json(DeleteDatasetRecordsResponse { deleted_count }))
}

pub(super) async fn get_experiments(
    State(store): State<Store>,
    Rpc(request): Rpc<GetDatasetExperimentIds>,
) -> Reply<DatasetExperimentIdsResponse> {
    let experiment_ids = store.evaluation_dataset_experiments(request).await?;
    Ok(Json(DatasetExperimentIdsResponse { experiment_ids }))
}

pub(super) async fn add_experiments(
    State(store): State<Store>,
    Rpc(request): Rpc<AddDatasetToExperiments>,
) -> Reply<DatasetResponse> {
    let dataset = store.add_evaluation_dataset_to_experiments(request).await?;
    Ok(Json(DatasetResponse { dataset }))
}

pub(super) async fn remove_experiments(
    State(store): State<Store>,
    Rpc(request): Rpc<RemoveDatasetFromExperiments>,
) -> Reply<DatasetResponse> {
    let dataset = store.remove_evaluation_dataset_from_experiments(request).await?;
    Ok(Json(DatasetResponse { dataset }))
}
