//! The lines of the route table for traces, what judges them, what it is judged by, and what it says.

use super::{
    Access::{Delete, Edit, Operate, Read},
    DELETE, GET, PATCH, POST, PUT, Route, assessments, evaluation_datasets, others, otlp, scorers,
    trace_artifacts, traces, traces_v2,
};

pub(super) fn lines() -> Vec<Route> {
    let mut lines = trace_lines();
    lines.extend(judgement_lines());
    lines
}

fn trace_lines() -> Vec<Route> {
    vec![
        POST.records("/3.0/mlflow/traces", Edit, traces::start),
        POST.records("/3.0/mlflow/traces/search", Read, traces::search),
        GET.records("/3.0/mlflow/traces/get", Read, traces::get),
        GET.records("/3.0/mlflow/traces/batchGet", Read, traces::batch_get),
        POST.records("/3.0/mlflow/traces/batchGetInfos", Read, traces::batch_get_infos),
        POST.records("/3.0/mlflow/traces/metrics", Read, traces::query_metrics),
        POST.records(
            "/3.0/mlflow/traces/calculate-filter-correlation",
            Read,
            traces::correlate_filters,
        ),
        GET.records("/3.0/mlflow/traces/{trace_id}", Read, traces::get_info),
        PATCH.records("/3.0/mlflow/traces/{trace_id}/tags", Edit, traces::set_tag),
        DELETE.records("/3.0/mlflow/traces/{trace_id}/tags", Edit, traces::delete_tag),
        POST.records("/3.0/mlflow/traces/delete-traces", Delete, traces::delete),
        POST.records("/2.0/mlflow/traces/delete-traces", Delete, traces::delete),
        POST.records("/2.0/mlflow/traces/link-to-run", Edit, traces::link_to_run),
        POST.records("/2.0/mlflow/traces/link-prompts", Edit, traces::link_prompts),
        GET.both_as(
            "/2.0/mlflow/get-trace-artifact",
            Read,
            &others::TRACE_DOWNLOAD,
            trace_artifacts::download,
        )
        .ajax(),
        GET.both_as(
            "/3.0/mlflow/get-trace-artifact",
            Read,
            &others::TRACE_DOWNLOAD,
            trace_artifacts::download,
        )
        .ajax(),
        POST.records_as("/v1/traces", Edit, &others::EXPORT, otlp::export).bare(),
        POST.records("/2.0/mlflow/traces", Edit, traces_v2::start),
        GET.records("/2.0/mlflow/traces", Read, traces_v2::search),
        PATCH.records("/2.0/mlflow/traces/{request_id}", Edit, traces_v2::end),
        GET.records("/2.0/mlflow/traces/{request_id}/info", Read, traces_v2::get_info),
        PATCH.records("/2.0/mlflow/traces/{request_id}/tags", Edit, traces::set_tag),
        DELETE.records("/2.0/mlflow/traces/{request_id}/tags", Edit, traces::delete_tag),
    ]
}

/// What judges traces, what it is judged by, and what it says.
fn judgement_lines() -> Vec<Route> {
    vec![
        // Scorers.
        POST.records("/3.0/mlflow/scorers/register", Edit, scorers::register),
        GET.records("/3.0/mlflow/scorers/list", Read, scorers::list),
        GET.records("/3.0/mlflow/scorers/versions", Read, scorers::list_versions),
        GET.records("/3.0/mlflow/scorers/get", Read, scorers::get),
        DELETE.records("/3.0/mlflow/scorers/delete", Delete, scorers::delete),
        GET.records("/3.0/mlflow/scorers/online-configs", Operate, scorers::online_configs),
        PUT.records("/3.0/mlflow/scorers/online-config", Edit, scorers::set_online_config),
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
            Edit,
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
