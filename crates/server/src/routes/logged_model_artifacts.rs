//! Artifacts by the logged model that they belong to.

use super::{
    RunArtifacts,
    run_artifacts::{file_path, send_file},
};
use crate::{
    error::ApiError,
    rpc::{Reply, Rpc},
};
use axum::{
    extract::State,
    http::{HeaderMap, Method},
    response::Response,
};
use mlferry_artifacts::ArtifactPath;
use mlferry_protocol::{
    ErrorCode,
    artifacts::{DownloadLoggedModelArtifact, ListBelowRootResponse, ListLoggedModelArtifacts},
};

pub(super) async fn list(
    State(artifacts): State<RunArtifacts>,
    Rpc(request): Rpc<ListLoggedModelArtifacts>,
) -> Reply<ListBelowRootResponse> {
    let below = ArtifactPath::parse_folder(&request.path)?;
    let root_uri = artifacts.store.logged_model_artifact_uri(&request.model_id).await?;
    artifacts.list(root_uri, below).await
}

pub(super) async fn download(
    State(artifacts): State<RunArtifacts>,
    method: Method,
    headers: HeaderMap,
    Rpc(request): Rpc<DownloadLoggedModelArtifact>,
) -> Result<Response, ApiError> {
    let path = request.path.ok_or_else(|| {
        let message = "Request must include the \"artifact_file_path\" query parameter.";
        ApiError::new(ErrorCode::BadRequest, message)
    })?;
    let path = file_path(&path)?;
    let root_uri = artifacts.store.logged_model_artifact_uri(&request.model_id).await?;
    let root = artifacts.roots.resolve(&root_uri).await?;
    send_file(&root, &path, &method, &headers).await
}
