//! The artifact service: files of the destination, uploaded, downloaded, listed and deleted.

use super::archives;
use crate::{
    access::Caller,
    download,
    error::ApiError,
    rpc::{Reply, Rpc},
    upload,
};
use axum::{
    Json,
    body::Body,
    extract::{FromRequestParts, Path, State},
    http::{HeaderMap, Method, Request, StatusCode, Uri, Version, request::Parts},
    response::{IntoResponse, Response},
};
use mlferry_artifacts::{
    ArtifactError, ArtifactPath, Entry, ListOptions, PageToken, PathError, Service,
};
use mlferry_protocol::{
    Empty,
    artifacts::{FileInfo, ListArtifacts, ListArtifactsResponse},
};
use std::time::Duration;

/// The destination that this server gives clients access to.
#[derive(Debug, Clone)]
pub(crate) struct Proxy {
    pub(crate) service: Service,
    /// Bytes of an upload that the operator allows.
    pub(crate) max_artifact_bytes: Option<u64>,
    /// How long a URL for a download is good.
    pub(crate) download_url_time: Duration,
}

/// What follows the route in a URL, decoded once: a place where the caller may do what the route does.
#[derive(Debug)]
pub(super) struct PathText(String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let caller = Caller::of(&parts.extensions)?;
        let Ok(Path(text)) = Path::<String>::from_request_parts(parts, state).await else {
            return Err(ApiError::invalid_parameter("Invalid path: it is not valid UTF-8"));
        };
        let judged = caller.judge(|wants| match ArtifactPath::parse_folder(&text) {
            Ok(place) => wants.path(place),
            Err(_) => wants.operator(),
        });
        judged.await?;
        Ok(Self(text))
    }
}

/// The artifact or folder that a URL names.
#[derive(Debug)]
pub(super) struct AtPath(pub(super) ArtifactPath);

impl<S: Send + Sync> FromRequestParts<S> for AtPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let PathText(text) = PathText::from_request_parts(parts, state).await?;
        Ok(Self(ArtifactPath::parse(&text)?))
    }
}

/// An entry as the API shows it, its path below `prefix`.
pub(super) fn file_info(entry: Entry, prefix: Option<&ArtifactPath>) -> FileInfo {
    let path = match prefix {
        None => entry.path,
        Some(prefix) => format!("{prefix}/{}", entry.path),
    };
    FileInfo { path, is_dir: entry.size.is_none(), file_size: entry.size.filter(|size| *size > 0) }
}

pub(super) async fn list(
    State(proxy): State<Proxy>,
    Rpc(request): Rpc<ListArtifacts>,
) -> Reply<ListArtifactsResponse> {
    let folder = ArtifactPath::parse_folder(&request.path)?;
    let after = request.page_token.map(|token| {
        PageToken::decode(&token)
            .ok_or_else(|| ApiError::invalid_parameter(format!("Invalid page token: '{token}'")))
    });
    let options = ListOptions {
        recursive: request.recursive,
        max_results: request.max_results,
        after: after.transpose()?,
        may_exceed: false,
    };
    let listing = proxy.service.list(folder, options).await?;
    Ok(Json(ListArtifactsResponse {
        files: listing.entries.into_iter().map(|entry| file_info(entry, None)).collect(),
        next_page_token: listing.next.map(|token| token.encode()),
    }))
}

pub(super) async fn download(
    State(proxy): State<Proxy>,
    PathText(path): PathText,
    uri: Uri,
    method: Method,
    version: Version,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let path = match ArtifactPath::parse(&path) {
        Err(PathError::Root) => return download_root(uri).await,
        path => path?,
    };
    if let Some(format) = archives::asked(&uri, "archive") {
        let name = path.name().to_owned();
        let asked = archives::Asked { format: &format, method: &method, version };
        return archives::send(&proxy.service, path, &name, &asked, |error| error).await;
    }
    let artifact = proxy.service.get(path.clone(), download::wanted(&method, &headers)).await?;
    download::respond(&method, &headers, path.name(), &artifact)
}

pub(super) async fn download_root(uri: Uri) -> Result<Response, ApiError> {
    if archives::asked(&uri, "archive").is_some() {
        return Err(archives::root_refusal());
    }
    Err(ArtifactError::IsFolder(String::new()).into())
}

pub(super) async fn upload(
    State(proxy): State<Proxy>,
    PathText(path): PathText,
    request: Request<Body>,
) -> Result<Response, ApiError> {
    if let Some(format) = archives::asked(request.uri(), "extract") {
        return archives::unpack(&proxy, &path, &format, request).await;
    }
    let path = ArtifactPath::parse_file(&path);
    upload::store(&proxy.service, path, proxy.max_artifact_bytes, request).await?;
    Ok(StatusCode::OK.into_response())
}

pub(super) async fn upload_root() -> ApiError {
    PathError::NoFileName.into()
}

pub(super) async fn delete(State(proxy): State<Proxy>, AtPath(path): AtPath) -> Reply<Empty> {
    proxy.service.delete(path).await?;
    Ok(Json(Empty {}))
}

pub(super) async fn delete_root() -> ApiError {
    PathError::Root.into()
}
