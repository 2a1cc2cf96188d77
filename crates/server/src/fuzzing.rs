//! Ways to what reads the bytes of clients, without a server around it. Only with the feature `fuzzing`.

use crate::{
    download::{self, ranges::RequestedRanges},
    error::ApiError,
    graphql, routes, rpc, upload,
};
use axum::http::{HeaderMap, HeaderValue, Uri};
use bytes::Bytes;
use mlferry_artifacts::{ArtifactPath, Part};
use mlferry_protocol::graphql::GraphQlRequest;
use std::ops::Range;

/// What a `Range` header asks for of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// The whole file.
    Whole,
    /// These parts of it.
    Parts(Vec<Range<u64>>),
    /// What lies beyond its end.
    Beyond,
    /// Nothing that makes sense.
    Nonsense,
}

/// Reads a `Range` header for a file of `size` bytes.
#[must_use]
pub fn ranges(value: &HeaderValue, size: u64) -> Asked {
    match download::ranges::parse(value, size) {
        RequestedRanges::Whole => Asked::Whole,
        RequestedRanges::One(range) => Asked::Parts(vec![range]),
        RequestedRanges::Many(ranges) => Asked::Parts(ranges),
        RequestedRanges::Unsatisfiable | RequestedRanges::TooMany => Asked::Beyond,
        RequestedRanges::Malformed(_) => Asked::Nonsense,
    }
}

/// Reads a `Range` header before the size of the file is known; `None` where that takes the size.
#[must_use]
pub fn single_range(value: &HeaderValue) -> Option<Part> {
    download::ranges::single(value)
}

/// The `Content-Disposition` of a file with this name.
#[must_use]
pub fn attachment(name: &str) -> String {
    download::attachment_text(name)
}

/// Reads the conditions and checksums of an upload, and tells whether they are good.
#[must_use]
pub fn are_of_upload(headers: &HeaderMap) -> bool {
    download::put_condition(headers).is_ok() && upload::digests(headers).is_ok()
}

/// The file that a multipart upload into `folder` becomes, by the client's path of it.
#[must_use]
pub fn multipart_file(folder: &ArtifactPath, client_path: &str) -> Option<ArtifactPath> {
    routes::file_in(folder, client_path).ok()
}

/// The decoded pairs of a query string.
#[must_use]
pub fn query_pairs(uri: &Uri) -> Option<Vec<(String, String)>> {
    rpc::query_pairs(uri).ok()
}

/// Reads an OTLP export, and tells how many spans it holds, or why it is refused.
pub fn spans(headers: &HeaderMap, body: &Bytes) -> Result<usize, String> {
    routes::count_spans(headers, body).map_err(ApiError::into_message)
}

/// Whether a GraphQL document is one that would be answered.
#[must_use]
pub fn is_answered(request: &GraphQlRequest) -> bool {
    graphql::is_answered(request)
}
