//! Errors as clients see them: `{error_code, message}` and a status, made in one place.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{Html, IntoResponse, Response},
};
use mlferry_artifacts::{ArtifactError, PathError, StoreTrouble};
use mlferry_protocol::{ErrorBody, ErrorCode, InvalidParameter};
use mlferry_store::StoreError;
use std::{error::Error, fmt};
use tower_http::timeout::TimeoutError;

/// A refusal or failure of one request.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    /// Whether the client gets the message as it is, and no JSON.
    is_plain: bool,
}

impl ApiError {
    /// An error with the status that the reference sends with its code.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(code.http_status());
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code, message: message.into(), is_plain: false }
    }

    /// An error with a status of its own.
    pub(crate) fn with_status(
        status: StatusCode,
        code: ErrorCode,
        message: impl Into<String>,
    ) -> Self {
        Self { status, code, message: message.into(), is_plain: false }
    }

    pub(crate) fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidParameterValue, message)
    }

    /// The reference's refusal of what a user may not do, which says nothing of what there is.
    pub(crate) fn forbidden() -> Self {
        Self { is_plain: true, ..Self::new(ErrorCode::PermissionDenied, "Permission denied") }
    }

    /// The same, where the user may be told why.
    pub(crate) fn forbidden_because(why: impl std::fmt::Display) -> Self {
        let message = format!("Permission denied: {why}.");
        Self::plain(StatusCode::FORBIDDEN, ErrorCode::PermissionDenied, message)
    }

    /// Another refusal whose text the reference sends as it is.
    pub(crate) fn plain(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self { is_plain: true, ..Self::with_status(status, code, message) }
    }

    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotImplemented, message)
    }

    pub(crate) fn payload_too_large(message: impl Into<String>) -> Self {
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        Self::with_status(status, ErrorCode::InvalidParameterValue, message)
    }

    /// More at once than the server takes: 429, with which clients try again.
    pub(crate) fn too_many_requests(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::ResourceExhausted, message)
    }

    /// A body that did not come to its end: it broke off, or nothing more of it came.
    pub(crate) fn broken_body(error: &(dyn Error + 'static)) -> Self {
        if !is_timeout(error) {
            let message = format!("The request body could not be read: {error}.");
            return Self::new(ErrorCode::BadRequest, message);
        }
        let message = "The request body stopped coming before its end, and was waited for in vain. Send it again.";
        Self::with_status(StatusCode::REQUEST_TIMEOUT, ErrorCode::BadRequest, message)
    }

    /// The same error, but in other words where it is about a body that is too large.
    pub(crate) fn or_too_large(self, message: &str) -> Self {
        if self.status == StatusCode::PAYLOAD_TOO_LARGE {
            Self::invalid_parameter(message)
        } else {
            self
        }
    }

    /// What the client reads.
    pub(crate) fn into_message(self) -> String {
        self.message
    }

    /// The same error with more to say.
    pub(crate) fn with_message(self, message: impl Into<String>) -> Self {
        Self { message: message.into(), ..self }
    }

    /// A store without space: 507, which the stock client does not retry.
    fn insufficient_storage(message: impl Into<String>) -> Self {
        let status = StatusCode::INSUFFICIENT_STORAGE;
        Self::with_status(status, ErrorCode::ResourceExhausted, message)
    }
}

impl ApiError {
    /// What a store said, with the status that tells whether the request may be tried again.
    fn of_store(trouble: StoreTrouble, message: String) -> Self {
        match trouble {
            StoreTrouble::Absent => Self::new(ErrorCode::ResourceDoesNotExist, message),
            StoreTrouble::Condition => Self::new(ErrorCode::ResourceConflict, message),
            StoreTrouble::Denied => Self::new(ErrorCode::PermissionDenied, message),
            StoreTrouble::Refused => Self::new(ErrorCode::BadRequest, message),
            StoreTrouble::Unsupported => Self::not_implemented(message),
            StoreTrouble::Full => Self::insufficient_storage(message),
            StoreTrouble::Unavailable => Self::new(ErrorCode::TemporarilyUnavailable, message),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.is_plain {
            // A browser shows it as a page, on which nothing of what was sent may stand.
            return (self.status, Html(self.message)).into_response();
        }
        let body = Json(ErrorBody::new(self.code, &self.message));
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let second = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, second);
        }
        response
    }
}

impl From<InvalidParameter> for ApiError {
    fn from(error: InvalidParameter) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

impl From<PathError> for ApiError {
    fn from(error: PathError) -> Self {
        Self::invalid_parameter(error.to_string())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let code = error.code();
        if matches!(code, ErrorCode::InternalError | ErrorCode::TemporarilyUnavailable) {
            log_failure("the database failed", &error);
        }
        match code {
            ErrorCode::ResourceExhausted => Self::insufficient_storage(error.to_string()),
            // The reference answers 500 here; the stock client would retry it for minutes.
            ErrorCode::InvalidState => {
                Self::with_status(StatusCode::CONFLICT, code, error.to_string())
            }
            code => Self::new(code, error.to_string()),
        }
    }
}

impl From<ArtifactError> for ApiError {
    fn from(error: ArtifactError) -> Self {
        let message = error.to_string();
        match error {
            ArtifactError::NotFound(_) => Self::new(ErrorCode::ResourceDoesNotExist, message),
            ArtifactError::IsFolder(_)
            | ArtifactError::IsFile(_)
            | ArtifactError::BadArchive(_)
            | ArtifactError::OutsideRoot
            | ArtifactError::PathTooLong(_)
            | ArtifactError::BadUpload(_)
            | ArtifactError::DigestMismatch { .. } => Self::invalid_parameter(message),
            ArtifactError::BodyIncomplete(source) => {
                tracing::debug!(error = %source, "an upload ended before its body was complete");
                if is_timeout(&*source) {
                    return Self::broken_body(&*source);
                }
                Self::new(ErrorCode::BadRequest, message)
            }
            ArtifactError::FolderInTheWay(_) => {
                Self::with_status(StatusCode::CONFLICT, ErrorCode::ResourceAlreadyExists, message)
            }
            ArtifactError::FileInTheWay(_) => {
                Self::with_status(StatusCode::CONFLICT, ErrorCode::InvalidState, message)
            }
            ArtifactError::PreconditionFailed(_) => Self::with_status(
                StatusCode::PRECONDITION_FAILED,
                ErrorCode::ResourceConflict,
                message,
            ),
            ArtifactError::TooLarge { .. } => Self::payload_too_large(message),
            ArtifactError::Full(_) => {
                log_failure("the artifact store is full", &error);
                Self::insufficient_storage(message)
            }
            ArtifactError::Io(_) => {
                log_failure("the artifact store failed", &error);
                Self::new(ErrorCode::InternalError, message)
            }
            ArtifactError::NotDirect(_) => Self::not_implemented(message),
            ArtifactError::Store { trouble, .. } => {
                tracing::warn!("{message}");
                Self::of_store(trouble, message)
            }
        }
    }
}

/// Whether a body was given up because nothing of it came for too long.
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<TimeoutError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Logs a failure once, with all that led to it; clients see only its first line.
fn log_failure(what: &str, error: &dyn Error) {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    tracing::error!(causes = causes.join(": "), "{what}");
}
