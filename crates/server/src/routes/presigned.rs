//! URLs that lead clients straight to an object store, for artifacts of runs and models.

use super::RunArtifacts;
use crate::{error::ApiError, rpc::Rpc};
use axum::extract::State;
use mlferry_artifacts::ArtifactPath;
use mlferry_protocol::artifacts::{
    ArtifactOwner, CreatePresignedDownloadUrl, CreatePresignedUploadUrl,
};
use std::convert::Infallible;

/// No store that is known so far gives out URLs of its own.
pub(super) async fn download(
    State(artifacts): State<RunArtifacts>,
    Rpc(request): Rpc<CreatePresignedDownloadUrl>,
) -> Result<Infallible, ApiError> {
    ArtifactPath::parse(&request.path)?;
    let root_uri = artifacts.store.run_artifact_uri(&request.run_id).await?;
    if let Some(scheme) = proxied_scheme(&root_uri) {
        return Err(ApiError::invalid_parameter(format!(
            "Presigned download is not supported for runs with proxied artifact storage (artifact \
             URI scheme: {scheme}). This endpoint requires a run with a direct cloud storage \
             artifact URI."
        )));
    }
    Err(ApiError::not_implemented(
        "Presigned download is not supported for the current artifact repository",
    ))
}

/// No store that is known so far gives out URLs of its own.
pub(super) async fn upload(
    State(artifacts): State<RunArtifacts>,
    Rpc(request): Rpc<CreatePresignedUploadUrl>,
) -> Result<Infallible, ApiError> {
    ArtifactPath::parse(&request.path)?;
    let root_uri = match &request.owner {
        ArtifactOwner::Run(run) => artifacts.store.run_artifact_uri(run).await?,
        ArtifactOwner::Model(model) => artifacts.store.logged_model_artifact_uri(model).await?,
    };
    if let Some(scheme) = proxied_scheme(&root_uri) {
        return Err(ApiError::invalid_parameter(format!(
            "Presigned upload is not supported for proxied artifact storage (artifact URI scheme: \
             {scheme}). This endpoint requires a direct cloud storage artifact URI."
        )));
    }
    Err(ApiError::not_implemented(
        "Presigned upload is not supported for the current artifact repository",
    ))
}

/// The scheme of a URI whose artifacts go through a tracking server.
fn proxied_scheme(uri: &str) -> Option<String> {
    let (scheme, _) = uri.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    matches!(scheme.as_str(), "http" | "https" | "mlflow-artifacts").then_some(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_through_a_server_is_told_by_its_scheme() {
        assert_eq!(proxied_scheme("mlflow-artifacts:/0/r").as_deref(), Some("mlflow-artifacts"));
        assert_eq!(proxied_scheme("HTTPS://host/x").as_deref(), Some("https"));
        for direct in ["/srv/mlruns", "file:///srv", "s3://bucket/http://x", ""] {
            assert_eq!(proxied_scheme(direct), None, "{direct}");
        }
    }
}
