//! The web page: our own out of this binary, the stock one out of an installed `mlflow`, or one that only says that the
//! server runs.

mod builtin;

use super::info::{self, WhyNoPage};
use crate::{doors::MayBeFramed, download, error::ApiError};
use axum::{
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use mlferry_artifacts::{ArtifactError, ArtifactPath, Destination, Service, StoreSettings};
use mlferry_protocol::ErrorCode;
use std::path::PathBuf;

/// For files whose name holds a digest of their content: a changed file has another name.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// For all others: kept, but asked for each time whether they are still the same.
const ASK_EACH_TIME: HeaderValue = HeaderValue::from_static("no-cache");
/// Least hexadecimal digits of a digest in a name, such as `main.c2f5f8d4.js`.
const DIGEST_DIGITS: usize = 8;
const INDEX: &str = "index.html";
/// What Jupyter shows traces with, in a frame of its own page.
const TRACE_RENDERER: &str = "lib/notebook-trace-renderer/";

/// The web page that is shown: `--ui`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// The one that was built into this binary. Where none was, a page says how to build it.
    Builtin,
    /// The stock page in this folder.
    Stock(PathBuf),
    /// Only that the server runs.
    None,
}

/// The page, and whether there are records that it could show.
#[derive(Debug, Clone)]
pub(crate) struct Ui {
    pub(crate) page: Page,
    pub(crate) has_store: bool,
}

/// The page itself, whose links are relative: it must be found under a path that ends with a slash.
pub(super) async fn index(
    State(ui): State<Ui>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let why = match ui.page {
        Page::Stock(folder) => return file(folder, INDEX, &method, &headers).await,
        Page::Builtin if !ui.has_store => WhyNoPage::NoRecords,
        Page::Builtin => match builtin::respond(INDEX, &headers) {
            Some(response) => return Ok(response),
            None => WhyNoPage::NotBuilt,
        },
        Page::None => WhyNoPage::SwitchedOff,
    };
    Ok(info::start_page(why).into_response())
}

/// A script, a picture, or what else the page asks for.
pub(super) async fn asset(
    State(ui): State<Ui>,
    Path(path): Path<String>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    match ui.page {
        Page::Stock(folder) => file(folder, &path, &method, &headers).await,
        Page::Builtin => builtin::respond(&path, &headers).ok_or_else(|| no_such_file(uri.path())),
        Page::None => Err(no_such_file(uri.path())),
    }
}

/// To the path with a slash, for the links of the page; below the prefix there is nothing else.
pub(crate) async fn add_slash(uri: Uri) -> (StatusCode, [(header::HeaderName, String); 1]) {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{}/{query}", uri.path());
    (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)])
}

async fn file(
    folder: PathBuf,
    path: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let parsed = ArtifactPath::parse_file(path).map_err(|_| no_such_file(path))?;
    let name = parsed.name().to_owned();
    let may_be_framed = parsed.as_str().starts_with(TRACE_RENDERER);
    // Opened each time: the package may be replaced while the server runs.
    let folder = Destination::Local(folder);
    let Ok(page) = Service::open_to_read(&folder, &StoreSettings::default()).await else {
        return Err(no_such_file(path));
    };
    let found = page.get(parsed, download::wanted(method, headers)).await;
    let found = found.map_err(|error| match error {
        ArtifactError::NotFound(_) | ArtifactError::IsFolder(_) | ArtifactError::OutsideRoot => {
            no_such_file(path)
        }
        error => error.into(),
    })?;
    let mut response = download::respond(method, headers, &name, &found)?;
    if may_be_framed {
        response.extensions_mut().insert(MayBeFramed);
    }
    let described = response.headers_mut();
    described.remove(header::CONTENT_DISPOSITION);
    if is_one_file(described) {
        described.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type(&name)));
    }
    described.insert(header::CACHE_CONTROL, caching(&name));
    Ok(response)
}

/// Whether an answer is a file or one piece of it, and neither several pieces nor an error.
fn is_one_file(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| !kind.as_bytes().starts_with(b"multipart/"))
        && headers.contains_key(header::ETAG)
}

fn no_such_file(path: &str) -> ApiError {
    ApiError::new(ErrorCode::EndpointNotFound, format!("The web page has no file '{path}'."))
}

/// The media type by which a browser runs or shows a file.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("txt") => "text/plain; charset=utf-8",
        Some("svg") => "image/svg+xml; charset=utf-8",
        Some("woff") => "font/woff",
        Some("ico") => "image/vnd.microsoft.icon",
        Some("map") => "application/json",
        Some(extension) => {
            mime_guess::from_ext(extension).first_raw().unwrap_or("application/octet-stream")
        }
        None => "application/octet-stream",
    }
}

/// How long a browser may keep a file.
fn caching(name: &str) -> HeaderValue {
    if has_digest(name) { FOR_EVER } else { ASK_EACH_TIME }
}

/// Whether one of the pieces of a name between its dots is a digest.
fn has_digest(name: &str) -> bool {
    let is_digest = |piece: &str| {
        piece.len() >= DIGEST_DIGITS && piece.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    name.split('.').skip(1).any(is_digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_a_digest_are_kept_for_ever() {
        for name in [
            "main.c2f5f8d4.js",
            "TelemetryLogger.telemetry-worker.d0f8ea2c83c08b63528f.worker.js",
            "default-error.f246ddf367c6fbd67942e5a1.svg",
        ] {
            assert!(has_digest(name), "{name}");
        }
        for name in ["index.html", "manifest.json", "c2f5f8d4.js", "main.facade.js", "1.2.3.js"] {
            assert!(!has_digest(name), "{name}");
        }
    }
}
