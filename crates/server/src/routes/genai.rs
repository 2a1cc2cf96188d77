//! The lines of the route table for what judges traces, what it is judged by, and what it says.

use super::{
    Access::{Delete, Edit, Read},
    DELETE, GET, PATCH, POST, Route, assessments, evaluation_datasets, scorers,
};

pub(super) fn lines() -> Vec<Route> {
    vec![
        // Scorers.
        POST.records("/3.0/mlflow/scorers/register", Edit, scorers::register),
        GET.records("/3.0/mlflow/scorers/list", Read, scorers::list),
        GET.records("/3.0/mlflow/scorers/versions", Read, scorers::list_versions),
        GET.records("/3.0/mlflow/scorers/get", Read, scorers::get),
        DELETE.records("/3.0/mlflow/scorers/delete", Delete, scorers::delete),
        GET.records("/3.0/mlflow/scorers/online-configs", Read, scorers::online_configs),
        // Evaluation datasets.
        POST.records("/3.0/mlflow/datasets/create", Edit, evaluation_datasets::create),
        GET.records("/3.0/mlflow/datasets/search", Read, evaluation_datasets::search),
        POST.records("/3.0/mlflow/datasets/search", Read, evaluation_datasets::search),
        GET.records("/3.0/mlflow/datasets/{dataset_id}", Read, evaluation_datasets::get),
        DELETE.records("/3.0/mlflow/datasets/{dataset_id}", Delete, evaluation_datasets::delete),
        PATCH.records(
            "/3.0/mlflow/datasets/{dataset_id}/tags",
            Edit,
            evaluation_datasets::set_tags,
        ),
        DELETE.records(
            "/3.0/mlflow/datasets/{dataset_id}/tags/{key}",
            Edit,
            evaluation_datasets::delete_tag,
        ),
        POST.records(
            "/3.0/mlflow/datasets/{dataset_id}/records",
            Edit,
            evaluation_datasets::upsert_records,
        ),
        GET.records(
            "/3.0/mlflow/datasets/{dataset_id}/records",
            Read,
            evaluation_datasets::get_records,
        ),
        DELETE.records(
            "/3.0/mlflow/datasets/{dataset_id}/records",
            Delete,
            evaluation_datasets::delete_records,
        ),
        GET.records(
            "/3.0/mlflow/datasets/{dataset_id}/experiment-ids",
            Read,
            evaluation_datasets::get_experiments,
        ),
        POST.records(
            "/3.0/mlflow/datasets/{dataset_id}/add-experiments",
            Edit,
            evaluation_datasets::add_experiments,
        ),
        POST.records(
            "/3.0/mlflow/datasets/{dataset_id}/remove-experiments",
            Edit,
            evaluation_datasets::remove_experiments,
        ),
        // Assessments.
        POST.records("/3.0/mlflow/traces/{trace_id}/assessments", Edit, assessments::create),
        GET.records(
            "/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
            Read,
            assessments::get,
        ),
        PATCH.records(
            "/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
            Edit,
            assessments::update,
        ),
        DELETE.records(
            "/3.0/mlflow/traces/{trace_id}/assessments/{assessment_id}",
            Delete,
            assessments::delete,
        ),
    ]
}
