//! The answer to a download: conditions, ranges, and the headers that describe the file.

mod conditions;
mod disposition;
mod media_type;
pub(crate) mod ranges;

use crate::error::ApiError;
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use conditions::Verdict;
use futures_util::{StreamExt, stream};
use mlferry_artifacts::{Artifact, Wanted};
use mlferry_protocol::ErrorCode;
use ranges::{MAX_RANGES, RequestedRanges};
use std::{io, ops::Range};
use uuid::Uuid;

pub(crate) use conditions::put_condition;
pub(crate) use disposition::{attachment, attachment_text};

/// Hexadecimal digits of a boundary between ranges: 104 random bits, as in the reference.
const BOUNDARY_LENGTH: usize = 26;

/// Headers by which the answer depends on the version of the file.
const CONDITIONS: [HeaderName; 5] = [
    header::IF_RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
];

/// What will be read of the file, as far as the request tells by itself.
pub(crate) fn wanted(method: &Method, headers: &HeaderMap) -> Wanted {
    if method == Method::HEAD || CONDITIONS.iter().any(|name| headers.contains_key(name)) {
        return Wanted::Some;
    }
    match headers.get(header::RANGE) {
        None => Wanted::Whole,
        Some(range) => ranges::single(range).map_or(Wanted::Some, Wanted::Part),
    }
}

/// Answers a GET or HEAD for a file called `name`.
pub(crate) fn respond(
    method: &Method,
    headers: &HeaderMap,
    name: &str,
    artifact: &Artifact,
) -> Result<Response, ApiError> {
    let described = describe(name, artifact);
    let size = artifact.metadata().size;
    let mut response = match conditions::evaluate(headers, artifact.metadata()) {
        Verdict::NotModified => StatusCode::NOT_MODIFIED.into_response(),
        Verdict::Failed => {
            return Err(ApiError::with_status(
                StatusCode::PRECONDITION_FAILED,
                ErrorCode::ResourceConflict,
                "The artifact is not the one that the request expects",
            ));
        }
        Verdict::Send { ranges_apply } => {
            let requested = ranges_apply
                .then(|| headers.get(header::RANGE))
                .flatten()
                .map_or(RequestedRanges::Whole, |value| ranges::parse(value, size));
            match requested {
                RequestedRanges::Whole => whole(method, artifact),
                RequestedRanges::One(range) => one_range(method, artifact, range),
                RequestedRanges::Many(ranges) => {
                    many_ranges(method, artifact, ranges, &described[header::CONTENT_TYPE])
                }
                RequestedRanges::Unsatisfiable => unsatisfiable(
                    size,
                    format!("The requested range lies beyond the artifact's {size} bytes"),
                ),
                RequestedRanges::TooMany => unsatisfiable(
                    size,
                    format!(
                        "The request asks for more than {MAX_RANGES} ranges; ask for the whole artifact, or for fewer"
                    ),
                ),
                RequestedRanges::Malformed(message) => {
                    return Err(ApiError::invalid_parameter(message));
                }
            }
        }
    };
    let is_error = response.status() == StatusCode::RANGE_NOT_SATISFIABLE;
    for (name, value) in described {
        if let Some(name) = name
            && !(is_error && name.as_str().starts_with("content-"))
        {
            response.headers_mut().entry(name).or_insert(value);
        }
    }
    Ok(response)
}

/// The headers that a file has whatever part of it is sent.
fn describe(name: &str, artifact: &Artifact) -> HeaderMap {
    let metadata = artifact.metadata();
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type::of(name)));
    headers.insert(header::CONTENT_DISPOSITION, disposition::attachment(name));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let etag = metadata.etag().map(|etag| format!("\"{etag}\""));
    let modified = Some(httpdate::fmt_http_date(metadata.modified()));
    for (name, value) in [(header::ETAG, etag), (header::LAST_MODIFIED, modified)] {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            headers.insert(name, value);
        }
    }
    headers
}

fn whole(method: &Method, artifact: &Artifact) -> Response {
    let size = artifact.metadata().size;
    let body = body_unless_head(method, || Body::from_stream(artifact.read(0..size)));
    ([(header::CONTENT_LENGTH, size)], body).into_response()
}

fn one_range(method: &Method, artifact: &Artifact, range: Range<u64>) -> Response {
    let headers = [
        (header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start)),
        (header::CONTENT_RANGE, content_range(&range, artifact.metadata().size)),
    ];
    let body = body_unless_head(method, || Body::from_stream(artifact.read(range)));
    (StatusCode::PARTIAL_CONTENT, headers, body).into_response()
}

fn many_ranges(
    method: &Method,
    artifact: &Artifact,
    ranges: Vec<Range<u64>>,
    content_type: &HeaderValue,
) -> Response {
    let random = Uuid::new_v4().simple().to_string();
    let boundary = &random[..BOUNDARY_LENGTH];
    let size = artifact.metadata().size;
    let media_type = content_type.to_str().unwrap_or("application/octet-stream");
    let parts: Vec<(Bytes, Range<u64>)> = ranges
        .into_iter()
        .map(|range| {
            let head = format!(
                "--{boundary}\r\nContent-Type: {media_type}\r\n\
                 Content-Range: bytes {}-{}/{size}\r\n\r\n",
                range.start,
                range.end - 1
            );
            (Bytes::from(head), range)
        })
        .collect();
    let end = Bytes::from(format!("--{boundary}--"));
    let length: u64 = parts
        .iter()
        .map(|(head, range)| head.len() as u64 + (range.end - range.start) + 2)
        .sum::<u64>()
        + end.len() as u64;
    let artifact = artifact.clone();
    let body = body_unless_head(method, || {
        let parts = stream::iter(parts).flat_map(move |(head, range)| {
            let line_end = Bytes::from_static(b"\r\n");
            piece(head).chain(artifact.read(range)).chain(piece(line_end))
        });
        Body::from_stream(parts.chain(piece(end)))
    });
    let content_type = format!("multipart/byteranges; boundary={boundary}");
    let headers =
        [(header::CONTENT_LENGTH, length.to_string()), (header::CONTENT_TYPE, content_type)];
    (StatusCode::PARTIAL_CONTENT, headers, body).into_response()
}

fn unsatisfiable(size: u64, message: String) -> Response {
    let error = ApiError::with_status(
        StatusCode::RANGE_NOT_SATISFIABLE,
        ErrorCode::InvalidParameterValue,
        message,
    );
    ([(header::CONTENT_RANGE, format!("bytes */{size}"))], error).into_response()
}

fn content_range(range: &Range<u64>, size: u64) -> HeaderValue {
    HeaderValue::try_from(format!("bytes {}-{}/{size}", range.start, range.end - 1))
        .unwrap_or_else(|_| HeaderValue::from_static("bytes"))
}

/// A HEAD has the headers of its GET; its file is not even read.
fn body_unless_head(method: &Method, body: impl FnOnce() -> Body) -> Body {
    if method == Method::HEAD { Body::empty() } else { body() }
}

fn piece(bytes: Bytes) -> impl stream::Stream<Item = io::Result<Bytes>> + Send {
    stream::iter([Ok(bytes)])
}
