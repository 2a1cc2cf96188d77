//! The lines of the route table about artifacts: by their paths, and by the run or model that they belong to.

use super::{
    Access::{Delete, Edit, Read},
    DELETE, GET, POST, PUT, Route, artifacts, direct, others, presigned, run_artifacts,
};

pub(super) fn lines() -> Vec<Route> {
    vec![
        // Artifacts of the destination.
        GET.proxy("/2.0/mlflow-artifacts/artifacts", Read, artifacts::list),
        GET.proxy_as(
            "/2.0/mlflow-artifacts/artifacts/",
            Read,
            &others::ROOT,
            artifacts::download_root,
        ),
        PUT.proxy_as(
            "/2.0/mlflow-artifacts/artifacts/",
            Edit,
            &others::ROOT,
            artifacts::upload_root,
        ),
        DELETE.proxy_as(
            "/2.0/mlflow-artifacts/artifacts/",
            Delete,
            &others::ROOT,
            artifacts::delete_root,
        ),
        GET.proxy_as(
            "/2.0/mlflow-artifacts/artifacts/{*artifact_path}",
            Read,
            &others::DOWNLOAD,
            artifacts::download,
        ),
        PUT.proxy_as(
            "/2.0/mlflow-artifacts/artifacts/{*artifact_path}",
            Edit,
            &others::UPLOAD,
            artifacts::upload,
        ),
        DELETE.proxy_as(
            "/2.0/mlflow-artifacts/artifacts/{*artifact_path}",
            Delete,
            &others::DELETE,
            artifacts::delete,
        ),
        POST.proxy("/2.0/mlflow-artifacts/mpu/create/{*artifact_path}", Edit, direct::create),
        POST.proxy("/2.0/mlflow-artifacts/mpu/complete/{*artifact_path}", Edit, direct::complete),
        POST.proxy("/2.0/mlflow-artifacts/mpu/abort/{*artifact_path}", Edit, direct::abort),
        GET.proxy_as(
            "/2.0/mlflow-artifacts/presigned/{*artifact_path}",
            Read,
            &others::PRESIGNED_DOWNLOAD,
            direct::download,
        ),
        // Artifacts of runs and models.
        GET.both("/2.0/mlflow/artifacts/list", Read, run_artifacts::list),
        GET.both_as("/get-artifact", Read, &others::RUN_DOWNLOAD, run_artifacts::download).bare(),
        GET.both_as(
            "/model-versions/get-artifact",
            Read,
            &others::VERSION_DOWNLOAD,
            run_artifacts::download_model_version,
        )
        .bare(),
        POST.both_as(
            "/2.0/mlflow/upload-artifact",
            Edit,
            &others::RUN_UPLOAD,
            run_artifacts::upload,
        )
        .ajax(),
        POST.both("/2.0/mlflow/artifacts/presigned-download-url", Read, presigned::download),
        POST.both("/2.0/mlflow/artifacts/presigned-upload-url", Edit, presigned::upload),
    ]
}
