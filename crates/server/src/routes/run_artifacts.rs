//! Artifacts by the run, or the model version, that they belong to.

use super::{archives, artifacts::file_info};
use crate::{
    access::Caller,
    artifact_roots::{ArtifactRoot, ArtifactRoots},
    bodies::{Share, collect},
    download,
    error::ApiError,
    rpc::{Reply, Rpc, query_pairs},
};
use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, Method, Request, StatusCode, Uri, Version, header},
    response::Response,
};
use futures_util::stream;
use mlferry_artifacts::{ArtifactError, ArtifactPath, ListOptions, PathError, PutOptions};
use mlferry_protocol::{
    InvalidParameter, RunId,
    artifacts::{ListBelowRootResponse, ListRunArtifacts},
    limits,
    model_versions::VersionOf,
};
use mlferry_store::Store;
use std::{convert::Infallible, time::Duration};

/// The records of runs, and where their files lie.
#[derive(Debug, Clone)]
pub(crate) struct RunArtifacts {
    pub(crate) store: Store,
    pub(crate) roots: ArtifactRoots,
    /// Bytes of an upload that the operator allows.
    pub(crate) max_artifact_bytes: Option<u64>,
    /// How long a URL for a download is good when the client does not say.
    pub(crate) download_url_time: Duration,
}

impl RunArtifacts {
    async fn root_of(&self, run: &RunId) -> Result<ArtifactRoot, ApiError> {
        let uri = self.store.run_artifact_uri(run).await?;
        self.roots.resolve(&uri).await
    }

    /// A folder of a run, or all of it.
    pub(crate) async fn list_run(
        &self,
        request: &ListRunArtifacts,
    ) -> Reply<ListBelowRootResponse> {
        let below = ArtifactPath::parse_folder(&request.path)?;
        let root_uri = self.store.run_artifact_uri(&request.run_id).await?;
        self.list(root_uri, below).await
    }

    /// The folder `below` a root, or the root itself.
    pub(super) async fn list(
        &self,
        root_uri: String,
        below: Option<ArtifactPath>,
    ) -> Reply<ListBelowRootResponse> {
        let root = self.roots.resolve(&root_uri).await?;
        let folder = match &below {
            Some(below) => Some(root.join(below)),
            None => root.folder,
        };
        let listing = root.service.list(folder, ListOptions::default()).await?;
        let files = listing.entries.into_iter().map(|entry| file_info(entry, below.as_ref()));
        Ok(Json(ListBelowRootResponse { root_uri, files: files.collect() }))
    }
}

/// A file of a run or model, as far as the request asks for it.
pub(super) async fn send_file(
    root: &ArtifactRoot,
    path: &ArtifactPath,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let artifact = root.service.get(root.join(path), download::wanted(method, headers)).await;
    let artifact = artifact.map_err(|error| root.explain(error, path))?;
    download::respond(method, headers, path.name(), &artifact)
}

/// The file that a text names; a root is a folder.
pub(super) fn file_path(text: &str) -> Result<ArtifactPath, ApiError> {
    ArtifactPath::parse(text).map_err(|error| match error {
        PathError::Root => ArtifactError::IsFolder(text.to_owned()).into(),
        error => ApiError::from(error),
    })
}

pub(super) async fn list(
    State(artifacts): State<RunArtifacts>,
    Rpc(request): Rpc<ListRunArtifacts>,
) -> Reply<ListBelowRootResponse> {
    artifacts.list_run(&request).await
}

pub(super) async fn download(
    State(artifacts): State<RunArtifacts>,
    caller: Caller,
    uri: Uri,
    method: Method,
    version: Version,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = Query::of(&uri)?;
    // The reference's name for a run that was not named.
    let run = query.get("run_id").or_else(|| query.get("run_uuid")).unwrap_or("None");
    let id = run_id(run)?;
    caller.judge(|wants| wants.run(&id)).await?;
    if let Some(format) = query.get("archive") {
        let path = query.get("path").unwrap_or_default();
        let asked = archives::Asked { format, method: &method, version };
        return download_archive(&artifacts, run, path, &asked).await;
    }
    let path = query.get("path").ok_or_else(|| missing_from_request("path"))?;
    let path = file_path(path)?;
    let root = artifacts.root_of(&id).await?;
    send_file(&root, &path, &method, &headers).await
}

