//! The lines of the route table about logged models, registered models and their versions.

use super::{
    Access::{Delete, Edit, Operate, Read},
    DELETE, GET, PATCH, POST, Route, logged_model_artifacts, logged_models, model_versions, others,
    registered_models, webhooks,
};

pub(super) fn lines() -> Vec<Route> {
    vec![
        // Logged models.
        POST.records("/2.0/mlflow/logged-models", Edit, logged_models::create),
        POST.records("/2.0/mlflow/logged-models/search", Read, logged_models::search),
        GET.records("/2.0/mlflow/logged-models/{model_id}", Read, logged_models::get)
            .for_artifacts(),
        PATCH.records("/2.0/mlflow/logged-models/{model_id}", Edit, logged_models::finalize),
        DELETE.records("/2.0/mlflow/logged-models/{model_id}", Delete, logged_models::delete),
        POST.records(
            "/2.0/mlflow/logged-models/{model_id}/params",
            Edit,
            logged_models::log_params,
        ),
        PATCH.records("/2.0/mlflow/logged-models/{model_id}/tags", Edit, logged_models::set_tags),
        DELETE.records(
            "/2.0/mlflow/logged-models/{model_id}/tags/{tag_key}",
            Delete,
            logged_models::delete_tag,
        ),
        GET.both(
            "/2.0/mlflow/logged-models/{model_id}/artifacts/directories",
            Read,
            logged_model_artifacts::list,
        )
        .for_artifacts(),
        GET.both_as(
            "/2.0/mlflow/logged-models/{model_id}/artifacts/files",
            Read,
            &others::MODEL_DOWNLOAD,
            logged_model_artifacts::download,
        )
        .ajax()
        .for_artifacts(),
        // Registered models; a prompt is one, too.
        POST.records("/2.0/mlflow/registered-models/create", Edit, registered_models::create),
        GET.records("/2.0/mlflow/registered-models/get", Read, registered_models::get),
        GET.records("/2.0/mlflow/registered-models/search", Read, registered_models::search),
        POST.records("/2.0/mlflow/registered-models/rename", Edit, registered_models::rename),
        PATCH.records("/2.0/mlflow/registered-models/update", Edit, registered_models::update),
        DELETE.records("/2.0/mlflow/registered-models/delete", Delete, registered_models::delete),
        GET.records(
            "/2.0/mlflow/registered-models/get-latest-versions",
            Read,
            registered_models::get_latest_versions,
        )
        .for_artifacts(),
        POST.records(
            "/2.0/mlflow/registered-models/get-latest-versions",
            Read,
            registered_models::get_latest_versions,
        )
        .for_artifacts(),
        POST.records("/2.0/mlflow/registered-models/set-tag", Edit, registered_models::set_tag),
        DELETE.records(
            "/2.0/mlflow/registered-models/delete-tag",
            Edit,
            registered_models::delete_tag,
        ),
        POST.records("/2.0/mlflow/registered-models/alias", Edit, registered_models::set_alias),
        DELETE.records(
            "/2.0/mlflow/registered-models/alias",
            Delete,
            registered_models::delete_alias,
        ),
        GET.records("/2.0/mlflow/registered-models/alias", Read, registered_models::by_alias)
            .for_artifacts(),
        // Their versions.
        POST.records("/2.0/mlflow/model-versions/create", Edit, model_versions::create),
        GET.records("/2.0/mlflow/model-versions/get", Read, model_versions::get).for_artifacts(),
        GET.records("/2.0/mlflow/model-versions/search", Read, model_versions::search),
        PATCH.records("/2.0/mlflow/model-versions/update", Edit, model_versions::update),
        POST.records(
            "/2.0/mlflow/model-versions/transition-stage",
            Edit,
            model_versions::transition_stage,
        ),
        DELETE.records("/2.0/mlflow/model-versions/delete", Delete, model_versions::delete),
        GET.records(
            "/2.0/mlflow/model-versions/get-download-uri",
            Read,
            model_versions::get_download_uri,
        )
        .for_artifacts(),
        POST.records("/2.0/mlflow/model-versions/set-tag", Edit, model_versions::set_tag),
        DELETE.records("/2.0/mlflow/model-versions/delete-tag", Delete, model_versions::delete_tag),
        // Who is told of changes of them.
        POST.webhooks("/2.0/mlflow/webhooks", Operate, webhooks::create),
        GET.webhooks("/2.0/mlflow/webhooks", Operate, webhooks::list),
        GET.webhooks("/2.0/mlflow/webhooks/{webhook_id}", Operate, webhooks::get),
        PATCH.webhooks("/2.0/mlflow/webhooks/{webhook_id}", Operate, webhooks::update),
        DELETE.webhooks("/2.0/mlflow/webhooks/{webhook_id}", Operate, webhooks::delete),
        POST.webhooks("/2.0/mlflow/webhooks/{webhook_id}/test", Operate, webhooks::test),
    ]
}
