//! URLs that lead clients straight to an object store, for artifacts of runs and models.

use super::RunArtifacts;
use crate::{
    download::attachment_text,
    error::ApiError,
    rpc::{Reply, Rpc},
};
use axum::{Json, extract::State};
use mlferry_artifacts::{ArtifactError, ArtifactPath, DirectUrl};
use mlferry_protocol::{
    artifacts::{
        ArtifactOwner, CreatePresignedDownloadUrl, CreatePresignedDownloadUrlResponse,
        CreatePresignedUploadUrl, CreatePresignedUploadUrlResponse, UrlHeaders,
    },
    limits,
};
use std::time::Duration;

pub(super) async fn download(
    State(artifacts): State<RunArtifacts>,
    Rpc(request): Rpc<CreatePresignedDownloadUrl>,
) -> Reply<CreatePresignedDownloadUrlResponse> {
    let path = ArtifactPath::parse(&request.path)?;
    let root_uri = artifacts.store.run_artifact_uri(&request.run_id).await?;
    if let Some(scheme) = proxied_scheme(&root_uri) {
        return Err(ApiError::invalid_parameter(format!(
            "Presigned download is not supported for runs with proxied artifact storage (artifact \
             URI scheme: {scheme}). This endpoint requires a run with a direct cloud storage \
             artifact URI."
        )));
    }
    let time = match request.expiration_seconds {
        Some(seconds) => seconds_of(seconds),
        None => artifacts.download_url_time,
    };
    let root = artifacts.roots.resolve(&root_uri).await?;
    let disposition = attachment_text(path.name());
    let found = root.service.download_url(&root.join(&path), time, &disposition).await;
    let found = found.map_err(|error| in_words(root.explain(error, &path), "download"));
    let (DirectUrl { url, headers }, size) = found?;
    Ok(Json(CreatePresignedDownloadUrlResponse {
        presigned_url: url,
        headers: UrlHeaders(headers),
        file_size: Some(size).filter(|size| *size > 0),
    }))
}

pub(super) async fn upload(
    State(artifacts): State<RunArtifacts>,
    Rpc(request): Rpc<CreatePresignedUploadUrl>,
) -> Reply<CreatePresignedUploadUrlResponse> {
    let path = ArtifactPath::parse_file(&request.path)?;
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
    let seconds = request.expiration_seconds.unwrap_or(limits::PRESIGNED_UPLOAD_DEFAULT_SECONDS);
    let root = artifacts.roots.resolve(&root_uri).await?;
    let found = root.service.upload_url(&root.join(&path), seconds_of(seconds)).await;
    let DirectUrl { url, headers } = found.map_err(|error| in_words(error, "upload"))?;
    Ok(Json(CreatePresignedUploadUrlResponse { presigned_url: url, headers: UrlHeaders(headers) }))
}

fn seconds_of(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// The reference has words of its own here for a store that gives out no URLs.
fn in_words(error: ArtifactError, what: &str) -> ApiError {
    match error {
        ArtifactError::NotDirect(_) => ApiError::not_implemented(format!(
            "Presigned {what} is not supported for the current artifact repository"
        )),
        error => error.into(),
    }
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