/// A folder of a run, or all of it where `path` is empty, then named as the run.
async fn download_archive(
    artifacts: &RunArtifacts,
    run: &str,
    path: &str,
    asked: &archives::Asked<'_>,
) -> Result<Response, ApiError> {
    let below = ArtifactPath::parse_folder(path)?;
    let root = artifacts.root_of(&run_id(run)?).await?;
    // Ids of runs that were imported may be anything.
    let id = || ArtifactPath::parse(run).or_else(|_| ArtifactPath::parse("artifacts"));
    let shown = below.clone().map_or_else(id, Ok)?;
    let folder = match &below {
        Some(below) => root.join(below),
        None => root.folder.clone().ok_or_else(archives::root_refusal)?,
    };
    let explain = |error| root.explain(error, &shown);
    archives::send(&root.service, folder, shown.name(), asked, explain).await
}

/// A file of a model version, wherever its source lies.
pub(super) async fn download_model_version(
    State(artifacts): State<RunArtifacts>,
    caller: Caller,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = Query::of(&uri)?;
    let path = query.get("path").filter(|path| !path.is_empty());
    let path = ArtifactPath::parse(path.ok_or_else(|| missing_from_request("path"))?)?;
    let text = |name| query.get(name).unwrap_or_default();
    let of = VersionOf::parse(text("name"), text("version"))?;
    caller.judge(|wants| wants.version(&of.name)).await?;
    let location = artifacts.store.model_version_artifact_uri(of).await?;
    let root = artifacts.roots.resolve(&location).await?;
    send_file(&root, &path, &method, &headers).await
}

/// Stores what a web page uploads, below the run's own root, where the run lists it.
pub(super) async fn upload(
    State(artifacts): State<RunArtifacts>,
    caller: Caller,
    request: Request<Body>,
) -> Result<([(HeaderName, &'static str); 1], StatusCode), ApiError> {
    let query = Query::of(request.uri())?;
    let run = query.get("run_uuid").filter(|id| !id.is_empty());
    let run = run_id(run.ok_or_else(|| missing_from_request("run_uuid"))?)?;
    caller.judge(|wants| wants.run(&run)).await?;
    let path = query.get("path").filter(|path| !path.is_empty());
    let path = ArtifactPath::parse_file(path.ok_or_else(|| missing_from_request("path"))?)?;
    let share = Share::of(request.extensions());
    let data = collect(&share, request.into_body(), limits::UPLOAD_ARTIFACT_BYTES).await;
    let data =
        data.map_err(|error| error.or_too_large("Artifact size is too large. Max size is 10MB."))?;
    if data.is_empty() {
        return Err(missing_from_request("data"));
    }
    let root = artifacts.root_of(&run).await?;
    let options = PutOptions {
        max_bytes: artifacts.max_artifact_bytes,
        length: Some(data.len() as u64),
        ..PutOptions::default()
    };
    let body = stream::iter([Ok::<_, Infallible>(data)]);
    root.service.put(root.join(&path), body, options).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], StatusCode::OK))
}

/// The id of a run, where it is a text that every database can look for.
fn run_id(text: &str) -> Result<RunId, InvalidParameter> {
    if text.contains('\0') {
        let reason = "Texts must not hold the NUL character.";
        return Err(InvalidParameter::value("run_id", text, reason));
    }
    Ok(RunId::new(text))
}

fn missing_from_request(what: &str) -> ApiError {
    ApiError::invalid_parameter(format!("Request must specify {what}."))
}

/// A decoded query string; of a repeated name, the first counts.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn of(uri: &Uri) -> Result<Self, ApiError> {
        query_pairs(uri).map(Self)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}
