//! Who is let in: the Host a request names, the web page it comes from, and the headers that tell
//! browsers what an answer may be used for.

mod host;
mod origin;

pub use host::{HostPolicy, InvalidHost};
pub use origin::OriginPolicy;

use crate::{error::ApiError, serve::Crowded};
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use mlferry_protocol::ErrorCode;
use std::sync::Arc;

static WORKSPACE: HeaderName = HeaderName::from_static("x-mlflow-workspace");

/// The rules at the door.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Which hosts may be named; `None` where the operator switched the checks off.
    pub checks: Option<Checks>,
    /// The value of `X-Frame-Options`; `None` leaves it away.
    pub frame_options: Option<HeaderValue>,
}

/// The checks of `--allowed-hosts` and `--cors-allowed-origins`.
#[derive(Debug, Clone)]
pub struct Checks {
    /// The hosts under which the server may be addressed.
    pub hosts: HostPolicy,
    /// The web pages that may call the API.
    pub origins: OriginPolicy,
}

/// On an answer that pages of other sites may show in a frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MayBeFramed;

/// The rules, with the prefix under which the API lives.
#[derive(Debug, Clone)]
pub(crate) struct DoorKeeper {
    doors: Arc<Doors>,
    prefix: Arc<str>,
}

impl DoorKeeper {
    pub(crate) fn new(doors: Doors, prefix: &str) -> Self {
        Self { doors: Arc::new(doors), prefix: prefix.into() }
    }

    /// The path below `--static-prefix`.
    fn path<'a>(&self, request: &'a Request) -> &'a str {
        let path = request.uri().path();
        path.strip_prefix(&*self.prefix).unwrap_or(path)
    }
}

/// Refuses what the rules refuse, and marks every answer for browsers.
pub(crate) async fn guard(
    State(keeper): State<DoorKeeper>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let checks = keeper.doors.checks.as_ref();
    let mut response = match refusal(&keeper, &request) {
        Some(refusal) => refusal,
        None => match checks.and_then(|checks| checks.origins.preflight(&request)) {
            Some(answer) => answer,
            None if request.method() == Method::OPTIONS => options(next.run(request).await),
            None => next.run(request).await,
        },
    };
    let may_be_framed = response.extensions_mut().remove::<MayBeFramed>().is_some();
    let headers = response.headers_mut();
    if let (Some(checks), Some(origin)) = (checks, origin) {
        checks.origins.mark(&origin, headers);
    }
    mark(&keeper.doors, headers, may_be_framed);
    response
}

fn refusal(keeper: &DoorKeeper, request: &Request) -> Option<Response> {
    let path = keeper.path(request);
    // All but the probes, so that no route has to be remembered here.
    let is_probe = matches!(path, "/health" | "/version" | "/ready" | "/metrics");
    if !is_probe && request.extensions().get::<Crowded>().is_some() {
        let error = ApiError::too_many_requests(
            "The server has as many connections open as it may (--max-connections). Try again in a moment.",
        );
        return Some(error.into_response());
    }
    if let Some(checks) = &keeper.doors.checks {
        let check = || checks.hosts.check(request).and_then(|()| checks.origins.check(request));
        if !is_probe && let Err(error) = check() {
            return Some(error.into_response());
        }
    }
    if request.headers().contains_key(&WORKSPACE) {
        let error = ApiError::with_status(
            StatusCode::BAD_REQUEST,
            ErrorCode::FeatureDisabled,
            "Workspace APIs are not available: workspaces are not enabled on this server",
        );
        return Some(error.into_response());
    }
    None
}

/// A plain OPTIONS asks for the methods of a path: 204 with `Allow`.
fn options(response: Response) -> Response {
    if response.status() != StatusCode::METHOD_NOT_ALLOWED {
        return response;
    }
    let mut allow = response
        .headers()
        .get(header::ALLOW)
        .map_or_else(Vec::new, |allow| allow.as_bytes().to_vec());
    allow.extend_from_slice(if allow.is_empty() { b"OPTIONS" } else { b",OPTIONS" });
    let mut answer = StatusCode::NO_CONTENT.into_response();
    if let Ok(allow) = HeaderValue::from_bytes(&allow) {
        answer.headers_mut().insert(header::ALLOW, allow);
    }
    answer
}

fn mark(doors: &Doors, headers: &mut HeaderMap, may_be_framed: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(value) = &doors.frame_options
        && !may_be_framed
    {
        headers.insert(header::X_FRAME_OPTIONS, value.clone());
    }
    if !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    }
}
